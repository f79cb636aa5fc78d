"""Bodies that are small on the wire and huge inside, and many large ones at once: memory stays bounded, others are served."""

import gzip
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.client import HttpChannel
from benchmarks.stack import Stack, pss_mb
from tests.faults.conftest import Starts
from tests.faults.load import make_bodies

pytestmark = pytest.mark.timeout(120)
MIB = 2**20
GROWTH_MB = 250  # of all our processes together, over what they had before
# Two web workers, each with 96 MB of bodies waiting and two of 20 MiB taken apart at once, about 130 MB each.
GROWTH_OF_LARGE_MB = 2 * (96 + 2 * 130)


def post(stack: Stack, body: bytes, encoding: str = "identity") -> int:
    key = stack.credentials()["ingest_key"]
    head = (
        "POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-protobuf\r\nConnection: close\r\n"
        f"Content-Encoding: {encoding}\r\nAuthorization: Bearer {key}\r\n"
    )
    channel = HttpChannel(stack.otlp, head.encode() + b"Content-Length: %d\r\n\r\n")
    try:
        return channel.send(body)
    except OSError:
        return late_answer(channel)
    finally:
        channel.close()


def late_answer(channel: HttpChannel) -> int:
    """The status of a server that answered before it had read the whole body, as HTTP clients look for it; 0: none."""
    try:
        return channel.receive()
    except OSError:
        return 0


@contextmanager
def memory_watched(stack: Stack) -> Iterator[list[float]]:
    """Yields a list that holds the peak growth (PSS, MB) of the workers afterwards."""
    workers = stack.find("manage.py serve")
    before = sum(map(pss_mb, workers))
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.03):
            peak[0] = max(peak[0], sum(map(pss_mb, workers)) - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def empty_spans() -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for _ in range(200_000):
        scope.spans.add()
    return request.SerializeToString()


def empty_groups() -> bytes:
    request = ExportTraceServiceRequest()
    for _ in range(1_000_000):
        request.resource_spans.add()
    return request.SerializeToString()


BOMBS = {
    "64 MiB of zeros in gzip": (lambda: gzip.compress(bytes(64 * MIB)), "gzip", {413}),
    "64 MiB of zeros in zstd": (lambda: zstandard.compress(bytes(64 * MIB)), "zstd", {413}),
    "200 000 empty spans": (empty_spans, "identity", {413, 200}),
    "1 000 000 empty resources": (empty_groups, "identity", {413}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_fast_with_bounded_memory(stack: Stack, name: str) -> None:
    make, encoding, allowed = BOMBS[name]
    body = make()
    with memory_watched(stack) as peak:
        began = time.monotonic()
        answers = [post(stack, body, encoding) for _ in range(3)]
        took_s = time.monotonic() - began
    assert set(answers) <= allowed
    assert took_s < 6
    assert peak[0] < GROWTH_MB, f"{peak[0]:.0f} MB"


def test_a_dozen_large_bodies_at_once_leave_memory_bounded_and_others_served(stack: Stack, begin: Starts) -> None:
    """Some are taken, some are told to come again; a small sender beside them never fails for good."""
    large = large_body()
    answers: Counter[int] = Counter()
    with memory_watched(stack) as peak:
        beside = begin(103, senders=1, grpc=0)
        threads = [threading.Thread(target=lambda: answers.update([post(stack, large)])) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        beside.wait_for(5)
        beside.stop()
    assert set(answers) <= {200, 429, 503, 0}, answers  # 0: cut off while it was sending, which SDKs try again
    assert answers[200] >= 1, answers
    assert set(beside.statuses) <= {200, 429, 503}
    assert peak[0] < GROWTH_OF_LARGE_MB, f"{peak[0]:.0f} MB"


def large_body() -> bytes:
    """Just under 20 MiB of real spans; the same ids each time, so the database holds them once."""
    request = ExportTraceServiceRequest()
    bodies = make_bodies(250, 104, time.time_ns())
    while request.ByteSize() < 19 * MIB and bodies:
        request.MergeFromString(bodies.pop().raw)
    return request.SerializeToString()
