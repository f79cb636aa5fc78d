"""What comes twice, in any order, from anybody, is stored once (F14, F21, F26)."""

import itertools
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.faults.check import check_ledger, wait_until_settled
from tests.faults.conftest import WHOLE
from tests.faults.installation import Installation
from tests.faults.load import HttpLine

pytestmark = pytest.mark.timeout(300)
STORM, STORMERS = 1000, 20
WRITERS, ROUNDS = 8, (50 if WHOLE else 10)
NOW_NS = time.time_ns()


def request_of(traces: Iterable[bytes], end_ns: int = NOW_NS, extra: str = "") -> ExportTraceServiceRequest:
    """One span a trace, whose id is the same each time."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for trace_id in traces:
        span = scope.spans.add(trace_id=trace_id, span_id=trace_id[:8], name="repeated", end_time_unix_nano=end_ns)
        span.start_time_unix_nano = NOW_NS - 10**9
        for key, value in {"gen_ai.operation.name": "invoke_agent", **({"extra": extra} if extra else {})}.items():
            one = span.attributes.add(key=key)
            one.value.string_value = value
    return request


def traces_of(seed: str, count: int) -> list[bytes]:
    r = random.Random(f"{seed} {NOW_NS}")
    return [r.randbytes(16) for _ in range(count)]


def line(installation: Installation) -> HttpLine:
    return HttpLine(installation.stack.otlp, installation.stack.credentials()["ingest_key"])


def send_all(installation: Installation, shares: list[list[bytes]]) -> Counter[int]:
    """Each share by a sender of its own, at the same time."""
    start = threading.Barrier(len(shares))

    def send(bodies: list[bytes]) -> list[int]:
        mine = line(installation)
        start.wait()
        statuses = [mine.export(body).status for body in bodies]
        mine.close()
        return statuses

    with ThreadPoolExecutor(len(shares)) as senders:
        return Counter(itertools.chain.from_iterable(senders.map(send, shares)))


def stored(installation: Installation, traces: list[bytes]) -> list[tuple[Any, ...]]:
    query = "SELECT trace_id, end_ns, attribute_count FROM span WHERE trace_id = ANY(%s) ORDER BY trace_id"
    with installation.connect() as connection:
        return connection.execute(query, [[uuid.UUID(bytes=one) for one in traces]]).fetchall()


def expect_one_copy(installation: Installation, traces: list[bytes]) -> None:
    assert Counter(row[0].bytes for row in stored(installation, traces)) == Counter(traces)
    with installation.connect() as connection:
        wait_until_settled(connection)
        check_ledger(connection)
        assert span_counts(connection, traces) == [(1,)] * len(traces)


def span_counts(connection: psycopg.Connection, traces: list[bytes]) -> list[tuple[int]]:
    query = "SELECT span_count FROM trace WHERE trace_id = ANY(%s)"
    return connection.execute(query, [[uuid.UUID(bytes=one) for one in traces]]).fetchall()


def test_a_client_cut_off_before_the_answer_sends_again_and_there_is_one_copy(installation: Installation) -> None:
    for wait_s in (0.0, 0.002, 0.01, 0.05):  # before, while and after it is stored
        traces = traces_of(f"cut {wait_s}", 4)
        body = request_of(traces).SerializeToString()
        cut_off = line(installation)
        cut_off.begin(body)
        time.sleep(wait_s)
        cut_off.close()
        assert line(installation).export(body).status == 200
        expect_one_copy(installation, traces)


def test_a_storm_of_one_batch_stores_it_once(installation: Installation) -> None:
    traces = traces_of("storm", 8)
    body = request_of(traces).SerializeToString()
    answers = send_all(installation, [[body] * (STORM // STORMERS)] * STORMERS)
    assert answers == {200: STORM}
    expect_one_copy(installation, traces)


def test_records_of_one_span_end_as_the_merge_order_says_whoever_comes_first(installation: Installation) -> None:
    """The latest end wins whole; of those the most attributes."""
    traces = traces_of("merge", 8)
    versions = [(NOW_NS + n * 1000, extra) for n in range(5) for extra in ("", "more")]
    bodies = [request_of(traces, end_ns, extra).SerializeToString() for end_ns, extra in versions]
    shares = [random.Random(n).sample(bodies, len(bodies)) for n in range(WRITERS)]
    assert send_all(installation, shares) == {200: WRITERS * len(bodies)}
    assert {row[1:] for row in stored(installation, traces)} == {(NOW_NS + 4000, 2)}
    expect_one_copy(installation, traces)


def test_writers_of_the_same_spans_in_opposite_orders_wait_and_do_not_deadlock(installation: Installation) -> None:
    """Those who cannot wait are told to come again, and nobody hears 500."""
    traces = traces_of("order", 40)
    orders: list[Callable[[], list[bytes]]] = [lambda: traces, lambda: traces[::-1]]
    ends = [NOW_NS + n for n in range(ROUNDS)]
    shares = [[request_of(orders[n % 2](), end_ns + n).SerializeToString() for end_ns in ends] for n in range(WRITERS)]
    answers = send_all(installation, shares)
    assert set(answers) <= {200, 503} and answers[200] >= WRITERS * ROUNDS * 0.9, answers
    expect_one_copy(installation, traces)
