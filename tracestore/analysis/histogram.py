"""How long, how much, in what distribution? Exponential buckets that any two histograms share, so that they add up exactly.

Buckets are OpenTelemetry's exponential ones of scale 3, base 2^(1/8), with the index moved by one: bucket b holds the
integers v with 2^((b-1)/8) < v <= 2^(b/8), and bucket 0 holds what is at most 1. The SQL function histogram_bucket is the
same rule; a test compares the two. A stored histogram is one bigint[], a cell a bucket: bucket * 2^40 + count, ascending.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from math import isqrt
from typing import Final, NamedTuple

SCALE: Final = 3
BASE: Final = 2 ** (1 / 2**SCALE)
ERROR_MAX: Final = (BASE - 1) / (BASE + 1)  # relative, of a value that stands for its bucket: 4.4 %
COUNT_BITS: Final = 40
BUCKETS: Final = 63 * 2**SCALE  # a bigint needs no more

# The largest integer of each bucket: floor(2^(k/8)), as the square root of a square root of a square root; no rounding.
EDGES: Final[tuple[int, ...]] = tuple(isqrt(isqrt(isqrt(1 << k))) for k in range(BUCKETS))

Counts = Mapping[int, int]  # bucket -> how many values


class Quantile(NamedTuple):
    """value: stands for (low, high], at most ERROR_MAX from any value there. The true quantile lies in that bucket."""

    value: float
    low: float
    high: float


def bucket_of(value: int) -> int:
    """The bucket of a duration in ns, a cost in nano-USD, ...; what is negative counts as 0."""
    return bisect_left(EDGES, value)


def edges_of(bucket: int) -> tuple[float, float]:
    """(low, high] of a bucket; bucket 0 is [0, 1]."""
    return (BASE ** (bucket - 1) if bucket else 0.0, BASE**bucket)


def count(values: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        bucket = bucket_of(value)
        counts[bucket] = counts.get(bucket, 0) + 1
    return counts


def pack(counts: Counts) -> list[int]:
    return [(bucket << COUNT_BITS) + n for bucket, n in sorted(counts.items())]


def unpack(cells: Sequence[int] | None) -> dict[int, int]:
    """cells: as stored; None = nothing was measured."""
    return {cell >> COUNT_BITS: cell & ((1 << COUNT_BITS) - 1) for cell in cells or ()}


def added_up(sent: bytes | None) -> list[int] | None:
    """Any number of stored histograms as one, packed; None where there is no cell.

    sent: arrays of bigint one after the other, as array_send writes them, of 32-bit words: a header of five (dimensions, flags,
    type, length, first index; without cells only three), then three a cell, its size and the two halves of it.
    """
    words = array("I", sent or b"")
    if sys.byteorder == "little":
        words.byteswap()
    highs, lows, at = array("I"), array("I"), 0
    while at < len(words):
        first, at = (at + 5, at + 5 + 3 * words[at + 3]) if words[at] else (at + 3, at + 3)
        highs += words[first + 1 : at : 3]
        lows += words[first + 2 : at : 3]
    return _added_up(highs, lows) if highs else None


def _added_up(highs: Sequence[int], lows: Sequence[int]) -> list[int]:
    """Of cells: the bucket is above the lowest 8 bits of a high half, which with the low half are the count."""
    halves: dict[int, int] = {}
    for high, low in zip(highs, lows, strict=True):
        halves[high] = halves.get(high, 0) + low
    counts = merge({high >> 8: low} for high, low in halves.items())
    if any(high & 0xFF for high in halves):
        counts = merge([counts, *({high >> 8: (high & 0xFF) << 32} for high in highs)])
    return pack(counts)


def merge(histograms: Iterable[Counts]) -> dict[int, int]:
    """What one histogram of all the values would be; exact."""
    summed: dict[int, int] = {}
    for counts in histograms:
        for bucket, n in counts.items():
            summed[bucket] = summed.get(bucket, 0) + n
    return summed


def quantile(counts: Counts, q: float) -> Quantile | None:
    """The value that the share q of all values does not exceed (nearest rank); None without values.

    Raises ValueError for a q outside [0, 1].
    """
    if not 0 <= q <= 1:
        raise ValueError("q is a share, from 0 to 1")
    total = sum(counts.values())
    if not total:
        return None
    rank, seen = max(1.0, q * total), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            break
    low, high = edges_of(bucket)
    return Quantile(2 * low * high / (low + high) if low else 0.0, low, high)


def at_most(counts: Counts, threshold: int) -> tuple[int, int]:
    """How many values are <= threshold: (at least, at most). They are equal where threshold is an edge of a bucket."""
    inside = bucket_of(threshold)
    below = sum(n for bucket, n in counts.items() if bucket < inside)
    of_it = counts.get(inside, 0)
    return (below + of_it if is_edge(threshold) else below, below + of_it)


def is_edge(threshold: int) -> bool:
    """Whether a threshold is the upper end of a bucket: then the count of what it holds is exact."""
    inside = bucket_of(threshold)
    return inside < BUCKETS and EDGES[inside] == threshold
