"""Where do bars stand and how long are they? Shapes for SVG attributes; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

WATERFALL = 1_000  # width of a waterfall in its own units
SHORTEST = 3  # a bar is never thinner, so that it can be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """x, width: in the drawing's own units."""

    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a histogram, drawn from the top down: y and height of all, and of the bad part at its foot."""

    x: float
    y: float
    height: float
    bad_y: float
    bad_height: float


def waterfall(start_ns: int, end_ns: int, from_ns: int, to_ns: int) -> Bar:
    """A span within [from_ns, to_ns]; what sticks out is cut, an empty range fills the width."""
    length = to_ns - from_ns
    if length <= 0:
        return Bar(0, WATERFALL)
    left = (max(start_ns, from_ns) - from_ns) * WATERFALL // length
    right = -(-(min(max(end_ns, start_ns), to_ns) - from_ns) * WATERFALL // length)
    width = max(right - left, SHORTEST)
    return Bar(max(0, min(left, WATERFALL - width)), min(width, WATERFALL))


def share(value: int, largest: int, width: int) -> int:
    """How much of width a value takes when the largest takes all of it; at least 1 for what is not zero."""
    if value <= 0 or largest <= 0:
        return 0
    return max(1, min(width, value * width // largest))


def histogram(counts: Sequence[tuple[int, int]], height: float, step: float) -> list[Column]:
    """counts: (all, bad) a bucket, bad <= all. Each column takes step units of width and at least 1 of height."""
    largest = max((count for count, _ in counts), default=0)
    return [_column(index * step, *pair, largest, height) for index, pair in enumerate(counts)]


def _column(x: float, count: int, bad: int, largest: int, height: float) -> Column:
    if count <= 0 or largest <= 0:
        return Column(x, height, 0, height, 0)
    tall = max(1.0, round(count / largest * height, 1))
    bad_tall = max(1.0, round(bad / largest * height, 1)) if bad else 0
    return Column(x, round(height - tall, 1), tall, round(height - bad_tall, 1), bad_tall)
