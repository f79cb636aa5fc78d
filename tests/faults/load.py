"""Traffic for the fault tests: what was sent is known beforehand, what was acknowledged is on disk before the next request.

The bodies are drawn from a seed one after the other, so number 17 of seed 3 holds the same ids and texts each time. Senders
retry as SDKs do (429, 502, 503, 504, gRPC's UNAVAILABLE and broken connections) and never after anything else, so that an
answer that makes an SDK drop its data shows up as a loss. Now and then one sends again what was acknowledged long ago.
"""

import contextlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.client import RETRYABLE, HttpChannel, HttpTarget
from benchmarks.load import Drawer

TRACES_A_REQUEST = 2
RETRY_PAUSE_S = 0.1  # SDKs wait for Retry-After; we would only wait longer for the same
FULL = os.environ.get("FAULT_DURATIONS") == "full"
PAUSE_S = (
    0.25 if FULL else 0.02
)  # of each sender between two requests: the disk is small, the machine has other things to do
REPEATS = 0.05  # of the requests: sent once more although they were acknowledged
STUCK_S = 120.0
SpanKey = tuple[str, int]  # trace id in hex, span id signed


@dataclass(frozen=True, slots=True)
class SentSpan:
    """What a naive reader would count of a span. Tokens are 0 unless it is a model call."""

    key: SpanKey
    is_call: bool
    is_tool: bool
    failed: bool
    input_tokens: int
    output_tokens: int


@dataclass(slots=True)
class Body:
    raw: bytes
    spans: list[SentSpan]


class Bodies:
    """The requests of one seed, drawn when they are asked for, in order."""

    def __init__(self, seed: int, now_ns: int) -> None:
        self._drawer = Drawer(seed, 0)
        self._drawer.now_ns = now_ns
        self.r = random.Random(seed)
        self.drawn: list[Body] = []

    def next(self) -> int:
        """The number of a request that was not sent yet, or now and then of one that was."""
        if self.drawn and self.r.random() < REPEATS:
            return self.r.randrange(len(self.drawn))
        self.drawn.append(told(self._drawer.request(TRACES_A_REQUEST)))
        return len(self.drawn) - 1


def make_bodies(count: int, seed: int, now_ns: int) -> list[Body]:
    drawer = Drawer(seed, 0)
    drawer.now_ns = now_ns
    return [told(drawer.request(4)) for _ in range(count)]


def told(request: Any) -> Body:
    """The request as bytes, and what is in it."""
    return Body(request.SerializeToString(), [_told(span) for span in request.resource_spans[0].scope_spans[0].spans])


def _told(span: Any) -> SentSpan:
    own = {one.key: one.value for one in span.attributes}
    operation = own["gen_ai.operation.name"].string_value
    tokens = [
        own[f"gen_ai.usage.{kind}_tokens"].int_value if operation == "chat" else 0 for kind in ("input", "output")
    ]
    key = (span.trace_id.hex(), int.from_bytes(span.span_id, "big", signed=True))
    return SentSpan(key, operation == "chat", operation == "execute_tool", span.status.code == 2, *tokens)


@dataclass(slots=True)
class Journal:
    """One line an acknowledged request, on disk before the sender goes on."""

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, number: int) -> None:
        with self._lock, self.path.open("a") as file:
            file.write(f"{number}\n")
            file.flush()
            os.fsync(file.fileno())

    def acknowledged(self) -> set[int]:
        return {int(line) for line in self.path.read_text().split()} if self.path.exists() else set()


@dataclass(frozen=True, slots=True)
class Answer:
    """status: HTTP's; 0: none came. told_when: it said when to come again (Retry-After, RetryInfo)."""

    status: int
    told_when: bool
    text: str


class Line(Protocol):
    """A connection to the service."""

    def export(self, body: bytes) -> Answer: ...
    def close(self) -> None: ...


class HttpLine:
    def __init__(self, endpoint: str, key: str, path: str = "/v1/traces") -> None:
        self._channel: HttpChannel = HttpTarget(endpoint, key, path=path).open()

    def export(self, body: bytes) -> Answer:
        """Raises OSError when there is no answer, or none can follow on this connection."""
        status = self._channel.send(body)
        head = self._channel.head.lower()
        if b"connection: close" in head:
            self._channel.close()
        return Answer(status, b"retry-after:" in head, f"{status} {self._channel.answer!r}")

    def begin(self, body: bytes) -> None:
        """Sends a whole request and waits for nothing."""
        self._channel.post(body)

    def close(self) -> None:
        self._channel.close()


class GrpcLine:
    METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    STATUSES = {"UNAVAILABLE": 503, "RESOURCE_EXHAUSTED": 429}

    def __init__(self, endpoint: str, key: str) -> None:
        import grpc

        self._error = grpc.RpcError
        self._channel = grpc.insecure_channel(endpoint, options=[("grpc.use_local_subchannel_pool", 1)])
        self._call = self._channel.unary_unary(self.METHOD, request_serializer=bytes, response_deserializer=bytes)
        self._metadata = [("authorization", f"Bearer {key}")]

    def export(self, body: bytes) -> Answer:
        try:
            self._call(body, timeout=60, metadata=self._metadata)
        except self._error as error:
            return self._refused(error)
        return Answer(200, False, "")

    def _refused(self, error: Any) -> Answer:
        """Without details it is the client's library that speaks: the connection broke, or the server took its leave."""
        details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
        code = error.code().name
        if code in ("UNAVAILABLE", "CANCELLED") and not details:
            return Answer(0, False, error.details())
        return Answer(self.STATUSES.get(code, 500), b"RetryInfo" in details, f"{code} {error.details()}")

    def close(self) -> None:
        self._channel.close()


Opens = Callable[[], Line]


@dataclass(slots=True)
class Traffic:
    """Senders that send until stop(). attempted: numbers of the requests that were begun."""

    opens: list[Opens]
    bodies: Bodies
    journal: Journal
    statuses: Counter[int] = field(default_factory=Counter)
    refusals: list[Answer] = field(default_factory=list)  # answers that were not 200
    attempted: set[int] = field(default_factory=set)
    longest_s: float = 0.0
    broken: list[BaseException] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> "Traffic":
        self._threads = [threading.Thread(target=self._work, args=(opens,)) for opens in self.opens]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Let each sender finish the request it has begun, retries included."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(STUCK_S)
        assert not any(thread.is_alive() for thread in self._threads), f"a sender is stuck: {self.state()}"
        assert not self.broken, self.broken

    def wait_for(self, more: int, timeout_s: float = 60) -> None:
        """Until so many further requests have been acknowledged: the service is up again."""
        wanted, deadline = self.statuses[200] + more, time.monotonic() + timeout_s
        while self.statuses[200] < wanted:
            assert time.monotonic() < deadline, f"not up again within {timeout_s:.0f} s: {self.state()}"
            assert not self.broken, self.broken
            time.sleep(0.02)

    def state(self) -> str:
        last = self.refusals[-1].text if self.refusals else "none"
        return f"answers {dict(self.statuses)}, the longest after {self.longest_s:.1f} s, last refusal: {last[-120:]}"

    def _work(self, opens: Opens) -> None:
        line: Line | None = None
        try:
            while not self._stopping.is_set():
                with self._lock:
                    number = self.bodies.next()
                    self.attempted.add(number)
                line = self._send(opens, line, number)
                time.sleep(PAUSE_S)
        except BaseException as error:
            self.broken.append(error)
            raise
        finally:
            if line:
                line.close()

    def _send(self, opens: Opens, line: Line | None, number: int) -> Line | None:
        """Until it is acknowledged, or refused for good."""
        while True:
            line, answer = self._attempt(opens, line, self.bodies.drawn[number].raw)
            if answer.status == 200:
                self.journal.note(number)
            with self._lock:
                self.statuses[answer.status] += 1
            if answer.status not in RETRYABLE:
                return line
            time.sleep(RETRY_PAUSE_S)

    def _attempt(self, opens: Opens, line: Line | None, body: bytes) -> tuple[Line | None, Answer]:
        began = time.monotonic()
        try:
            line = line or opens()
            answer = line.export(body)
        except OSError as error:
            if line:
                with contextlib.suppress(OSError):
                    line.close()
            return None, Answer(0, False, str(error))
        with self._lock:
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            if answer.status not in (200, 0):
                self.refusals.append(answer)
        return line, answer
