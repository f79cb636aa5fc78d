-- Spans. Question: what happened in one trace? Grain: one row a span and storage day.
-- Narrow: what lists, settle and dashboards read. Texts are at most 256 characters. Written by writer.py alone (COPY).
CREATE TABLE span (
  project integer NOT NULL,
  day date NOT NULL,
  trace_id uuid NOT NULL,
  span_id bigint NOT NULL,
  parent_span_id bigint,
  start_ns bigint NOT NULL,
  end_ns bigint NOT NULL,
  received_ns bigint NOT NULL,
  record_hash bigint NOT NULL, -- first 8 bytes (signed) of sha256 of the record: the last word of the merge order
  block_id bigint NOT NULL, -- its payload: span_payload.block_id
  version_part_id bigint,
  price_id bigint,
  cost_nanousd bigint,
  reported_cost_nanousd bigint,
  input_tokens bigint,
  output_tokens bigint,
  total_tokens bigint,
  cache_read_tokens bigint,
  cache_creation_tokens bigint,
  cache_creation_1h_tokens bigint,
  reasoning_tokens bigint,
  audio_input_tokens bigint,
  audio_output_tokens bigint,
  ttft_ns bigint,
  flags integer NOT NULL,
  attribute_count integer NOT NULL,
  retry_count bigint,
  block_index smallint NOT NULL,
  kind smallint NOT NULL,
  status smallint NOT NULL,
  mapping_version smallint NOT NULL,
  name text NOT NULL,
  operation text NOT NULL,
  service text NOT NULL,
  service_version text,
  environment text,
  provider text,
  request_model text,
  response_model text,
  tool_name text,
  tool_call_id text,
  agent_name text,
  session_id text,
  user_id text,
  tenant_id text,
  error_type text,
  status_message text,
  finish_reasons text,
  prompt_name text,
  prompt_version text,
  rag_index_version text,
  response_id text,
  PRIMARY KEY (trace_id, span_id, project, day) -- in this order 44 B an entry, project first 52
) PARTITION BY RANGE (day);

-- All of a span that is not in its narrow row. Grain: one block: the spans of one trace in one batch, at most 64, compressed
-- together, because they repeat each other (a row a span takes four times the space). span.block_id and span.block_index
-- say where a span's payload is; a block may also hold records that lost in the merge order and that no span points to.
-- block_id: hash of the block's records. message_refs: hashes of the messages its spans cite, each once, readable by SQL.
-- body: see tracestore/payload.py.
CREATE TABLE span_payload (
  project integer NOT NULL,
  day date NOT NULL,
  trace_id uuid NOT NULL,
  block_id bigint NOT NULL,
  message_refs uuid[] STORAGE EXTERNAL,
  body bytea STORAGE EXTERNAL NOT NULL, -- compressed already
  PRIMARY KEY (trace_id, block_id, project, day)
) PARTITION BY RANGE (day);

-- Each distinct message (or other repeated text) once a day and project. Dropping a day's partition drops its messages too.
-- hash: blake2b-16 of the exact bytes that stood in the attribute. body: those bytes, compressed by tracestore/payload.py.
CREATE TABLE message (
  project integer NOT NULL,
  day date NOT NULL,
  hash uuid NOT NULL,
  body bytea STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY (project, day, hash)
) PARTITION BY RANGE (day);

-- What many spans share, once a project: resources, scopes, provenance, prices. body: msgpack, not compressed.
CREATE TABLE reference (
  project integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('resource', 'scope', 'provenance', 'price')),
  id bigint NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (project, kind, id)
);

-- How often something of a project was erased. Writers remember which messages and references are stored; what they
-- remember holds for one epoch. An eraser takes the project's write lock alone and raises the epoch.
CREATE TABLE erasure (
  project integer PRIMARY KEY,
  epoch bigint NOT NULL
);

-- When the partition job last ran, and since when its clock has been steady; see tracestore/partitions.py.
CREATE TABLE partition_clock (
  id smallint PRIMARY KEY CHECK (id = 1),
  last_run timestamptz NOT NULL,
  steady_since timestamptz NOT NULL
);
