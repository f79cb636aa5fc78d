"""Every recorded export through the real application: posted as its SDK posted it, settled, and read from the API.

Usage must be what the pure rules say (tests/conventions/test_truth.py holds those to the truth), and the same however the
spans arrive.
"""

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from ingest.conventions import normalise
from tests.captures import (
    BROKEN_ON_PURPOSE,
    COUNTS,
    NAMES,
    Body,
    bodies,
    moved,
    newest_ns,
    one_by_one,
    packed,
    spans,
    usage,
)

VARIED = ["langfuse-langchain", "logfire-pydantic-ai", "oi-anthropic", "openllmetry-anthropic", "oi-llamaindex"]
SHOWN = [
    "otel-openai-v2-legacy",
    "oi-anthropic",
    "vercel-ai-json-gzip",
    "mlflow-openai",
    "pydantic-ai-legacy-v2-deflate",
]
ALWAYS = "from=2026-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
EXPORT = "/opentelemetry.proto.collector.{0}.v1.{1}Service/Export"


@dataclass(frozen=True)
class Tenant:
    """A project of its own on the running site."""

    site: str
    grpc: str
    ingest_key: str
    read_key: str

    def send(self, body: Body, plain: bytes) -> int:
        """HTTP status (200 for an accepted gRPC call); goes the way the body was recorded."""
        if body.transport == "grpc":
            return self._call(body.signal, plain)
        return self.post(body.signal, packed(plain, body.encoding), body.content_type, body.encoding)

    def post(self, signal: str, data: bytes, kind: str = "application/x-protobuf", encoding: str = "") -> int:
        headers = {"Content-Type": kind, "Authorization": f"Bearer {self.ingest_key}"}
        headers |= {"Content-Encoding": encoding} if encoding else {}
        request = urllib.request.Request(f"{self.site}/v1/{signal}", data=data, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code

    def _call(self, signal: str, plain: bytes) -> int:
        noun = {"traces": "trace", "logs": "logs", "metrics": "metrics"}[signal]
        service = EXPORT.format(noun, noun.title())
        with grpc.insecure_channel(self.grpc) as channel:
            channel.unary_unary(service)(plain, timeout=60, metadata=[("authorization", f"Bearer {self.ingest_key}")])
        return 200

    def usage(self, group_by: str = "none") -> list[dict[str, Any]]:
        settle()
        return sorted(self.get(f"usage?{ALWAYS}&group_by={group_by}")["items"], key=lambda item: str(item["key"]))

    def get(self, path: str) -> Any:
        """Asks again where the site says so (503 with Retry-After), as its clients are told to; not for ever."""
        headers = {"Authorization": f"Bearer {self.read_key}"}
        request = urllib.request.Request(f"{self.site}/api/v1/{path}", headers=headers)
        for last in (False, False, True):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if last or refused.code != 503:
                    raise
                time.sleep(int(refused.headers["Retry-After"]))
        raise AssertionError("the last attempt answers or raises")

    def spans_of(self, capture: str) -> list[dict[str, Any]]:
        """The capture, sent and settled: every span as the API shows it by itself."""
        shift_ns = shift_to_now()
        assert {self.send(body, moved(body, shift_ns)) for body in bodies(capture)} == {200}
        settle()
        found = []
        for trace in self.get(f"traces?{ALWAYS}&limit=100")["items"]:
            path = f"traces/{trace['trace_id']}"
            found += [self.get(f"{path}/spans/{span['span_id']}") for span in self.get(path)["spans"]]
        return found


def settle() -> None:
    from tracestore.jobs import traces

    traces.run(datetime.now(UTC))


@contextmanager
def grpc_server() -> Iterator[str]:
    from ingest import otlp_grpc

    server, port = otlp_grpc.make_server("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@pytest.fixture
def tenant(site: str) -> Iterator[Any]:
    """tenant(name) makes a project on the running site."""
    from tracestore.actions import access
    from tracestore.models import User

    now = datetime.now(UTC)
    owner = User.objects.create(email="alice@example.org", name="Alice", password="!", created_at=now)
    actor = access.Actor(owner.pk, owner.email, "192.0.2.7")

    with grpc_server() as target:

        def make(name: str) -> Tenant:
            created = access.create_project(name, datetime.now(UTC), actor)
            return Tenant(site, target, created.ingest_key, created.read_key)

        yield make


def shift_to_now() -> int:
    return time.time_ns() - 60 * 10**9 - newest_ns()


def counts(items: list[dict[str, Any]]) -> dict[str, int]:
    assert len(items) <= 1
    return {name: (items[0][name] or 0) if items else 0 for name in COUNTS}


@pytest.mark.timeout(300)
def test_every_recording_is_accepted_and_its_usage_is_what_was_sent(tenant: Any) -> None:
    shift_ns = shift_to_now()
    wrong: dict[str, Any] = {}
    for capture in NAMES:
        project = tenant(capture)
        statuses = {project.send(body, moved(body, shift_ns)) for body in bodies(capture)}
        if capture == BROKEN_ON_PURPOSE:
            statuses = {
                project.post(body.signal, body.sent, body.content_type, body.encoding) for body in bodies(capture)
            }
            assert statuses == {400}
            continue
        assert statuses == {200}, capture
        expected = usage(normalise(raw) for raw in spans(capture))
        found = counts(project.usage())
        sessions = [item["key"] for item in project.usage("session") if item["key"]]
        if found != {name: expected[name] for name in COUNTS} or sessions != expected["sessions"]:
            wrong[capture] = {n: (found[n], expected[n]) for n in COUNTS if found[n] != expected[n]} | {
                "sessions": (sessions, expected["sessions"])
            }
    assert not wrong


GROUPS = ("none", "model", "session", "user", "version", "version_set", "operation", "service")


@pytest.mark.timeout(300)
def test_numbers_do_not_depend_on_how_spans_arrive(tenant: Any) -> None:
    for capture in VARIED:
        compare_arrivals(tenant, capture)


def compare_arrivals(tenant: Any, capture: str) -> None:
    shift_ns = shift_to_now()
    sent = [moved(body, shift_ns) for body in bodies(capture) if body.signal == "traces"]
    singles = [single for plain in sent for single in one_by_one(plain)]
    order = random.Random(capture)

    def once(project: Tenant) -> None:
        assert {project.post("traces", plain) for plain in sent} == {200}

    def twice(project: Tenant) -> None:
        once(project)
        settle()
        once(project)

    def shuffled_singles(project: Tenant) -> None:
        for number, single in enumerate(order.sample(singles, len(singles))):
            assert project.post("traces", single) == 200
            if number % 13 == 0:
                settle()

    def eight_senders(project: Tenant) -> None:
        with ThreadPoolExecutor(8) as senders:
            statuses = set(
                senders.map(lambda single: project.post("traces", single), order.sample(singles * 2, 2 * len(singles)))
            )
        assert statuses == {200}

    answers = {}
    for arrive in (once, twice, shuffled_singles, eight_senders):
        project = tenant(f"{capture} {arrive.__name__}")
        arrive(project)
        answers[arrive.__name__] = {group: project.usage(group) for group in GROUPS}
    for name, answer in answers.items():
        assert answer == answers["once"], f"{capture}: {name}"


@pytest.mark.timeout(300)
def test_a_span_shows_what_was_said_and_what_it_cost(tenant: Any) -> None:
    for capture in SHOWN:
        shown = tenant(capture).spans_of(capture)
        chats = [span for span in shown if span["operation"] == "chat" and span["input_messages"]]
        assert any(span["input_messages"][-1]["role"] in ("user", "tool") for span in chats)
        assert any(span["output_messages"] and span["output_messages"][0]["role"] == "assistant" for span in chats)
        assert all(span["provenance"] for span in chats)
        priced = [span for span in shown if span["cost_source"] == "computed"]
        assert priced
        for span in priced:
            receipt = span["price_receipt"]
            assert receipt["source"].startswith("genai-prices ")
            assert all({"name", "units"} <= line.keys() for line in receipt["lines"])
        for span in shown:
            if span["operation"] == "tool":
                assert span["tool_arguments"] is not None
