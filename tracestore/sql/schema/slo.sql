-- Good and total of each objective by minute, hour and day and by version set, and what evaluating them came to.

-- Counted again from rows whenever a minute is marked; hours from minutes, days from hours (jobs/slo_counts).
CREATE TABLE slo_count (
  project integer NOT NULL,
  objective_id bigint NOT NULL,
  grain_s integer NOT NULL, -- 60, 3600, 86400
  start_s bigint NOT NULL, -- Unix seconds
  version_set text NOT NULL, -- 32 hex digits; '' = unknown
  bad bigint NOT NULL,
  total bigint NOT NULL, -- rows without events are left out
  bad_traces uuid[] NOT NULL, -- of minutes: three examples at most; of hours and days: none
  PRIMARY KEY (objective_id, grain_s, start_s, version_set)
);
CREATE INDEX slo_count_project ON slo_count (project, grain_s, start_s);

-- Minutes of a project whose rows changed since they were counted for its objectives. taken: they are being counted, from
-- rows that were committed before; what changes meanwhile is a mark of its own.
CREATE TABLE slo_mark (
  project integer NOT NULL,
  start_s bigint NOT NULL,
  taken boolean NOT NULL DEFAULT false,
  PRIMARY KEY (project, start_s, taken)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- revision: of the objective, that the counts are of. counted_from_s: everything from here on is counted, NULL: nothing is
-- (it cannot be measured); history is counted backwards until history_done. evaluated_s: the minute up to which the rules
-- were evaluated. failures, failure: of evaluating, in a row; count_*: of counting. A broken objective stops no other.
-- skipped_*: the last gap of minutes that were too old to be evaluated when the evaluator came back.
CREATE TABLE slo_state (
  objective_id bigint PRIMARY KEY,
  project integer NOT NULL,
  revision integer NOT NULL,
  counted_from_s bigint,
  history_done boolean NOT NULL DEFAULT false,
  evaluated_s bigint,
  failures integer NOT NULL DEFAULT 0,
  failure text NOT NULL DEFAULT '',
  failed_at timestamptz,
  count_failures integer NOT NULL DEFAULT 0,
  count_failure text NOT NULL DEFAULT '',
  count_failed_at timestamptz,
  skipped_from_s bigint,
  skipped_until_s bigint,
  -- as of evaluated_s, for pages, /metrics and the gate
  bad bigint,
  total bigint, -- of the period, exclusions left out
  remaining double precision, -- share of the budget; NULL = no events
  period_start_s bigint,
  period_end_s bigint
);

-- One row a rule of an objective, as of evaluated_s of slo_state. kind: burn (two windows), budget (a share of it is spent;
-- factor: that share, long_*: the period), absent (no events; long_s: for how long, factor: 0).
CREATE TABLE slo_rule_state (
  project integer NOT NULL,
  objective_id bigint NOT NULL,
  rule text NOT NULL,
  kind text NOT NULL DEFAULT 'burn',
  severity text NOT NULL,
  state text NOT NULL, -- inactive, pending, firing, recovering, resolved
  since timestamptz,
  frozen_since timestamptz,
  long_burn double precision, -- NULL = no events
  short_burn double precision,
  long_bad bigint NOT NULL DEFAULT 0,
  long_total bigint NOT NULL DEFAULT 0,
  short_bad bigint NOT NULL DEFAULT 0,
  short_total bigint NOT NULL DEFAULT 0,
  long_s integer NOT NULL DEFAULT 0,
  short_s integer NOT NULL DEFAULT 0,
  factor double precision NOT NULL,
  PRIMARY KEY (objective_id, rule)
);
