"""What was one span, with everything that is known of it?"""

from dataclasses import dataclass, field
from typing import Any

from tracestore.queries.spans import SpanRow


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """name, time and attributes of an event on the span, or of a log record that names the span (source = "log")."""

    name: str
    time_ns: int
    attributes: dict[str, Any]
    dropped_attributes: int = 0
    source: str = "span"


@dataclass(frozen=True, slots=True)
class SpanLink:
    trace_id: str
    span_id: str
    tracestate: str
    attributes: dict[str, Any]
    dropped_attributes: int = 0
    same_project: bool | None = None  # None: not looked up


@dataclass(frozen=True, slots=True)
class Origin:
    """The resource or the scope of a span: name and version are the scope's, empty for a resource."""

    attributes: dict[str, Any]
    schema_url: str = ""
    dropped_attributes: int = 0
    name: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class SpanDetail:
    """A span and its payload. attributes keep the types they were sent with (bytes, ints, nested lists and maps).

    provenance: (field, "attr:KEY" | "resource:KEY" | "scope:KEY" | "event:NAME" | "rule:NAME") pairs.
    messages are tracestore.analysis.messages.Message; price_receipt is tracestore.analysis.pricing.Receipt or None.
    """

    span: SpanRow
    attributes: dict[str, Any]
    resource: Origin
    scope: Origin
    events: list[SpanEvent]
    links: list[SpanLink]
    input_messages: list[Any] | None
    output_messages: list[Any] | None
    system_instructions: Any | None
    tool_arguments: Any | None
    tool_result: Any | None
    price_receipt: Any | None
    provenance: list[tuple[str, str]]
    tracestate: str = ""
    trace_flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    log_events: list[SpanEvent] = field(default_factory=list)
