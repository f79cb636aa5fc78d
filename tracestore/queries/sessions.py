"""Which conversations were there, and what happened in one of them?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session within a time range. duration_ns: first start to last end. None = unknown."""

    session_id: str
    start_ns: int
    end_ns: int
    duration_ns: int
    trace_count: int
    error_traces: int
    span_count: int
    error_count: int
    llm_calls: int
    tool_calls: int
    tool_errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_nanousd: int | None
    user_id: str | None
    tenant_id: str | None
    services: list[str]
    models: list[str]
    versions: list[str]


@dataclass(frozen=True, slots=True)
class SessionPage:
    items: list[SessionRow]
    next_cursor: str | None
