"""What was one span, with everything that is known of it?"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from tracestore import db
from tracestore.analysis import messages, pricing
from tracestore.analysis.calls import CANDIDATES
from tracestore.payload import Payload
from tracestore.queries.logs import LogRow, logs_of_span
from tracestore.queries.payloads import load_payload, load_references
from tracestore.queries.spans import MERGE_ORDER, SpanRow, signed, spans_by_id
from tracestore.records import Event, Link, Price, Provenance, Resource, Scope


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """name, time and attributes of an event on the span, or of a log record that names the span (source = "log")."""

    name: str
    time_ns: int
    attributes: dict[str, Any]
    dropped_attributes: int = 0
    source: str = "span"
    body: Any = None  # of a log record


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

    Where the payload is gone before the span, attributes and all that is read from them are empty (payload_dropped).

    provenance: (field, "attr:KEY" | "resource:KEY" | "scope:KEY" | "event:NAME" | "rule:NAME") pairs.
    messages are tracestore.analysis.messages.Message; price_receipt is tracestore.analysis.pricing.Receipt or None.
    """

    span: SpanRow
    attributes: dict[str, Any]
    resource: Origin
    scope: Origin
    events: list[SpanEvent]
    links: list[SpanLink]
    input_messages: Sequence[Any] | None
    output_messages: Sequence[Any] | None
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
    payload_dropped: bool = False  # what it said is no longer stored: retention, or an erasure


@dataclass(frozen=True, slots=True)
class _Place:
    day: date
    block_id: int
    block_index: int


_PLACE = f"""
SELECT s.day, s.block_id, s.block_index
FROM span AS s
WHERE s.project = %(project)s AND s.trace_id = %(trace_id)s AND s.span_id = %(span_id)s
ORDER BY {MERGE_ORDER}
LIMIT 1
"""  # noqa: S608  # constants only


def get_span(project_id: int, trace_id: str, span_id: str) -> SpanDetail | None:
    """A span and everything that was sent of it. None: the project has no such span."""
    with db.snapshot():
        rows = spans_by_id(project_id, trace_id, [span_id])
        if not rows:
            return None
        sent = _payload(project_id, trace_id, signed(span_id))
        shared = _shared(project_id, rows[0], sent)
        logs = logs_of_span(project_id, trace_id, signed(span_id))
    if sent is None:
        return replace(_detail(rows[0], _NOTHING_SENT, shared, logs), payload_dropped=True)
    return _detail(rows[0], sent, shared, logs)


def _payload(project_id: int, trace_id: str, span_id: int) -> Payload | None:
    parameters = {"project": project_id, "trace_id": trace_id, "span_id": span_id}
    place = db.fetch_one(_PLACE, parameters, _Place)
    if place is None:
        return None
    return load_payload(project_id, place.day, bytes.fromhex(trace_id), place.block_id, place.block_index)


_NOTHING_SENT = Payload(0, 0, None, {}, [], [])


def _shared(project_id: int, row: SpanRow, sent: Payload | None) -> dict[str, Any]:
    """What the span shares with others, by kind: Resource, Scope, Provenance, Price; the price alone without a payload."""
    ids: dict[str, int | None] = {"price": row.price_id}
    if sent is not None:
        ids |= {"resource": sent.resource_id, "scope": sent.scope_id, "provenance": sent.provenance_id}
    found = {kind: load_references(project_id, kind, [id_]).get(id_) for kind, id_ in ids.items() if id_ is not None}
    return {kind: value for kind, value in found.items() if value is not None}


def _detail(row: SpanRow, sent: Payload, shared: dict[str, Any], logs: Sequence[LogRow]) -> SpanDetail:
    said = messages.conversation(sent.attributes, sent.events, logs, row.operation)
    provenance: Provenance | None = shared.get("provenance")
    return SpanDetail(
        span=row,
        attributes=sent.attributes,
        resource=_origin(shared.get("resource")),
        scope=_origin(shared.get("scope")),
        events=[_event(event) for event in sent.events],
        links=[_link(link) for link in sent.links],
        input_messages=said.input_messages,
        output_messages=said.output_messages,
        system_instructions=said.system_instructions,
        tool_arguments=said.tool_arguments,
        tool_result=said.tool_result,
        price_receipt=_receipt(row, shared.get("price")),
        provenance=list(provenance.sources) if provenance else [],
        tracestate=sent.tracestate,
        trace_flags=sent.trace_flags,
        dropped_attributes=sent.dropped_attributes,
        dropped_events=sent.dropped_events,
        dropped_links=sent.dropped_links,
        log_events=[_log_event(log) for log in logs],
    )


def _origin(of: Resource | Scope | None) -> Origin:
    if of is None:
        return Origin({})
    name, version = (of.name, of.version) if isinstance(of, Scope) else ("", "")
    return Origin(of.attributes, of.schema_url, of.dropped_attributes, name, version)


def _event(event: Event) -> SpanEvent:
    return SpanEvent(event.name, event.time_ns, event.attributes, event.dropped_attributes)


def _link(link: Link) -> SpanLink:
    return SpanLink(link.trace_id.hex(), link.span_id.hex(), link.tracestate, link.attributes, link.dropped_attributes)


def _log_event(log: LogRow) -> SpanEvent:
    return SpanEvent(log.event_name or "", log.time_ns, log.attributes, source="log", body=log.body)


def _receipt(row: SpanRow, price: Price | None) -> pricing.Receipt | None:
    """Every factor of the computed cost."""
    if price is None or row.cost_source != "computed":
        return None
    return pricing.receipt(row, price, requests=1 if row.operation in CANDIDATES else 0)
