"""What does tracing cost the agent? `python -m benchmarks.overhead`: one loop of model calls, with and without export.

Each call sleeps like a model (LLM_S) and makes spans as an instrumentation does: an agent step, the call with its messages and
usage, and a tool. Three agents take turns in one run, so that whatever else the machine does falls on all of them:

    bare      no SDK at all
    spans     the SDK makes the spans and nobody exports them
    exported  the same into a BatchSpanProcessor that sends to a running Fourline (HTTP, protobuf)

Overhead is the agent process's CPU time a call, all its threads, exporter included; and the wall time beyond the sleep.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.stack import running

LLM_S = 0.5
GOAL = 0.01  # of a call
KINDS = ("bare", "spans", "exported")
QUESTION = "Which of my three bookings can be moved to Thursday without a fee, and what would the others cost? " * 12
ANSWER = "The booking to Lisbon can be moved: its fare allows one change. The other two would cost 80 EUR each. " * 8


def messages(role: str, text: str, count: int) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}] * count)


def call_attributes(number: int) -> dict[str, Any]:
    """What an instrumentation of today puts on a model call with its content: 3 messages in, one out."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{number:024d}",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.usage.input_tokens": 1_250 + number,
        "gen_ai.usage.output_tokens": 210,
        "gen_ai.conversation.id": f"session-{number // 10}",
        "user.id": f"user-{number % 7}",
        "server.address": "api.openai.com",
        "gen_ai.input.messages": messages("user", QUESTION, 3),
        "gen_ai.output.messages": messages("assistant", ANSWER, 1),
    }


def bare_call(sleep_s: float, number: int) -> None:
    call_attributes(number)  # the agent has these texts with or without tracing
    time.sleep(sleep_s)


def traced_call(tracer: Any) -> Callable[[float, int], None]:
    def call(sleep_s: float, number: int) -> None:
        with tracer.start_as_current_span("invoke_agent booking", attributes={"gen_ai.operation.name": "invoke_agent"}):
            with tracer.start_as_current_span("chat gpt-4o") as span:
                time.sleep(sleep_s)
                span.set_attributes(call_attributes(number))
            tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find_booking"}
            with tracer.start_as_current_span("execute_tool find_booking", attributes=tool):
                pass

    return call


def make_call(kind: str, endpoint: str, key: str) -> tuple[Callable[[float, int], None], Callable[[], None]]:
    """(one call, what must be waited for at the end)."""
    if kind == "bare":
        return bare_call, lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    if kind == "exported":
        exporter = OTLPSpanExporter(endpoint=endpoint, headers={"Authorization": f"Bearer {key}"})
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return traced_call(provider.get_tracer("agent")), provider.shutdown


def agent(kind: str, endpoint: str, key: str) -> None:
    """One agent process: for each line "calls sleep_s" on standard input one line of figures on standard output."""
    call, finish = make_call(kind, endpoint, key)
    call(0, 0)
    for line in sys.stdin:
        calls, sleep_s = int(line.split()[0]), float(line.split()[1])
        began, cpu = time.perf_counter(), time.process_time()
        for number in range(calls):
            call(sleep_s, number)
        wall_s = time.perf_counter() - began
        if not sleep_s:
            finish()  # the last batch, and the exporter's part of the work
        print(json.dumps({"wall_s": wall_s, "cpu_s": time.process_time() - cpu}), flush=True)


class Agent:
    def __init__(self, kind: str, endpoint: str, key: str) -> None:
        command = [sys.executable, "-m", "benchmarks.overhead", "--agent", kind, endpoint, key]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, calls: int, sleep_s: float) -> dict[str, float]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{calls} {sleep_s}\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def measure(endpoint: str, key: str, rounds: int, calls: int, packed: int) -> dict[str, dict[str, float]]:
    """ms a call: cpu and wall of real calls, and cpu of `packed` calls without the sleep, flush included."""
    agents = {kind: Agent(kind, endpoint, key) for kind in KINDS}
    found: dict[str, dict[str, list[float]]] = {kind: {"cpu": [], "wall": []} for kind in KINDS}
    try:
        for turn in range(rounds):
            for kind in KINDS if turn % 2 else reversed(KINDS):
                figures = agents[kind].run(calls, LLM_S)
                found[kind]["cpu"].append(1000 * figures["cpu_s"] / calls)
                found[kind]["wall"].append(1000 * (figures["wall_s"] / calls - LLM_S))
        dense = {kind: 1000 * agents[kind].run(packed, 0)["cpu_s"] / packed for kind in KINDS}
    finally:
        for one in agents.values():
            one.stop()
    return {
        kind: {"cpu": statistics.mean(of["cpu"]), "wall": statistics.median(of["wall"]), "dense": dense[kind]}
        for kind, of in found.items()
    }


def table(found: dict[str, dict[str, float]]) -> str:
    lines = [
        f"{'ms a call of ' + str(round(1000 * LLM_S)) + ' ms':24}{'CPU':>10}{'beyond sleep':>14}{'CPU, no sleep':>15}"
    ]
    for kind, of in found.items():
        lines.append(f"{kind:24}{of['cpu']:10.3f}{of['wall']:14.3f}{of['dense']:15.3f}")
    for name, column in (("CPU", "cpu"), ("wall", "wall"), ("CPU without the sleep", "dense")):
        for kind in KINDS[1:]:
            share = (found[kind][column] - found["bare"][column]) / (1000 * LLM_S)
            verdict = "within" if share < GOAL else "OVER"
            lines.append(f"overhead of {kind}, {name}: {share:.2%} of a call ({verdict} the goal of {GOAL:.0%})")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--calls", type=int, default=20, help="of each agent in each round")
    parser.add_argument("--packed", type=int, default=600, help="calls without the sleep, for what a busy agent pays")
    parser.add_argument("--agent", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.agent:
        agent(*given.agent)
        return
    with running() as stack:
        key = stack.credentials()["ingest_key"]
        found = measure(f"http://{stack.otlp}/v1/traces", key, given.rounds, given.calls, given.packed)
        stored = stack.get("/api/v1/ledger", range="1h")["traces"]["accepted"]
    print(table(found))
    print(f"{os.cpu_count()} cores; {stored} spans were stored meanwhile")


if __name__ == "__main__":
    main()
