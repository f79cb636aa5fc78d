"""What is counted, by what, and how? THE LIST of rollups; tracestore/rollups.py fills them, tracestore/queries reads them.

A rollup sums one fact (a table that settling writes) over minutes by dimensions. To add a measure or a dimension: a column
in a migration, a line here, and `manage.py rebuild`. In the expressions `x` is a row of the fact.
"""

from dataclasses import dataclass, replace
from typing import Final, LiteralString

from tracestore.analysis import signals as s
from tracestore.fact_forms import DAY_S as DAY_S
from tracestore.fact_forms import GRAINS as GRAINS
from tracestore.fact_forms import HOUR_S as HOUR_S
from tracestore.fact_forms import MINUTE_S as MINUTE_S
from tracestore.fact_forms import OTHER as OTHER
from tracestore.fact_forms import QUARTER_S as QUARTER_S
from tracestore.fact_forms import Dimension, Histogram, Measure, share, that
from tracestore.fact_forms import Rollup as Rollup

VERSION_SET: Final = "replace(x.version_set::text, '-', '')"
_WHO = (
    Dimension("service", "x.service"),
    Dimension("service_version", "x.service_version"),
    Dimension("version_set", VERSION_SET),
    Dimension("environment", "x.environment"),
)
# All sets of a trace, where they are not the root's alone: then, and in sums made before this was kept, NULL.
_OTHER_SETS: Final = (
    "nullif(replace(array_to_string(x.version_sets, ','), '-', ''), replace(x.version_set::text, '-', ''))"
)
# What the spans of a trace know together, as the text of an array; NULL where that is what the root knows alone.
_SERVICES: Final = "nullif(x.services, array_remove(ARRAY[x.service], NULL))::text"
_ENVIRONMENTS: Final = "nullif(x.environments, array_remove(ARRAY[x.environment], NULL))::text"
_VERSIONS: Final = "nullif(x.versions, array_remove(ARRAY[x.service_version], NULL))::text"
# Of a suspect clock (stored under the day of its receipt) no duration is known.
_TIMED: Final = "x.end_ns >= x.start_ns AND x.day - date '1970-01-01' = x.start_ns / 86400000000000"
_LASTED: Final = "x.end_ns - x.start_ns"


# What a request used, where any of it is known.
_USED: Final = "coalesce(x.input_tokens, 0) + coalesce(x.output_tokens, 0)"
_USED_KNOWN: Final = "coalesce(x.input_tokens, x.output_tokens) IS NOT NULL"
REQUESTS: Final = Rollup(
    table="request_rollup",
    fact="trace",
    dimensions=(
        *_WHO,
        Dimension("operation", "x.operation"),
        Dimension("version_sets", _OTHER_SETS),
        Dimension("services", _SERVICES),
        Dimension("environments", _ENVIRONMENTS),
        Dimension("versions", _VERSIONS),
        Dimension("models", "x.models::text"),
        Dimension("operations", "x.operations::text"),
    ),
    measures=(
        Measure("requests", "count(*)"),
        Measure("errors", "count(*) FILTER (WHERE x.status = 2)"),
        Measure("spans", "sum(x.span_count)"),
        Measure("error_spans", "sum(x.error_count)"),
        Measure("llm_calls", "sum(x.llm_calls)"),
        Measure("llm_errors", "sum(x.llm_errors)"),
        Measure("embedding_calls", "sum(x.embedding_calls)"),
        Measure("tool_calls", "sum(x.tool_calls)"),
        Measure("tool_errors", "sum(x.tool_errors)"),
        Measure("input_tokens", "bounded(sum(x.input_tokens))"),
        Measure("output_tokens", "bounded(sum(x.output_tokens))"),
        Measure("cache_read_tokens", "bounded(sum(x.cache_read_tokens))"),
        Measure("cache_creation_tokens", "bounded(sum(x.cache_creation_tokens))"),
        Measure("reasoning_tokens", "bounded(sum(x.reasoning_tokens))"),
        Measure("embedding_tokens", "bounded(sum(x.embedding_tokens))"),
        Measure("cost_nanousd", "bounded(sum(x.cost_nanousd))"),
        Measure("unpriced_calls", "sum(x.unpriced_calls)"),
        *share(s.POLICY_CHECKED, "policy_checked", policy_violations=s.POLICY_VIOLATED),
        *share(s.INJECTION_CHECKED, "injection_checked", injection_hits=s.INJECTION_DETECTED),
        *share(s.SENSITIVE_CHECKED, "sensitive_checked", sensitive_hits=s.SENSITIVE_FOUND),
        *share(s.REFUSAL_KNOWN, "refusal_known", refusals=s.REFUSED),
        *share(s.DEGRADED_KNOWN, "degraded_known", degraded=s.DEGRADED),
        *share(s.BREAKER_KNOWN, "breaker_known", breaker_open=s.BREAKER_OPEN),
        *share(s.ADOPTION, "adoption_known", adopted=s.ADOPTED, edited=s.EDITED, rejected=s.REJECTED),
        *share(
            f"x.token_budget IS NOT NULL AND {_USED_KNOWN}", "budgeted", budget_overruns=f"{_USED} > x.token_budget"
        ),
        Measure("retrievals", "sum(x.retrievals)"),
        Measure("retrieval_hits", "sum(x.retrieval_hits)"),
        Measure("timeouts", that(s.TIMED_OUT)),
        Measure("rate_limited", that(s.RATE_LIMITED)),
        Measure("implicit_errors", that(s.IMPLICIT_ERROR)),
        Measure("policy_errors", that(s.POLICY_ERROR)),
        Measure("error_requests", "count(*) FILTER (WHERE x.error_count > 0)"),
        Measure("unpriced_requests", "count(*) FILTER (WHERE x.unpriced_calls > 0)"),
    ),
    histograms=(
        Histogram("duration", "x.duration_ns", "x.status <> 2"),
        Histogram("failed_duration", "x.duration_ns", "x.status = 2"),
        Histogram("ttft", "x.ttft_ns", "x.ttft_ns IS NOT NULL"),
        Histogram("cost", "x.cost_nanousd", "x.cost_nanousd IS NOT NULL"),
        Histogram("queue", "x.queue_ns", "x.queue_ns IS NOT NULL"),
        Histogram("tokens", _USED, _USED_KNOWN),
    ),
    weight="requests",
)
# The same by the tools that a request called, for filters that name one. Nearly every request of a minute has tools of its
# own, so sums begin at quarters of an hour; what is finer is read from rows.
REQUEST_TOOLS: Final = replace(
    REQUESTS,
    table="request_tools_rollup",
    dimensions=(*REQUESTS.dimensions, Dimension("tools", "x.tools::text")),
    grains=GRAINS[1:],
)

_CHAT: Final = "x.call AND x.operation IN ('chat', 'completion')"
_TOKENS: Final = "NOT x.call OR x.operation IN ('chat', 'completion')"
_EMBEDDING: Final = "x.call AND x.operation = 'embedding'"
_UNPRICED: Final = "x.call AND x.cost_nanousd IS NULL AND coalesce(x.input_tokens, x.output_tokens) IS NOT NULL"
# A price alone would not help where the tokens that are charged for are unknown, or the model is.
_LACKING: Final = (
    "x.call AND x.cost_nanousd IS NULL AND x.model IS NOT NULL AND CASE WHEN x.operation IN ('chat', 'completion')"
    " THEN x.output_tokens ELSE x.input_tokens END IS NOT NULL"
)
CALLS: Final = Rollup(
    table="call_rollup",
    fact="llm_call",
    counted="x.billable",
    dimensions=(
        *_WHO,
        Dimension("operation", "x.operation"),
        Dimension("provider", "x.provider"),
        Dimension("model", "x.model"),
        Dimension("prompt_name", "x.prompt_name"),
        Dimension("prompt_version", "x.prompt_version"),
    ),
    measures=(
        Measure("calls", "count(*) FILTER (WHERE x.call)"),
        Measure("errors", "count(*) FILTER (WHERE x.call AND x.status = 2)"),
        Measure("llm_calls", f"count(*) FILTER (WHERE {_CHAT})"),
        Measure("llm_errors", f"count(*) FILTER (WHERE {_CHAT} AND x.status = 2)"),
        Measure("embedding_calls", f"count(*) FILTER (WHERE {_EMBEDDING})"),
        Measure("input_tokens", f"bounded(sum(x.input_tokens) FILTER (WHERE {_TOKENS}))"),
        Measure("output_tokens", f"bounded(sum(x.output_tokens) FILTER (WHERE {_TOKENS}))"),
        Measure("cache_read_tokens", f"bounded(sum(x.cache_read_tokens) FILTER (WHERE {_TOKENS}))"),
        Measure("cache_creation_tokens", f"bounded(sum(x.cache_creation_tokens) FILTER (WHERE {_TOKENS}))"),
        Measure("reasoning_tokens", f"bounded(sum(x.reasoning_tokens) FILTER (WHERE {_TOKENS}))"),
        Measure("embedding_tokens", f"bounded(sum(x.input_tokens) FILTER (WHERE {_EMBEDDING}))"),
        Measure("cost_nanousd", "bounded(sum(x.cost_nanousd))"),
        Measure("unpriced_calls", f"count(*) FILTER (WHERE {_UNPRICED})"),
        Measure("lacking_price", f"count(*) FILTER (WHERE {_LACKING})"),
        Measure("retries", "bounded(sum(x.retry_count))"),
        Measure("timeouts", f"count(*) FILTER (WHERE x.call AND x.signals & {s.TIMED_OUT} <> 0)"),
        Measure("rate_limited", f"count(*) FILTER (WHERE x.call AND x.signals & {s.RATE_LIMITED} <> 0)"),
        *share(f"x.call AND x.signals & {s.REFUSAL_KNOWN} <> 0", "refusal_known", refusals=s.REFUSED),
        *share(f"x.call AND x.signals & {s.CACHE_KNOWN} <> 0", "cache_known", cache_hits=s.CACHE_HIT),
    ),
    histograms=(
        Histogram("duration", _LASTED, f"x.call AND x.status <> 2 AND {_TIMED}"),
        Histogram("failed_duration", _LASTED, f"x.call AND x.status = 2 AND {_TIMED}"),
        Histogram("ttft", "x.ttft_ns", "x.call AND x.ttft_ns IS NOT NULL"),
        Histogram("queue", "x.queue_ns", "x.call AND x.queue_ns IS NOT NULL"),
    ),
    weight="calls",
)

TOOLS: Final = Rollup(
    table="tool_rollup",
    fact="tool_call",
    dimensions=(*_WHO, Dimension("tool", "x.tool_name"), Dimension("model", "x.model")),
    measures=(
        Measure("tool_calls", "count(*)"),
        Measure("tool_errors", "count(*) FILTER (WHERE x.status = 2)"),
        Measure("retries", "bounded(sum(x.retry_count))"),
        Measure("timeouts", that(s.TIMED_OUT)),
        Measure("unknown_state", that(s.STATE_UNKNOWN)),
        *share(s.HAD_EFFECT, "effects", duplicate_effects=s.DUPLICATE_EFFECT),
        *share(s.TIER_JUDGED, "tier_known", above_tier=s.ABOVE_TIER),
        *share(s.APPROVAL_NEEDED, "approval_needed", unapproved=s.UNAPPROVED),
    ),
    histograms=(
        Histogram("duration", _LASTED, f"x.status <> 2 AND {_TIMED}"),
        Histogram("failed_duration", _LASTED, f"x.status = 2 AND {_TIMED}"),
    ),
    weight="tool_calls",
)

# Sums and sums of squares of scores, in millionths: a mean and its interval. Passed and failed where that is known.
_SQUARE: Final = "div(x.score_millionths::numeric * x.score_millionths, 1000000)"
SCORES: Final = Rollup(
    table="score_rollup",
    fact="score",
    dimensions=(
        *_WHO,
        Dimension("operation", "x.operation"),
        Dimension("model", "x.model"),
        Dimension("name", "x.name"),
        Dimension("source", "x.source"),
    ),
    measures=(
        Measure("scores", "count(*)"),
        Measure("passed", "count(*) FILTER (WHERE x.passed)"),
        Measure("failed", "count(*) FILTER (WHERE NOT x.passed)"),
        Measure("scored", "count(x.score_millionths)"),
        Measure("score_sum_millionths", "bounded(sum(x.score_millionths))"),
        Measure("score_squares_millionths", f"bounded(sum({_SQUARE}))"),
        Measure("adopted", "count(*) FILTER (WHERE x.adoption = 'adopted')"),
        Measure("edited", "count(*) FILTER (WHERE x.adoption = 'edited')"),
        Measure("rejected", "count(*) FILTER (WHERE x.adoption = 'rejected')"),
    ),
    histograms=(),
    weight="scores",
)
FACTS: Final = (REQUESTS, CALLS, TOOLS, SCORES)

# Usage is made of the three facts; which column of which is its key stands in USAGE_KEYS.
USAGE_MEASURES: Final[tuple[LiteralString, ...]] = (
    "traces", "spans", "error_spans", "llm_calls", "llm_errors", "embedding_calls", "tool_calls", "tool_errors",
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "reasoning_tokens",
    "embedding_tokens", "cost_nanousd", "unpriced_calls",
)  # fmt: skip
USAGE: Final = Rollup(
    table="usage_rollup",
    fact="",  # of several
    dimensions=(Dimension("dimension", ""), Dimension("key", "")),
    measures=tuple(Measure(name, "") for name in USAGE_MEASURES),
    histograms=(),
    weight="traces + llm_calls + embedding_calls + tool_calls",
    apart=("dimension",),
)
ROLLUPS: Final = (*FACTS, REQUEST_TOOLS, USAGE)


@dataclass(frozen=True, slots=True)
class UsageKey:
    """What the key of a usage dimension is: of a call, of a tool call, of a trace.

    trace: a column of the trace, whose spans count with it; "" where a trace counts under each value that its spans have
    (span_profile). rolled_up: whether usage_rollup has it.
    """

    call: LiteralString
    tool: LiteralString
    trace: LiteralString = ""
    rolled_up: bool = True


USAGE_KEYS: Final[dict[str, UsageKey]] = {
    "none": UsageKey("NULL::text", "NULL::text", "NULL::text"),
    "model": UsageKey("x.model", "x.model"),
    "service": UsageKey("x.service", "x.service"),
    "user": UsageKey("x.user_id", "x.user_id", "x.user_id"),
    "session": UsageKey("x.session_id", "x.session_id", "x.session_id", rolled_up=False),
    "tenant": UsageKey("x.tenant_id", "x.tenant_id", "x.tenant_id"),
    "version": UsageKey("x.service_version", "x.service_version"),
    "version_set": UsageKey(VERSION_SET, VERSION_SET),
    "operation": UsageKey("x.operation", "'tool'"),
}
PROFILED: Final = tuple(name for name, key in USAGE_KEYS.items() if not key.trace)
