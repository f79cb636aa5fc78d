"""Which traces match, and what happened in one of them?"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tracestore.queries.spans import SpanRow


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One trace. Ids are lower-case hex; times and durations nanoseconds; money integer nano-USD; None = unknown.

    status: 0 unset, 1 ok, 2 error. settled: False while the row was computed just now from the spans, because the
    background has not reached it yet (lists show settled traces only).
    """

    trace_id: str
    day: date
    start_ns: int
    end_ns: int
    duration_ns: int
    root_span_id: str | None
    name: str
    operation: str
    service: str
    service_version: str | None
    environment: str | None
    status: int
    error_type: str | None
    span_count: int
    error_count: int
    llm_calls: int
    llm_errors: int
    embedding_calls: int
    tool_calls: int
    tool_errors: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    embedding_tokens: int | None
    cost_nanousd: int | None
    unpriced_calls: int
    ttft_ns: int | None
    session_id: str | None
    user_id: str | None
    tenant_id: str | None
    services: list[str]
    models: list[str]
    environments: list[str]
    versions: list[str]
    version_sets: list[str]
    tools: list[str]
    operations: list[str]
    attrs: dict[str, Any]
    complete: bool
    flags: int
    settled: bool = True


@dataclass(frozen=True, slots=True)
class TracePage:
    items: list[TraceRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class TraceDetail:
    """One trace and a window of its spans, in start order (parents before their children at equal times).

    spans_total: all spans of the trace. next_cursor: the next window, None at the end. missing_parents: ids that spans
    name as their parent and that never arrived.
    """

    trace: TraceRow
    spans: list[SpanRow]
    spans_total: int
    next_cursor: str | None
    missing_parents: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StripBucket:
    """Traces that started in [start_ns, start_ns + the strip's bucket_ns)."""

    start_ns: int
    traces: int
    error_traces: int
    p95_duration_ns: int | None
    cost_nanousd: int | None


@dataclass(frozen=True, slots=True)
class TraceStrip:
    """What a filter matches, in one line: over [start_ns, end_ns) of the trace starts.

    cost_nanousd sums the traces whose cost is known; unpriced_traces counts those with a call that has no price.
    """

    start_ns: int
    end_ns: int
    bucket_ns: int
    traces: int
    error_traces: int
    p50_duration_ns: int | None
    p95_duration_ns: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nanousd: int | None
    unpriced_traces: int
    buckets: list[StripBucket]
