"""OTLP/JSON metrics -> records. Pure. The rules are decode_json's."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest import build, json_types, limits
from ingest.build import Decoded, Unfit
from ingest.clean import Allowance
from ingest.json_values import attributes, double_value, enum, identifier, int_value, integer, read, resource, scope
from tracestore.records import Exemplar, MetricPoint, Resource, Scope

_metrics = msgspec.json.Decoder(json_types.Metrics).decode


def points(body: bytes, now_ns: int) -> Decoded:
    found, allowance = build.Counter("metrics"), Allowance()
    out: list[MetricPoint] = []
    for group in read(_metrics, body).resource_metrics:
        origin = resource(group, allowance)
        for inner in group.scope_metrics:
            by = scope(inner, allowance)
            for sent in inner.metrics:
                _points(sent, origin, by, allowance, now_ns, found, out)
    return found.decoded(points=out)


def _points(
    sent: json_types.Metric,
    resource: Resource,
    scope: Scope,
    allowance: Allowance,
    now_ns: int,
    counter: build.Counter,
    out: list[MetricPoint],
) -> None:
    for kind in json_types.METRIC_KINDS:
        data = getattr(sent, kind)
        if data is None:
            continue
        counter.take(len(data.data_points))
        temporality = enum(data.aggregation_temporality, json_types.TEMPORALITIES)
        metric = build.metric(
            sent.name or "", sent.description or "", sent.unit or "", kind, temporality, data.is_monotonic
        )
        for point in data.data_points:
            try:
                out.append(_point(metric, point, resource, scope, allowance, now_ns))
            except Unfit as unfit:
                counter.reject(unfit.reason)
        return


def _point(
    metric: build.Metric, sent: Any, resource: Resource, scope: Scope, allowance: Allowance, now_ns: int
) -> MetricPoint:
    found, _ = attributes(sent.attributes, 0, allowance)
    times = (integer(sent.start_time_unix_nano), integer(sent.time_unix_nano))
    value, body = None, None
    if metric.kind in ("gauge", "sum"):
        value = _measure(sent)
    else:
        body = build.distribution(metric.kind, sent, _optional, integer)
    exemplars = tuple(_exemplars(sent.exemplars, allowance)) if metric.kind != "summary" else ()
    flags = integer(sent.flags) & 0xFFFF_FFFF
    return build.metric_point(metric, times, found, value, body, exemplars, flags, resource, scope, now_ns)


def _optional(sent: Any, name: str) -> float | None:
    value = getattr(sent, name)
    try:
        return None if value is None else float(value)
    except (ValueError, OverflowError):
        raise Unfit("invalid_number") from None


def _measure(sent: json_types.NumberDataPoint | json_types.Exemplar) -> float | int | None:
    if sent.as_int is not None:
        value = int_value(sent.as_int)
    elif sent.as_double is not None:
        value = double_value(sent.as_double)
    else:
        return None
    return value if isinstance(value, int | float) else None


def _exemplars(sent: Sequence[json_types.Exemplar], allowance: Allowance) -> list[Exemplar]:
    kept = []
    for exemplar in sent[: limits.EXEMPLARS]:
        value = _measure(exemplar)
        if value is None:
            continue
        found, _ = attributes(exemplar.filtered_attributes, 0, allowance)
        trace = build.trace_id(identifier(exemplar.trace_id))
        span = build.span_id(identifier(exemplar.span_id), "invalid_span_id")
        kept.append(Exemplar(build.time_ns(integer(exemplar.time_unix_nano)), value, trace, span, found))
    return kept
