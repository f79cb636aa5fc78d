"""What was one span, with everything that is known of it?"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span without payload. Ids are lower-case hex; times nanoseconds; money integer nano-USD; None = unknown.

    kind: OTLP SpanKind 0-5. status: 0 unset, 1 ok, 2 error. duration_ns is never negative (flags say when the emitter's
    clock was). input_tokens include what the cache served. billable and duplicate_of are None where the question does
    not arise (not a model call). cost_source: computed | reported | None.
    Tree: depth 0 = a root or a span whose parent never arrived (orphan); children: direct ones; descendants: all below.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    day: date
    name: str
    kind: int
    operation: str
    status: int
    status_message: str | None
    start_ns: int
    end_ns: int
    duration_ns: int
    received_ns: int
    service: str
    service_version: str | None
    environment: str | None
    provider: str | None
    request_model: str | None
    response_model: str | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    audio_input_tokens: int | None
    audio_output_tokens: int | None
    cost_nanousd: int | None
    cost_source: str | None
    reported_cost_nanousd: int | None
    price_id: int | None
    ttft_ns: int | None
    finish_reasons: list[str]
    tool_name: str | None
    tool_call_id: str | None
    agent_name: str | None
    session_id: str | None
    user_id: str | None
    tenant_id: str | None
    prompt_name: str | None
    prompt_version: str | None
    rag_index_version: str | None
    response_id: str | None
    error_type: str | None
    retry_count: int | None
    flags: int
    attribute_count: int
    mapping_version: int
    version_part_id: int | None
    version_set: str | None = None
    billable: bool | None = None
    duplicate_of: str | None = None  # span id; with duplicate_of_trace when that lies in another trace
    duplicate_of_trace: str | None = None
    depth: int = 0
    children: int = 0
    descendants: int = 0
    orphan: bool = False


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
