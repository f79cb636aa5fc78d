"""Between which values does the truth lie, 95 times of 100? Intervals of shares, quantiles and means; pure, without scipy."""

from collections.abc import Mapping
from functools import lru_cache
from math import ceil, exp, floor, log, log1p, sqrt
from typing import Final, NamedTuple

from tracestore.analysis.histogram import edges_of

Z: Final = 1.959963984540054  # of a two-sided 95 % interval
_TAIL: Final = 0.025
_EXACT_VARIANCE: Final = 100.0  # of a binomial count; above it, its quantiles by Cornish-Fisher are within one rank
_ERROR_MAX: Final = 2.0  # relative, of a mean: an interval from a fiftieth to fifty times says nothing
_MEAN_N_MIN: Final = 20  # values, before the central limit theorem is leant on


class Interval(NamedTuple):
    low: float
    high: float


def wilson(hits: int, n: int) -> Interval | None:
    """Of a share, hits of n. None for n = 0.

    Source: Wilson 1927; Newcombe 1998, method 3: 81 of 263 gives 0.2553-0.3662.
    """
    if n <= 0:
        return None
    share, z2 = hits / n, Z * Z
    middle = share + z2 / (2 * n)
    reach = Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low, high = (middle - reach) / (1 + z2 / n), (middle + reach) / (1 + z2 / n)
    return Interval(low if hits else 0.0, high if hits < n else 1.0)


@lru_cache(maxsize=65_536)
def quantile_ranks(n: int, q: float) -> tuple[int, int] | None:
    """Ranks (l, u), from 1: the l-th and the u-th smallest of n values enclose the quantile q at least 95 times of 100.

    None where n is too small for that: the largest value is then below the quantile too often (p95: n < 72).
    """
    low, high = _count_quantile(n, q, _TAIL), _count_quantile(n, q, 1 - _TAIL) + 1
    return (low, high) if low >= 1 and high <= n else None


def _count_quantile(n: int, q: float, p: float) -> int:
    """The smallest k with P(X <= k) >= p, for X ~ Binomial(n, q)."""
    variance = n * q * (1 - q)
    if variance > _EXACT_VARIANCE:
        z = -Z if p < 0.5 else Z
        at = n * q + z * sqrt(variance) + (z * z - 1) * (1 - 2 * q) / 6
        return floor(at - 0.5) if p < 0.5 else ceil(at - 0.5)
    return _exact_count_quantile(n, q, p)


def _exact_count_quantile(n: int, q: float, p: float) -> int:
    """By adding up from the rarer side, which is short: it ends where the sum passes p."""
    if q > 0.5:  # X <= k is n - X >= n - k: the largest j = n - k with P(Y <= j - 1) <= 1 - p
        return n - _largest_at_most(n, 1 - q, 1 - p)
    return _largest_at_most(n, q, p, strictly=True)


def _largest_at_most(n: int, q: float, p: float, strictly: bool = False) -> int:
    """The largest k with P(X <= k - 1) <= p (strictly: < p), for X ~ Binomial(n, q), q <= 1/2."""
    term, odds, summed, k = exp(n * log1p(-q)), q / (1 - q), 0.0, 0
    while k < n:
        if summed + term >= p if strictly else summed + term > p:
            return k
        summed += term
        term *= odds * (n - k) / (k + 1)
        k += 1
    return n


def of_quantile(counts: Mapping[int, int], q: float) -> Interval | None:
    """Of the quantile q of the values of a histogram: order statistics, widened by the buckets that hold them.

    Distribution-free. None where there are too few values.
    """
    ranks = quantile_ranks(sum(counts.values()), q)
    if ranks is None:
        return None
    low, high = (_bucket_at(counts, rank) for rank in ranks)
    return Interval(edges_of(low)[0], edges_of(high)[1])


def _bucket_at(counts: Mapping[int, int], rank: int) -> int:
    seen, bucket = 0, 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            break
    return bucket


def of_mean(mean: float, counts: Mapping[int, int]) -> Interval | None:
    """Of the mean of positive values, whose spread is read from their histogram (to 9 %, the error of its buckets).

    Normal on the scale of the logarithm, since costs are skewed. None below 20 values or for a mean of 0.
    """
    n = sum(counts.values())
    if n < _MEAN_N_MIN or mean <= 0:
        return None
    squares = sum(count * (_middle(bucket) - mean) ** 2 for bucket, count in counts.items())
    error = sqrt(squares / (n - 1) / n) / mean
    return Interval(exp(log(mean) - Z * error), exp(log(mean) + Z * error)) if error < _ERROR_MAX else None


def _middle(bucket: int) -> float:
    low, high = edges_of(bucket)
    return 2 * low * high / (low + high) if low else 0.0
