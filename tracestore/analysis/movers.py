"""What got worse or better most? Comparisons that were tested together, and of them those that chance does not explain.

A comparison is kept when its 95 % interval excludes 0 after Benjamini-Hochberg over everything that was tested, each side
has MIN_N, and the difference is worth a look. Those kept are ranked by what they do to the total: share x difference, at
the end of the interval that is nearer to 0, in units of the margin below. So a version that failed badly for a minute and
one that fails a little all day are weighed alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Q: Final = 0.05  # of what is shown this share may be chance
MIN_N: Final = 30  # on either side; with fewer no interval is worth its ink
DIMENSIONS: Final = ("version", "tool", "model", "service", "operation", "environment")
Z95: Final = 1.959963984540054
# A difference is worth a look from here on, and 1 point of success weighs as much as 20 % of time or money: the margins
# that a canary is judged by.
MARGIN_RATIO: Final = 0.005
MARGIN_OF_WHOLE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Subject:
    """A value of a dimension; None = unknown. service: whose version it is, "" for every other dimension."""

    dimension: str
    value: str | None
    service: str = ""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One comparison. now, then, difference, low, high: in the member's unit; low, high: 95 % interval of now - then.

    against: "earlier" (versions of the service that began before this one), "rest" (everything else in the range),
    "before" (the same value in the period before). good: "up" | "down", where better lies. share: of all that the
    member counts in the range, 0-1. whole: the member over everything in the range, None = unknown.
    """

    subject: Subject
    member: str
    line: str
    unit: str
    good: str
    against: str
    now: float
    n: int
    then: float
    n_then: int
    low: float
    high: float
    share: float
    whole: float | None

    @property
    def difference(self) -> float:
        return self.now - self.then

    @property
    def worse(self) -> bool:
        return (self.difference > 0) == (self.good == "down")

    @property
    def on_total(self) -> tuple[float, float, float]:
        """(value, low, high) of what it does to the member over everything: exact for shares and means, about for quantiles."""
        return (self.share * self.difference, self.share * self.low, self.share * self.high)


@dataclass(frozen=True, slots=True)
class Selection:
    """found: heaviest first. tested: comparisons made. small: beyond chance, but below the margin."""

    found: list[Contrast]
    tested: int
    small: int


def select(contrasts: Sequence[Contrast]) -> Selection:
    """Those of the comparisons that chance does not explain and that are worth a look."""
    tested = [one for one in contrasts if min(one.n, one.n_then) >= MIN_N]
    adjusted = benjamini_hochberg([p_value(one) for one in tested])
    certain = [one for one, q in zip(tested, adjusted, strict=True) if q < Q]
    large = [one for one in certain if abs(one.difference) >= margin(one)]
    return Selection(sorted(large, key=rank), len(tested), len(certain) - len(large))


def rank(one: Contrast) -> tuple[float, int, str, str, str]:
    """Heaviest first; of equals, the narrower word first, in an order that does not depend on the input's."""
    dimension = one.subject.dimension
    place = DIMENSIONS.index(dimension) if dimension in DIMENSIONS else len(DIMENSIONS)
    return (-weight(one), place, dimension, one.member, one.subject.value or "")


def weight(one: Contrast) -> float:
    """Margins that the total moved at least: share x the end of the interval nearer to 0; 0 when it includes 0."""
    return one.share * nearest(one.low, one.high) / margin(one)


def nearest(low: float, high: float) -> float:
    """How far an interval stays away from 0."""
    return max(low, -high, 0.0)


def margin(one: Contrast) -> float:
    if one.unit == "ratio":
        return MARGIN_RATIO
    return max(abs(one.whole or one.then) * MARGIN_OF_WHOLE, 1e-9)


def p_value(one: Contrast) -> float:
    """Two-sided, of no difference; below 0.05 exactly where the 95 % interval excludes 0.

    The interval may lie lopsided about the difference: its half towards 0 is the one that counts. Times and money are
    compared by their ratio, so on the scale of its logarithm.
    """
    distance, low, high = one.difference, one.low, one.high
    if one.unit != "ratio" and one.then > 0 and min(one.now, one.then + low) > 0:
        distance, low, high = (math.log1p(part / one.then) for part in (distance, low, high))
    if not distance:
        return 1.0
    half = distance - low if distance > 0 else high - distance
    return math.erfc(abs(distance) / half * Z95 / math.sqrt(2)) if half > 0 else 0.0


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p adjusted so that of those below q at most the share q is expected to be chance, in the order given.

    Source: Benjamini and Hochberg 1995; holds for comparisons that are independent or move together.
    """
    count, least = len(p_values), 1.0
    adjusted = [1.0] * count
    falling = sorted(range(count), key=lambda index: p_values[index], reverse=True)
    for passed, place in enumerate(falling):
        least = min(least, p_values[place] * count / (count - passed))
        adjusted[place] = least
    return adjusted
