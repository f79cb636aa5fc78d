"""How does an application send to this project? Texts to copy, for the common SDKs."""

from dataclasses import dataclass

KEY = "YOUR_INGEST_KEY"


@dataclass(frozen=True, slots=True)
class Snippet:
    """id: also the anchor of its tab. lead: one sentence above the text."""

    id: str
    title: str
    lead: str
    text: str


def snippets(otlp_url: str, site_url: str) -> list[Snippet]:
    """otlp_url: base of OTLP/HTTP, e.g. http://localhost:4318. site_url: where the pages are; OTLP is served there too."""
    values = {"otlp": otlp_url.rstrip("/"), "site": site_url.rstrip("/"), "key": KEY}
    return [Snippet(id, title, lead, _fill(text, values)) for id, title, lead, text in _TEXTS]


def otlp_url(public_url: str, bind: str, otlp_port: int) -> str:
    """Where OTLP/HTTP is reached: the public address when there is one, else this machine's OTLP port."""
    if public_url:
        return public_url
    return f"http://{'localhost' if bind in ('127.0.0.1', '::1', '0.0.0.0', '::') else bind}:{otlp_port}"  # noqa: S104  # compared, not bound


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text.strip("\n")


_TEXTS = (
    (
        "otel",
        "OpenTelemetry",
        "Any OpenTelemetry SDK (Python, JavaScript, Go, Java, .NET): set these before your application starts.",
        """
export OTEL_EXPORTER_OTLP_ENDPOINT="<otlp>"
export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20<key>"
export OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"
export OTEL_SERVICE_NAME="my-agent"
export OTEL_RESOURCE_ATTRIBUTES="service.version=1.0.0,deployment.environment.name=production"
""",
    ),
    (
        "openinference",
        "OpenInference",
        "Works for the openinference-instrumentation-* packages; openai stands for the one you use.",
        """
# pip install openinference-instrumentation-openai opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "my-agent", "service.version": "1.0.0"}))
exporter = OTLPSpanExporter("<otlp>/v1/traces", headers={"Authorization": "Bearer <key>"})
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument()
""",
    ),
    (
        "openllmetry",
        "OpenLLMetry",
        "The Traceloop SDK sends to any OTLP endpoint.",
        """
# pip install traceloop-sdk
from traceloop.sdk import Traceloop

Traceloop.init(
    app_name="my-agent",
    api_endpoint="<otlp>",
    headers={"Authorization": "Bearer <key>"},
)
""",
    ),
    (
        "langfuse",
        "Langfuse",
        "The Langfuse SDK from version 3 on speaks OTLP; the secret key is our ingest key, the public key may be anything.",
        """
export LANGFUSE_BASE_URL="<site>"
export LANGFUSE_HOST="<site>"   # the name that older versions read
export LANGFUSE_PUBLIC_KEY="fourline"
export LANGFUSE_SECRET_KEY="<key>"
""",
    ),
    (
        "vercel",
        "Vercel AI SDK",
        "Start the Node SDK once, and switch telemetry on in each call.",
        """
// npm install @opentelemetry/sdk-node @opentelemetry/exporter-trace-otlp-proto
import { NodeSDK } from "@opentelemetry/sdk-node";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";

new NodeSDK({
  serviceName: "my-agent",
  traceExporter: new OTLPTraceExporter({
    url: "<otlp>/v1/traces",
    headers: { Authorization: "Bearer <key>" },
  }),
}).start();

await generateText({
  model,
  prompt,
  experimental_telemetry: { isEnabled: true, functionId: "answer", metadata: { sessionId, userId } },
});
""",
    ),
    (
        "langsmith",
        "LangSmith",
        "The LangSmith SDK (LangChain, LangGraph) in its OpenTelemetry mode: pip install 'langsmith[otel]'.",
        """
export LANGSMITH_TRACING="true"
export LANGSMITH_OTEL_ENABLED="true"
export LANGSMITH_OTEL_ONLY="true"
export LANGSMITH_ENDPOINT="<site>"
export LANGSMITH_API_KEY="<key>"
""",
    ),
    (
        "pydantic",
        "Pydantic AI",
        "Logfire sends to an OTLP endpoint when one is set; nothing goes to its own service.",
        """
# Set the variables of the OpenTelemetry tab, then:
import logfire

logfire.configure(service_name="my-agent", send_to_logfire=False)
logfire.instrument_pydantic_ai()
""",
    ),
    (
        "litellm",
        "LiteLLM",
        "For the SDK; the proxy takes the same callback under litellm_settings.",
        """
export OTEL_EXPORTER="otlp_http"
export OTEL_ENDPOINT="<otlp>/v1/traces"
export OTEL_HEADERS="Authorization=Bearer <key>"

# then, in Python
import litellm

litellm.callbacks = ["otel"]
""",
    ),
    (
        "collector",
        "Collector",
        "An OpenTelemetry Collector that passes everything on; add the exporter to the pipelines you have.",
        """
exporters:
  otlphttp/fourline:
    endpoint: <otlp>
    headers:
      Authorization: Bearer <key>
    compression: zstd

service:
  pipelines:
    traces:  { receivers: [otlp], processors: [batch], exporters: [otlphttp/fourline] }
    logs:    { receivers: [otlp], processors: [batch], exporters: [otlphttp/fourline] }
    metrics: { receivers: [otlp], processors: [batch], exporters: [otlphttp/fourline] }
""",
    ),
    (
        "curl",
        "curl",
        "One span by hand, to see that the way is open.",
        """
now=$(date +%s)
curl -sS "<otlp>/v1/traces" -H "Authorization: Bearer <key>" -H "Content-Type: application/json" -d @- <<END
{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "by-hand"}}]},
 "scopeSpans": [{"spans": [{"traceId": "$(openssl rand -hex 16)", "spanId": "$(openssl rand -hex 8)", "name": "hello",
 "kind": 1, "startTimeUnixNano": "${now}000000000", "endTimeUnixNano": "${now}250000000"}]}]}]}
END
""",
    ),
)
