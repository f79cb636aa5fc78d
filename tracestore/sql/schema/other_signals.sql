-- Logs. Grain: one row a distinct record and storage day (project, day, hash).
CREATE TABLE log_record (
  project integer NOT NULL,
  day date NOT NULL,
  hash uuid NOT NULL,
  time_ns bigint NOT NULL,
  received_ns bigint NOT NULL,
  trace_id uuid,
  span_id bigint,
  severity smallint NOT NULL,
  flags integer NOT NULL,
  resource_id bigint NOT NULL,
  scope_id bigint NOT NULL,
  severity_text text,
  event_name text,
  service text NOT NULL,
  environment text,
  body_text text, -- at most 256 characters, for lists
  body bytea NOT NULL, -- zstd(msgpack) of body, attributes and the rest
  PRIMARY KEY (project, day, hash)
) PARTITION BY RANGE (day);
CREATE INDEX log_record_time ON log_record (project, time_ns DESC);
CREATE INDEX log_record_trace ON log_record (project, trace_id) WHERE trace_id IS NOT NULL;

-- Metric series: what a point's numbers are about. Written before their points, once.
CREATE TABLE metric_series (
  project integer NOT NULL,
  series uuid NOT NULL,
  name text NOT NULL,
  description text NOT NULL,
  unit text NOT NULL,
  kind text NOT NULL,
  temporality smallint NOT NULL,
  monotonic boolean NOT NULL,
  service text NOT NULL,
  attributes jsonb NOT NULL,
  resource_id bigint NOT NULL,
  scope_id bigint NOT NULL,
  PRIMARY KEY (project, series)
);
CREATE INDEX metric_series_name ON metric_series (project, name);

-- Metric points. Grain: (series, start, time); a cumulative point that is sent again folds into one.
CREATE TABLE metric_point (
  project integer NOT NULL,
  day date NOT NULL,
  series uuid NOT NULL,
  start_ns bigint NOT NULL,
  time_ns bigint NOT NULL,
  received_ns bigint NOT NULL,
  value double precision,
  flags integer NOT NULL,
  body bytea, -- zstd(msgpack) of a histogram or summary, whole
  PRIMARY KEY (project, series, time_ns, start_ns, day)
) PARTITION BY RANGE (day);

CREATE TABLE metric_exemplar (
  project integer NOT NULL,
  day date NOT NULL,
  series uuid NOT NULL,
  time_ns bigint NOT NULL,
  value double precision NOT NULL,
  trace_id uuid,
  span_id bigint,
  attributes bytea NOT NULL,
  PRIMARY KEY (project, series, time_ns, value, day)
) PARTITION BY RANGE (day);
