"""Load that goes on for as long as one likes and costs its sender little: bodies made once, with new ids and times each time."""

import random
import struct
import threading
import time
from dataclasses import dataclass, field

from benchmarks.client import HttpTarget
from benchmarks.load import SPANS_A_TRACE, draw

TRACES = 64
SPANS = TRACES * SPANS_A_TRACE
_fixed64 = struct.Struct("<Q")


class Template:
    """One request as bytes, and where in them its trace ids and times stand. Span ids may stay: they are the trace's."""

    def __init__(self, seed: int) -> None:
        self._now_ns = time.time_ns()
        (request,) = draw(1, TRACES, seed, self._now_ns)
        self._body = request.SerializeToString()
        self._ids: list[tuple[int, int]] = []
        self._times: list[tuple[int, int]] = []
        spans = [span for scope in request.resource_spans[0].scope_spans for span in scope.spans]
        numbers: dict[bytes, int] = {}
        end = 0
        for span in spans:
            start = self._body.index(span.trace_id, end)
            self._ids.append((start, numbers.setdefault(span.trace_id, len(numbers))))
            end = start
            for time_ns in (span.start_time_unix_nano, span.end_time_unix_nano):
                end = self._body.index(_fixed64.pack(time_ns), end)
                self._times.append((end, time_ns))

    def fresh(self, r: random.Random) -> bytes:
        """The same traces under other ids, ending now: 0.4 ms for 512 spans."""
        body, later_ns = bytearray(self._body), time.time_ns() - self._now_ns
        ids = [r.randbytes(16) for _ in range(TRACES)]
        for place, number in self._ids:
            body[place : place + 16] = ids[number]
        for place, time_ns in self._times:
            _fixed64.pack_into(body, place, time_ns + later_ns)
        return bytes(body)


@dataclass(slots=True)
class Steady:
    """Sends spans_per_s to a target from some threads until it is stopped. acks: (when, seconds, status) since last taken."""

    target: HttpTarget
    spans_per_s: float
    threads: int = 2
    late_s: float = 0.0  # how far the sending is behind its plan: the load is more than is taken
    _acks: list[tuple[float, float, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _workers: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._workers = [threading.Thread(target=self._work, args=(number,)) for number in range(self.threads)]
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join()

    def take(self) -> list[tuple[float, float, int]]:
        with self._lock:
            taken, self._acks = self._acks, []
        return taken

    def _work(self, number: int) -> None:
        r, templates = random.Random(time.time_ns() + number), [Template(number * 100 + n) for n in range(4)]
        every_s = SPANS * self.threads / self.spans_per_s
        due, channel = time.monotonic() + every_s * number / self.threads, None
        while not self._stop.is_set():
            body = r.choice(templates).fresh(r)
            self.late_s = max(0.0, time.monotonic() - due)
            self._stop.wait(max(0.0, due - time.monotonic()))
            due = max(due + every_s, time.monotonic() - 5)
            began, status = time.perf_counter(), 0
            try:
                channel = channel or self.target.open()
                status = channel.send(body)
            except OSError:
                channel = None
            with self._lock:
                self._acks.append((time.monotonic(), time.perf_counter() - began, status))
