"""What do the answers of the API look like? For OpenAPI; a test holds real answers to these classes."""

from typing import Any, Generic, Literal, TypeVar

from ninja import Schema
from pydantic import ConfigDict

Item = TypeVar("Item")
Status = Literal["unset", "ok", "error"]


class Strict(Schema):
    model_config = ConfigDict(extra="forbid")


class Items(Strict, Generic[Item]):
    items: list[Item]
    next_cursor: str | None
    step_s: int | None = None


class Page(Strict, Generic[Item]):
    items: list[Item]
    next_cursor: str | None
    notes: list[str] = []  # what a free-text search left out


class Trace(Strict):
    trace_id: str
    name: str
    start_time: str
    end_time: str
    start_unix_nano: str
    end_unix_nano: str
    duration_ns: int
    root_span_id: str | None
    operation: str
    status: Status
    error_type: str | None
    service: str
    service_version: str | None
    environment: str | None
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
    cost_usd: str | None
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
    attributes: dict[str, Any]
    complete: bool
    settled: bool


class Span(Strict):
    span_id: str
    parent_span_id: str | None
    name: str
    kind: Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
    operation: str
    status: Status
    status_message: str | None
    start_unix_nano: str
    end_unix_nano: str
    received_unix_nano: str
    duration_ns: int
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
    cache_creation_1h_tokens: int | None
    reasoning_tokens: int | None
    audio_input_tokens: int | None
    audio_output_tokens: int | None
    cost_usd: str | None
    cost_source: Literal["computed", "reported"] | None
    reported_cost_usd: str | None
    billable: bool | None
    duplicate_of: str | None
    duplicate_of_trace: str | None
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
    version_set: str | None
    flags: list[str]
    depth: int
    orphan: bool


class Evaluation(Strict):
    id: str
    trace_id: str | None
    span_id: str | None
    time: str
    time_unix_nano: str
    received_unix_nano: str
    name: str
    source: Literal["people", "code", "judge", "otlp"]
    score: float | None
    label: str | None
    passed: bool | None
    adoption: Literal["adopted", "edited", "rejected"] | None
    comment: str | None
    user_id: str | None
    response_id: str | None


class Release(Strict):
    id: str
    service: str
    version: str
    environment: str
    time: str
    time_unix_nano: str
    name: str
    url: str
    commit: str
    description: str
    version_set: str | None


class TraceDetail(Strict):
    trace: Trace
    spans: list[Span]
    evaluations: list[Evaluation]
    spans_total: int
    missing_parents: list[str]
    next_cursor: str | None


class Origin(Strict):
    attributes: dict[str, Any]
    schema_url: str
    dropped_attributes: int
    name: str | None = None
    version: str | None = None


class Event(Strict):
    name: str
    time_unix_nano: str
    attributes: dict[str, Any]
    dropped_attributes: int


class LogEvent(Event):
    body: Any


class Link(Strict):
    trace_id: str
    span_id: str
    tracestate: str
    attributes: dict[str, Any]
    dropped_attributes: int


class ReceiptLine(Strict):
    name: str
    units: int
    rate_usd: str
    amount_usd: str
    per_million: bool


class Receipt(Strict):
    model: str
    source: str
    lines: list[ReceiptLine]
    total_usd: str


class SpanDetail(Span):
    trace_id: str
    attributes: dict[str, Any]
    resource: Origin
    scope: Origin
    events: list[Event]
    log_events: list[LogEvent]
    links: list[Link]
    input_messages: list[Any] | None
    output_messages: list[Any] | None
    system_instructions: Any | None
    tool_arguments: Any | None
    tool_result: Any | None
    price_receipt: Receipt | None
    provenance: dict[str, str]
    mapping_version: int
    tracestate: str
    trace_flags: int
    dropped_attributes: int
    dropped_events: int
    dropped_links: int
    payload_dropped: bool


class Session(Strict):
    session_id: str
    start_time: str
    end_time: str
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
    cost_usd: str | None
    user_id: str | None
    tenant_id: str | None
    services: list[str]
    models: list[str]
    versions: list[str]


class SessionDetail(Strict):
    session: Session
    traces: list[Trace]
    next_cursor: str | None
