"""What usage and each rollup ought to be, told naively from the rows of tests/store/oracle.py."""

from collections.abc import Iterable
from types import SimpleNamespace as Row
from typing import Any

from tests.store import oracle_signals
from tests.store.oracle import DAY_NS, Derived, call_sums, known_sum
from tracestore.analysis import histogram

NS = 10**9
EMPTY = {"traces": 0, "spans": 0, "error_spans": 0, "tool_calls": 0, "tool_errors": 0}
SPAN_KEYS = {"model": "model", "service": "service", "version": "service_version", "operation": "operation"}
ROW_KEYS = {"user": "user_id", "session": "session_id", "tenant": "tenant_id", "version_set": "version_set"}


def usage(derived: Derived, start_ns: int, end_ns: int, group_by: str) -> dict[Any, dict[str, Any]]:
    """key -> measures of what ended in [start_ns, end_ns)."""
    traces, calls, tools = ([row for row in rows if start_ns <= row.end_ns < end_ns] for rows in derived)
    billable = [call for call in calls if call.billable]
    by_trace = [(trace, _trace_keys(trace, group_by)) for trace in traces]
    keys = {_key(call, group_by) for call in billable} | {_tool_key(tool, group_by) for tool in tools}
    keys |= {key for _, counts in by_trace for key in counts}
    found = {}
    for key in keys:
        of_key = [counts[key] for _, counts in by_trace if key in counts]
        own_tools = [tool for tool in tools if _tool_key(tool, group_by) == key]
        found[key] = call_sums([call for call in billable if _key(call, group_by) == key]) | {
            "traces": sum(count[0] for count in of_key),
            "spans": sum(count[1] for count in of_key),
            "error_spans": sum(count[2] for count in of_key),
            "tool_calls": len(own_tools),
            "tool_errors": sum(tool.status == 2 for tool in own_tools),
        }
    return found


def _key(row: Row, group_by: str) -> Any:
    return None if group_by == "none" else getattr(row, (SPAN_KEYS | ROW_KEYS)[group_by])


def _tool_key(tool: Row, group_by: str) -> Any:
    if group_by == "operation":
        return "tool"
    return tool.asked_by if group_by == "model" else _key(tool, group_by)


def _trace_keys(trace: Row, group_by: str) -> dict[Any, tuple[int, int, int]]:
    """key -> (traces, spans, failed spans) of one trace."""
    if group_by in ("none", "user", "session", "tenant"):
        return {_key(trace, group_by): (1, trace.span_count, trace.error_count)}
    keyed = [
        (trace.sets.get(span.service) if group_by == "version_set" else getattr(span, SPAN_KEYS[group_by]), span)
        for span in trace.spans
    ]
    keys = {key for key, _ in keyed}
    return {
        key: (
            int(key is not None or keys == {None}),
            sum(own == key for own, _ in keyed),
            sum(own == key and span.status == 2 for own, span in keyed),
        )
        for key in keys
    }


WHO = ("service", "service_version", "version_set", "environment")
REQUEST = (
    *WHO, "operation", "other_sets", "other_services", "other_environments", "other_versions", "all_models", "all_operations"
)  # fmt: skip
PROMPT = ("prompt_name", "prompt_version")
TRACE_SUMS = (
    "llm_calls llm_errors embedding_calls tool_calls tool_errors input_tokens output_tokens cache_read_tokens"
    " cache_creation_tokens reasoning_tokens embedding_tokens cost_nanousd unpriced_calls"
).split()


def rollup(derived: Derived, table: str, grain_s: int) -> dict[tuple[Any, ...], dict[str, Any]]:
    """(start, dimensions) -> measures and histograms."""
    traces, calls, tools = derived
    if table == "request_rollup":
        return _grouped(traces, grain_s, REQUEST, _requests)
    if table == "request_tools_rollup":
        return _grouped(traces, grain_s, (*REQUEST, "all_tools"), _requests) if grain_s > 60 else {}
    if table == "call_rollup":
        billable = [call for call in calls if call.billable]
        return _grouped(billable, grain_s, (*WHO, "operation", "provider", "model", *PROMPT), _calls)
    if table == "tool_rollup":
        return _grouped(tools, grain_s, (*WHO, "tool_name", "asked_by"), _tools)
    if table == "score_rollup":
        return {}  # nothing is said of these spans; tests/store/test_scores.py says something
    return _usage(derived, grain_s)


def _usage(derived: Derived, grain_s: int) -> dict[tuple[Any, ...], dict[str, Any]]:
    starts = {row.end_ns // NS // grain_s * grain_s for rows in derived for row in rows}
    found = {}
    for start in starts:
        for dimension in ("none", "model", "service", "user", "tenant", "version", "version_set", "operation"):
            for key, sums in usage(derived, start * NS, (start + grain_s) * NS, dimension).items():
                found[start, dimension, key] = sums
    return found


def _grouped(rows: Iterable[Row], grain_s: int, names: tuple[str, ...], sums: Any) -> dict[tuple[Any, ...], Any]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = (row.end_ns // NS // grain_s * grain_s, *(getattr(row, name) for name in names))
        groups.setdefault(key, []).append(row)
    return {key: sums(group) for key, group in groups.items()}


def sums_of(table: str, rows: list[Row]) -> dict[str, Any]:
    return {"request_rollup": _requests, "call_rollup": _calls, "tool_rollup": _tools}[table](rows)


def _requests(traces: list[Row]) -> dict[str, Any]:
    counted = {name: known_sum(getattr(trace, name) for trace in traces) for name in TRACE_SUMS}
    return counted | {
        "requests": len(traces),
        "errors": sum(trace.status == 2 for trace in traces),
        "spans": sum(trace.span_count for trace in traces),
        "error_spans": sum(trace.error_count for trace in traces),
        "error_requests": sum(trace.error_count > 0 for trace in traces),
        "unpriced_requests": sum(trace.unpriced_calls > 0 for trace in traces),
        "duration": _histogram(trace.duration_ns for trace in traces if trace.status != 2),
        "failed_duration": _histogram(trace.duration_ns for trace in traces if trace.status == 2),
        "ttft": _histogram(trace.ttft_ns for trace in traces),
        "cost": _histogram(trace.cost_nanousd for trace in traces),
        "queue": _histogram(trace.queue_ns for trace in traces),
        "tokens": _histogram(map(oracle_signals.known_tokens, traces)),
        **oracle_signals.request_sums(traces),
    }


def _calls(calls: list[Row]) -> dict[str, Any]:
    made = [call for call in calls if call.call]
    lacking = [
        c for c in made
        if c.cost_nanousd is None and c.model and (c.output_tokens if c.operation == "chat" else c.input_tokens) is not None
    ]  # fmt: skip
    return call_sums(calls) | {
        "calls": len(made),
        "errors": sum(call.status == 2 for call in made),
        "lacking_price": len(lacking),
        "retries": known_sum(call.retry_count for call in calls),
        "duration": _histogram(_lasted(call) for call in made if call.status != 2),
        "failed_duration": _histogram(_lasted(call) for call in made if call.status == 2),
        "ttft": _histogram(call.ttft_ns for call in made),
        "queue": _histogram(call.queue_ns for call in made),
        **oracle_signals.call_sums(made),
    }


def _tools(tools: list[Row]) -> dict[str, Any]:
    return {
        "tool_calls": len(tools),
        "tool_errors": sum(tool.status == 2 for tool in tools),
        "retries": known_sum(tool.retry_count for tool in tools),
        "duration": _histogram(_lasted(tool) for tool in tools if tool.status != 2),
        "failed_duration": _histogram(_lasted(tool) for tool in tools if tool.status == 2),
        **oracle_signals.tool_sums(tools),
    }


def _lasted(row: Row) -> int | None:
    own_day = row.start_ns // DAY_NS == (row.day - type(row.day)(1970, 1, 1)).days
    return row.end_ns - row.start_ns if own_day and row.end_ns >= row.start_ns else None


def _histogram(values: Iterable[int | None]) -> list[int] | None:
    return histogram.pack(histogram.count(value for value in values if value is not None)) or None
