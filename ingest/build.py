"""What protobuf and JSON share once their bytes are read: ids, caps, identities, the count of a request. Pure."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from ingest import limits
from ingest.clean import Allowance, clean_text, cut_name, number
from ingest.errors import Rejected
from tracestore.records import Attributes, Exemplar, LogRecord, MetricPoint, RawSpan, Resource, Scope, Value

NO_TRACE, NO_SPAN = bytes(16), bytes(8)
LAST_NS = (1 << 63) - 1
INT64 = range(-(1 << 63), 1 << 63)
_canonical = msgspec.msgpack.Encoder(order="sorted").encode
NOUNS = {"traces": "spans", "logs": "log records", "metrics": "data points"}
HINTS = {
    "invalid_trace_id": "trace_id must be 16 bytes (32 hex digits in JSON) and not all zero",
    "invalid_span_id": "span_id must be 8 bytes (16 hex digits in JSON) and not all zero",
    "invalid_parent_id": "parent_span_id must be empty or 8 bytes (16 hex digits in JSON)",
    "invalid_bytes": "bytesValue must be base64",
    "invalid_number": "a time or a number could not be read",
    "not_a_span": "these look like metrics or logs: send them to /v1/metrics or /v1/logs",
    "not_understood": "a fault of ours, see the log of the server",
    "too_large": "one record is far over its limits: set attribute limits in the SDK",
}


class Unfit(Exception):
    """This one record cannot be stored; its batch can. reason: a key of HINTS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a request held. sent == records + sum(rejected). message: for partial_success, "" when all is well."""

    sent: int
    rejected: dict[str, int]
    message: str
    spans: list[RawSpan] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    points: list[MetricPoint] = field(default_factory=list)


class Counter:
    """Counts what a request held and what of it was rejected, by reason."""

    def __init__(self, signal: str) -> None:
        self.signal = signal
        self.rejected: dict[str, int] = {}
        self.room = limits.RECORDS[signal]

    def reject(self, reason: str) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1

    def take(self, records: int = 1) -> None:
        """Raises Rejected once the request holds more records than one request may."""
        self.room -= records
        if self.room < 0:
            noun = NOUNS[self.signal]
            raise Rejected(
                "too_many_records",
                f"more than {limits.RECORDS[self.signal]} {noun} in one request: let the exporter send smaller batches",
            )

    def decoded(
        self,
        spans: list[RawSpan] | None = None,
        logs: list[LogRecord] | None = None,
        points: list[MetricPoint] | None = None,
    ) -> Decoded:
        accepted = len(spans or ()) + len(logs or ()) + len(points or ())
        sent = accepted + sum(self.rejected.values())
        message = "; ".join(f"{count} {NOUNS[self.signal]}: {HINTS[why]}" for why, count in self.rejected.items())
        return Decoded(sent, self.rejected, message, spans or [], logs or [], points or [])


def trace_id(sent: bytes) -> bytes | None:
    """The id of the trace a log or exemplar belongs to; None when absent or all zero."""
    if not sent or sent == NO_TRACE:
        return None
    if len(sent) != 16:
        raise Unfit("invalid_trace_id")
    return sent


def span_id(sent: bytes, reason: str = "invalid_parent_id") -> int | None:
    """Eight bytes as a signed integer; None when absent or all zero."""
    if not sent or sent == NO_SPAN:
        return None
    if len(sent) != 8:
        raise Unfit(reason)
    return int.from_bytes(sent, "big", signed=True)


def unfit_ids(sent_trace_id: bytes) -> Unfit:
    wrong_trace = len(sent_trace_id) != 16 or sent_trace_id == NO_TRACE
    return Unfit("invalid_trace_id" if wrong_trace else "invalid_span_id")


def refuse_other_signals(sent_trace_id: bytes, sent_span_id: bytes) -> None:
    """A metric read as a span has its name for a trace id, its description for a span id, and no times."""
    if all(32 <= byte < 127 for byte in sent_trace_id + sent_span_id):
        raise Unfit("not_a_span")


def kind(sent: int) -> int:
    return sent if 0 <= sent <= 5 else 0


def status_code(sent: int) -> int:
    return sent if 0 <= sent <= 2 else 0


def time_ns(sent: int) -> int:
    """Nanoseconds since the epoch, clamped to what a bigint holds."""
    return min(max(sent, 0), LAST_NS)


def _digest(content: Any, size: int) -> bytes:
    return hashlib.blake2b(_canonical(content), digest_size=size).digest()


def _identity(content: Any) -> int:
    return int.from_bytes(_digest(content, 8), "big", signed=True)


def resource(attributes: Attributes, schema_url: str, dropped: int) -> Resource:
    schema_url = clean_text(schema_url[: limits.STATE_CHARS])
    return Resource(_identity((attributes, schema_url, dropped)), attributes, schema_url, dropped)


def scope(name: str, version: str, attributes: Attributes, schema_url: str, dropped: int) -> Scope:
    name, version = clean_text(name[: limits.NAME_CHARS]), clean_text(version[: limits.NAME_CHARS])
    schema_url = clean_text(schema_url[: limits.STATE_CHARS])
    id = _identity((name, version, attributes, schema_url, dropped))
    return Scope(id, name, version, attributes, schema_url, dropped)


def log_record(
    sent: Any,
    times: tuple[int, int],
    ids: tuple[bytes, bytes],
    body: Value,
    attributes: Attributes,
    dropped: int,
    resource: Resource,
    scope: Scope,
    allowance: Allowance,
    now_ns: int,
) -> LogRecord:
    """sent: a protobuf LogRecord or its JSON twin. times: (time, observed) as sent: the hash knows no receipt."""
    time, observed = time_ns(times[0]), time_ns(times[1])
    trace, span = trace_id(ids[0]), span_id(ids[1], "invalid_span_id")
    severity = sent.severity_number if 0 <= sent.severity_number <= 24 else 0
    severity_text = cut_name(sent.severity_text, limits.NAME_CHARS, allowance)
    event_name = cut_name(sent.event_name, limits.NAME_CHARS, allowance)
    flags = sent.flags
    content = (resource.id, scope.id, time, observed, trace, span, severity, severity_text, event_name, flags)
    return LogRecord(
        _digest((content, body, attributes, dropped), 16),
        time or observed or now_ns,
        observed or now_ns,
        trace,
        span,
        severity,
        severity_text,
        event_name,
        body,
        attributes,
        resource,
        scope,
        flags,
        dropped,
        allowance.take_flags(),
    )


class Metric(NamedTuple):
    """What all points of one metric share."""

    name: str
    description: str
    unit: str
    kind: str
    temporality: int
    monotonic: bool


def metric(name: str, description: str, unit: str, kind: str, temporality: int, monotonic: bool) -> Metric:
    return Metric(
        clean_text(name[: limits.NAME_CHARS]),
        clean_text(description[:1_024]),
        clean_text(unit[:64]),
        kind,
        temporality if 0 <= temporality <= 2 else 0,
        monotonic,
    )


def series(resource: Resource, scope: Scope, name: str, unit: str, kind: str, attributes: Attributes) -> bytes:
    """16 bytes that all points of one series share."""
    return _digest((resource.id, scope.id, name, unit, kind, attributes), 16)


def metric_point(
    metric: Metric,
    times: tuple[int, int],
    attributes: Attributes,
    value: float | int | None,
    body: Attributes | None,
    exemplars: tuple[Exemplar, ...],
    flags: int,
    resource: Resource,
    scope: Scope,
    now_ns: int,
) -> MetricPoint:
    """times: (start, time) as sent; a point without a time is of now."""
    return MetricPoint(
        series(resource, scope, metric.name, metric.unit, metric.kind, attributes),
        *metric,
        attributes,
        resource,
        scope,
        time_ns(times[0]),
        time_ns(times[1]) or now_ns,
        finite(value),
        body,
        exemplars,
        flags,
    )


def finite(value: float | int | None) -> float | int | None:
    """A measure, or None where it is NaN, infinite, or beyond what a double holds."""
    return value if value is None or isinstance(value, int) or isinstance(number(value), float) else None


def double(sent: float | str) -> float | str:
    """A double as either encoding writes it, or its name where it is not finite. Raises Unfit for any other text."""
    try:
        return number(float(sent))
    except ValueError:
        raise Unfit("invalid_number") from None


def distribution(
    kind: str, sent: Any, optional: Callable[[Any, str], Any], integer: Callable[[Any], int]
) -> Attributes:
    """The whole of a histogram, exponential histogram or summary point as plain values.

    optional(sent, name): the field or None. integer: reads a 64-bit integer as its encoding writes it.
    """
    body: Attributes = {"count": integer(sent.count)}
    for name in ("sum",) if kind == "summary" else ("sum", "min", "max"):
        value = optional(sent, name)
        if value is not None:
            body[name] = number(float(value))
    if kind == "histogram":
        body["explicit_bounds"] = [double(bound) for bound in sent.explicit_bounds]
        body["bucket_counts"] = [integer(count) for count in sent.bucket_counts]
    elif kind == "exponential_histogram":
        body |= {"scale": sent.scale, "zero_count": integer(sent.zero_count)}
        body["zero_threshold"] = double(sent.zero_threshold)
        for side in ("positive", "negative"):
            buckets = getattr(sent, side)
            counts = [integer(count) for count in buckets.bucket_counts]
            body[side] = {"offset": buckets.offset, "bucket_counts": counts}
    else:
        body["quantiles"] = [
            {"quantile": double(at.quantile), "value": double(at.value)} for at in sent.quantile_values
        ]
    return body
