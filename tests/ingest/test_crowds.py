"""Slow clients, clients that read nothing, many large bodies, one noisy key: the others are served, memory stays bounded."""

import select
import socket
import statistics
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress

import pytest

from ingest import limits
from tests.ingest import bodies
from tests.ingest.conftest import read_answer
from tests.ingest.edge_server import GOOD, OTHER
from tests.ingest.test_http_framing import HEAD, padded

TWO = bodies.body(2)
SLOW = 50
LARGE = 200
LARGE_MB = 20


def served(edge, requests=30):
    """Seconds of each of some ordinary requests, which must all be answered 200."""
    times = []
    for _ in range(requests):
        since = time.monotonic()
        assert edge.post(body=TWO, x_api_key=OTHER).status == 200
        times.append(time.monotonic() - since)
    return times


@contextmanager
def dripping(edge, first, drop):
    """SLOW connections that send `first`, and then `drop` every 0.2 s."""
    stop = threading.Event()
    with ExitStack() as stack:
        lines = [stack.enter_context(edge.connect()) for _ in range(SLOW)]
        for line in lines:
            line.sendall(first)

        def drip():
            while not stop.wait(0.2):
                for line in lines:
                    try:
                        line.sendall(drop)
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield lines
        finally:
            stop.set()
            thread.join()


DRIPS = {
    "headers": (b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nX: ", b"y"),
    "a body with its length": (HEAD + b"Content-Length: 20000000\r\n\r\n\x0a", b"\x00"),
    "a chunked body": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n\x00\r\n"),
}


@pytest.mark.parametrize("what", DRIPS)
def test_50_clients_that_send_byte_by_byte_hold_nobody_up(edge, what):
    with dripping(edge, *DRIPS[what]):
        times = served(edge)
    assert statistics.median(times) < 0.5
    assert max(times) < 5


def test_50_clients_that_read_no_answer_hold_nobody_up(edge):
    """Each asks for more answers than its socket holds; what waits for it here stays within a few kB."""
    before = edge.rss_mb()
    ask = b"GET /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n" * 600
    with ExitStack() as stack:
        for _ in range(SLOW):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            line.connect(("127.0.0.1", edge.port))
            line.sendall(ask)
        times = served(edge, 10)
        assert edge.rss_mb() - before < 100
    assert max(times) < 10


def send_until_answered(edge, body):
    """The status; a client that looks for an answer while it sends, as many do. 0: cut off, which SDKs try again."""
    with edge.connect(60) as line:
        line.sendall(HEAD + f"x-api-key: {GOOD}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for at in range(0, len(body), limits.MIB):
            if select.select([line], [], [], 0)[0]:
                break
            line.sendall(body[at : at + limits.MIB])
        return read_answer(line)


def send_to_the_end(edge, body):
    with edge.connect(60) as line:
        with suppress(ConnectionError):
            line.sendall(HEAD + f"x-api-key: {GOOD}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return read_answer(line)


@pytest.mark.timeout(180)
def test_18_200_large_bodies_at_once_leave_the_others_served_and_memory_bounded(edge):
    """4 GB at once for a worker that holds 96 MB: some are taken, the rest is told to come again, a small sender is served."""
    body = padded(limits.REQUEST_BYTES)
    assert len(body) == LARGE_MB * limits.MIB
    edge.log.with_name("stored.slow").touch()
    answers, headers = Counter(), []
    before, peak = edge.rss_mb(), 0.0

    def send(how):
        try:
            answer = how(edge, body)
        except OSError:
            answers[0] += 1
            return
        answers[answer.status] += 1
        if answer.status == 503:
            headers.append(answer.headers)

    ways = (send_until_answered, send_until_answered, send_until_answered, send_to_the_end)
    senders = [threading.Thread(target=send, args=(ways[number % len(ways)],)) for number in range(LARGE)]
    for sender in senders:
        sender.start()
    times = []
    while any(sender.is_alive() for sender in senders):
        peak = max(peak, edge.rss_mb())
        times += served(edge, 1)
    assert set(answers) <= {200, 503, 0}, answers
    assert answers[200] >= 1, answers
    assert answers[503] > LARGE / 10, answers
    assert all(int(found["retry-after"]) > 0 for found in headers)
    assert peak - before < 400, f"{peak:.0f} MB, {before:.0f} MB before"
    assert len(times) >= 2
    assert max(times) < 15, times  # the store itself takes a second here
    print(dict(answers), f"{before:.0f} -> {peak:.0f} MB, small requests took up to {max(times):.1f} s")


@pytest.mark.timeout(120)
def test_a_noisy_key_delays_itself_more_than_others(edge):
    """150 connections of one key keep every thread busy and a queue before them; another key comes next each time."""
    edge.log.with_name("stored.tenth").touch()
    stop, noisy_times = threading.Event(), []

    def make_noise():
        while not stop.is_set():
            since = time.monotonic()
            edge.post(body=TWO, x_api_key=GOOD)
            noisy_times.append(time.monotonic() - since)

    noise = [threading.Thread(target=make_noise) for _ in range(150)]
    for sender in noise:
        sender.start()
    while len(noisy_times) < 150:
        time.sleep(0.05)
    times = served(edge, 8)
    stop.set()
    for sender in noise:
        sender.join()
    assert statistics.median(times) < statistics.median(noisy_times[100:]) / 2
