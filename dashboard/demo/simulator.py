"""When is what sent? First what is happening now, then, in the time left, the hours before it, newest minute first."""

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from dashboard.demo.measures import Minute, measure
from dashboard.demo.plan import SECOND, TracePlan
from dashboard.demo.schedule import told_in

LONGEST_SESSION_MINUTES = 30  # sessions that began this long ago may still be going on
HISTORY_SPANS_PER_S = 2_500  # leaves the machine to those who look
MINUTE_NS = 60 * SECOND


class Sends(Protocol):
    def send(self, plan: TracePlan) -> None: ...
    def measure(self, minutes: list[Minute]) -> None: ...
    def flush(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """rate: 1.0 = about 1.1 traces a second over the day. hours: of history to fill in at the start."""

    seed: int = 1
    rate: float = 1.5
    hours: float = 6.0


class Simulator:
    """Sends each trace when it has ended. `advance(now_ns)` is called again and again; nothing here reads the clock."""

    def __init__(self, sender: Sends, pace: Pace, now_ns: int) -> None:
        self.sender, self.pace = sender, pace
        self._born = now_ns
        self._next_minute = now_ns // MINUTE_NS + 1
        self._coming: list[tuple[int, int, TracePlan]] = []
        self._numbers = itertools.count()
        self._measures_due: list[tuple[int, list[Minute]]] = []
        newest = now_ns // MINUTE_NS
        self._history = iter(range(newest, newest - max(LONGEST_SESSION_MINUTES, round(pace.hours * 60)), -1))

    def advance(self, now_ns: int) -> int:
        """Send what has ended by now_ns; returns the number of spans sent."""
        while self._next_minute * MINUTE_NS <= now_ns + MINUTE_NS:
            self._plan(self._next_minute)
            self._next_minute += 1
        sent = 0
        while self._coming and self._coming[0][0] <= now_ns:
            plan = heapq.heappop(self._coming)[2]
            self.sender.send(plan)
            sent += len(plan.spans)
        while self._measures_due and self._measures_due[0][0] <= now_ns:
            self.sender.measure(self._measures_due.pop(0)[1])
        return sent

    def fill(self) -> int | None:
        """Send one more minute of history; returns its number of spans, None when all of it has been sent."""
        minute = next(self._history, None)
        if minute is None:
            return None
        return sum(self._send_past(plan) for plan in self._told(minute))

    def _plan(self, minute: int) -> None:
        for plan in self._told(minute):
            self._wait_for(plan)

    def _send_past(self, plan: TracePlan) -> int:
        if plan.end_ns > self._born:
            self._wait_for(plan)
            return 0
        self.sender.send(plan)
        return len(plan.spans)

    def _wait_for(self, plan: TracePlan) -> None:
        heapq.heappush(self._coming, (plan.end_ns, next(self._numbers), plan))

    def _told(self, minute: int) -> Iterator[TracePlan]:
        """The minute's traces; its metrics are due when it is over."""
        plans = list(told_in(minute, self.pace.seed, self.pace.rate))
        measures = measure(plans, minute)
        if (minute + 1) * MINUTE_NS <= self._born:
            self.sender.measure(measures)
        else:
            self._measures_due.append(((minute + 1) * MINUTE_NS, measures))
        yield from plans


def run(simulator: Simulator, clock_ns: Callable[[], int], sleep: Callable[[float], None]) -> None:
    """For ever: what is due now, and a minute of history as long as there is one."""
    filling = True
    while True:
        simulator.advance(clock_ns())
        if not filling:
            sleep(0.2)
            continue
        began_ns = clock_ns()
        spans = simulator.fill()
        filling = spans is not None
        simulator.sender.flush()
        sleep(max(0.0, (spans or 0) / HISTORY_SPANS_PER_S - (clock_ns() - began_ns) / SECOND))
