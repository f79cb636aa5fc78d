"""Builders of OTLP requests for tests: valid by default, wrong where a test says so."""

import json
import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

NOW_NS = 1_795_000_000_000_000_000
TRACE_ID, SPAN_ID = bytes(range(1, 17)), bytes(range(1, 9))


def any_value(target, value):
    """Sets a protobuf AnyValue from a plain value."""
    if value is None:
        return
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            any_value(target.array_value.values.add(), item)
    else:
        target.kvlist_value.SetInParent()
        for key, item in value.items():
            any_value(target.kvlist_value.values.add(key=key).value, item)


def traces(count=1, attributes=None, **fields):
    """A trace request of `count` spans. fields: of the protobuf Span, e.g. name="x", trace_id=b""."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    any_value(group.resource.attributes.add(key="service.name").value, "shop")
    scope = group.scope_spans.add()
    scope.scope.name = "test"
    for number in range(count):
        given = {
            "trace_id": TRACE_ID,
            "span_id": (number + 1).to_bytes(8, "big"),
            "name": "chat",
            "start_time_unix_nano": NOW_NS,
            "end_time_unix_nano": NOW_NS + 1_000_000,
        } | fields
        span = scope.spans.add(**given)
        for key, value in (attributes or {}).items():
            any_value(span.attributes.add(key=key).value, value)
    return request


def body(count=1, attributes=None, **fields):
    return traces(count, attributes, **fields).SerializeToString()


def logs(text="hello", **fields):
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=NOW_NS, **fields)
    any_value(record.body, text)
    return request


def metrics(name="tokens", value=1, **fields):
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name, **fields)
    metric.gauge.data_points.add(as_int=value, time_unix_nano=NOW_NS)
    return request


def json_span(**fields):
    return {
        "traceId": TRACE_ID.hex(),
        "spanId": SPAN_ID.hex(),
        "name": "chat",
        "startTimeUnixNano": str(NOW_NS),
        "endTimeUnixNano": str(NOW_NS + 1_000_000),
    } | fields


def json_attribute(key, **value):
    return {"key": key, "value": value}


def json_body(*spans):
    spans = spans or (json_span(),)
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def now_body(count=1):
    now = time.time_ns()
    return body(count, start_time_unix_nano=now, end_time_unix_nano=now + 1)
