"""How do plans leave? Through the OpenTelemetry SDK and its OTLP/HTTP exporters, as any instrumented agent's data does."""

from collections.abc import Sequence

from opentelemetry import trace as api
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import export as points
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from dashboard.demo.measures import HistogramMeasure, Key, Minute
from dashboard.demo.plan import FeedbackPlan, Source, SpanPlan, TracePlan
from dashboard.demo.releases import Deployment
from dashboard.demo.words import Words

QUEUE = 16_384
BATCH = 512
DELAY_MS = 1_000
TIMEOUT_S = 30
KEPT_SOURCES = 128
KINDS = {"INTERNAL": api.SpanKind.INTERNAL, "SERVER": api.SpanKind.SERVER, "CLIENT": api.SpanKind.CLIENT}
SEVERITIES = {"INFO": SeverityNumber.INFO, "WARN": SeverityNumber.WARN, "ERROR": SeverityNumber.ERROR}
DELTA = points.AggregationTemporality.DELTA
METER = InstrumentationScope("fourline.demo", "1")


class PlannedIds(IdGenerator):
    """Ids as planned, so that a minute told twice is the same spans again. One thread uses it."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class Sender:
    """One exporter and queue a signal, one provider a resource. endpoint, api: http://host:port. Not thread-safe."""

    def __init__(self, endpoint: str, api: str, key: str | None) -> None:
        base, headers = endpoint.rstrip("/"), ({"Authorization": f"Bearer {key}"} if key else {})
        spans = OTLPSpanExporter(f"{base}/v1/traces", headers=headers, timeout=TIMEOUT_S)
        logs = OTLPLogExporter(f"{base}/v1/logs", headers=headers, timeout=TIMEOUT_S)
        self._spans = BatchSpanProcessor(spans, QUEUE, DELAY_MS, BATCH)
        self._logs = BatchLogRecordProcessor(logs, DELAY_MS, BATCH, max_queue_size=QUEUE)
        self._metrics = OTLPMetricExporter(f"{base}/v1/metrics", headers=headers, timeout=TIMEOUT_S)
        self._ids = PlannedIds()
        self._words = Words(api, headers, TIMEOUT_S)
        self._providers: dict[Source, tuple[TracerProvider, LoggerProvider]] = {}

    def send(self, plan: TracePlan) -> None:
        """Queue a trace and its logs."""
        spans, logs = self._provider(plan.source)
        contexts = self._send_spans(spans.get_tracer(plan.scope, "1.0.0"), plan)
        logger = logs.get_logger(plan.scope, "1.0.0")
        for log in plan.logs:
            logger.emit(
                LogRecord(
                    timestamp=log.time_ns,
                    observed_timestamp=log.time_ns,
                    context=None if log.span is None else contexts[log.span],
                    severity_text=log.severity,
                    severity_number=SEVERITIES[log.severity],
                    body=log.body,
                    attributes=log.attributes,
                    event_name=log.event_name or None,
                )
            )

    def _send_spans(self, tracer: api.Tracer, plan: TracePlan) -> list[Context]:
        """Start all spans in order, parents first, then end them in the order in which they ended."""
        contexts: list[Context] = []
        started: list[tuple[SpanPlan, api.Span]] = []
        self._ids.trace_id = plan.trace_id
        for planned in plan.spans:
            self._ids.span_id = planned.span_id
            parent = Context() if planned.parent is None else contexts[planned.parent]
            span = tracer.start_span(
                planned.name, parent, KINDS[planned.kind], planned.attributes, start_time=planned.start_ns
            )
            for event in planned.events:
                span.add_event(event.name, event.attributes, event.time_ns)
            if planned.status:
                span.set_status(api.StatusCode(planned.status), planned.status_message or None)
            contexts.append(api.set_span_in_context(span, Context()))
            started.append((planned, span))
        for planned, span in sorted(started, key=lambda pair: pair[0].end_ns):
            span.end(planned.end_ns)
        return contexts

    def measure(self, minutes: Sequence[Minute]) -> None:
        """Export the metrics of a minute at once."""
        resources = [
            points.ResourceMetrics(_resource(m.source), [points.ScopeMetrics(METER, metrics(m), "")], "")
            for m in minutes
        ]
        if resources:
            self._metrics.export(points.MetricsData(resources))

    def feedback(self, plan: TracePlan, said: FeedbackPlan) -> None:
        self._words.feedback(plan, said)

    def pass_on(self) -> None:
        """Feedback that was given in the meantime."""
        self._words.pass_on()

    def release(self, deployment: Deployment) -> None:
        self._words.release(deployment)

    def flush(self) -> None:
        """Return when all that was queued has been answered, or given up."""
        self._spans.force_flush()
        self._logs.force_flush()
        self._words.pass_on()

    def close(self) -> None:
        self._spans.shutdown()  # type: ignore[no-untyped-call]
        self._logs.shutdown()  # type: ignore[no-untyped-call]
        self._metrics.shutdown()
        self._words.close()

    def _provider(self, source: Source) -> tuple[TracerProvider, LoggerProvider]:
        known = self._providers.get(source)
        if known:
            return known
        if len(self._providers) >= KEPT_SOURCES:
            self._providers.clear()
        resource = _resource(source)
        limits = SpanLimits(max_span_attributes=512, max_events=512)
        spans = TracerProvider(resource=resource, id_generator=self._ids, span_limits=limits, shutdown_on_exit=False)
        spans.add_span_processor(self._spans)
        logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
        logs.add_log_record_processor(self._logs)
        self._providers[source] = (spans, logs)
        return spans, logs


def _resource(source: Source) -> Resource:
    own = {
        "service.name": source.service,
        "service.version": source.version,
        "service.instance.id": source.instance,
        "deployment.environment.name": source.environment,
        "vcs.ref.head.revision": source.revision,
    }
    return Resource.create(own | dict(source.extra))


def metrics(minute: Minute) -> list[points.Metric]:
    found = [
        _histogram(minute, "gen_ai.client.token.usage", "{token}", minute.tokens),
        _histogram(minute, "gen_ai.client.operation.duration", "s", minute.durations),
        points.Metric(
            "agent.requests", "Requests by outcome", "{request}", points.Sum(_sums(minute), DELTA, is_monotonic=True)
        ),
        _gauge(minute, "agent.queue.depth", "{request}", minute.queue_depth),
        _limits(minute),
    ]
    return [metric for metric in found if metric.data.data_points]


def _histogram(minute: Minute, name: str, unit: str, measures: dict[Key, HistogramMeasure]) -> points.Metric:
    told = [
        points.HistogramDataPoint(
            dict(key),
            minute.start_ns,
            minute.end_ns,
            len(m.values),
            sum(m.values),
            m.counts,
            m.bounds,
            min(m.values),
            max(m.values),
        )
        for key, m in measures.items()
    ]
    return points.Metric(name, None, unit, points.Histogram(told, DELTA))


def _sums(minute: Minute) -> list[points.NumberDataPoint]:
    return [points.NumberDataPoint(dict(key), minute.start_ns, minute.end_ns, n) for key, n in minute.requests.items()]


def _limits(minute: Minute) -> points.Metric:
    told = [
        points.NumberDataPoint(dict(key), minute.start_ns, minute.end_ns, used) for key, used in minute.limits.items()
    ]
    about = "Share of the provider's rate limit that the last minute used"
    return points.Metric("fourline.rate_limit.utilization", about, "1", points.Gauge(told))


def _gauge(minute: Minute, name: str, unit: str, value: float) -> points.Metric:
    point = points.NumberDataPoint({}, minute.start_ns, minute.end_ns, value)
    return points.Metric(name, None, unit, points.Gauge([point]))
