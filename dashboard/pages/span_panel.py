"""What was one span: messages, tools, tokens, price, and everything its emitter sent? The panel beside the tree."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest

from dashboard.conversation import Talk, talk
from dashboard.geometry import Bar
from dashboard.links import in_project, quoted, with_query
from dashboard.pages.evaluations import Said, load_said
from dashboard.params import in_ns
from dashboard.price_lines import ReceiptView, receipt_view
from dashboard.templatetags.units import counted, in_time
from dashboard.trees import CALLS, kind_of, tokens_of
from dashboard.values import CUT, LONGEST, Attribute, Shown, attributes, shown
from tracestore import records
from tracestore.queries.earlier_calls import messages_before
from tracestore.queries.retention import kept_by
from tracestore.queries.span_detail import SpanDetail, SpanEvent, SpanLink, get_span
from tracestore.queries.spans import SpanRow

TOKEN_BAR = 1_000
SAID = "What this span said (messages, attributes, events)"
EVENTS = 200
KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
FLAG_WORDS = (
    (records.CLOCK_SUSPECT, "The emitter's clock is suspect: its times lie outside the retention or run backwards."),
    (records.TRUNCATED, "A value over its cap was cut when it arrived."),
    (records.INVALID_NUMBER, "A measure was not a usable number and counts as unknown."),
    (records.TOKENS_DISAGREE, "The total tokens it reported are not input plus output."),
    (records.CACHE_EXCLUSIVE, "Its emitter reports input tokens without the cache; here they include it."),
    (records.DUPLICATE_KEYS, "An attribute came twice; the last one won."),
    (records.TIMEOUT, "It ran into a timeout."),
    (records.RESPONSE_CACHE_HIT, "Answered from the application's own response cache."),
    (records.UNKNOWN_WORD, "An attribute fourline.* holds a word that is not one of its own: what it says is unknown."),
)
FACTS = (
    ("operation", "operation"), ("service", "service"), ("service_version", "version"), ("environment", "environment"),
    ("provider", "provider"), ("request_model", "model asked for"), ("response_model", "model that answered"),
    ("finish_reasons", "finished by"), ("ttft_ns", "first token after"), ("tool_name", "tool"),
    ("tool_call_id", "tool call"), ("agent_name", "agent"), ("session_id", "session"), ("user_id", "user"),
    ("tenant_id", "tenant"), ("prompt_name", "prompt"), ("prompt_version", "prompt version"),
    ("rag_index_version", "index version"), ("response_id", "response id"), ("error_type", "error"),
    ("retry_count", "retries"), ("input_tokens", "input tokens"), ("output_tokens", "output tokens"),
    ("total_tokens", "total tokens"), ("cache_read_tokens", "read from cache"),
    ("cache_creation_tokens", "written to cache"), ("reasoning_tokens", "reasoning tokens"),
    ("audio_input_tokens", "audio in"), ("audio_output_tokens", "audio out"),
    ("reported_cost_nanousd", "reported cost"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """A canonical field and where it was read from: "attribute gen_ai.system", "resource service.name", ..."""

    word: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class TokenPart:
    """name: in | cached | out | thinking."""

    name: str
    word: str
    count: int
    bar: Bar


@dataclass(frozen=True, slots=True)
class EventView:
    name: str
    after: str
    source: str
    attributes: list[Attribute]
    failed: bool


@dataclass(frozen=True, slots=True)
class LinkView:
    trace_id: str
    span_id: str
    href: str
    attributes: list[Attribute]


@dataclass(frozen=True, slots=True)
class SpanPanel:
    """cached: share of the input.

    twin_href: the span that counts where this one is a duplicate. whole: long texts are shown whole.
    """

    span: SpanRow
    kind: str
    otlp_kind: str
    is_call: bool
    is_tool: bool
    talk: Talk
    arguments: Shown | None
    result: Shown | None
    model: str
    cached: float | None
    tokens: list[TokenPart]
    receipt: ReceiptView | None
    twin_href: str
    remarks: list[str]
    facts: list[Fact]
    mapping_version: int
    events: list[EventView]
    events_hidden: int
    links: list[LinkView]
    attributes: list[Attribute]
    resource: list[Attribute]
    scope: list[Attribute]
    scope_name: str
    scope_version: str
    dropped: str
    tracestate: str
    whole: bool
    whole_href: str
    parent_href: str
    similar_href: str
    has_messages: bool
    said: Said | None
    texts_gone: str  # why nothing that it said is shown; "" where it is


def load_panel(request: HttpRequest, trace_id: str, key: str) -> SpanPanel | None:
    """None: the trace has no such span."""
    detail = get_span(request.project.pk, trace_id, key)
    if detail is None:
        return None
    panel = build_panel(detail, request.project.slug, request.path, request.GET, known_messages(request, detail))
    panel = replace(panel, said=load_said(request, trace_id, detail.span.span_id))
    days = kept_by(request.project).texts
    return replace(panel, texts_gone=texts_gone(detail, days, datetime.now(UTC))) if detail.payload_dropped else panel


def texts_gone(detail: SpanDetail, days: int, now: datetime) -> str:
    """Why the payload of a span is not there. days: for how long its project keeps texts."""
    if detail.span.start_ns < in_ns(now - timedelta(days=days)):
        return f"{SAID} was dropped after {counted(days, 'day')}, as the project's retention asks."
    return f"{SAID} is no longer stored: it was erased, or the retention was changed."


def known_messages(request: HttpRequest, detail: SpanDetail) -> Collection[str] | None:
    """Hashes of what the call before this one held. A first message alone repeats nothing."""
    sent = [one.hash for one in detail.input_messages or () if one.role not in ("system", "developer")]
    if detail.span.operation not in CALLS or len(sent) < 2:
        return None
    return messages_before(request.project.pk, detail.span, sent)


def build_panel(
    detail: SpanDetail, slug: str, path: str, query: Mapping[str, str], known: Collection[str] | None = None
) -> SpanPanel:
    span, whole = detail.span, query.get("whole") == "1"
    limit = LONGEST if whole else CUT
    kind = kind_of(span.operation)
    events = [*detail.events, *detail.log_events]
    return SpanPanel(
        span=span,
        kind=kind,
        otlp_kind=KINDS[span.kind] if 0 <= span.kind < len(KINDS) else str(span.kind),
        is_call=span.operation in CALLS,
        is_tool=kind == "tool",
        talk=talk(detail.system_instructions, detail.input_messages, detail.output_messages, whole, known),
        arguments=None if detail.tool_arguments is None else shown(detail.tool_arguments, limit),
        result=None if detail.tool_result is None else shown(detail.tool_result, limit),
        model=span.response_model or span.request_model or "",
        cached=(span.cache_read_tokens or 0) / span.input_tokens if span.input_tokens else None,
        tokens=token_parts(span),
        receipt=receipt_view(detail),
        twin_href=twin_href(span, slug, path, query),
        remarks=[text for bit, text in FLAG_WORDS if span.flags & bit],
        facts=facts(span, detail.provenance),
        mapping_version=span.mapping_version,
        events=[event_view(one, span, limit) for one in events[:EVENTS]],
        events_hidden=max(0, len(events) - EVENTS),
        links=[link_view(one, slug, limit) for one in detail.links],
        attributes=attributes(detail.attributes, limit),
        resource=attributes(detail.resource.attributes, limit),
        scope=attributes(detail.scope.attributes, limit),
        scope_name=detail.scope.name,
        scope_version=detail.scope.version,
        dropped=dropped(detail),
        tracestate=detail.tracestate,
        whole=whole,
        whole_href=with_query(path, query, whole=1),
        parent_href=with_query(path, query, span=span.parent_span_id) if span.parent_span_id else "",
        similar_href=similar_href(span, slug),
        has_messages=bool(detail.input_messages or detail.output_messages),  # log records may hold them
        said=None,
        texts_gone="",
    )


def token_parts(span: SpanRow) -> list[TokenPart]:
    """Input that was paid in full, what the cache served, output without reasoning, reasoning; as shares of all."""
    if tokens_of(span) is None:
        return []
    cached, thinking = span.cache_read_tokens or 0, span.reasoning_tokens or 0
    parts = (
        ("in", "input", max(0, (span.input_tokens or 0) - cached)), ("cached", "cached input", cached),
        ("out", "output", max(0, (span.output_tokens or 0) - thinking)), ("thinking", "reasoning", thinking),
    )  # fmt: skip
    total = sum(count for _, _, count in parts)
    found: list[TokenPart] = []
    for name, word, count in parts:
        x = found[-1].bar.x + found[-1].bar.width if found else 0
        found.append(TokenPart(name, word, count, Bar(x, count * TOKEN_BAR // total if total else 0)))
    return [part for part in found if part.count]


def facts(span: SpanRow, provenance: Sequence[tuple[str, str]]) -> list[Fact]:
    """What is known of the span in our words; what is unknown is left out."""
    sources = dict(provenance)
    return [
        Fact(word, fact_text(name, getattr(span, name)), source_words(sources.get(name, "")))
        for name, word in FACTS
        if getattr(span, name) not in (None, "", [])
    ]


def fact_text(name: str, value: Any) -> str:
    if name.endswith("_nanousd"):
        return f"${value / 1_000_000_000:.9f}".rstrip("0").rstrip(".")
    if name.endswith("_ns"):
        return in_time(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def source_words(source: str) -> str:
    """ "attr:gen_ai.system" -> the attribute's name alone; the other layers are named: "resource service.name"."""
    layer, _, name = source.partition(":")
    return name if layer == "attr" else f"{layer} {name}".strip()


def event_view(event: SpanEvent, span: SpanRow, limit: int) -> EventView:
    gap = event.time_ns - span.start_ns
    return EventView(
        name=event.name or (event.body[:160] if isinstance(event.body, str) and event.body else "(no name)"),
        after=f"{'+' if gap >= 0 else ''}{in_time(gap)}",
        source=event.source,
        attributes=attributes(event.attributes, limit),
        failed=event.name == "exception" or "exception.type" in event.attributes,
    )


def link_view(link: SpanLink, slug: str, limit: int) -> LinkView:
    href = with_query(in_project(slug, "traces", link.trace_id), {}, span=link.span_id)
    return LinkView(link.trace_id, link.span_id, href, attributes(link.attributes, limit))


def twin_href(span: SpanRow, slug: str, path: str, query: Mapping[str, str]) -> str:
    if not span.duplicate_of:
        return ""
    if span.duplicate_of_trace and span.duplicate_of_trace != span.trace_id:
        return with_query(in_project(slug, "traces", span.duplicate_of_trace), {}, span=span.duplicate_of)
    return with_query(path, query, span=span.duplicate_of)


def dropped(detail: SpanDetail) -> str:
    """What the emitter says it left out."""
    counts = (
        (detail.dropped_attributes, "attributes"), (detail.dropped_events, "events"), (detail.dropped_links, "links"),
    )  # fmt: skip
    said = [f"{count:,} {word}" for count, word in counts if count]
    return f"The emitter left out {', '.join(said)}." if said else ""


def similar_href(span: SpanRow, slug: str) -> str:
    """Traces with the same tool or model."""
    model = span.response_model or span.request_model
    term = f"tool:{quoted(span.tool_name)}" if span.tool_name else f"model:{quoted(model)}" if model else ""
    return with_query(in_project(slug, "traces"), {}, q=term) if term else ""
