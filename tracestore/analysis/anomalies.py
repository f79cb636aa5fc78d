"""Which hours stand out from the same hours of the weeks before? A robust test of one hourly series; pure.

    y          the number of an hour on a scale on which it is about evenly spread: the logarithm, for shares the logit
    median     of y in the same hour of the week, over the last 8 weeks (2 at least)
    level      the median of y - median over the last 24 hours: slow growth is no anomaly
    s          1.4826 MAD of y - median over the hours of the day +-2, times sqrt(weeks / (weeks - 1)), at least 0.05 and at
               least what chance makes of so few requests
    z          (y - median - level) / s; an hour stands out with z > k, or with two of three hours above k - 1

k is 4, or up to 6 where the last weeks of the series itself had more than one such hour a week. The medians, and s, are those
of the beginning of the hour's day, so that no hour is compared with itself. Weeks and days are those of UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import Final

DAY_H: Final = 24
WEEK_H: Final = 168
WEEKS: Final = 8
LEARNING_WEEKS: Final = 2  # without so many, nothing is said
S_MIN: Final = 0.05
K_MIN: Final = 4.0
_K_MAX: Final = 6.0  # the last weeks may hold what stood out in earnest
_BACKTEST_WEEKS: Final = 4
_NEAR_H: Final = 2
_MAD_TO_SD: Final = 1.4826


@dataclass(frozen=True, slots=True)
class Hour:
    """y: on the scale of the test. error: the standard deviation that chance alone gives y in such an hour."""

    y: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Standout:
    """hour: since the epoch. median, level, s: of y, as above. weeks: of how many hours the median is. k: the limit."""

    hour: int
    z: float
    k: float
    y: float
    median: float
    level: float
    s: float
    weeks: int

    @property
    def expected(self) -> float:
        """On the scale of y."""
        return self.median + self.level


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the hours of a day are compared with. medians: hour of the week -> (median, of how many). spread: by hour of day."""

    medians: Mapping[int, tuple[float, int]]
    spread: Mapping[int, float]


def is_learning(hours: Mapping[int, Hour], at: int) -> bool:
    """Whether there are fewer than two weeks before an hour."""
    return not hours or at - min(hours) < LEARNING_WEEKS * WEEK_H


def standouts(hours: Mapping[int, Hour], start: int, end: int, both_ways: bool = False) -> list[Standout]:
    """The hours of [start, end) that stand out upwards, or both ways. hours: by number since the epoch, unknown ones absent."""
    k = limit(hours, start, both_ways)
    found: dict[int, Standout] = {}
    for at, day in _days(hours, start - 2, end):
        told = stand(hours, at, day, k)
        if told is not None:
            found[at] = told
    return [one for at, one in found.items() if at >= start and _stands_out(found, at, both_ways)]


def _days(hours: Mapping[int, Hour], start: int, end: int) -> Iterator[tuple[int, Baseline]]:
    day_start, day = -1, Baseline({}, {})
    for at in range(start, end):
        if at // DAY_H != day_start:
            day_start, day = at // DAY_H, baseline(hours, at // DAY_H * DAY_H)
        if not is_learning(hours, at):
            yield at, day


def _stands_out(found: Mapping[int, Standout], at: int, both_ways: bool) -> bool:
    """One hour beyond k, or it and another of the last three beyond k - 1, on the same side."""
    own = found[at]
    for sign in (1, -1) if both_ways else (1,):
        near = [found[one] for one in (at - 2, at - 1) if one in found]
        beyond = sum(sign * one.z > own.k - 1 for one in near)
        if sign * own.z > own.k or (sign * own.z > own.k - 1 and beyond):
            return True
    return False


def baseline(hours: Mapping[int, Hour], until: int) -> Baseline:
    """Of the WEEKS weeks before an hour."""
    first = until - WEEKS * WEEK_H
    slots: dict[int, list[float]] = {}
    for at in range(first, until):
        if at in hours:
            slots.setdefault(at % WEEK_H, []).append(hours[at].y)
    medians = {slot: (median(values), len(values)) for slot, values in slots.items() if len(values) >= LEARNING_WEEKS}
    residuals: dict[int, list[float]] = {}
    for slot, values in slots.items():
        if slot in medians:
            residuals.setdefault(slot % DAY_H, []).extend(value - medians[slot][0] for value in values)
    weeks = max((len(values) for values in slots.values()), default=0)
    return Baseline(medians, {of_day: _spread(residuals, of_day, weeks) for of_day in residuals})


def _spread(residuals: Mapping[int, list[float]], of_day: int, weeks: int) -> float:
    near = range(of_day - _NEAR_H, of_day + _NEAR_H + 1)
    values = [value for one in near for value in residuals.get(one % DAY_H, ())]
    middle = median(values)
    mad = median(abs(value - middle) for value in values)
    return max(S_MIN, _MAD_TO_SD * mad * sqrt(weeks / (weeks - 1)))


def stand(hours: Mapping[int, Hour], at: int, day: Baseline, k: float = K_MIN) -> Standout | None:
    """Where an hour stands; None where it, or its hour of the week, is not known."""
    own, typical = hours.get(at), day.medians.get(at % WEEK_H)
    if own is None or typical is None:
        return None
    recent = (_residual(hours, one, day) for one in range(at - DAY_H, at))
    known = [value for value in recent if value is not None]
    level = median(known) if known else 0.0
    s = max(day.spread[at % DAY_H], own.error)
    return Standout(at, (own.y - typical[0] - level) / s, k, own.y, typical[0], level, s, typical[1])


def _residual(hours: Mapping[int, Hour], at: int, day: Baseline) -> float | None:
    own, typical = hours.get(at), day.medians.get(at % WEEK_H)
    return None if own is None or typical is None else own.y - typical[0]


def limit(hours: Mapping[int, Hour], until: int, both_ways: bool = False) -> float:
    """k: the smallest from 4 on that at most one hour a week exceeded in the last 4 weeks before an hour, one by one."""
    day = baseline(hours, until)
    first = max(until - _BACKTEST_WEEKS * WEEK_H, min(hours, default=until) + DAY_H)
    told = [one for at in range(first, until) if (one := stand(hours, at, day)) is not None]
    sizes = sorted((abs(one.z) if both_ways else one.z for one in told), reverse=True)
    allowed = max(1, (until - first) // WEEK_H)
    return min(_K_MAX, max(K_MIN, sizes[allowed])) if len(sizes) > allowed else K_MIN
