"""The real OpenTelemetry SDK for Python as a client: what it sends arrives, and what it is told it understands."""

import threading
import time

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.ingest.edge_server import GOOD
from tests.ingest.test_otlp_grpc import store, target  # noqa: F401  fixtures


@pytest.fixture
def spans():
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("test", "1")
    with tracer.start_as_current_span("agent", attributes={"gen_ai.operation.name": "invoke_agent"}) as root:
        root.add_event("started", {"n": 1})
        for number in range(3):
            with tracer.start_as_current_span("chat", attributes={"n": number, "tags": ["a", "b"]}):
                pass
    return kept.get_finished_spans()


def http(edge, **options):
    return OTLPSpanExporter(endpoint=f"http://127.0.0.1:{edge.port}/v1/traces", timeout=5, **options)


@pytest.mark.parametrize("compression", list(Compression))
def test_http_with_every_compression(edge, spans, compression):
    exporter = http(edge, compression=compression, headers={"Authorization": f"Bearer {GOOD}"})
    assert exporter.export(spans) is SpanExportResult.SUCCESS
    assert edge.stored() == 4


def test_the_sdk_retries_while_the_store_is_away_and_loses_nothing(edge, spans):
    down = edge.log.with_name("stored.down")
    down.touch()
    exporter = http(edge)
    since = time.monotonic()
    threading.Timer(1.0, down.unlink).start()
    assert exporter.export(spans) is SpanExportResult.SUCCESS
    assert time.monotonic() - since > 1
    assert edge.stored() == 4


def test_the_sdk_does_not_retry_what_is_refused_for_good(edge, spans):
    since = time.monotonic()
    assert http(edge, headers={"x-api-key": "wrong"}).export(spans) is SpanExportResult.FAILURE
    assert time.monotonic() - since < 1
    assert edge.refused() == ["0 traces unauthenticated"]


def test_metrics_over_http(edge):
    exporter = OTLPMetricExporter(endpoint=f"http://127.0.0.1:{edge.port}/v1/metrics")
    results = []
    real = exporter.export
    exporter.export = lambda *given, **options: results.append(real(*given, **options)) or results[-1]
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)])
    meter = provider.get_meter("test")
    meter.create_counter("calls").add(2, {"model": "m"})
    meter.create_histogram("gen_ai.client.token.usage", "{token}").record(300, {"model": "m"})
    provider.force_flush()
    provider.shutdown()
    assert results[0] is MetricExportResult.SUCCESS
    assert edge.stored() >= 2


def test_logs_over_http(edge):
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

    provider = LoggerProvider()
    exporter = OTLPLogExporter(endpoint=f"http://127.0.0.1:{edge.port}/v1/logs")
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    record = LogRecord(timestamp=time.time_ns(), severity_number=SeverityNumber.INFO, body={"role": "user"})
    provider.get_logger("test").emit(record)
    provider.shutdown()
    assert edge.stored() == 1


def test_grpc(target, store, spans):  # noqa: F811
    exporter = GrpcExporter(endpoint=target, insecure=True, headers={"authorization": f"Bearer {GOOD}"}, timeout=5)
    assert exporter.export(spans) is SpanExportResult.SUCCESS
    assert [span.raw.name for span in store.records] == ["chat", "chat", "chat", "agent"]
    assert store.records[3].raw.events[0].attributes == {"n": 1}


def test_grpc_retries_while_the_store_is_away(target, store, spans):  # noqa: F811
    store.error = store.Unavailable("gone")
    threading.Timer(1.0, lambda: setattr(store, "error", None)).start()
    exporter = GrpcExporter(endpoint=target, insecure=True, timeout=8)
    assert exporter.export(spans) is SpanExportResult.SUCCESS
    assert len(store.records) == 4
