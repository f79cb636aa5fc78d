"""Which lines of Python send an attribute that a member waits for? docs/attributes.md has the same, word for word (tested)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class AttributeSnippet:
    """attributes: what of its lines feeds members; names as in Member.needs. id: of its text in a page."""

    id: str
    title: str
    attributes: tuple[str, ...]
    text: str


def snippets_for(needs: Collection[str], otlp_url: str, site_url: str) -> list[AttributeSnippet]:
    """Those that send any of these, with the addresses of this installation; the one that makes a tracer first.

    None where nothing is needed: any span does.
    """
    found = [one for one in SNIPPETS if {*one.attributes} & {*needs}]
    return [_addressed(one, otlp_url, site_url) for one in ([SETUP, *found] if found else [])]


def _addressed(of: AttributeSnippet, otlp_url: str, site_url: str) -> AttributeSnippet:
    text = of.text.replace(_OTLP, otlp_url.rstrip("/")).replace(_SITE, site_url.rstrip("/"))
    return replace(of, text=text)


_OTLP: Final = "http://localhost:4318"
_SITE: Final = "http://localhost:8000"
SETUP: Final = AttributeSnippet(
    "setup",
    "The tracer, once in a process",
    (),
    """\
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

resource = Resource.create({"service.name": "support", "service.version": "1.4.0"})
headers = {"Authorization": "Bearer YOUR_INGEST_KEY"}
exporter = OTLPSpanExporter(endpoint="http://localhost:4318/v1/traces", headers=headers)
trace.set_tracer_provider(TracerProvider(resource=resource))
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(exporter))
tracer = trace.get_tracer("support")
""",
)
SNIPPETS: Final = (
    AttributeSnippet(
        "model-calls",
        "Model calls",
        (
            "gen_ai.operation.name",
            "gen_ai.request.model",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.response.time_to_first_chunk",
            "gen_ai.response.finish_reasons",
            "gen_ai.request.retry_count",
        ),
        """\
with tracer.start_as_current_span("chat gpt-5.4-mini") as span:
    span.set_attributes(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5.4-mini",
            "gen_ai.usage.input_tokens": 5210,  # what the cache served included
            "gen_ai.usage.cache_read.input_tokens": 4096,
            "gen_ai.usage.output_tokens": 164,  # reasoning included
            "gen_ai.usage.reasoning.output_tokens": 64,
            "gen_ai.response.time_to_first_chunk": 0.41,  # seconds
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.request.retry_count": 1,
        }
    )
""",
    ),
    AttributeSnippet(
        "errors-timeouts-and-rate-limits",
        "Errors, timeouts and rate limits",
        ("error.type", "http.response.status_code"),
        """\
with tracer.start_as_current_span("chat gpt-5.4-mini") as span:
    span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5.4-mini"})
    span.set_attributes({"error.type": "RateLimitError", "http.response.status_code": 429})
    span.set_status(trace.StatusCode.ERROR, "429: try again in 2 s")
""",
    ),
    AttributeSnippet(
        "policy-checks",
        "Policy checks",
        ("fourline.policy.outcome", "fourline.injection.outcome", "fourline.sensitive.outcome"),
        """\
with tracer.start_as_current_span("check the answer") as span:
    span.set_attributes(
        {
            "gen_ai.operation.name": "guardrail_check",
            "fourline.policy.outcome": "passed",  # or violated
            "fourline.injection.outcome": "clean",  # or detected
            "fourline.sensitive.outcome": "clean",  # or found
        }
    )
""",
    ),
    AttributeSnippet(
        "refusals",
        "Refusals",
        ("fourline.refusal",),
        """\
with tracer.start_as_current_span("chat gpt-5.4-mini") as span:
    span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5.4-mini"})
    span.set_attribute("fourline.refusal", False)
""",
    ),
    AttributeSnippet(
        "tools-that-act",
        "Tools that act",
        (
            "gen_ai.tool.name",
            "fourline.tool.effect",
            "fourline.autonomy.tier",
            "fourline.tool.approval",
            "fourline.tool.state",
            "fourline.tool.idempotency_key",
        ),
        """\
with tracer.start_as_current_span("invoke_agent support") as root:
    root.set_attributes({"gen_ai.operation.name": "invoke_agent", "fourline.autonomy.tier": 3})
    with tracer.start_as_current_span("execute_tool issue_refund") as span:
        span.set_attributes(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "issue_refund",
                "fourline.tool.effect": "irreversible",  # none, reversible
                "fourline.tool.approval": "approved",  # denied, missing, not_required
                "fourline.tool.idempotency_key": "refund-8JX2WO",
                "fourline.tool.state": "confirmed",  # unknown: after a timeout, say
                "fourline.tool.deduplicated": True,  # the tool had done it before, and did not do it again
            }
        )
""",
    ),
    AttributeSnippet(
        "adoption",
        "Adoption",
        ("fourline.adoption",),
        """\
with tracer.start_as_current_span("draft a reply") as root:
    root.set_attribute("fourline.adoption", "edited")  # adopted, rejected
""",
    ),
    AttributeSnippet(
        "token-budgets",
        "Token budgets",
        ("fourline.token_budget",),
        """\
with tracer.start_as_current_span("invoke_agent support") as root:
    root.set_attributes({"gen_ai.operation.name": "invoke_agent", "fourline.token_budget": 60_000})
    with tracer.start_as_current_span("chat gpt-5.4-mini") as span:
        span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5.4-mini"})
        span.set_attributes({"gen_ai.usage.input_tokens": 5210, "gen_ai.usage.output_tokens": 164})
""",
    ),
    AttributeSnippet(
        "queue-time",
        "Queue time",
        ("fourline.queue.duration",),
        """\
with tracer.start_as_current_span("invoke_agent support") as root:
    root.set_attribute("fourline.queue.duration", 0.35)
""",
    ),
    AttributeSnippet(
        "degraded-mode-and-circuit-breakers",
        "Degraded mode and circuit breakers",
        ("fourline.degraded", "fourline.breaker.state"),
        """\
with tracer.start_as_current_span("invoke_agent support") as root:
    root.set_attributes(
        {
            "fourline.degraded": False,  # True: answered without the model, from a list, by a smaller one
            "fourline.breaker.state": "closed",  # open, half_open
        }
    )
""",
    ),
    AttributeSnippet(
        "retrieval",
        "Retrieval",
        ("fourline.retrieval.hit",),
        """\
with tracer.start_as_current_span("retrieve") as span:
    span.set_attributes({"gen_ai.operation.name": "retrieval", "fourline.retrieval.hit": True})
""",
    ),
    AttributeSnippet(
        "evaluations",
        "Evaluations",
        ("gen_ai.evaluation.result",),
        """\
with tracer.start_as_current_span("invoke_agent support") as root:
    root.add_event(
        "gen_ai.evaluation.result",
        {
            "gen_ai.evaluation.name": "groundedness",
            "gen_ai.evaluation.score.value": 0.92,
            "gen_ai.evaluation.score.label": "pass",
            "gen_ai.evaluation.explanation": "each claim is in a passage",
            "fourline.evaluation.source": "judge",  # code, people
        },
    )
""",
    ),
    AttributeSnippet(
        "feedback",
        "Feedback",
        ("POST /api/v1/feedback",),
        """\
import json, urllib.request

with tracer.start_as_current_span("invoke_agent support") as root:
    trace_id = f"{root.get_span_context().trace_id:032x}"  # hand it to the page that shows the answer
trace.get_tracer_provider().force_flush()
body = {"trace_id": trace_id, "name": "user_feedback", "rating": "up", "comment": "quick and right"}
request = urllib.request.Request("http://localhost:8000/api/v1/feedback", json.dumps(body).encode(), headers)
request.add_header("Content-Type", "application/json")
urllib.request.urlopen(request).close()
""",
    ),
    AttributeSnippet(
        "rate-limits",
        "Rate limits",
        ("fourline.rate_limit.utilization",),
        """\
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint="http://localhost:4318/v1/metrics", headers=headers))
meter = MeterProvider(resource=resource, metric_readers=[reader]).get_meter("support")
used = meter.create_gauge("fourline.rate_limit.utilization", unit="1")
limit = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5.4-mini", "fourline.limit": "tokens"}
used.set(1 - 122_000 / 400_000, limit)  # 1 - remaining / limit
""",
    ),
)
