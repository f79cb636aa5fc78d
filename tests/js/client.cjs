// An agent in JavaScript with the OpenTelemetry SDK as it comes: so many spans, or until standard input ends.
//
//   node client.cjs FOLDER OPTIONS     FOLDER holds node_modules. OPTIONS (JSON):
//   exporter: proto | json | grpc; url; key; timeoutMs; paceMs between spans; spans: how many; eachAlone: no batches; badIds
//
// Prints {"sent": [span ids], "exports": [{"ok", "ms", "error"}], "warnings": [what the SDK logged]}.
const { createRequire } = require("node:module");

const load = createRequire(process.argv[2] + "/");
const { diag, DiagLogLevel } = load("@opentelemetry/api");
const sdk = load("@opentelemetry/sdk-trace-node");
const options = JSON.parse(process.argv[3]);
const warnings = [];
const exported = [];
const sent = [];

const note = (...words) => warnings.push(words.map((word) => (word instanceof Error ? word.message : String(word))).join(" "));
diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);

function makeExporter() {
  const settings = { url: options.url };
  if (options.timeoutMs) settings.timeoutMillis = options.timeoutMs;
  if (options.exporter === "grpc") {
    return new (load("@opentelemetry/exporter-trace-otlp-grpc").OTLPTraceExporter)(settings);
  }
  if (options.key) settings.headers = { Authorization: `Bearer ${options.key}` };
  const name = options.exporter === "json" ? "http" : "proto";
  return new (load(`@opentelemetry/exporter-trace-otlp-${name}`).OTLPTraceExporter)(settings);
}

function watched(exporter) {
  const real = exporter.export.bind(exporter);
  exporter.export = (spans, done) => {
    const began = Date.now();
    real(spans, (result) => {
      exported.push({ ok: result.code === 0, ms: Date.now() - began, error: result.error ? String(result.error.message) : "" });
      done(result);
    });
  };
  return exporter;
}

class Ids extends sdk.RandomIdGenerator {
  spans = 0;
  generateSpanId = () => (options.badIds && ++this.spans % options.badIds === 0 ? "0".repeat(16) : random());
}
const generator = new sdk.RandomIdGenerator();
const random = () => generator.generateSpanId();

const exporter = watched(makeExporter());
const processor = options.eachAlone
  ? new sdk.SimpleSpanProcessor(exporter)
  : new sdk.BatchSpanProcessor(exporter, { scheduledDelayMillis: 300 });
const provider = new sdk.NodeTracerProvider({ spanProcessors: [processor], idGenerator: new Ids() });
const tracer = provider.getTracer("agent");

function emit() {
  const span = tracer.startSpan("chat gpt-4o", { attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o" } });
  span.end();
  sent.push(span.spanContext().spanId);
}

async function finish() {
  clearInterval(timer);
  await provider.shutdown().catch((error) => note(error));
  process.stdout.write(JSON.stringify({ sent, exports: exported, warnings }) + "\n", () => process.exit());
}

const timer = setInterval(() => (sent.length === options.spans ? finish() : emit()), options.paceMs ?? 20);
if (!options.spans) process.stdin.on("end", finish).resume();
