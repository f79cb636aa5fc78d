"""What is the sum of one trace right now, even before the background has reached it?"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from tracestore import db
from tracestore.analysis.calls import CallDecision, CallSpan, decide
from tracestore.analysis.tool_calls import ToolSpan, executions
from tracestore.queries.spans import MERGE_ORDER, hex_id
from tracestore.queries.traces import TraceRow, settled_trace
from tracestore.records import CLOCK_SUSPECT, TOOL_EXECUTION

MAX_SPANS: Final = 100_000
_CHATS = ("chat", "completion")


class _Span(NamedTuple):
    span_id: int
    parent_span_id: int | None
    day: date
    start_ns: int
    end_ns: int
    name: str
    operation: str
    status: int
    error_type: str | None
    service: str
    service_version: str | None
    environment: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    cost_nanousd: int | None
    ttft_ns: int | None
    tool_name: str | None
    tool_call_id: str | None
    session_id: str | None
    user_id: str | None
    tenant_id: str | None
    response_id: str | None
    flags: int


_SPANS = f"""
SELECT DISTINCT ON (s.span_id)
  s.span_id, s.parent_span_id, s.day, s.start_ns, s.end_ns, s.name, s.operation, s.status, s.error_type, s.service,
  s.service_version, s.environment, coalesce(s.response_model, s.request_model) AS model, s.input_tokens,
  s.output_tokens, s.cache_read_tokens, s.cache_creation_tokens, s.reasoning_tokens,
  coalesce(s.cost_nanousd, s.reported_cost_nanousd) AS cost_nanousd, s.ttft_ns, s.tool_name, s.tool_call_id,
  s.session_id, s.user_id, s.tenant_id, s.response_id, s.flags
FROM span AS s
WHERE s.project = %(project)s AND s.trace_id = %(trace_id)s
ORDER BY s.span_id, {MERGE_ORDER}
LIMIT %(rows)s
"""  # noqa: S608  # constants only


def find_trace(project_id: int, trace_id: str, *, now_ns: int) -> TraceRow | None:
    """A trace without its spans. None: the project has none of this id.

    What the background has settled, when nothing came since; else computed from the spans (settled = False), without
    the twins that other traces may hold and without version sets: both are there a few seconds later.
    """
    row = settled_trace(project_id, trace_id, now_ns)
    if row is not None and row.settled:
        return row
    spans = db.fetch(_SPANS, {"project": project_id, "trace_id": trace_id, "rows": MAX_SPANS}, _Span)
    return _sum(trace_id, spans) if spans else row


def _sum(trace_id: str, spans: Sequence[_Span]) -> TraceRow:
    root = _root(spans)
    timed = [span for span in spans if not span.flags & CLOCK_SUSPECT] or spans
    start_ns, end_ns = min(span.start_ns for span in timed), max(max(span.start_ns, span.end_ns) for span in timed)
    tools = _executions(trace_id, spans)
    return TraceRow(
        trace_id=trace_id,
        day=min(span.day for span in spans),
        start_ns=start_ns,
        end_ns=end_ns,
        duration_ns=end_ns - start_ns,
        root_span_id=hex_id(root.span_id) if root.parent_span_id is None else None,
        **{name: getattr(root, name) for name in ("name", "operation", "service", "service_version", "environment")},
        status=root.status if root.parent_span_id is None else 2 * any(span.status == 2 for span in spans),
        error_type=root.error_type,
        span_count=len(spans),
        error_count=sum(span.status == 2 for span in spans),
        tool_calls=len(tools),
        tool_errors=sum(span.status == 2 for span in tools),
        **_calls(trace_id, spans),
        session_id=_first(spans, "session_id"),
        user_id=_first(spans, "user_id"),
        tenant_id=_first(spans, "tenant_id"),
        services=_names(span.service for span in spans),
        models=_names(span.model for span in spans),
        environments=_names(span.environment for span in spans),
        versions=_names(span.service_version for span in spans),
        version_sets=[],
        tools=_names(span.tool_name for span in spans),
        operations=_names(span.operation for span in spans),
        attrs={},
        first_day=min(span.day for span in spans),
        last_day=max(span.day for span in spans),
        complete=False,
        flags=_union(span.flags for span in spans),
        settled=False,
    )


def _root(spans: Sequence[_Span]) -> _Span:
    """The earliest span without a parent; without any, the earliest span."""
    return min(spans, key=lambda span: (span.parent_span_id is not None, span.start_ns, span.span_id))


def _calls(trace_id: str, spans: Sequence[_Span]) -> dict[str, Any]:
    """The counts and sums of billable calls."""
    key = bytes.fromhex(trace_id)
    decisions = decide([_call_span(key, span) for span in spans])
    billable = [(span, made) for span in spans if (made := decisions.get((key, span.span_id))) and made.billable]
    chats = [span for span, made in billable if made.call and span.operation in _CHATS]
    counted = [span for span, made in billable if not made.call or span.operation in _CHATS]
    embeddings = [span for span, made in billable if made.call and span.operation == "embedding"]
    tokens = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "reasoning_tokens")
    return {
        "llm_calls": len(chats),
        "llm_errors": sum(span.status == 2 for span in chats),
        "embedding_calls": len(embeddings),
        **{name: _total(getattr(span, name) for span in counted) for name in tokens},
        "embedding_tokens": _total(span.input_tokens for span in embeddings),
        "cost_nanousd": _total(span.cost_nanousd for span, _ in billable),
        "unpriced_calls": sum(_unpriced(span, made) for span, made in billable),
        "ttft_ns": next((span.ttft_ns for span in sorted(chats, key=_start) if span.ttft_ns is not None), None),
    }


def _executions(trace_id: str, spans: Sequence[_Span]) -> list[_Span]:
    key = bytes.fromhex(trace_id)
    stands = executions([_tool_span(key, span) for span in spans])
    return [span for span in spans if stands.get((key, span.span_id), key) is None]


def _tool_span(trace_id: bytes, span: _Span) -> ToolSpan:
    return ToolSpan(
        trace_id=trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        operation=span.operation,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        executes=bool(span.flags & TOOL_EXECUTION),
        tool_name=span.tool_name,
        tool_call_id=span.tool_call_id,
    )


def _call_span(trace_id: bytes, span: _Span) -> CallSpan:
    return CallSpan(
        trace_id=trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        operation=span.operation,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        status=span.status,
        model=span.model,
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        response_id=span.response_id,
    )


def _unpriced(span: _Span, made: CallDecision) -> bool:
    has_tokens = span.input_tokens is not None or span.output_tokens is not None
    return made.call and has_tokens and span.cost_nanousd is None


def _start(span: _Span) -> int:
    return span.start_ns


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _names(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value})


def _first(spans: Sequence[_Span], name: str) -> str | None:
    return next((value for span in sorted(spans, key=_start) if (value := getattr(span, name))), None)


def _union(flags: Iterable[int]) -> int:
    whole = 0
    for one in flags:
        whole |= one
    return whole
