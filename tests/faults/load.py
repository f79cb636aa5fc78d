"""Traffic for the fault tests: what was sent is known beforehand, what was acknowledged is on disk before the next request.

Each sender retries like an SDK (429, 502, 503, 504 and broken connections) and never anything else, so that an answer that
makes an SDK drop its data shows up as a loss.
"""

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.client import RETRYABLE, Channel, Target
from benchmarks.load import draw

TRACES_A_REQUEST = 4
RETRY_PAUSE_S = 0.05
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


def make_bodies(count: int, seed: int, now_ns: int) -> list[Body]:
    requests = draw(count, TRACES_A_REQUEST, seed, now_ns)
    return [
        Body(request.SerializeToString(), [_told(span) for span in request.resource_spans[0].scope_spans[0].spans])
        for request in requests
    ]


def _told(span) -> SentSpan:  # type: ignore[no-untyped-def]
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


@dataclass(slots=True)
class Traffic:
    """Senders that work through the bodies until stop(); attempted: numbers of the bodies that were begun."""

    targets: list[Target]
    bodies: list[Body]
    journal: Journal
    statuses: Counter[int] = field(default_factory=Counter)
    heads: list[bytes] = field(default_factory=list)  # of answers that were neither 200 nor missing
    attempted: set[int] = field(default_factory=set)
    longest_s: float = 0.0
    _numbers: Iterable[int] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> "Traffic":
        self._numbers = iter(range(len(self.bodies)))
        self._threads = [threading.Thread(target=self._work, args=(target,)) for target in self.targets]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Let each sender finish the body it has begun, retries included."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads), "a sender is stuck"

    def wait_for(self, acknowledged: int, timeout_s: float = 60) -> None:
        """Until so many requests have been acknowledged in all: the service is up again."""
        deadline = time.monotonic() + timeout_s
        while self.statuses[200] < acknowledged:
            assert time.monotonic() < deadline, f"only {self.statuses} within {timeout_s} s"
            time.sleep(0.02)

    def _next(self) -> int | None:
        with self._lock:
            number = None if self._stopping.is_set() else next(iter(self._numbers), None)
            if number is not None:
                self.attempted.add(number)
            return number

    def _work(self, target: Target) -> None:
        channel: Channel | None = None
        while (number := self._next()) is not None:
            status = 0
            while status in RETRYABLE:
                channel, status = self._attempt(target, channel, self.bodies[number].raw)
                if status == 200:
                    self.journal.note(number)
                if status in RETRYABLE:
                    time.sleep(RETRY_PAUSE_S)
                with self._lock:
                    self.statuses[status] += 1
        if channel:
            channel.close()

    def _attempt(self, target: Target, channel: Channel | None, body: bytes) -> tuple[Channel | None, int]:
        began = time.monotonic()
        try:
            channel = channel or target.open()
            status = channel.send(body)
        except OSError:
            if channel:
                with contextlib.suppress(OSError):
                    channel.close()
            return None, 0
        with self._lock:
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            if status != 200:
                self.heads.append(getattr(channel, "head", b""))
        if b"connection: close" in getattr(channel, "head", b"").lower():
            channel.close()
            channel = None
        return channel, status
