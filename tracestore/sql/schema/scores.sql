-- Evaluations: what people, code or judges think of an answer. Written by writer_scores.py alone.
-- Grain: one row a distinct evaluation and storage day (project, day, hash).
CREATE TABLE evaluation (
  project integer NOT NULL,
  day date NOT NULL,
  hash uuid NOT NULL, -- of the id that its sender gave and the trace, else of the record that brought it
  subject uuid NOT NULL, -- the trace it is about, or its own hash where it names none: what is settled together
  trace_id uuid,
  span_id bigint,
  carrier_id bigint, -- the span that brought it, and
  record_hash bigint, -- the record of that span: it counts while the record does. NULL: it came by itself
  digest bigint NOT NULL, -- of what it says; of two with one hash the later counts, of the same time the larger digest
  time_ns bigint NOT NULL,
  received_ns bigint NOT NULL,
  score double precision,
  flags integer NOT NULL,
  passed boolean,
  name text NOT NULL,
  source text NOT NULL CHECK (source IN ('people', 'code', 'judge', 'otlp')),
  label text,
  adoption text CHECK (adoption IN ('adopted', 'edited', 'rejected')),
  comment text, -- at most 4 kB
  user_id text, -- who gave it
  response_id text,
  PRIMARY KEY (project, day, hash)
) PARTITION BY RANGE (day);
CREATE INDEX evaluation_subject ON evaluation (subject);
CREATE INDEX evaluation_time ON evaluation (project, time_ns DESC);

-- On which days is there an evaluation of a trace? Settling asks this of every trace: one index, where 30 days of partitions
-- took 40 ms of planning a second. Written with the evaluations; goes with their day.
CREATE TABLE evaluation_day (
  project integer NOT NULL,
  subject uuid NOT NULL,
  day date NOT NULL,
  PRIMARY KEY (project, subject, day)
);

-- Derived by settle: an evaluation that counts, with the dimensions of the trace it is about (NULL where that is not known).
CREATE TABLE score (
  project integer NOT NULL,
  day date NOT NULL, -- of the evaluation
  hash uuid NOT NULL,
  subject uuid NOT NULL,
  trace_id uuid,
  span_id bigint,
  end_ns bigint NOT NULL, -- when it was given; its receipt where that cannot be
  score_millionths bigint,
  passed boolean,
  name text NOT NULL,
  source text NOT NULL,
  adoption text,
  service text, -- the root's
  service_version text,
  environment text,
  version_set uuid,
  operation text, -- the root's
  model text -- of the call that was judged, where one is named
) PARTITION BY RANGE (day);
-- Settle writes alone, under the project's lock.
CREATE INDEX score_subject ON score (subject);
CREATE INDEX score_end ON score (project, end_ns);

-- Sums of scores. Grain: whose answer (service, its version and set, environment, operation, model), which evaluation, by whom.
CREATE TABLE score_rollup (
  project integer NOT NULL,
  grain_s integer NOT NULL,
  start_s bigint NOT NULL,
  service text,
  service_version text,
  version_set text,
  environment text,
  operation text,
  model text,
  name text,
  source text,
  scores bigint NOT NULL,
  passed bigint NOT NULL, -- where it is known whether it passed
  failed bigint NOT NULL,
  scored bigint NOT NULL, -- with a number
  score_sum_millionths bigint,
  score_squares_millionths bigint,
  adopted bigint NOT NULL,
  edited bigint NOT NULL,
  rejected bigint NOT NULL
);
CREATE INDEX score_rollup_start ON score_rollup (project, grain_s, start_s);

-- Days that spans can be stored under today already: late ones among them must not wait for the job that makes partitions.
DO $$
DECLARE
  suffix text;
  parent text;
BEGIN
  FOR suffix IN SELECT right(inhrelid::regclass::text, 8) FROM pg_inherits WHERE inhparent = 'span'::regclass LOOP
    FOREACH parent IN ARRAY ARRAY['evaluation', 'score'] LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
        parent || '_' || suffix, parent, suffix::date, suffix::date + 1);
    END LOOP;
  END LOOP;
END $$;
