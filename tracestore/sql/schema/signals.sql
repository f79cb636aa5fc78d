-- What spans say of policy, refusals, limits, tools and retrieval, and what is summed of it. signals: bits of
-- tracestore/analysis/signals.py, NULL where nothing is said. All nullable: no row is written again for it.
ALTER TABLE span
  ADD COLUMN signals bigint,
  ADD COLUMN queue_ns bigint,
  ADD COLUMN token_budget bigint,
  ADD COLUMN effect_key bigint; -- of a tool: hash of its idempotency key, else of its arguments where it has an effect
ALTER TABLE trace
  ADD COLUMN signals bigint, -- of any of its spans, and what was judged of the request
  ADD COLUMN queue_ns bigint, -- all that was waited in queues
  ADD COLUMN retrievals integer, -- whose outcome is known
  ADD COLUMN retrieval_hits integer,
  ADD COLUMN token_budget bigint;
ALTER TABLE llm_call
  ADD COLUMN signals bigint,
  ADD COLUMN queue_ns bigint;
ALTER TABLE tool_call
  ADD COLUMN signals bigint, -- with its effective tier, and what was judged of the execution
  ADD COLUMN queue_ns bigint;

-- Sums: NULL where nothing of the kind is known, 0 where it is known of none.
ALTER TABLE request_rollup
  ADD COLUMN policy_checked bigint,
  ADD COLUMN policy_violations bigint,
  ADD COLUMN injection_checked bigint,
  ADD COLUMN injection_hits bigint,
  ADD COLUMN sensitive_checked bigint,
  ADD COLUMN sensitive_hits bigint,
  ADD COLUMN refusal_known bigint,
  ADD COLUMN refusals bigint,
  ADD COLUMN degraded_known bigint,
  ADD COLUMN degraded bigint,
  ADD COLUMN breaker_known bigint,
  ADD COLUMN breaker_open bigint,
  ADD COLUMN adoption_known bigint,
  ADD COLUMN adopted bigint,
  ADD COLUMN edited bigint,
  ADD COLUMN rejected bigint,
  ADD COLUMN budgeted bigint,
  ADD COLUMN budget_overruns bigint,
  ADD COLUMN retrievals bigint,
  ADD COLUMN retrieval_hits bigint,
  ADD COLUMN timeouts bigint,
  ADD COLUMN rate_limited bigint,
  ADD COLUMN implicit_errors bigint,
  ADD COLUMN policy_errors bigint,
  ADD COLUMN queue bigint[],
  ADD COLUMN tokens bigint[];
ALTER TABLE call_rollup
  ADD COLUMN timeouts bigint,
  ADD COLUMN rate_limited bigint,
  ADD COLUMN refusal_known bigint,
  ADD COLUMN refusals bigint,
  ADD COLUMN cache_known bigint,
  ADD COLUMN cache_hits bigint,
  ADD COLUMN queue bigint[];
ALTER TABLE tool_rollup
  ADD COLUMN timeouts bigint,
  ADD COLUMN unknown_state bigint,
  ADD COLUMN effects bigint,
  ADD COLUMN duplicate_effects bigint,
  ADD COLUMN tier_known bigint,
  ADD COLUMN above_tier bigint,
  ADD COLUMN approval_needed bigint,
  ADD COLUMN unapproved bigint;
