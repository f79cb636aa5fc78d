-- Free-text search: which words does a trace hold? Filled behind ingest by jobs/search.py, `manage.py index_texts` makes it again.

-- One mark a trace and settle, and one a trace and batch of logs that name its spans: its texts may have changed. Written in
-- the transaction of that change, deleted by the index job.
CREATE TABLE text_mark (
  id bigint GENERATED ALWAYS AS IDENTITY,
  project integer NOT NULL,
  trace_id uuid NOT NULL,
  start_ns bigint NOT NULL, -- of the trace, or of the log's receipt: says for which ranges the index is behind
  first_day date, -- where its row may be; NULL: wherever the trace's row says
  last_day date,
  marked_ns bigint NOT NULL,
  PRIMARY KEY (project, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000); -- a queue: all of it is dead soon

-- Grain: one row a trace, under the trace's own day. words: what its texts are found by (tracestore/analysis/words.py), without
-- positions: GIN does not keep them, and they take half as much again.
CREATE TABLE trace_text (
  project integer NOT NULL,
  day date NOT NULL,
  trace_id uuid NOT NULL,
  signature bigint NOT NULL, -- of what was read: the same again need not be read again
  cut boolean NOT NULL, -- a text was too long, or the words too many: the rest is not searched
  words tsvector NOT NULL,
  PRIMARY KEY (project, trace_id, day)
) PARTITION BY RANGE (day);
-- 275 words a trace: with 1 MB pending an insert takes 456 us, with 4 MB 284, with 16 MB 239; what is pending is searched one by one.
CREATE INDEX trace_text_words ON trace_text USING gin (words) WITH (gin_pending_list_limit = 4096);
CREATE INDEX trace_text_cut ON trace_text (project, day) WHERE cut;
