-- Derived by settle (jobs/traces.py) from spans; `manage.py rebuild` makes all of it again.

-- One mark a trace and batch: this trace changed. Written in the transaction of its spans, deleted by settle.
CREATE TABLE settle_mark (
  id bigint GENERATED ALWAYS AS IDENTITY,
  project integer NOT NULL,
  trace_id uuid NOT NULL,
  min_day date NOT NULL,
  max_day date NOT NULL,
  spans integer NOT NULL, -- of this batch: bounds what one settle reads
  marked_ns bigint NOT NULL,
  PRIMARY KEY (project, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000); -- a queue: all of it is dead soon

-- Grain: one row a trace, stored under the UTC day of its start.
CREATE TABLE trace (
  project integer NOT NULL,
  day date NOT NULL,
  trace_id uuid NOT NULL,
  start_ns bigint NOT NULL,
  end_ns bigint NOT NULL,
  duration_ns bigint NOT NULL,
  root_span_id bigint,
  name text NOT NULL,
  operation text NOT NULL,
  service text NOT NULL, -- the root's
  service_version text,
  environment text,
  status smallint NOT NULL, -- outcome: the root's status; without a root, 2 if any span failed
  error_type text,
  span_count integer NOT NULL,
  error_count integer NOT NULL,
  llm_calls integer NOT NULL,
  llm_errors integer NOT NULL,
  embedding_calls integer NOT NULL,
  tool_calls integer NOT NULL,
  tool_errors integer NOT NULL,
  input_tokens bigint, -- of billable chat and completion calls, and of agent spans without a call below; NULL = none reported
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_creation_tokens bigint,
  reasoning_tokens bigint,
  embedding_tokens bigint,
  cost_nanousd bigint, -- sum over billable spans whose cost is known
  unpriced_calls integer NOT NULL, -- billable calls with tokens but no cost
  ttft_ns bigint, -- of the first call that reports one
  session_id text,
  user_id text,
  tenant_id text,
  services text[] NOT NULL,
  models text[] NOT NULL,
  environments text[] NOT NULL,
  versions text[] NOT NULL, -- service versions
  version_sets uuid[] NOT NULL,
  tools text[] NOT NULL,
  operations text[] NOT NULL,
  attrs jsonb NOT NULL, -- attributes of root and resource: at most 64 keys of 256 characters
  received_ns bigint NOT NULL, -- the last span's
  complete_from_ns bigint, -- complete from this time on (root present, no parent missing, 10 s quiet); NULL = a span is missing
  first_day date NOT NULL, -- storage days of its spans: where a later settle finds them all
  last_day date NOT NULL,
  flags integer NOT NULL,
  settled_ns bigint NOT NULL,
  PRIMARY KEY (project, trace_id, day)
) PARTITION BY RANGE (day);
CREATE INDEX trace_start ON trace (project, start_ns DESC, trace_id);
CREATE INDEX trace_error ON trace (project, start_ns DESC, trace_id) WHERE error_count > 0;
CREATE INDEX trace_session ON trace (project, session_id, start_ns) WHERE session_id IS NOT NULL;
CREATE INDEX trace_user ON trace (project, user_id, start_ns) WHERE user_id IS NOT NULL;
CREATE INDEX trace_duration ON trace (project, duration_ns DESC, trace_id);
CREATE INDEX trace_cost ON trace (project, cost_nanousd DESC, trace_id) WHERE cost_nanousd IS NOT NULL;
CREATE INDEX trace_attrs ON trace USING gin (attrs jsonb_path_ops);

-- Grain: one row a candidate span (chat, completion, embedding, rerank), or an agent, workflow or task span whose usage
-- counts because no candidate lies below it (call = false). Exactly one row of a twin group is billable.
CREATE TABLE llm_call (
  project integer NOT NULL,
  day date NOT NULL,
  trace_id uuid NOT NULL,
  span_id bigint NOT NULL,
  start_ns bigint NOT NULL,
  end_ns bigint NOT NULL,
  call boolean NOT NULL,
  billable boolean NOT NULL,
  duplicate_of_trace uuid,
  duplicate_of_span bigint,
  operation text NOT NULL,
  status smallint NOT NULL,
  error_type text,
  provider text,
  model text, -- canonical: response model, else request model
  response_key bigint, -- hash of the response id: finds twins in other traces
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_creation_tokens bigint,
  reasoning_tokens bigint,
  cost_nanousd bigint, -- computed, else reported
  ttft_ns bigint,
  service text NOT NULL,
  service_version text,
  environment text,
  version_set uuid,
  trace_operation text, -- operation of the trace's root
  session_id text,
  user_id text,
  tenant_id text,
  prompt_name text,
  prompt_version text,
  retry_count bigint
) PARTITION BY RANGE (day);
-- Settle writes alone, under the project's lock: nothing needs to be unique. An index on the trace alone is a tenth of a key.
CREATE INDEX llm_call_trace ON llm_call (trace_id);
CREATE INDEX llm_call_end ON llm_call (project, end_ns);
CREATE INDEX llm_call_response ON llm_call (response_key) WHERE response_key IS NOT NULL;

-- Grain: one row an execution of a tool (nested or mirrored spans of one execution give one row).
CREATE TABLE tool_call (
  project integer NOT NULL,
  day date NOT NULL,
  trace_id uuid NOT NULL,
  span_id bigint NOT NULL,
  start_ns bigint NOT NULL,
  end_ns bigint NOT NULL,
  tool_name text NOT NULL,
  status smallint NOT NULL,
  error_type text,
  service text NOT NULL,
  service_version text,
  environment text,
  version_set uuid,
  model text, -- of the call that asked for it, where known
  trace_operation text,
  session_id text,
  user_id text,
  tenant_id text,
  retry_count bigint
) PARTITION BY RANGE (day);
CREATE INDEX tool_call_trace ON tool_call (trace_id);
CREATE INDEX tool_call_end ON tool_call (project, end_ns);

-- Versions: a part is what one span knows, a set is what a trace's service ran with. No row two senders share is updated at
-- ingest: parts are inserted once; first and last seen are kept by settle.
CREATE TABLE version_part (
  project integer NOT NULL,
  id bigint NOT NULL,
  service text NOT NULL,
  parts jsonb NOT NULL,
  PRIMARY KEY (project, id)
);
CREATE TABLE version_set (
  project integer NOT NULL,
  id uuid NOT NULL, -- first 16 bytes of sha256 over service and the sorted united parts
  service text NOT NULL,
  service_version text,
  parts jsonb NOT NULL, -- {name: [values]}
  first_seen_ns bigint NOT NULL,
  last_seen_ns bigint NOT NULL,
  PRIMARY KEY (project, id)
);
CREATE INDEX version_set_service ON version_set (project, service, first_seen_ns DESC);
