"""THE LIST of the members of the four lines and the golden signals: what each is made of, in words and in measures.

Board, API, documentation and downloads are made of it. Measures that no rollup has yet are unknown, and so are members made
of them. The first of a line is its headline.
"""

from typing import Final

from tracestore.analysis.line_forms import (
    Direction,
    Fact,
    Form,
    Line,
    Mean,
    Member,
    Quantile,
    Rate,
    Ratio,
    Reading,
    Share,
    TopShare,
    Total,
    Unit,
)

_NO_REQUESTS: Final = "No request ended in this range. Send traces with OTLP; the page Ingest shows what arrives."
_NO_CALLS: Final = "No model call that lasted ended in this range. Send gen_ai.operation.name on the spans of calls."
_NO_TOOLS: Final = "No tool call ended in this range. Send gen_ai.operation.name = execute_tool on the spans of tools."
_NO_TOKENS: Final = (
    "No span says how many tokens a call took. Send gen_ai.usage.input_tokens, gen_ai.usage.output_tokens."
)
_NO_COST: Final = "No request has a known cost. Send gen_ai.request.model and gen_ai.usage.* tokens, or set a price."


def _request_share(
    name: str,
    line: Line,
    title: str,
    direction: Direction,
    formula: str,
    form: Share,
    per: str,
    empty: str,
    *needs: str,
) -> Member:
    return Member(name, line, title, "ratio", direction, formula, "trace", form, per, empty, needs)


def _tool_share(
    name: str, line: Line, title: str, direction: Direction, formula: str, form: Share, empty: str, *needs: str
) -> Member:
    return Member(name, line, title, "ratio", direction, formula, "tool_call", form, "tool calls", empty, needs)


def _score_share(name: str, title: str, formula: str, per: str, empty: str, needs: str, *sources: str) -> Member:
    form = Share(whole=("passed", "failed"), part=("passed",))
    return Member(name, "quality", title, "ratio", "up", formula, "score", form, per, empty, (needs,), sources)


def _slow(name: str, title: str, of: str, fact: Fact, form: Quantile, per: str, empty: str, *needs: str) -> Member:
    formula = f"the value that {form.q * 100:.0f} % of {of} do not exceed"
    return Member(name, "latency", title, "ns", "down", formula, fact, form, per, empty, needs)


def _spent(
    name: str, title: str, unit: Unit, direction: Direction, formula: str, form: Form, empty: str, *needs: str
) -> Member:
    return Member(name, "cost", title, unit, direction, formula, "trace", form, "requests", empty, needs)


_USAGE: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
_COST: Final = ("gen_ai.request.model", *_USAGE)

QUALITY: Final[tuple[Member, ...]] = (
    _request_share(
        "success_rate", "quality", "Success rate", "up", "requests that did not fail / requests",
        Share(("requests",), failed=("errors",)), "requests", _NO_REQUESTS,
    ),
    _tool_share(
        "tool_success_rate", "quality", "Tool success rate", "up", "tool calls that did not fail / tool calls",
        Share(("tool_calls",), failed=("tool_errors",)), _NO_TOOLS, "gen_ai.tool.name",
    ),
    _score_share(
        "feedback_positive_rate", "Positive feedback", "feedback of people that was positive / feedback that was either",
        "ratings", "Nobody rated an answer in this range. Send feedback with POST /api/v1/feedback.",
        "POST /api/v1/feedback", "people",
    ),
    Member(
        "adoption_rate", "quality", "Adoption rate", "ratio", "up",
        "answers adopted, edited or not / answers whose fate is known, by root spans and feedback", "trace",
        Share(("adopted", "edited", "rejected"), ("adopted", "edited")), "answers",
        "Nothing says what became of an answer. Send fourline.adoption (adopted, edited or rejected) on the root span.",
        ("fourline.adoption", "POST /api/v1/feedback"), also=("score",),
    ),
    _score_share(
        "evaluation_pass_rate", "Evaluations passed", "evaluations passed / evaluations that passed or failed",
        "evaluations", "No answer was evaluated in this range. Send the event gen_ai.evaluation.result.",
        "gen_ai.evaluation.result", "code", "otlp", "judge",
    ),
    _request_share(
        "retrieval_hit_rate", "quality", "Retrieval hit rate", "up", "retrievals that found something / retrievals",
        Share(("retrievals",), ("retrieval_hits",)), "retrievals",
        "No span says what a retrieval found. Send fourline.retrieval.hit (true or false) on spans of retrieval.",
        "fourline.retrieval.hit",
    ),
)  # fmt: skip
LATENCY: Final[tuple[Member, ...]] = (
    *(
        _slow(
            f"latency_p{percent}", f"Latency p{percent}", "requests that did not fail", "trace",
            Quantile("duration", percent / 100), "requests", _NO_REQUESTS,
        )
        for percent in (95, 50, 99)
    ),
    _slow(
        "failed_latency_p95", "Latency p95 of failures", "requests that failed", "trace",
        Quantile("failed_duration", 0.95), "failed requests", "No request failed in this range.",
    ),
    _slow(
        "ttft_p95", "Time to first token p95", "times to the first token of requests", "trace", Quantile("ttft", 0.95),
        "requests", "No span says when its first token came. Send gen_ai.response.time_to_first_chunk (seconds).",
        "gen_ai.response.time_to_first_chunk",
    ),
    _request_share(
        "timeout_rate", "latency", "Timeouts", "down", "requests in which something timed out / requests",
        Share(("requests",), ("timeouts",)), "requests", _NO_REQUESTS, "error.type",
    ),
    Member(
        "retry_rate", "latency", "Retries per model call", "ratio", "down", "retries that spans report / model calls",
        "llm_call", Ratio("retries", "calls", "calls"), "model calls",
        "No span says how often a call was tried again. Send gen_ai.request.retry_count.", ("gen_ai.request.retry_count",),
    ),
    _slow(
        "queue_p95", "Queue time p95", "times that requests waited in a queue", "trace", Quantile("queue", 0.95), "requests",
        "No span says how long it waited in a queue. Send fourline.queue.duration (seconds).", "fourline.queue.duration",
    ),
    _slow(
        "model_latency_p95", "Model latency p95", "model calls that did not fail", "llm_call", Quantile("duration", 0.95),
        "model calls", _NO_CALLS, "gen_ai.operation.name",
    ),
    _slow(
        "tool_latency_p95", "Tool latency p95", "tool calls that did not fail", "tool_call", Quantile("duration", 0.95),
        "tool calls", _NO_TOOLS, "gen_ai.tool.name",
    ),
)  # fmt: skip
_ALL_COST: Final = Total("cost_nanousd", histogram="cost")
COSTS: Final[tuple[Member, ...]] = (
    _spent(
        "cost_per_request", "Cost per request", "nanousd", "down", "cost / requests whose cost is known",
        Mean("cost_nanousd", "cost"), _NO_COST, *_COST,
    ),
    _spent("cost_total", "Cost", "nanousd", "none", "sum of the cost that is known", _ALL_COST, _NO_COST, *_COST),
    _spent(
        "cost_per_hour", "Cost per hour", "nanousd_per_h", "none", "cost that is known / hours", Rate(_ALL_COST, 3_600),
        _NO_COST, *_COST,
    ),
    _spent(
        "input_tokens", "Input tokens", "tokens", "none", "sum over model calls, what the cache served included",
        Total("input_tokens", n="requests"), _NO_TOKENS, _USAGE[0],
    ),
    _spent(
        "output_tokens", "Output tokens", "tokens", "none", "sum over model calls, reasoning included",
        Total("output_tokens", n="requests"), _NO_TOKENS, _USAGE[1],
    ),
    _spent(
        "cached_tokens", "Cached tokens", "tokens", "none", "sum of the input tokens that the model's cache served",
        Total("cache_read_tokens", n="requests"),
        "No span says what the model's cache served. Send gen_ai.usage.cache_read.input_tokens.",
        "gen_ai.usage.cache_read.input_tokens",
    ),
    _spent(
        "reasoning_tokens", "Reasoning tokens", "tokens", "none", "sum of the output tokens spent on reasoning",
        Total("reasoning_tokens", n="requests"),
        "No span says how much reasoning there was. Send gen_ai.usage.reasoning.output_tokens.",
        "gen_ai.usage.reasoning.output_tokens",
    ),
    _spent(
        "cache_hit_share", "Cache-hit share", "ratio", "up", "input tokens that the model's cache served / input tokens",
        Ratio("cache_read_tokens", "input_tokens", "requests"),
        "No span says what the model's cache served. Send gen_ai.usage.cache_read.input_tokens.",
        "gen_ai.usage.cache_read.input_tokens",
    ),
    _request_share(
        "budget_overrun_rate", "cost", "Token-budget overruns", "down",
        "requests that took more tokens than their budget / requests with a budget",
        Share(("budgeted",), ("budget_overruns",)), "requests with a budget",
        "No span says what a request may take. Send fourline.token_budget (tokens) on the root span.", "fourline.token_budget",
    ),
    _spent(
        "top5_cost_share", "Cost of the top 5 %", "ratio", "none",
        "cost of the 5 % of requests that cost most / cost of all, to 4.4 %", TopShare("cost", 0.05), _NO_COST, *_COST,
    ),
)  # fmt: skip
RISKS: Final[tuple[Member, ...]] = (
    _request_share(
        "policy_violation_rate", "risk", "Policy violations", "down", "requests that violated a policy / requests checked",
        Share(("policy_checked",), ("policy_violations",)), "requests checked",
        "No span says what a policy check found. Send fourline.policy.outcome (passed or violated).", "fourline.policy.outcome",
    ),
    _request_share(
        "injection_rate", "risk", "Injection hits", "down", "requests with a prompt injection / requests checked for one",
        Share(("injection_checked",), ("injection_hits",)), "requests checked",
        "No span says whether an injection was looked for. Send fourline.injection.outcome (clean or detected).",
        "fourline.injection.outcome",
    ),
    _request_share(
        "refusal_rate", "risk", "Refusals", "down", "requests that the model refused / requests where that is known",
        Share(("refusal_known",), ("refusals",)), "requests",
        "No span says whether the model refused. Send gen_ai.response.finish_reasons or fourline.refusal (true or false).",
        "gen_ai.response.finish_reasons", "fourline.refusal",
    ),
    _request_share(
        "sensitive_rate", "risk", "Sensitive content", "down", "requests with sensitive content / requests checked for it",
        Share(("sensitive_checked",), ("sensitive_hits",)), "requests checked",
        "No span says whether sensitive content was looked for. Send fourline.sensitive.outcome (clean or found).",
        "fourline.sensitive.outcome",
    ),
    _tool_share(
        "unknown_state_rate", "risk", "Tool calls of unknown state", "down",
        "tool calls of which nobody knows whether they took effect / tool calls",
        Share(("tool_calls",), ("unknown_state",)), _NO_TOOLS, "fourline.tool.state", "fourline.tool.effect",
    ),
    _tool_share(
        "above_tier_rate", "risk", "Calls above their tier", "down",
        "tool calls above the agent's autonomy tier / tool calls that may have acted, of known tier and effect",
        Share(("tier_known",), ("above_tier",)),
        "No tool call says its tier and its effect. Send fourline.autonomy.tier and fourline.tool.effect.",
        "fourline.autonomy.tier", "fourline.tool.effect",
    ),
    _tool_share(
        "unapproved_rate", "risk", "Calls without approval", "down",
        "irreversible tool calls without approval / irreversible tool calls that may have acted",
        Share(("approval_needed",), ("unapproved",)),
        "No tool call is known to be irreversible. Send fourline.tool.effect and fourline.tool.approval.",
        "fourline.tool.effect", "fourline.tool.approval",
    ),
    _tool_share(
        "duplicate_effect_rate", "risk", "Duplicate side effects", "down",
        "tool calls that repeated a side effect / tool calls with a side effect",
        Share(("effects",), ("duplicate_effects",)),
        "No tool call is known to have a side effect. Send fourline.tool.effect and fourline.tool.idempotency_key.",
        "fourline.tool.effect", "fourline.tool.idempotency_key",
    ),
)  # fmt: skip
_ALL_REQUESTS: Final = Total("requests", n="requests")
SIGNALS: Final[tuple[Member, ...]] = (
    Member(
        "requests", "signals", "Requests", "count", "none", "requests that ended", "trace", _ALL_REQUESTS, "requests",
        _NO_REQUESTS,
    ),
    Member(
        "traffic", "signals", "Requests per minute", "per_min", "none", "requests that ended / minutes", "trace",
        Rate(_ALL_REQUESTS, 60), "requests", _NO_REQUESTS,
    ),
    _request_share(
        "error_rate", "signals", "Errors", "down", "requests that failed / requests", Share(("requests",), ("errors",)),
        "requests", _NO_REQUESTS,
    ),
    _request_share(
        "implicit_error_rate", "signals", "Implicit errors", "down",
        "requests that did not fail but gave no usable answer / requests", Share(("requests",), ("implicit_errors",)),
        "requests", _NO_REQUESTS, "gen_ai.response.finish_reasons",
    ),
    _request_share(
        "policy_error_rate", "signals", "Stopped by policy", "down", "requests that a policy stopped / requests",
        Share(("requests",), ("policy_errors",)), "requests", _NO_REQUESTS, "fourline.policy.outcome",
    ),
    _request_share(
        "rate_limited_rate", "signals", "Rate limited", "down", "requests that met a rate limit / requests",
        Share(("requests",), ("rate_limited",)), "requests", _NO_REQUESTS, "error.type", "http.response.status_code",
    ),
    Member(
        "saturation", "signals", "Saturation", "ratio", "down", "the largest share of a limit in use that was reported",
        "trace", Reading(("fourline.rate_limit.utilization",)), "readings",
        "No metric says how full a limit is. Send the gauge fourline.rate_limit.utilization (0 to 1) with OTLP metrics.",
        ("fourline.rate_limit.utilization",),
    ),
    _request_share(
        "degraded_rate", "signals", "Degraded", "down", "requests answered in degraded mode / requests that say",
        Share(("degraded_known",), ("degraded",)), "requests",
        "No span says whether it answered in degraded mode. Send fourline.degraded (true or false).", "fourline.degraded",
    ),
    _request_share(
        "breaker_open_rate", "signals", "Breaker open", "down", "requests that met an open breaker / requests that say",
        Share(("breaker_known",), ("breaker_open",)), "requests",
        "No span says how a circuit breaker stood. Send fourline.breaker.state (closed, open or half_open).",
        "fourline.breaker.state",
    ),
)  # fmt: skip
