"""How does a member move, step by step? Sums of steps as points: what is unknown stays a gap, what was counted as none is 0."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tracestore.analysis.line_estimates import UNKNOWN, Estimate, estimate
from tracestore.analysis.line_forms import Counted, Member, Rate, Total

NS: Final = 10**9


@dataclass(frozen=True, slots=True)
class Period:
    """[start_ns, end_ns) in steps [k * step_s, (k + 1) * step_s), of which it cuts the first and the last.

    since_ns: when the first thing that is stored ended, None where nothing is stored. now_ns: after it all is unknown.
    """

    start_ns: int
    end_ns: int
    step_s: int
    since_ns: int | None
    now_ns: int

    def steps(self) -> range:
        """The starts of steps, Unix seconds."""
        step_ns = self.step_s * NS
        first, beyond = self.start_ns // step_ns, -(-self.end_ns // step_ns)
        return range(first * self.step_s, beyond * self.step_s, self.step_s)

    def covered_s(self, start_s: int | None = None) -> float:
        """How many seconds of a step, or of all, the period and what is stored cover."""
        if self.since_ns is None:
            return 0.0
        start_ns, end_ns = max(self.start_ns, self.since_ns), min(self.end_ns, self.now_ns)
        if start_s is not None:
            start_ns, end_ns = max(start_ns, start_s * NS), min(end_ns, (start_s + self.step_s) * NS)
        return max(0, end_ns - start_ns) / NS

    def cuts(self, start_s: int) -> bool:
        """Whether a step is not there as a whole: the period begins or ends in it, or it is not over."""
        return start_s * NS < self.start_ns or (start_s + self.step_s) * NS > min(self.end_ns, self.now_ns)


@dataclass(frozen=True, slots=True)
class Point:
    """start_s: of the step. value, n, low, high, hits: as in Estimate; None = unknown. partial: only a part of the step."""

    start_s: int
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    hits: int | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One member over a period. split_by: of what `key` is a value (None = not known); None where it is not split.

    points: one for each step. total: of the whole period, from all sums together, never a mean of points.
    unanswered: why nothing could be asked of it, though something may be known; "" where it was.
    """

    member: Member
    points: list[Point]
    total: Estimate
    key: str | None = None
    split_by: str | None = None
    unanswered: str = ""


def series_of(
    member: Member,
    by_step: Mapping[int, Sequence[Counted]],
    period: Period,
    key: str | None = None,
    split_by: str | None = None,
    whole: Sequence[Counted] | None = None,
) -> Series:
    """by_step: the sums of a step by its start in seconds. whole: of all steps, where they were added up already."""
    every = [row for rows in by_step.values() for row in rows] if whole is None else whole
    total = estimate(member, every, period.covered_s())
    if total.value is None and _is_count_of_all(member) and period.covered_s():
        total = Estimate(0.0, 0)
    return Series(member, list(_points(member, by_step, period, total)), total, key, split_by)


def unanswered(member: Member, period: Period, why: str) -> Series:
    """Unknown throughout. why: words of a sentence without its full stop."""
    points = [Point(start_s, None, 0, partial=period.cuts(start_s)) for start_s in period.steps()]
    return Series(member, points, UNKNOWN, unanswered=f"{why}.")


def _points(
    member: Member, by_step: Mapping[int, Sequence[Counted]], period: Period, total: Estimate
) -> Iterator[Point]:
    """A sum of steps in which nothing ended is 0, where it is known at all."""
    nothing = Estimate(0.0, 0) if isinstance(member.form, Total | Rate) and total.value is not None else UNKNOWN
    for start_s in period.steps():
        rows, covered_s = by_step.get(start_s), period.covered_s(start_s)
        found = estimate(member, rows, covered_s) if rows else nothing if covered_s else UNKNOWN
        partial = period.cuts(start_s)
        yield Point(start_s, found.value, found.n, found.low, found.high, found.hits, partial)


def _is_count_of_all(member: Member) -> bool:
    """What counts its own items is known wherever anything is stored."""
    form = member.form.of if isinstance(member.form, Rate) else member.form
    return isinstance(form, Total) and form.total == form.n
