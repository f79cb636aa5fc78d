"""OTLP/JSON as types: msgspec reads them in C, skips what they do not name, and says where a body is wrong. Pure."""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

Integer = int | str | float | None  # 64-bit: proto3 writes text, JavaScript numbers
Double = float | str | None
Small = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**32)]  # 32-bit, signed or not


class _Message(msgspec.Struct, rename="camel", gc=False):
    """OTLP/JSON keys are lowerCamelCase."""


class AnyValue(_Message):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Integer = None
    double_value: Double = None
    array_value: "ArrayValue | None" = None
    kvlist_value: "KeyValueList | None" = None
    bytes_value: str | None = None


class ArrayValue(_Message):
    values: tuple[AnyValue | None, ...] = ()


class KeyValue(_Message):
    key: str = ""
    value: AnyValue | None = None


class KeyValueList(_Message):
    values: tuple[KeyValue, ...] = ()


class Resource(_Message):
    attributes: tuple[KeyValue, ...] = ()
    dropped_attributes_count: Small = 0


class Scope(_Message):
    name: str | None = None
    version: str | None = None
    attributes: tuple[KeyValue, ...] = ()
    dropped_attributes_count: Small = 0


class Status(_Message):
    message: str | None = None
    code: int | str | None = None


NO_STATUS = Status()


class Event(_Message):
    time_unix_nano: Integer = None
    name: str | None = None
    attributes: tuple[KeyValue, ...] = ()
    dropped_attributes_count: Small = 0


class Link(_Message):
    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    attributes: tuple[KeyValue, ...] = ()
    dropped_attributes_count: Small = 0
    flags: Integer = None


class Span(_Message):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    trace_state: str | None = None
    name: str | None = None
    kind: int | str | None = None
    start_time_unix_nano: Integer = None
    end_time_unix_nano: Integer = None
    attributes: tuple[KeyValue, ...] = ()
    dropped_attributes_count: Small = 0
    events: tuple[Event, ...] = ()
    dropped_events_count: Small = 0
    links: tuple[Link, ...] = ()
    dropped_links_count: Small = 0
    status: Status | None = None
    flags: Integer = None


class ScopeSpans(_Message):
    scope: Scope | None = None
    spans: tuple[Span, ...] = ()
    schema_url: str | None = None


class ResourceSpans(_Message):
    resource: Resource | None = None
    scope_spans: tuple[ScopeSpans, ...] = ()
    schema_url: str | None = None


class Traces(_Message):
    resource_spans: tuple[ResourceSpans, ...] = ()
    resource_snake_case: Raw | UnsetType = msgspec.field(default=UNSET, name="resource_spans")


class LogRecord(_Message):
    time_unix_nano: Integer = None
    observed_time_unix_nano: Integer = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    body: AnyValue | None = None
    attributes: tuple[KeyValue, ...] = ()
    dropped_attributes_count: Small = 0
    flags: Integer = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class PlainLog(NamedTuple):
    """What build.log_record reads of a log, in protobuf's names and types."""

    severity_number: int
    severity_text: str
    event_name: str
    flags: int


class ScopeLogs(_Message):
    scope: Scope | None = None
    log_records: tuple[LogRecord, ...] = ()
    schema_url: str | None = None


class ResourceLogs(_Message):
    resource: Resource | None = None
    scope_logs: tuple[ScopeLogs, ...] = ()
    schema_url: str | None = None


class Logs(_Message):
    resource_logs: tuple[ResourceLogs, ...] = ()
    resource_snake_case: Raw | UnsetType = msgspec.field(default=UNSET, name="resource_logs")


class Exemplar(_Message):
    filtered_attributes: tuple[KeyValue, ...] = ()
    time_unix_nano: Integer = None
    as_double: Double = None
    as_int: Integer = None
    span_id: str | None = None
    trace_id: str | None = None


class _Point(_Message):
    attributes: tuple[KeyValue, ...] = ()
    start_time_unix_nano: Integer = None
    time_unix_nano: Integer = None
    flags: Integer = None


class NumberDataPoint(_Point):
    as_double: Double = None
    as_int: Integer = None
    exemplars: tuple[Exemplar, ...] = ()


class HistogramDataPoint(_Point):
    count: Integer = None
    sum: Double = None
    min: Double = None
    max: Double = None
    bucket_counts: tuple[Integer, ...] = ()
    explicit_bounds: tuple[float | str, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()


class Buckets(_Message):
    offset: Small = 0
    bucket_counts: tuple[Integer, ...] = ()


class ExponentialHistogramDataPoint(_Point):
    count: Integer = None
    sum: Double = None
    min: Double = None
    max: Double = None
    scale: Small = 0
    zero_count: Integer = None
    zero_threshold: float | str = 0.0
    positive: Buckets = msgspec.field(default_factory=Buckets)
    negative: Buckets = msgspec.field(default_factory=Buckets)
    exemplars: tuple[Exemplar, ...] = ()


class ValueAtQuantile(_Message):
    quantile: float | str = 0.0
    value: float | str = 0.0


class SummaryDataPoint(_Point):
    count: Integer = None
    sum: Double = 0.0
    quantile_values: tuple[ValueAtQuantile, ...] = ()


class _Data(_Message):
    aggregation_temporality: int | str | None = None
    is_monotonic: bool = False


class Numbers(_Data):
    data_points: tuple[NumberDataPoint, ...] = ()


class Histograms(_Data):
    data_points: tuple[HistogramDataPoint, ...] = ()


class ExponentialHistograms(_Data):
    data_points: tuple[ExponentialHistogramDataPoint, ...] = ()


class Summaries(_Data):
    data_points: tuple[SummaryDataPoint, ...] = ()


class Metric(_Message):
    name: str | None = None
    description: str | None = None
    unit: str | None = None
    gauge: Numbers | None = None
    sum: Numbers | None = None
    histogram: Histograms | None = None
    exponential_histogram: ExponentialHistograms | None = None
    summary: Summaries | None = None


METRIC_KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


class ScopeMetrics(_Message):
    scope: Scope | None = None
    metrics: tuple[Metric, ...] = ()
    schema_url: str | None = None


class ResourceMetrics(_Message):
    resource: Resource | None = None
    scope_metrics: tuple[ScopeMetrics, ...] = ()
    schema_url: str | None = None


class Metrics(_Message):
    resource_metrics: tuple[ResourceMetrics, ...] = ()
    resource_snake_case: Raw | UnsetType = msgspec.field(default=UNSET, name="resource_metrics")


def _numbered(prefix: str, names: str) -> dict[str, int]:
    return {f"{prefix}_{name}": number for number, name in enumerate(names.split())}


SPAN_KINDS = _numbered("SPAN_KIND", "UNSPECIFIED INTERNAL SERVER CLIENT PRODUCER CONSUMER")
STATUS_CODES = _numbered("STATUS_CODE", "UNSET OK ERROR")
TEMPORALITIES = _numbered("AGGREGATION_TEMPORALITY", "UNSPECIFIED DELTA CUMULATIVE")
SEVERITIES = _numbered(
    "SEVERITY_NUMBER",
    "UNSPECIFIED TRACE TRACE2 TRACE3 TRACE4 DEBUG DEBUG2 DEBUG3 DEBUG4 INFO INFO2 INFO3 INFO4"
    " WARN WARN2 WARN3 WARN4 ERROR ERROR2 ERROR3 ERROR4 FATAL FATAL2 FATAL3 FATAL4",
)
