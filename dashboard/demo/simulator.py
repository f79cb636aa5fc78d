"""When is what sent? First what is happening now, then, in the time left, what was before: newest first.

The last day comes whole; of the days before it one session in twelve, without metrics, so that two weeks cost no more than a day.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from dashboard.demo.measures import Minute, measure
from dashboard.demo.plan import SECOND, FeedbackPlan, TracePlan
from dashboard.demo.releases import Deployment, deployments
from dashboard.demo.schedule import AGENTS, told_in

LONGEST_SESSION_MINUTES = 30  # sessions that began this long ago may still be going on
HISTORY_SPANS_PER_S = 2_500  # leaves the machine to those who look
MINUTE_NS = 60 * SECOND
THIN = 12  # of the older days one session in so many, and so many minutes at once
DAY_MINUTES = 24 * 60
RELEASES_HOURS = 6  # at least; each is a request of its own, and older versions are seen by their spans


class Sends(Protocol):
    def send(self, plan: TracePlan) -> None: ...
    def measure(self, minutes: list[Minute]) -> None: ...
    def feedback(self, plan: TracePlan, said: FeedbackPlan) -> None: ...
    def pass_on(self) -> None: ...
    def release(self, deployment: Deployment) -> None: ...
    def flush(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """rate: 1.0 = about 1.4 traces a second over the day. hours: of whole history; days: how far back the thin one reaches."""

    seed: int = 1
    rate: float = 0.6
    hours: float = 24.0
    days: float = 14.0


@dataclass(frozen=True, slots=True)
class Past:
    """Minutes of history that are sent together. kept: share of their sessions."""

    minutes: range
    kept: float


class Simulator:
    """Sends each trace when it has ended. `advance(now_ns)` is called again and again; nothing here reads the clock."""

    def __init__(self, sender: Sends, pace: Pace, now_ns: int) -> None:
        self.sender, self.pace = sender, pace
        self._born = now_ns
        self._next_minute = now_ns // MINUTE_NS + 1
        self._coming: list[tuple[int, int, Callable[[], int]]] = []  # when, a number that breaks ties, what to do then
        self._numbers = itertools.count()
        self._released_ns = now_ns - int(max(pace.hours, RELEASES_HOURS) * 60) * MINUTE_NS
        self._history = _past(now_ns // MINUTE_NS, pace)
        self.whole = False  # all of the whole history has been sent

    def advance(self, now_ns: int) -> int:
        """Send what has ended by now_ns; returns the number of spans sent."""
        while self._next_minute * MINUTE_NS <= now_ns + MINUTE_NS:
            self._plan(self._next_minute)
            self._next_minute += 1
        self._release(now_ns)
        sent = 0
        while self._coming and self._coming[0][0] <= now_ns:
            sent += heapq.heappop(self._coming)[2]()
        self.sender.pass_on()
        return sent

    def fill(self) -> int | None:
        """Send the next minutes of history; returns their number of spans, None when all of it has been sent."""
        past = next(self._history, None)
        self.whole = past is None or past.kept < 1.0
        if past is None:
            return None
        return sum(self._plan(minute, past.kept) for minute in past.minutes)

    def _release(self, now_ns: int) -> None:
        """Tell what was deployed since this was called last; the first time, in the whole history."""
        for agent in AGENTS:
            for deployment in deployments(agent.product, self._released_ns, now_ns, self.pace.seed):
                self.sender.release(deployment)
        self._released_ns = now_ns

    def _plan(self, minute: int, kept: float = 1.0) -> int:
        """Send what of the minute is over, keep the rest for its time; returns the number of spans sent."""
        plans = list(told_in(minute, self.pace.seed, self.pace.rate, kept))
        if kept == 1.0:  # metrics of a part would be wrong
            measures = measure(plans, minute, self.pace.rate)
            self._at((minute + 1) * MINUTE_NS, partial(self._measure, measures))
        return sum(self._at(plan.end_ns, partial(self._send, plan)) for plan in plans)

    def _send(self, plan: TracePlan) -> int:
        self.sender.send(plan)
        for said in plan.feedback:
            self._at(said.time_ns, partial(self._pass_on, plan, said))
        return len(plan.spans)

    def _measure(self, minutes: list[Minute]) -> int:
        self.sender.measure(minutes)
        return 0

    def _pass_on(self, plan: TracePlan, said: FeedbackPlan) -> int:
        self.sender.feedback(plan, said)
        return 0

    def _at(self, time_ns: int, act: Callable[[], int]) -> int:
        """Act now if that was before the start, else when the time has come."""
        if time_ns <= self._born:
            return act()
        heapq.heappush(self._coming, (time_ns, next(self._numbers), act))
        return 0


def _past(newest: int, pace: Pace) -> Iterator[Past]:
    """The history in the order in which it is sent."""
    whole = newest - max(LONGEST_SESSION_MINUTES, round(pace.hours * 60))
    oldest = newest - round(pace.days * DAY_MINUTES)
    for minute in range(newest, whole, -1):
        yield Past(range(minute, minute + 1), 1.0)
    for minute in range(whole, oldest, -THIN):
        yield Past(range(minute - THIN + 1, minute + 1), 1 / THIN)


def run(
    simulator: Simulator,
    clock_ns: Callable[[], int],
    sleep: Callable[[float], None],
    when_whole: Callable[[], None] = lambda: None,
) -> None:
    """For ever: what is due now, and some history as long as there is any. when_whole: done once the last day is in."""
    filling, told = True, False
    while True:
        simulator.advance(clock_ns())
        if not filling:
            sleep(0.2)
            continue
        began_ns = clock_ns()
        spans = simulator.fill()
        filling = spans is not None
        simulator.sender.flush()
        if simulator.whole and not told:
            told = True
            when_whole()
        sleep(max(0.0, (spans or 0) / HISTORY_SPANS_PER_S - (clock_ns() - began_ns) / SECOND))
