"""What SDKs make of our answers: throttled they come again, of rejected records they hear, and what is promised is kept."""

import json
import logging
import re
import threading
import time
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from ingest import auth
from ingest.quota import BURST_S, new_board
from tests.ingest.conftest import start_edge
from tests.ingest.edge_server import GOOD
from tests.ingest.test_otlp_grpc import store, target
from tests.sdk.javascript import SOURCE, Agent

__all__ = ["store", "target"]  # fixtures

TRACER = TracerProvider().get_tracer("test")
WAVES = int(BURST_S) + 4  # requests: more than a burst at one a second


def some_span():
    span = TRACER.start_span("chat")
    span.end()
    return span


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """An edge that takes one request a second of a key."""
    edge = start_edge(tmp_path_factory.mktemp("narrow"), FOURLINE_KEY_REQUESTS_PER_S="1")
    yield edge
    edge.process.terminate()
    edge.process.wait(10)


def test_throttled_sdks_wait_as_they_are_told_and_lose_nothing(narrow):
    """Python and both JavaScript exporters share a key and its burst; 429 with Retry-After brings each of them back."""
    url = f"http://127.0.0.1:{narrow.port}/v1/traces"
    agents = [Agent(kind, url, key=GOOD, spans=5, eachAlone=True, timeoutMs=20_000) for kind in ("proto", "json")]
    exporter = OTLPSpanExporter(endpoint=url, timeout=20, headers={"Authorization": f"Bearer {GOOD}"})
    since, results = time.monotonic(), []
    while len(results) < 5:
        results.append(exporter.export([some_span()]))
    told = [agent.finish() for agent in agents]
    assert results == [SpanExportResult.SUCCESS] * 5
    assert [one.failed for one in told] == [[], []]
    sent = 5 + sum(len(one.sent) for one in told)
    assert narrow.stored() == sent == 15
    assert any(line.startswith("7 traces quota") for line in narrow.refused()), "nobody was throttled"
    assert time.monotonic() - since > 15 - BURST_S - 2


@pytest.fixture
def narrow_key(settings, monkeypatch):
    settings.KEY_REQUESTS_PER_S = 1
    monkeypatch.setattr(auth, "REQUESTS", new_board())


def test_a_throttled_grpc_sdk_waits_as_retry_info_says(narrow_key, target, store, caplog):
    exporter = GrpcExporter(endpoint=target, insecure=True, timeout=20, headers={"authorization": f"Bearer {GOOD}"})
    with caplog.at_level(logging.WARNING, "opentelemetry"):
        results = [exporter.export([some_span()]) for _ in range(WAVES)]
    assert results == [SpanExportResult.SUCCESS] * WAVES
    assert len(store.records) == WAVES
    assert store.refused.count("quota") >= 2
    assert "retrying in 1.00s" in caplog.text, "without RetryInfo its own pauses have a jitter"


def test_the_http_sdk_waits_as_retry_after_says(edge, caplog):
    down = edge.log.with_name("stored.down")
    down.touch()
    threading.Timer(1.0, down.unlink).start()
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{edge.port}/v1/traces")
    with caplog.at_level(logging.WARNING, "opentelemetry"):
        assert exporter.export([some_span()]) is SpanExportResult.SUCCESS
    assert "retrying in 3.00s" in caplog.text
    assert edge.stored() == 1


@pytest.mark.parametrize("exporter", ["proto", "json"])
def test_javascript_retries_while_the_store_is_away(edge, exporter):
    down = edge.log.with_name("stored.down")
    down.touch()
    agent = Agent(exporter, f"http://127.0.0.1:{edge.port}/v1/traces", spans=20)
    while not edge.refused():
        continue
    down.unlink()
    told = agent.finish()
    assert told.failed == []
    assert max(export["ms"] for export in told.exports) >= 3_000
    assert edge.stored() == len(told.sent) > 0


@pytest.mark.parametrize("exporter", ["proto", "json", "grpc"])
def test_of_rejected_spans_the_sdk_is_told_how_many_and_why(edge, target, store, exporter):
    """Every third span has an id of zeros; the others of its batch are stored."""
    url = f"http://{target}" if exporter == "grpc" else f"http://127.0.0.1:{edge.port}/v1/traces"
    agent = Agent(exporter, url, spans=9, badIds=3, paceMs=5)
    told = agent.finish()
    assert len(told.sent) == 9
    assert told.failed == []
    warned = " ".join(told.warnings)
    assert sum(int(count) for count in re.findall(r'"?rejectedSpans"?\s*:\s*"?(\d+)', warned)) == 3, warned
    assert "span_id" in warned
    assert (len(store.records) if exporter == "grpc" else edge.stored()) == 6


def test_the_grpc_exporter_of_javascript_does_not_retry(target, store):
    """It drops what is not accepted at once, whatever we answer; docs/ingest.md says so. When this fails, mend the text."""
    store.error = store.Unavailable("gone")
    agent = Agent("grpc", f"http://{target}", spans=1, paceMs=5)
    told = agent.finish()
    assert [export["ok"] for export in told.exports] == [False]
    assert told.exports[0]["ms"] < 1_500
    assert "UNAVAILABLE" in told.exports[0]["error"]


def test_the_lock_names_no_registry() -> None:
    for path in Path(SOURCE).glob("package*.json"):
        assert "registry" not in path.read_text()
    locked = json.loads((SOURCE / "package-lock.json").read_text())["packages"]
    assert all("integrity" in package for name, package in locked.items() if name)
