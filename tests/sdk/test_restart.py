"""Fourline is stopped and started while agents send with the real SDKs: whatever they ended is stored."""

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from benchmarks.stack import Stack
from tests.sdk.javascript import Agent, why_not

pytestmark = pytest.mark.timeout(240)
TIMEOUT_S = 60  # of an export: as docs/ingest.md advises
BRIDGED_S = {"python": 24.0, "javascript": 10.0}  # the least of what their pauses add up to
PACE_S = 0.05
ATTEMPTS = 3


class PythonAgent:
    """A thread that ends a span every PACE_S until finish()."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._provider = TracerProvider()
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=300))
        self._sent: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        tracer = self._provider.get_tracer("agent")
        while not self._stopping.wait(PACE_S):
            span = tracer.start_span("chat gpt-4o", attributes={"gen_ai.request.model": "gpt-4o"})
            span.end()
            self._sent.append(f"{span.get_span_context().span_id:016x}")

    def finish(self) -> list[str]:
        self._stopping.set()
        self._thread.join()
        self._provider.force_flush(TIMEOUT_S * 1000)
        self._provider.shutdown()
        return self._sent


class JavaScriptAgent:
    def __init__(self, kind: str, url: str, key: str) -> None:
        self._agent = Agent(kind, url, key=key, timeoutMs=TIMEOUT_S * 1000, paceMs=PACE_S * 1000)

    def finish(self) -> list[str]:
        return self._agent.finish(TIMEOUT_S + 10).sent


def agents(stack: Stack) -> Iterator[tuple[str, PythonAgent | JavaScriptAgent]]:
    key, url = stack.credentials()["ingest_key"], f"http://{stack.otlp}/v1/traces"
    headers = {"authorization": f"Bearer {key}"}
    yield "python http", PythonAgent(OTLPSpanExporter(endpoint=url, headers=headers, timeout=TIMEOUT_S))
    yield (
        "python grpc",
        PythonAgent(GrpcExporter(endpoint=stack.grpc, insecure=True, headers=headers, timeout=TIMEOUT_S)),
    )
    if why_not() is None:
        for kind in ("proto", "json"):
            yield f"javascript {kind}", JavaScriptAgent(kind, url, key)


class Watch:
    """Whether anybody listens, asked every 20 ms from the start to away_s()."""

    def __init__(self, address: str) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._refused: list[float] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self._stopping.wait(0.02):
            try:
                socket.create_connection((self._host, int(self._port)), timeout=5).close()
            except OSError:
                self._refused.append(time.monotonic())

    def away_s(self) -> float:
        """From the first connection that was refused to the last."""
        self._stopping.set()
        self._thread.join()
        return self._refused[-1] - self._refused[0]


def stored(stack: Stack) -> set[str]:
    with stack.connect() as connection:
        rows = connection.execute("SELECT span_id FROM span").fetchall()
    return {f"{id & (2**64 - 1):016x}" for (id,) in rows}


def test_nothing_is_dropped_across_a_restart_that_is_shorter_than_the_sdk_retries(stack: Stack) -> None:
    """A restart that took longer than JavaScript's SDK bridges proves nothing of it and is made once more."""
    assert why_not() is None or os.environ.get("CI") != "true", why_not()
    for _ in range(ATTEMPTS):
        running = dict(agents(stack))
        time.sleep(1.5)
        watch = Watch(stack.otlp)
        stack.stop()
        stack.start()
        away_s = watch.away_s()
        time.sleep(1.0)
        sent = {name: agent.finish() for name, agent in running.items()}
        kept = stored(stack)
        lost = {name: [id for id in ids if id not in kept] for name, ids in sent.items()}
        print(f"away for {away_s:.1f} s; sent { ({name: len(ids) for name, ids in sent.items()}) }")
        bridged = {name for name in sent if away_s < BRIDGED_S[name.partition(" ")[0]]}
        assert {name: len(lost[name]) for name in bridged} == dict.fromkeys(bridged, 0)
        assert all(len(ids) > away_s for ids in sent.values())
        if bridged == set(sent):
            return
    pytest.fail(f"no restart was short enough: {away_s:.1f} s")
