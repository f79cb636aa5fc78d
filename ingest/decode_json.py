"""OTLP/JSON -> records. Pure.

Its mapping is not protobuf's own JSON mapping (ids are hex, enums are numbers), so it is read by types of its own, with
these choices: keys are lowerCamelCase, snake_case is accepted too; ids are hex of any case; 64-bit integers are strings
or numbers and exact, beyond int64 they are kept as doubles; enums are numbers or names, unknown ones unspecified; of
equal keys the last wins; unknown fields are ignored; a lone surrogate becomes U+FFFD; NaN and Infinity are strings,
never literals; null stands for an absent scalar or message, never for an array.
"""

from collections.abc import Sequence

import msgspec

from ingest import build, json_types, limits
from ingest.build import Decoded, Unfit
from ingest.clean import Allowance, clean_text, cut_name, cut_value
from ingest.json_values import any_value, attributes, enum, identifier, integer, read, resource, scope
from tracestore.records import Event, Link, LogRecord, RawSpan, Resource, Scope

_traces = msgspec.json.Decoder(json_types.Traces).decode
_logs = msgspec.json.Decoder(json_types.Logs).decode


def spans(body: bytes, now_ns: int) -> Decoded:
    found, allowance = build.Counter("traces"), Allowance()
    out: list[RawSpan] = []
    for group in read(_traces, body).resource_spans:
        origin = resource(group, allowance)
        for inner in group.scope_spans:
            by = scope(inner, allowance)
            found.take(len(inner.spans))
            for sent in inner.spans:
                try:
                    out.append(_span(sent, origin, by, allowance))
                except Unfit as unfit:
                    found.reject(unfit.reason)
    return found.decoded(spans=out)


def logs(body: bytes, now_ns: int) -> Decoded:
    found, allowance = build.Counter("logs"), Allowance()
    out: list[LogRecord] = []
    for group in read(_logs, body).resource_logs:
        origin = resource(group, allowance)
        for inner in group.scope_logs:
            by = scope(inner, allowance)
            found.take(len(inner.log_records))
            for sent in inner.log_records:
                try:
                    out.append(_log(sent, origin, by, allowance, now_ns))
                except Unfit as unfit:
                    found.reject(unfit.reason)
    return found.decoded(logs=out)


def _span(sent: json_types.Span, resource: Resource, scope: Scope, allowance: Allowance) -> RawSpan:
    allowance.flags = 0  # of its resource and scope, or of a record that was rejected
    trace_id, span_id, parent = identifier(sent.trace_id), identifier(sent.span_id), sent.parent_span_id
    if len(trace_id) != 16 or len(span_id) != 8 or trace_id == build.NO_TRACE or span_id == build.NO_SPAN:
        raise build.unfit_ids(trace_id)
    found, dropped = attributes(sent.attributes, sent.dropped_attributes_count, allowance)
    status = sent.status or json_types.NO_STATUS
    events, links = _events(sent.events, allowance), _links(sent.links, allowance)
    return RawSpan(
        trace_id,
        int.from_bytes(span_id, "big", signed=True),
        build.span_id(identifier(parent)) if parent else None,
        cut_name(sent.name or "", limits.NAME_CHARS, allowance),
        build.kind(enum(sent.kind, json_types.SPAN_KINDS)),
        build.time_ns(integer(sent.start_time_unix_nano)),
        build.time_ns(integer(sent.end_time_unix_nano)),
        build.status_code(enum(status.code, json_types.STATUS_CODES)),
        cut_value(clean_text(status.message or ""), limits.VALUE_BYTES, allowance),
        found,
        events,
        links,
        resource,
        scope,
        cut_name(sent.trace_state or "", limits.STATE_CHARS, allowance),
        integer(sent.flags) & 0xFFFF_FFFF,
        dropped,
        sent.dropped_events_count + len(sent.events) - len(events),
        sent.dropped_links_count + len(sent.links) - len(links),
        allowance.take_flags(),
    )


def _events(sent: Sequence[json_types.Event], allowance: Allowance) -> list[Event]:
    events = []
    for event in sent[: max(0, min(limits.EVENTS, allowance.items))]:
        found, dropped = attributes(event.attributes, event.dropped_attributes_count, allowance)
        name = cut_name(event.name or "", limits.NAME_CHARS, allowance)
        events.append(Event(name, build.time_ns(integer(event.time_unix_nano)), found, dropped))
    allowance.items -= len(events)
    return events


def _links(sent: Sequence[json_types.Link], allowance: Allowance) -> list[Link]:
    links = []
    for link in sent[: max(0, min(limits.LINKS, allowance.items))]:
        found, dropped = attributes(link.attributes, link.dropped_attributes_count, allowance)
        state = cut_name(link.trace_state or "", limits.STATE_CHARS, allowance)
        flags = integer(link.flags) & 0xFFFF_FFFF
        links.append(Link(identifier(link.trace_id)[:16], identifier(link.span_id)[:8], state, found, dropped, flags))
    allowance.items -= len(links)
    return links


def _log(sent: json_types.LogRecord, resource: Resource, scope: Scope, allowance: Allowance, now_ns: int) -> LogRecord:
    allowance.flags = 0
    found, dropped = attributes(sent.attributes, sent.dropped_attributes_count, allowance)
    body = cut_value(any_value(sent.body, allowance), limits.VALUE_BYTES, allowance)
    plain = json_types.PlainLog(
        enum(sent.severity_number, json_types.SEVERITIES),
        sent.severity_text or "",
        sent.event_name or "",
        integer(sent.flags) & 0xFFFF_FFFF,
    )
    times = (integer(sent.time_unix_nano), integer(sent.observed_time_unix_nano))
    ids = (identifier(sent.trace_id), identifier(sent.span_id))
    return build.log_record(plain, times, ids, body, found, dropped, resource, scope, allowance, now_ns)
