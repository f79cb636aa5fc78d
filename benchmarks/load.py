"""The work: agent traces of 8 spans (1 agent, 1 retrieval, 3 chat, 3 tool), about 2.5 kB and 19 attributes a span.

5 % of the traces hold an error. Texts are drawn from the sentences of the demo by a word chain and no message comes twice:
what a store gains from repetition is measured by storage.py.

    python -m benchmarks.load --endpoint 127.0.0.1:4318 [--key KEY] [--requests 100] [--traces 64] [--senders 4] [--gzip]
"""

import argparse
import itertools
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.client import HttpTarget, packed, send_all
from dashboard.demo import texts

SPANS_A_TRACE = 8
MODELS = {
    "gpt-4.1": "openai",
    "gpt-5.4-mini": "openai",
    "claude-sonnet-4-6": "anthropic",
    "claude-haiku-4-5": "anthropic",
    "gemini-3.5-flash": "gcp.gemini",
    "qwen3-32b": "vllm",
}
TOOLS = ("search_docs", "run_sql", "get_weather", "send_email", "read_file", "http_get", "calculator", "create_ticket")
SPREAD_NS = 60 * 10**9


class Prose:
    """Endless English-looking text: a chain of words as they follow each other in the demo's texts."""

    def __init__(self, r: random.Random) -> None:
        source = " ".join(text for name, value in vars(texts).items() if name.isupper() for text in _flat(value))
        words = re.findall(r"[A-Za-z]{2,}|[0-9]+", source)
        follows: dict[str, list[str]] = defaultdict(list)
        for one, next_one in itertools.pairwise(words):
            follows[one].append(next_one)
        self._text = " ".join(self._walk(r, words, follows))

    def _walk(self, r: random.Random, words: list[str], follows: dict[str, list[str]]) -> Iterator[str]:
        word = words[0]
        for _ in range(90_000):
            yield word
            word = r.choice(follows.get(word) or words) if r.random() < 0.8 else r.choice(words)

    def cut(self, r: random.Random, size: int) -> str:
        start = r.randrange(len(self._text) - size)
        return self._text[start : start + size]


def _flat(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for item in value for text in _flat(item)] if isinstance(value, tuple) else []


def put(holder: Any, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        one = holder.attributes.add()
        one.key = key
        if isinstance(value, bool):
            one.value.bool_value = value
        elif isinstance(value, int):
            one.value.int_value = value
        elif isinstance(value, float):
            one.value.double_value = value
        elif isinstance(value, list):
            for item in value:
                one.value.array_value.values.add().string_value = item
        else:
            one.value.string_value = value


class Drawer:
    """Draws requests; each trace begins somewhere in the last minute before now_ns."""

    def __init__(self, seed: int, now_ns: int) -> None:
        self.r = random.Random(seed * 10**20 + now_ns)
        self.now_ns = now_ns
        self.prose = Prose(self.r)

    def request(self, traces: int) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        put(
            resource.resource,
            {
                "service.name": "support-bot",
                "service.version": "1.4.2",
                "deployment.environment.name": "prod",
                "telemetry.sdk.name": "opentelemetry",
                "telemetry.sdk.language": "python",
                "telemetry.sdk.version": "1.45.2",
                "service.instance.id": "support-bot-0",
            },
        )
        scope = resource.scope_spans.add()
        scope.scope.name, scope.scope.version = "openinference.instrumentation.openai", "0.1.30"
        for _ in range(traces):
            self._trace(scope)
        return request

    def _trace(self, scope: Any) -> None:
        r, text = self.r, self.prose.cut
        self.trace_id, self.root_id, self.now = r.randbytes(16), r.randbytes(8), self.now_ns - r.randrange(SPREAD_NS)
        tenant = {
            "tenant": f"t{r.randrange(200):03}",
            "release": f"2026.11.{r.randrange(20)}",
            "experiment": f"exp-{r.randrange(10)}",
        }
        self.common = {
            "session.id": f"sess-{r.randrange(50_000):06}",
            "user.id": f"user-{r.randrange(5_000):05}",
            "metadata": json.dumps(tenant),
        }
        failing = r.random() < 0.05
        root = self._span(scope, "invoke_agent support_agent", 1, "AGENT", 0, root=True)
        put(
            root,
            {
                "input.value": text(r, r.randrange(150, 400)),
                "input.mime_type": "text/plain",
                "output.value": text(r, r.randrange(300, 900)),
                "output.mime_type": "text/plain",
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": r.choice(["support_agent", "research_agent", "coder"]),
                "gen_ai.agent.id": f"agent-{r.randrange(20)}",
                "gen_ai.conversation.id": self.common["session.id"],
                "gen_ai.provider.name": "openai",
                "deployment.environment.name": r.choice(["prod", "prod", "prod", "staging"]),
                "tag.tags": ["beta", r.choice(["eu", "us"])],
            },
        )
        self._retrieval(scope)
        for turn in range(3):
            self._chat(scope)
            tool = self._tool(scope)
            if failing and turn == 1:
                self._fail(tool)
                root.status.code, root.status.message = 2, "tool failed"
        root.end_time_unix_nano = self.now

    def _span(self, scope: Any, name: str, kind: int, mark: str, duration_ns: int, root: bool = False) -> Any:
        span = scope.spans.add()
        span.trace_id, span.name, span.kind = self.trace_id, name, kind
        span.span_id = self.root_id if root else self.r.randbytes(8)
        if not root:
            span.parent_span_id = self.root_id
        span.start_time_unix_nano, span.end_time_unix_nano = self.now, self.now + duration_ns
        span.status.code = 1
        put(span, {"openinference.span.kind": mark, **self.common})
        self.now += duration_ns
        return span

    def _retrieval(self, scope: Any) -> None:
        r = self.r
        span = self._span(scope, "retrieve kb", 3, "RETRIEVER", int(r.lognormvariate(0, 0.6) * 60e6))
        put(
            span,
            {
                "input.value": self.prose.cut(r, 200),
                "input.mime_type": "text/plain",
                "gen_ai.operation.name": "retrieval",
            },
        )
        put(span, {"db.system.name": "pgvector", "retrieval.top_k": 4})
        for n in range(4):
            base = f"retrieval.documents.{n}.document"
            put(
                span,
                {
                    f"{base}.id": f"doc-{r.randrange(99_999)}",
                    f"{base}.score": round(r.random(), 4),
                    f"{base}.content": self.prose.cut(r, 300),
                },
            )

    def _chat(self, scope: Any) -> None:
        r, text = self.r, self.prose.cut
        model, provider = r.choice(list(MODELS.items()))
        prompt, completion = r.randrange(300, 3000), r.randrange(30, 700)
        span = self._span(scope, f"chat {model}", 3, "LLM", int(r.lognormvariate(0, 0.7) * 1.2e9))
        put(
            span,
            {
                "llm.model_name": model,
                "llm.provider": provider,
                "llm.system": provider,
                "llm.invocation_parameters": json.dumps({"temperature": 0.2, "max_tokens": 1024, "top_p": 1}),
                "llm.token_count.prompt": prompt,
                "llm.token_count.completion": completion,
                "llm.token_count.total": prompt + completion,
                "llm.input_messages.0.message.role": "system",
                "llm.input_messages.0.message.content": text(r, r.randrange(300, 600)),
                "llm.input_messages.1.message.role": "user",
                "llm.input_messages.1.message.content": text(r, r.randrange(700, 1400)),
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.content": text(r, r.randrange(800, 1900)),
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": provider,
                "gen_ai.request.model": model,
                "gen_ai.response.model": model,
                "gen_ai.usage.input_tokens": prompt,
                "gen_ai.usage.output_tokens": completion,
                "gen_ai.response.finish_reasons": ["stop"],
                "gen_ai.request.temperature": 0.2,
            },
        )

    def _tool(self, scope: Any) -> Any:
        r, tool = self.r, self.r.choice(TOOLS)
        span = self._span(scope, f"execute_tool {tool}", 1, "TOOL", int(r.lognormvariate(0, 1) * 150e6))
        put(
            span,
            {
                "tool.name": tool,
                "tool.description": f"Tool {tool} used by the agent",
                "input.value": json.dumps({"query": self.prose.cut(r, 250), "limit": 10}),
                "input.mime_type": "application/json",
                "output.value": json.dumps({"ok": True, "result": self.prose.cut(r, 270)}),
                "output.mime_type": "application/json",
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": tool,
                "gen_ai.tool.call.id": f"call_{r.getrandbits(64):016x}",
                "gen_ai.tool.type": "function",
                "retry.count": 0,
            },
        )
        return span

    def _fail(self, span: Any) -> None:
        span.status.code, span.status.message = 2, "TimeoutError: upstream timed out"
        event = span.events.add()
        event.name, event.time_unix_nano = "exception", span.end_time_unix_nano
        stack = self.prose.cut(self.r, 600)
        put(
            event,
            {
                "exception.type": "TimeoutError",
                "exception.message": "upstream timed out",
                "exception.stacktrace": stack,
            },
        )


def draw(requests: int, traces: int, seed: int, now_ns: int) -> list[ExportTraceServiceRequest]:
    """requests bodies of 8 * traces spans each; another seed or now_ns draws others."""
    drawer = Drawer(seed, now_ns)
    return [drawer.request(traces) for _ in range(requests)]


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--endpoint", default="127.0.0.1:4318")
    cli.add_argument("--key")
    cli.add_argument("--requests", type=int, default=100)
    cli.add_argument("--traces", type=int, default=64, help="a request; 64 = 512 spans")
    cli.add_argument("--senders", type=int, default=4)
    cli.add_argument("--gzip", action="store_true")
    cli.add_argument("--seed", type=int, default=1)
    args = cli.parse_args()
    bodies = [
        packed(request, "protobuf", args.gzip)
        for request in draw(args.requests, args.traces, args.seed, time.time_ns())
    ]
    sent = send_all(HttpTarget(args.endpoint, args.key, "protobuf", args.gzip), bodies, args.senders)
    print(json.dumps(sent.summary(SPANS_A_TRACE * args.traces)))


if __name__ == "__main__":
    main()
