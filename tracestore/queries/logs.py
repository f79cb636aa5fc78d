"""Which log records match?"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log record. id: 32 hex digits. severity: OTLP 0-24. body: the value with its types; body_text: <= 256 chars."""

    id: str
    day: date
    time_ns: int
    received_ns: int
    trace_id: str | None
    span_id: str | None
    severity: int
    severity_text: str | None
    event_name: str | None
    service: str
    environment: str | None
    body_text: str | None
    flags: int
    body: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogPage:
    items: list[LogRow]
    next_cursor: str | None
