"""OTLP protobuf -> records. Pure. See decode_wire for how, and decode for what may be rejected."""

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from ingest import build, limits
from ingest.build import Decoded, Metric, Unfit
from ingest.clean import Allowance, clean_text, cut_name, cut_value, fit
from ingest.decode_attributes import any_value, attributes, capped
from ingest.decode_wire import Malformed, containers, lean, scan, split_group
from tracestore.records import (
    Attributes,
    Event,
    Exemplar,
    Link,
    LogRecord,
    MetricPoint,
    RawSpan,
    Resource,
    Scope,
    Value,
)

_Span = lean("trace.v1.Span")
_LogRecord = lean("logs.v1.LogRecord")
_Resource, _Scope = lean("resource.v1.Resource"), lean("common.v1.InstrumentationScope")
_KINDS = {5: "gauge", 7: "sum", 9: "histogram", 10: "exponential_histogram", 11: "summary"}  # field of Metric
_POINTS = {
    "gauge": lean("metrics.v1.NumberDataPoint"),
    "sum": lean("metrics.v1.NumberDataPoint"),
    "histogram": lean("metrics.v1.HistogramDataPoint"),
    "exponential_histogram": lean("metrics.v1.ExponentialHistogramDataPoint"),
    "summary": lean("metrics.v1.SummaryDataPoint"),
}
MALFORMED = (Malformed, DecodeError, UnicodeDecodeError, IndexError)
FIELDS = 40_000  # in one large record, before it is looked at closely

# Every exporter sends the same few resources and scopes in every request.
_RESOURCES: dict[bytes, Resource] = {}
_SCOPES: dict[bytes, Scope] = {}
REMEMBERED, REMEMBERED_BYTES = 1_024, 16_384


def spans(body: bytes, now_ns: int) -> Decoded:
    found, allowance = build.Counter("traces"), Allowance()
    out: list[RawSpan] = []
    for resource_head, scope_head, places in containers(body, "traces"):
        resource, scope = _resource(resource_head, allowance), _scope(scope_head, allowance)
        for start, stop in places:
            try:
                out.append(_span(body[start:stop], resource, scope, allowance))
            except Unfit as unfit:
                found.reject(unfit.reason)
    return found.decoded(spans=out)


def logs(body: bytes, now_ns: int) -> Decoded:
    found, allowance = build.Counter("logs"), Allowance()
    out: list[LogRecord] = []
    for resource_head, scope_head, places in containers(body, "logs"):
        resource, scope = _resource(resource_head, allowance), _scope(scope_head, allowance)
        for start, stop in places:
            try:
                out.append(_log(body[start:stop], resource, scope, allowance, now_ns))
            except Unfit as unfit:
                found.reject(unfit.reason)
    return found.decoded(logs=out)


def points(body: bytes, now_ns: int) -> Decoded:
    found, allowance = build.Counter("metrics"), Allowance()
    out: list[MetricPoint] = []
    for resource_head, scope_head, places in containers(body, "metrics"):
        resource, scope = _resource(resource_head, allowance), _scope(scope_head, allowance)
        for start, stop in places:
            for metric, point in _metric_points(body, start, stop, found):
                try:
                    out.append(_point(metric, point, resource, scope, allowance, now_ns))
                except Unfit as unfit:
                    found.reject(unfit.reason)
    return found.decoded(points=out)


def _resource(head: bytes, allowance: Allowance) -> Resource:
    resource = _RESOURCES.get(head)
    if resource is None:
        encoded, schema_url = split_group(head)
        sent = _Resource.FromString(encoded)
        found, dropped = _attributes(sent, allowance, len(encoded))
        resource = build.resource(found, schema_url, dropped)
        _remember(_RESOURCES, head, resource)
    return resource


def _scope(head: bytes, allowance: Allowance) -> Scope:
    scope = _SCOPES.get(head)
    if scope is None:
        encoded, schema_url = split_group(head)
        sent = _Scope.FromString(encoded)
        found, dropped = _attributes(sent, allowance, len(encoded))
        scope = build.scope(sent.name, sent.version, found, schema_url, dropped)
        _remember(_SCOPES, head, scope)
    return scope


def _remember(cache: dict[bytes, Any], head: bytes, record: Any) -> None:
    if len(head) > REMEMBERED_BYTES:
        return
    if len(cache) >= REMEMBERED:
        cache.clear()
    cache[head] = record


def _attributes(sent: Any, allowance: Allowance, size: int) -> tuple[Attributes, int]:
    """The attributes of a message of `size` bytes, and how many were dropped, here or by the emitter."""
    raws = sent.attributes[:]
    dropped = sent.dropped_attributes_count
    if len(raws) > limits.ATTRIBUTES:
        kept = capped(raws)
        dropped += len(raws) - len(kept)
        raws = kept
    found = attributes(raws, allowance)
    return (fit(found, allowance) if size > limits.VALUE_BYTES else found), dropped


def _span(encoded: bytes, resource: Resource, scope: Scope, allowance: Allowance) -> RawSpan:
    allowance.flags = 0  # of its resource and scope, or of a record that was rejected
    size = len(encoded)
    if size > limits.VALUE_BYTES:
        _refuse_many_fields(encoded)
    sent = _Span.FromString(encoded)
    trace_id, span_id, parent = sent.trace_id, sent.span_id, sent.parent_span_id
    start_ns, end_ns = sent.start_time_unix_nano, sent.end_time_unix_nano
    if len(trace_id) != 16 or len(span_id) != 8 or trace_id == build.NO_TRACE or span_id == build.NO_SPAN:
        raise build.unfit_ids(trace_id)
    if not start_ns and not end_ns:
        build.refuse_other_signals(trace_id, span_id)
    raws = sent.attributes[:]
    dropped = sent.dropped_attributes_count
    if len(raws) > limits.ATTRIBUTES:
        kept = capped(raws)
        dropped, raws = dropped + len(raws) - len(kept), kept
    found = attributes(raws, allowance)
    status, name, state = sent.status, sent.name, sent.trace_state
    message, events, links = status.message, sent.events, sent.links
    if size > limits.VALUE_BYTES:
        found, message = fit(found, allowance), cut_value(message, limits.VALUE_BYTES, allowance)
    kept_events = _events(events, allowance) if events else []
    kept_links = _links(links, allowance) if links else []
    return RawSpan(
        trace_id,
        int.from_bytes(span_id, "big", signed=True),
        build.span_id(parent) if parent else None,
        name if len(name) <= limits.NAME_CHARS and "\0" not in name else cut_name(name, limits.NAME_CHARS, allowance),
        build.kind(sent.kind),
        start_ns if start_ns <= build.LAST_NS else build.LAST_NS,
        end_ns if end_ns <= build.LAST_NS else build.LAST_NS,
        build.status_code(status.code),
        clean_text(message) if message else "",
        found,
        kept_events,
        kept_links,
        resource,
        scope,
        cut_name(state, limits.STATE_CHARS, allowance) if state else "",
        sent.flags,
        dropped,
        sent.dropped_events_count + len(events) - len(kept_events),
        sent.dropped_links_count + len(links) - len(kept_links),
        allowance.take_flags() if allowance.flags else 0,
    )


def _refuse_many_fields(encoded: bytes) -> None:
    """Looks into a large record before upb makes something of each of its fields."""
    for fields, _ in enumerate(scan(encoded, 0, len(encoded))):
        if fields > FIELDS:
            raise Unfit("too_large")


def _events(sent: Sequence[Any], allowance: Allowance) -> list[Event]:
    room = min(limits.EVENTS, allowance.items)
    events = []
    for event in sent[:room]:
        found, dropped = _attributes(event, allowance, 0)
        name = cut_name(event.name, limits.NAME_CHARS, allowance)
        events.append(Event(name, build.time_ns(event.time_unix_nano), found, dropped))
    allowance.items -= len(events)
    return events


def _links(sent: Sequence[Any], allowance: Allowance) -> list[Link]:
    room = min(limits.LINKS, allowance.items)
    links = []
    for link in sent[:room]:
        found, dropped = _attributes(link, allowance, 0)
        state = cut_name(link.trace_state, limits.STATE_CHARS, allowance)
        links.append(Link(link.trace_id[:16], link.span_id[:8], state, found, dropped, link.flags))
    allowance.items -= len(links)
    return links


def _log(encoded: bytes, resource: Resource, scope: Scope, allowance: Allowance, now_ns: int) -> LogRecord:
    allowance.flags = 0
    size = len(encoded)
    if size > limits.VALUE_BYTES:
        _refuse_many_fields(encoded)
    sent = _LogRecord.FromString(encoded)
    found, dropped = _attributes(sent, allowance, size)
    body: Value = any_value(sent.body, 0, len(sent.body), allowance)
    if size > limits.VALUE_BYTES:
        body = cut_value(body, limits.VALUE_BYTES, allowance)
    times = (sent.time_unix_nano, sent.observed_time_unix_nano)
    ids = (sent.trace_id, sent.span_id)
    return build.log_record(sent, times, ids, body, found, dropped, resource, scope, allowance, now_ns)


def _metric_points(body: bytes, start: int, stop: int, found: build.Counter) -> Iterator[tuple[Metric, bytes]]:
    """The points of one encoded Metric, counted before any is looked into."""
    texts = {1: "", 2: "", 3: ""}
    data: tuple[int, int, int] | None = None
    for field, wire, a, b in scan(body, start, stop):
        if wire == 2 and field in texts:
            texts[field] = body[a:b].decode()
        elif wire == 2 and field in _KINDS:
            data = (field, a, b)
    if data is None:
        return
    places, temporality, monotonic = [], 0, False
    for field, wire, a, b in scan(body, data[1], data[2]):
        if wire == 2 and field == 1:
            found.take()
            places.append((a, b))
        elif wire == 0 and field == 2:
            temporality = a
        elif wire == 0 and field == 3:
            monotonic = a != 0
    metric = build.metric(texts[1], texts[2], texts[3], _KINDS[data[0]], temporality, monotonic)
    for a, b in places:
        yield metric, body[a:b]


def _point(
    metric: Metric, encoded: bytes, resource: Resource, scope: Scope, allowance: Allowance, now_ns: int
) -> MetricPoint:
    if len(encoded) > limits.VALUE_BYTES:
        raise Unfit("too_large")
    sent = _POINTS[metric.kind].FromString(encoded)
    raws = sent.attributes[:]
    found = attributes(capped(raws) if len(raws) > limits.ATTRIBUTES else raws, allowance)
    times = (sent.start_time_unix_nano, sent.time_unix_nano)
    if metric.kind in ("gauge", "sum"):
        which = sent.WhichOneof("value")
        value, body = getattr(sent, which) if which else None, None
    else:
        value, body = None, build.distribution(metric.kind, sent, _optional, int)
    exemplars = () if metric.kind == "summary" else _exemplars(sent.exemplars, allowance)
    return build.metric_point(metric, times, found, value, body, exemplars, sent.flags, resource, scope, now_ns)


def _optional(sent: Any, name: str) -> Any:
    """proto3's optional fields know whether they were set; the sum of a summary is not one of them."""
    if not sent.DESCRIPTOR.fields_by_name[name].has_presence or sent.HasField(name):
        return getattr(sent, name)
    return None


def _exemplars(sent: Sequence[Any], allowance: Allowance) -> tuple[Exemplar, ...]:
    kept = []
    for exemplar in sent[: limits.EXEMPLARS]:
        which = exemplar.WhichOneof("value")
        value = build.finite(getattr(exemplar, which)) if which else None
        if value is None:
            continue
        found = attributes(exemplar.filtered_attributes[: limits.ATTRIBUTES], allowance)
        trace, span = build.trace_id(exemplar.trace_id), build.span_id(exemplar.span_id, "invalid_span_id")
        kept.append(Exemplar(build.time_ns(exemplar.time_unix_nano), value, trace, span, found))
    return tuple(kept)
