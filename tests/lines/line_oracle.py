"""What each member of the lines ought to be, told naively from the rows of tests/store/oracle.py: lists, no sums, no buckets.

(value, n) of the rows that ended in a period; (None, 0) where nothing is known.
"""

import math
from collections.abc import Callable, Iterable
from types import SimpleNamespace as Row
from typing import Any

from tests.queries.filter_oracle import holds
from tests.store import oracle_filters
from tests.store.oracle import DAY_NS, Derived, known_sum
from tracestore.analysis.filters import Node

Told = tuple[float | None, int]


def told(name: str, derived: Derived, seconds: float) -> Told:
    """Of all the rows of derived, which cover so many seconds."""
    traces, calls, tools = derived
    made = [call for call in calls if call.billable and call.call]
    if name in OF_TRACES:
        return OF_TRACES[name](traces)
    if name in OF_CALLS:
        return OF_CALLS[name](made, [call for call in calls if call.billable])
    if name in OF_TOOLS:
        return OF_TOOLS[name](tools)
    return OVER_TIME[name](traces, seconds)


def passing(derived: Derived, filter: Node) -> Derived:
    """The rows that a filter finds, each asked for itself."""
    asks = (oracle_filters._ask_request, oracle_filters._ask_call, oracle_filters._ask_tool)
    traces, calls, tools = (
        [row for row in rows if holds(filter, vars(row), ask)] for rows, ask in zip(derived, asks, strict=True)
    )
    return traces, calls, tools


def share(rows: list[Row], is_part: Callable[[Row], bool]) -> Told:
    return (sum(map(is_part, rows)) / len(rows), len(rows)) if rows else (None, 0)


def quantile(values: Iterable[int | None], q: float) -> Told:
    """Nearest rank."""
    known = sorted(value for value in values if value is not None)
    return (known[math.ceil(q * len(known) - 1e-9) - 1], len(known)) if known else (None, 0)


def total(rows: list[Row], name: str) -> Told:
    found = known_sum(getattr(row, name) for row in rows)
    return (None, 0) if found is None else (found, len(rows))


def costs(traces: list[Row]) -> list[int]:
    return [trace.cost_nanousd for trace in traces if trace.cost_nanousd is not None]


def mean(values: list[int]) -> Told:
    return (sum(values) / len(values), len(values)) if values else (None, 0)


def top(values: list[int]) -> Told:
    """The dearest 5 %, the last of them in part; told of 20 and more."""
    if len(values) < 20 or not sum(values):
        return None, len(values)
    wanted, found = len(values) / 20, 0.0
    for value in sorted(values, reverse=True):
        found += value * min(1.0, max(0.0, wanted))
        wanted -= 1
    return found / sum(values), len(values)


def lasted(row: Row) -> int | None:
    own_day = row.start_ns // DAY_NS == (row.day - type(row.day)(1970, 1, 1)).days
    return row.end_ns - row.start_ns if own_day and row.end_ns >= row.start_ns else None


def succeeded(row: Row) -> bool:
    return bool(row.status != 2)


def failed(row: Row) -> bool:
    return bool(row.status == 2)


def _cached(traces: list[Row]) -> Told:
    cached, read = (known_sum(getattr(t, name) for t in traces) for name in ("cache_read_tokens", "input_tokens"))
    return (None, 0) if cached is None or not read else (cached / read, len(traces))


def _retries(calls: list[Row], billable: list[Row]) -> Told:
    retries = known_sum(call.retry_count for call in billable)
    return (None, 0) if retries is None or not calls else (retries / len(calls), len(calls))


def told_share(known: str | None, part: str) -> Callable[[list[Row]], Told]:
    """Of the rows that say the one word, those that say the other too."""
    return lambda rows: share(
        [row for row in rows if known is None or known in row.words], lambda row: part in row.words
    )


def _adopted(traces: list[Row]) -> Told:
    return share(
        [t for t in traces if t.words & {"ADOPTED", "EDITED", "REJECTED"}], lambda t: "REJECTED" not in t.words
    )


def _retrieved(traces: list[Row]) -> Told:
    made, hits = (known_sum(getattr(t, name) for t in traces) for name in ("retrievals", "retrieval_hits"))
    return ((hits or 0) / made, made) if made else (None, 0)


def _over_budget(traces: list[Row]) -> Told:
    used = {id(t): known_sum([t.input_tokens, t.output_tokens]) for t in traces}
    known = [t for t in traces if t.token_budget is not None and used[id(t)] is not None]
    return share(known, lambda t: used[id(t)] > t.token_budget)


OF_TRACES: dict[str, Callable[[list[Row]], Told]] = {
    "success_rate": lambda traces: share(traces, succeeded),
    "error_rate": lambda traces: share(traces, failed),
    "latency_p50": lambda traces: quantile([t.duration_ns for t in traces if succeeded(t)], 0.5),
    "latency_p95": lambda traces: quantile([t.duration_ns for t in traces if succeeded(t)], 0.95),
    "latency_p99": lambda traces: quantile([t.duration_ns for t in traces if succeeded(t)], 0.99),
    "failed_latency_p95": lambda traces: quantile([t.duration_ns for t in traces if failed(t)], 0.95),
    "ttft_p95": lambda traces: quantile([t.ttft_ns for t in traces], 0.95),
    "cost_per_request": lambda traces: mean(costs(traces)),
    "cost_total": lambda traces: (sum(costs(traces)), len(costs(traces))) if costs(traces) else (None, 0),
    "input_tokens": lambda traces: total(traces, "input_tokens"),
    "output_tokens": lambda traces: total(traces, "output_tokens"),
    "cached_tokens": lambda traces: total(traces, "cache_read_tokens"),
    "reasoning_tokens": lambda traces: total(traces, "reasoning_tokens"),
    "cache_hit_share": _cached,
    "top5_cost_share": lambda traces: top(costs(traces)),
    "requests": lambda traces: (len(traces), len(traces)),
    "adoption_rate": _adopted,
    "retrieval_hit_rate": _retrieved,
    "budget_overrun_rate": _over_budget,
    "queue_p95": lambda traces: quantile([t.queue_ns for t in traces], 0.95),
    "policy_violation_rate": told_share("POLICY_CHECKED", "POLICY_VIOLATED"),
    "injection_rate": told_share("INJECTION_CHECKED", "INJECTION_DETECTED"),
    "sensitive_rate": told_share("SENSITIVE_CHECKED", "SENSITIVE_FOUND"),
    "refusal_rate": told_share("REFUSAL_KNOWN", "REFUSED"),
    "degraded_rate": told_share("DEGRADED_KNOWN", "DEGRADED"),
    "breaker_open_rate": told_share("BREAKER_KNOWN", "BREAKER_OPEN"),
    "timeout_rate": told_share(None, "TIMED_OUT"),
    "rate_limited_rate": told_share(None, "RATE_LIMITED"),
    "implicit_error_rate": told_share(None, "IMPLICIT_ERROR"),
    "policy_error_rate": told_share(None, "POLICY_ERROR"),
}
OF_CALLS: dict[str, Callable[[list[Row], list[Row]], Told]] = {
    "model_latency_p95": lambda calls, _: quantile([lasted(c) for c in calls if succeeded(c)], 0.95),
    "retry_rate": _retries,
}
OF_TOOLS: dict[str, Callable[[list[Row]], Told]] = {
    "tool_success_rate": lambda tools: share(tools, succeeded),
    "unknown_state_rate": told_share(None, "STATE_UNKNOWN"),
    "above_tier_rate": told_share("TIER_JUDGED", "ABOVE_TIER"),
    "unapproved_rate": told_share("APPROVAL_NEEDED", "UNAPPROVED"),
    "duplicate_effect_rate": told_share("HAD_EFFECT", "DUPLICATE_EFFECT"),
    "tool_latency_p95": lambda tools: quantile([lasted(tool) for tool in tools if succeeded(tool)], 0.95),
}
OVER_TIME: dict[str, Callable[[list[Row], float], Told]] = {
    "traffic": lambda traces, seconds: (60 * len(traces) / seconds, len(traces)),
    "cost_per_hour": lambda traces, seconds: (
        (3600 * sum(costs(traces)) / seconds, len(costs(traces))) if costs(traces) else (None, 0)
    ),
}
KNOWN = (*OF_TRACES, *OF_CALLS, *OF_TOOLS, *OVER_TIME)
SPLIT: dict[str, tuple[Callable[[Row], Any] | None, Callable[[Row], Any] | None, Callable[[Row], Any] | None]] = {
    "version": (lambda t: t.service_version, lambda c: c.service_version, lambda t: t.service_version),
    "model": (None, lambda c: c.model, lambda t: t.asked_by),
    "tool": (None, None, lambda t: t.tool_name),
    "environment": (lambda t: t.environment, lambda c: c.environment, lambda t: t.environment),
}  # of traces, calls, tools; None: they do not know it
