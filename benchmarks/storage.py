"""Is each message stored once? 200 real agent runs, whose calls repeat the whole history, sent once; then the size of every table.

    python -m benchmarks.storage PATH/gpt-4o-airline.json

The file is a list of runs of the tau-bench airline agent (its published historical trajectories): each has `traj`, a list of
OpenAI chat turns, and `task_id`, `trial`, `reward`, `info`. It is not part of this project.
"""

import argparse
import hashlib
import json
import random
import time
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.client import HttpTarget, send_all
from benchmarks.ingest import bytes_by_table, count_spans, settled_after
from benchmarks.load import put
from benchmarks.stack import running

MEBI = 1e6
CHARACTERS_A_TOKEN = 4


class Totals:
    """Message bytes as sent, and if each distinct message counts once."""

    def __init__(self) -> None:
        self.spans = 0
        self.sent_bytes = 0
        self._distinct: dict[bytes, int] = {}

    def saw(self, text: str, times: int = 1) -> None:
        raw = text.encode()
        self.sent_bytes += times * len(raw)
        self._distinct.setdefault(hashlib.blake2b(raw, digest_size=16).digest(), len(raw))

    @property
    def distinct_bytes(self) -> int:
        return sum(self._distinct.values())


def message(turn: dict[str, Any]) -> str:
    """A chat turn as a message of the GenAI conventions, in JSON."""
    parts: list[dict[str, Any]] = []
    if turn.get("content") and turn["role"] == "tool":
        parts.append({"type": "tool_call_response", "id": turn["tool_call_id"], "response": turn["content"]})
    elif turn.get("content"):
        parts.append({"type": "text", "content": turn["content"]})
    for call in turn.get("tool_calls") or []:
        function = call["function"]
        parts.append(
            {"type": "tool_call", "id": call["id"], "name": function["name"], "arguments": function["arguments"]}
        )
    return json.dumps({"role": turn["role"], "parts": parts}, ensure_ascii=False)


class Run:
    """One run as one trace: a root, a chat span for each model call with all that was said so far, a span for each tool."""

    def __init__(self, run: dict[str, Any], r: random.Random, end_ns: int, totals: Totals) -> None:
        self.run, self.r, self.totals = run, r, totals
        self.turns = run["traj"]
        self.texts = [message(turn) for turn in self.turns]
        self.now_ns = end_ns - len(self.turns) * 2 * 10**9
        self.request = ExportTraceServiceRequest()
        resource = self.request.resource_spans.add()
        put(
            resource.resource,
            {"service.name": "airline-agent", "service.version": "v1", "deployment.environment.name": "prod"},
        )
        self.scope = resource.scope_spans.add()
        self.scope.scope.name = "airline-agent"
        self.trace_id = r.randbytes(16)

    def body(self) -> bytes:
        self.root = self._span("invoke_agent airline_agent", 1, 0)
        put(self.root, {"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "openai"})
        for n, turn in enumerate(self.turns):
            if turn["role"] == "assistant":
                self._chat(n)
                self._tools(n)
        for text in self.texts:
            self.totals.saw(text, times=0)
        self.root.end_time_unix_nano = self.now_ns
        return self.request.SerializeToString()

    def _span(self, name: str, kind: int, duration_ns: int) -> Any:
        span = self.scope.spans.add()
        span.trace_id, span.span_id, span.name, span.kind = self.trace_id, self.r.randbytes(8), name, kind
        if self.totals.spans and len(self.scope.spans) > 1:
            span.parent_span_id = self.root.span_id
        span.start_time_unix_nano, span.end_time_unix_nano = self.now_ns, self.now_ns + duration_ns
        self.now_ns += duration_ns
        self.totals.spans += 1
        session = f"task-{self.run['task_id']}-trial-{self.run['trial']}"
        put(
            span,
            {
                "session.id": session,
                "user.id": self.run["info"]["task"]["user_id"],
                "gen_ai.agent.name": "airline_agent",
            },
        )
        return span

    def _chat(self, n: int) -> None:
        output = max(1, len(self.texts[n]) // CHARACTERS_A_TOKEN)
        span = self._span("chat gpt-4o", 3, int(self.r.lognormvariate(0, 0.5) * 4e8 + output * 9e6))
        put(
            span,
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.response.model": "gpt-4o-2024-05-13",
                "gen_ai.response.id": "chatcmpl-" + self.r.randbytes(12).hex(),
                "gen_ai.usage.input_tokens": sum(map(len, self.texts[:n])) // CHARACTERS_A_TOKEN,
                "gen_ai.usage.output_tokens": output,
                "gen_ai.response.finish_reasons": ["tool_calls" if self.turns[n].get("tool_calls") else "stop"],
                "gen_ai.input.messages": "[" + ",".join(self.texts[:n]) + "]",
                "gen_ai.output.messages": "[" + self.texts[n] + "]",
            },
        )
        for text in self.texts[: n + 1]:
            self.totals.saw(text)

    def _tools(self, n: int) -> None:
        for call, reply in zip(self.turns[n].get("tool_calls") or [], self.turns[n + 1 :], strict=False):
            span = self._span(f"execute_tool {call['function']['name']}", 1, int(self.r.lognormvariate(0, 1) * 8e7))
            put(
                span,
                {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": call["function"]["name"],
                    "gen_ai.tool.call.id": call["id"],
                    "gen_ai.tool.type": "function",
                    "gen_ai.tool.call.arguments": call["function"]["arguments"],
                    "gen_ai.tool.call.result": reply.get("content") or "",
                },
            )


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("file", type=Path)
    cli.add_argument("--limit", type=int, default=200)
    args = cli.parse_args()
    r, totals, now_ns = random.Random(7), Totals(), time.time_ns()
    runs = json.loads(args.file.read_text())[: args.limit]
    bodies = [Run(run, r, now_ns - r.randrange(3600 * 10**9), totals).body() for run in runs]
    with running() as stack, stack.connect() as connection:
        before = bytes_by_table(connection)
        sent = send_all(HttpTarget(stack.otlp, stack.credentials()["ingest_key"]), bodies, 1)
        settled_after(stack, connection, time.monotonic())
        stored = count_spans(connection)
        connection.execute("VACUUM")
        after = bytes_by_table(connection)
    print(
        f"{len(sent.accepted)} traces, {stored} of {totals.spans} spans stored, bodies {sum(map(len, bodies)) / MEBI:.1f} MB"
    )
    print(
        f"messages as sent {totals.sent_bytes / MEBI:.1f} MB, each distinct one once {totals.distinct_bytes / MEBI:.1f} MB\n"
    )
    grown = {name: after[name] - before.get(name, 0) for name in after}
    print("| table | MB |\n|---|---|")
    for name, size in sorted(grown.items(), key=lambda pair: -pair[1]):
        if size > 0:
            print(f"| {name} | {size / MEBI:.2f} |")
    print(f"| all | {sum(grown.values()) / MEBI:.2f} |")


if __name__ == "__main__":
    main()
