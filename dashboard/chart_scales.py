"""In which unit does an axis count, and from where to where does it reach? Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

LEAST_RATIO = 0.01  # an axis of shares never spans less than one percent: noise would look like news
ROOM = 0.08  # of the span is left free above


class Valued(Protocol):
    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Scale:
    """A value is drawn at value / divisor. format: d3-format of the ticks."""

    divisor: float
    prefix: str = ""
    suffix: str = ""
    format: str = ""


_TIMES = (
    (1_000_000, Scale(1_000, suffix=" µs")),
    (1_000_000_000, Scale(1_000_000, suffix=" ms")),
    (180_000_000_000, Scale(1_000_000_000, suffix=" s")),
    (10_800_000_000_000, Scale(60_000_000_000, suffix=" min")),
)


def scale_of(unit: str, greatest: float) -> Scale:
    """greatest: of the axis, in the unit itself."""
    if unit == "ratio":
        return Scale(0.01, suffix=" %")
    if unit in ("nanousd", "nanousd_per_h"):
        return Scale(1_000_000_000, prefix="$")
    if unit == "ns":
        return next((scale for below, scale in _TIMES if greatest <= below), Scale(3_600_000_000_000, suffix=" h"))
    return Scale(1, format="~s" if greatest >= 1_000 else "")


def span_of(points: Sequence[Valued], unit: str, floor: bool = True) -> tuple[float, float]:
    """Least and greatest value that the axis shows, with some room; intervals reach beyond it rather than flatten the line.

    floor: from zero. Else close to the values, as for shares near 100 %. Shares never leave 0-1. Nothing known: 0 to 1.
    """
    values = [one.value for one in points if one.value is not None]
    if not values:
        return (0.0, 1.0)
    low, high = min(values), max(values)
    reach = max(high - low, abs(high) * 0.02, LEAST_RATIO if unit == "ratio" else 0) or 1.0
    lows = [max(one.low, low - reach) for one in points if one.low is not None]
    highs = [min(one.high, high + reach) for one in points if one.high is not None]
    low, high = min([low, *lows]), max([high, *highs])
    room = max(high - (0 if floor else low), reach) * ROOM
    top = high + room
    bottom = 0.0 if floor and low >= 0 else low - room
    if unit == "ratio":
        return max(0.0, min(bottom, 1 - LEAST_RATIO)), min(max(top, LEAST_RATIO), 1.0 + LEAST_RATIO * 0.1)
    return bottom, top
