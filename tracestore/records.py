"""What one span, log record or metric point is once it has been decoded: the words that every layer shares.

Records are `msgspec.Struct`s: frozen and slotted like dataclasses, but built in C (0.4 us for 50 fields against 4 us
for a frozen dataclass), which matters where 20 000 spans a second pass. Units are in the names. None means unknown;
0 means a measured zero. This module imports nothing of ours.
"""

from typing import Any

import msgspec

Value = Any  # None | bool | int | float | str | bytes | list[Value] | dict[str, Value]
Attributes = dict[str, Value]

# Bits of Span.flags. What a bit says is shown on the span, never silently dropped.
STREAMING = 1 << 0  # the call streamed its answer
CLOCK_SUSPECT = 1 << 1  # the emitter's times lie outside [now - retention, now + 10 minutes] or run backwards
TRUNCATED = 1 << 2  # we cut a value that was over its cap
INVALID_NUMBER = 1 << 3  # a measure was NaN, infinite, negative or out of range, and is unknown (None)
TOKENS_DISAGREE = 1 << 4  # total tokens given are not input + output
CACHE_EXCLUSIVE = 1 << 5  # the emitter's input tokens left the cache out; ours include it
DUPLICATE_KEYS = 1 << 6  # an attribute key came twice; the last one won
IDENTITY_INHERITED = 1 << 7  # session, user or environment came from scope or resource
TOOL_EXECUTION = 1 << 8  # the span is one execution of a tool
TIMEOUT = 1 << 9  # the error is a timeout
RESPONSE_CACHE_HIT = 1 << 10  # answered from the application's own response cache
SESSION_IS_THREAD = 1 << 11  # the session is a conversation or thread: it yields to a session named in its trace
UNKNOWN_WORD = 1 << 12  # an attribute of ours (fourline.*) holds a word that it does not have: what it says is unknown


class Event(msgspec.Struct, frozen=True, gc=False):
    name: str
    time_ns: int
    attributes: Attributes
    dropped_attributes: int = 0


class Link(msgspec.Struct, frozen=True, gc=False):
    trace_id: bytes
    span_id: bytes
    tracestate: str
    attributes: Attributes
    dropped_attributes: int = 0
    flags: int = 0


class Resource(msgspec.Struct, frozen=True, gc=False):
    """id: first 8 bytes (signed) of blake2b over the canonical encoding; equal content, equal id."""

    id: int
    attributes: Attributes
    schema_url: str = ""
    dropped_attributes: int = 0


class Scope(msgspec.Struct, frozen=True, gc=False):
    id: int
    name: str
    version: str
    attributes: Attributes
    schema_url: str = ""
    dropped_attributes: int = 0


class RawSpan(msgspec.Struct, frozen=True, gc=False):
    """A span as its emitter sent it, cleaned so that Postgres can hold it (see ingest.decode), nothing interpreted.

    trace_id: 16 bytes, not all zero. span_id, parent_span_id: the 8 bytes as a signed integer; parent None when absent
    or all zero. start_ns, end_ns: 0 <= t < 2^63 nanoseconds since the epoch (clamped; whatever the emitter said).
    kind: OTLP SpanKind 0-5. status_code: 0 unset, 1 ok, 2 error.
    """

    trace_id: bytes
    span_id: int
    parent_span_id: int | None
    name: str
    kind: int
    start_ns: int
    end_ns: int
    status_code: int
    status_message: str
    attributes: Attributes
    events: list[Event]
    links: list[Link]
    resource: Resource
    scope: Scope
    tracestate: str = ""
    trace_flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    flags: int = 0  # of the bits above: TRUNCATED, DUPLICATE_KEYS


class Span(msgspec.Struct, frozen=True, gc=False):
    """A span and what it means: the canonical fields that `ingest.conventions` found in it.

    Texts are at most 256 characters. Tokens are counts; input_tokens include what the cache served and created.
    Money is integer nano-USD. `provenance` says which attribute each field was read from.
    """

    raw: RawSpan
    # chat completion embedding agent workflow task tool retrieval rerank guardrail evaluator prompt handoff memory http other
    operation: str
    status: int  # 0 unset, 1 ok, 2 error: the emitter's status, or error where an error was evident
    service: str
    service_version: str | None = None
    environment: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    cache_creation_1h_tokens: int | None = None  # the part of cache_creation_tokens with a one-hour lifetime
    reasoning_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    cost_nanousd: int | None = None  # computed at receipt from `price_id`; None = unpriced
    price_id: int | None = None
    reported_cost_nanousd: int | None = None  # what the emitter said
    ttft_ns: int | None = None
    finish_reasons: tuple[str, ...] = ()
    tool_name: str | None = None
    tool_call_id: str | None = None
    agent_name: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    error_type: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    rag_index_version: str | None = None
    response_id: str | None = None
    retry_count: int | None = None
    signals: int | None = None  # bits of tracestore.analysis.signals; None = it says nothing
    queue_ns: int | None = None
    token_budget: int | None = None
    effect_key: int | None = (
        None  # of a tool: hash of its idempotency key, else of its arguments where it has an effect
    )
    version_part: "VersionPart | None" = None
    provenance: "Provenance | None" = None
    flags: int = 0
    evaluations: tuple["Evaluation", ...] = ()  # that its events and attributes carry


class VersionPart(msgspec.Struct, frozen=True, gc=False):
    """The versions one span knows of: code, agent, model, prompt, index, tools hash, config, revision.

    id: first 8 bytes (signed) of blake2b over `service` and the sorted parts. parts: name -> value, both short texts;
    names: service_version agent agent_version model prompt rag_index tools config revision.
    """

    id: int
    service: str
    parts: tuple[tuple[str, str], ...]


class Provenance(msgspec.Struct, frozen=True, gc=False):
    """Which source each canonical field was read from, under which version of the mapping rules.

    sources: (field, "attr:KEY" | "resource:KEY" | "scope:KEY" | "event:NAME" | "rule:NAME"), sorted by field.
    id: first 8 bytes (signed) of blake2b over both, so that the few distinct ones are stored once.
    """

    id: int
    mapping_version: int
    sources: tuple[tuple[str, str], ...]


class Price(msgspec.Struct, frozen=True, gc=False):
    """The unit prices a cost was computed with. id: first 8 bytes (signed) of blake2b over the rest.

    rates: (name, nano-USD per million tokens or per request), names as in tracestore.analysis.pricing.
    source: "genai-prices 0.2.3" or "project price <pattern> from <date>".
    """

    id: int
    model: str
    source: str
    rates: tuple[tuple[str, int], ...]


class LogRecord(msgspec.Struct, frozen=True, gc=False):
    """hash: 16 bytes of blake2b over resource, scope and record: the key that folds a re-sent record."""

    hash: bytes
    time_ns: int  # 0 was replaced by the observed time, and that by the time of receipt
    observed_ns: int
    trace_id: bytes | None
    span_id: int | None
    severity: int
    severity_text: str
    event_name: str
    body: Value
    attributes: Attributes
    resource: Resource
    scope: Scope
    trace_flags: int = 0
    dropped_attributes: int = 0
    flags: int = 0
    service: str = "unknown_service"
    environment: str | None = None
    evaluation: "Evaluation | None" = None  # that it is


class Exemplar(msgspec.Struct, frozen=True, gc=False):
    time_ns: int
    value: float | int
    trace_id: bytes | None
    span_id: int | None
    attributes: Attributes


class MetricPoint(msgspec.Struct, frozen=True, gc=False):
    """One data point. series: 16 bytes of blake2b over resource, scope, name, unit, kind and attributes.

    kind: gauge | sum | histogram | exponential_histogram | summary. value: for gauge and sum.
    body: for the other kinds the whole point (count, sum, min, max, bounds and counts, scale, ...), plain values.
    temporality: 0 unspecified, 1 delta, 2 cumulative.
    """

    series: bytes
    name: str
    description: str
    unit: str
    kind: str
    temporality: int
    monotonic: bool
    attributes: Attributes
    resource: Resource
    scope: Scope
    start_ns: int
    time_ns: int
    value: float | int | None = None
    body: Attributes | None = None
    exemplars: tuple[Exemplar, ...] = ()
    flags: int = 0
    service: str = "unknown_service"


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """What somebody thinks of an answer. Made by tracestore.analysis.evaluations, which knows its caps and words.

    trace_id, span_id: what it is about, None where it does not say. source: people | code | judge | otlp (not said).
    passed: None where it is not known. score: finite, None where there is none. user_id: who gave it.
    hash: 16 bytes, the same for what is the same evaluation; empty for one that a record brings (the record's is taken).
    digest: of what it says.
    """

    name: str
    source: str
    time_ns: int
    trace_id: bytes | None
    span_id: int | None
    score: float | None
    label: str | None
    passed: bool | None
    adoption: str | None  # adopted | edited | rejected
    comment: str | None
    user_id: str | None
    response_id: str | None
    hash: bytes
    digest: int


class Batch(msgspec.Struct, frozen=True, gc=False):
    """One request of one project, ready to be written. sent == len(records) + sum(rejected.values())."""

    project_id: int
    signal: str  # traces | logs | metrics | feedback (which has no ledger)
    received_ns: int
    sent: int
    spans: list[Span] = []
    logs: list[LogRecord] = []
    points: list[MetricPoint] = []
    evaluations: list[Evaluation] = []
    rejected: dict[str, int] = {}
    prices: dict[int, Price] = {}  # the prices that spans of this batch point to
    retention_days: int = 30  # of the project: which start times are plausible (tracestore.partitions.storage_day)
    score_days: int = 30  # the same for evaluations, whatever brings them: as long as traces


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What became of a batch, after its commit. sent == accepted + deduplicated + sum(rejected.values())."""

    sent: int
    accepted: int
    deduplicated: int
    rejected: dict[str, int] = {}
    message: str = ""  # for partial_success: why records were rejected and what to do
