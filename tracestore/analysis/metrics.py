"""How did one metric series move, step by step?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracestore.analysis.distribution import Distribution, minus, plus, quantile

CUMULATIVE = 2


@dataclass(frozen=True, slots=True)
class Point:
    """One stored point. value: of gauges and sums; distribution: of the other kinds. start_ns: 0 = not told."""

    start_ns: int
    time_ns: int
    value: float | None = None
    distribution: Distribution | None = None


@dataclass(frozen=True, slots=True)
class MetricStep:
    """One series in [time_ns, time_ns + step). None = nothing was reported.

    value: a gauge's (or falling sum's) last value, or what a sum grew by; rate: that per second (growing sums only).
    count, sum and the percentiles are of histograms and summaries, for what was observed within the step.
    """

    time_ns: int
    value: float | None
    rate: float | None = None
    count: int | None = None
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


def steps(
    kind: str, temporality: int, monotonic: bool, points: Sequence[Point], start_ns: int, end_ns: int, step_ns: int
) -> list[MetricStep]:
    """The steps of [start_ns, end_ns) in which something was reported.

    points: by time, with the last one before start_ns where there is one (a cumulative series is read against it).
    A cumulative series that began again (another start, or a smaller number) counts from its new zero. One whose
    beginning lies before the range and whose last point before it is not known says nothing in its first step.
    """
    if kind == "gauge" or (kind == "sum" and temporality == CUMULATIVE and not monotonic):
        return [_level(at, found) for at, found in _by_step(points, start_ns, end_ns, step_ns)]
    grown = list(_growth(points, start_ns)) if temporality == CUMULATIVE or kind == "summary" else list(points)
    made = _added if kind == "sum" else _observed
    return [made(at, found, step_ns) for at, found in _by_step(grown, start_ns, end_ns, step_ns)]


def _by_step(points: Sequence[Point], start_ns: int, end_ns: int, step_ns: int) -> Iterator[tuple[int, list[Point]]]:
    found: dict[int, list[Point]] = {}
    for point in points:
        if start_ns <= point.time_ns < end_ns:
            at = start_ns + (point.time_ns - start_ns) // step_ns * step_ns
            found.setdefault(at, []).append(point)
    yield from sorted(found.items())


def _growth(points: Sequence[Point], start_ns: int) -> Iterator[Point]:
    """Each point of a cumulative series as what came since the one before it."""
    before: Point | None = None
    for point in points:
        if before is not None and not _began_again(before, point):
            yield _difference(point, before)
        elif before is not None or point.start_ns >= start_ns:
            yield point
        before = point


def _began_again(before: Point, point: Point) -> bool:
    if point.start_ns != before.start_ns:
        return True
    if point.distribution is not None and before.distribution is not None:
        return point.distribution.count < before.distribution.count
    return point.value is not None and before.value is not None and point.value < before.value


def _difference(point: Point, before: Point) -> Point:
    if point.distribution is not None and before.distribution is not None:
        return Point(before.time_ns, point.time_ns, distribution=minus(point.distribution, before.distribution))
    value = None if point.value is None or before.value is None else point.value - before.value
    return Point(before.time_ns, point.time_ns, value)


def _level(at: int, points: list[Point]) -> MetricStep:
    return MetricStep(at, points[-1].value)


def _added(at: int, points: list[Point], step_ns: int) -> MetricStep:
    known = [point.value for point in points if point.value is not None]
    if not known:
        return MetricStep(at, None)
    return MetricStep(at, sum(known), rate=sum(known) / (step_ns / 1e9))


def _observed(at: int, points: list[Point], step_ns: int) -> MetricStep:
    found = [point.distribution for point in points if point.distribution is not None]
    if not found:
        return MetricStep(at, None)
    whole = found[0]
    for one in found[1:]:
        whole = plus(whole, one)
    p50, p95, p99 = (quantile(whole, q) for q in (0.5, 0.95, 0.99))
    return MetricStep(at, None, None, whole.count, whole.sum, whole.min, whole.max, p50, p95, p99)
