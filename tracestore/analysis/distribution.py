"""What does a histogram say? Buckets of OTLP histograms as one form that can be subtracted, added and asked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Bucket = tuple[float, float]  # (lower, upper], lower may be -inf, upper inf


@dataclass(frozen=True, slots=True)
class Distribution:
    """count and sum of what was observed, and how much fell into which bucket. sum, min, max: None = not reported."""

    count: int
    sum: float | None
    min: float | None = None
    max: float | None = None
    buckets: Mapping[Bucket, int] = field(default_factory=dict)
    quantiles: Mapping[float, float] = field(default_factory=dict)


def read(kind: str, body: Mapping[str, Any]) -> Distribution:
    """The body of a stored histogram, exponential histogram or summary point."""
    return Distribution(
        count=_whole(body.get("count")),
        sum=_number(body.get("sum")),
        min=_number(body.get("min")),
        max=_number(body.get("max")),
        buckets=_exponential(body) if kind == "exponential_histogram" else _explicit(body),
        quantiles=_quantiles(body),
    )


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _explicit(body: Mapping[str, Any]) -> dict[Bucket, int]:
    bounds = [bound for bound in map(_number, body.get("explicit_bounds", [])) if bound is not None]
    edges = [-math.inf, *bounds, math.inf]
    counts = [_whole(count) for count in body.get("bucket_counts", [])]
    return {(low, high): n for low, high, n in zip(edges, edges[1:], counts, strict=False) if n}


def _exponential(body: Mapping[str, Any]) -> dict[Bucket, int]:
    """Bucket i of scale s holds (2^(i/2^s), 2^((i+1)/2^s)]; zero has one of its own."""
    found: dict[Bucket, int] = {}
    if zero := _whole(body.get("zero_count")):
        edge = _number(body.get("zero_threshold")) or 0.0
        found[(-edge, edge)] = zero
    scale = body.get("scale", 0)
    for side, sign in (("positive", 1), ("negative", -1)):
        buckets = body.get(side) or {}
        for place, count in enumerate(buckets.get("bucket_counts", []), buckets.get("offset", 0)):
            if _whole(count):
                found[_ordered(sign * _edge(place, scale), sign * _edge(place + 1, scale))] = count
    return found


def _edge(place: int, scale: int) -> float:
    try:
        return float(2.0 ** math.ldexp(place, -scale))
    except OverflowError:
        return math.inf


def _ordered(one: float, other: float) -> Bucket:
    return (one, other) if one <= other else (other, one)


def _quantiles(body: Mapping[str, Any]) -> dict[float, float]:
    found = {_number(one.get("quantile")): _number(one.get("value")) for one in body.get("quantiles", [])}
    return {at: value for at, value in found.items() if at is not None and value is not None}


def minus(later: Distribution, earlier: Distribution) -> Distribution:
    """What was observed between two points of a cumulative series; min and max of that time are not known.

    Buckets that the later point no longer has (a coarser scale) make the subtraction impossible bucket by bucket; then
    count and sum are still exact and the buckets are the later point's shape, scaled to the count.
    """
    count = later.count - earlier.count
    total = None if later.sum is None or earlier.sum is None else later.sum - earlier.sum
    if set(earlier.buckets) <= set(later.buckets):
        left = {edges: n - earlier.buckets.get(edges, 0) for edges, n in later.buckets.items()}
        return Distribution(count, total, buckets={edges: n for edges, n in left.items() if n > 0})
    return Distribution(count, total, buckets=later.buckets)


def plus(one: Distribution, other: Distribution) -> Distribution:
    buckets = dict(one.buckets)
    for edges, n in other.buckets.items():
        buckets[edges] = buckets.get(edges, 0) + n
    return Distribution(
        count=one.count + other.count,
        sum=None if one.sum is None or other.sum is None else one.sum + other.sum,
        min=min((value for value in (one.min, other.min) if value is not None), default=None),
        max=max((value for value in (one.max, other.max) if value is not None), default=None),
        buckets=buckets,
        quantiles=other.quantiles,
    )


def quantile(of: Distribution, q: float) -> float | None:
    """The value that a share q (0-1) of the observations does not exceed, linear within a bucket; None: not known.

    An open bucket answers with its finite edge, or with min or max where they are known.
    """
    if q in of.quantiles:
        return of.quantiles[q]
    total = sum(of.buckets.values())
    if not total:
        return None
    rank, seen = q * total, 0
    for (low, high), n in sorted(of.buckets.items()):
        if seen + n >= rank:
            return _within(of, low, high, (rank - seen) / n)
        seen += n
    return of.max


def _within(of: Distribution, low: float, high: float, share: float) -> float | None:
    low = low if math.isfinite(low) else (of.min if of.min is not None else min(0.0, high))
    if not math.isfinite(high):
        return of.max if of.max is not None else (low if math.isfinite(low) else None)
    return low + (high - low) * share
