-- Question: which of millions of traces hold a rare name, or the most tokens or errors?
-- Cost of one trace at settle (CPU of Postgres, an eighth of it a span): names 3 to 4 us and 91 B, tokens 4 us and 67 B,
-- errors next to nothing.

-- What a trace has at most a few of: an unknown or rare name is answered without looking at every trace.
CREATE INDEX trace_names ON trace USING gin (models, tools, versions, operations, services, environments);

CREATE INDEX trace_tokens ON trace (project, (coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) DESC, trace_id)
  WHERE input_tokens IS NOT NULL OR output_tokens IS NOT NULL;

CREATE INDEX trace_errors ON trace (project, error_count DESC, trace_id) WHERE error_count > 0;
