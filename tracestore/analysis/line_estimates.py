"""What is the number of a member, of how many, and how sure is it? From sums of its rollup."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Final

from tracestore.analysis import histogram
from tracestore.analysis.histogram import Counts
from tracestore.analysis.intervals import Interval, of_mean, of_quantile, wilson
from tracestore.analysis.line_forms import Counted, Mean, Member, Quantile, Rate, Ratio, Reading, Share, TopShare, Total
from tracestore.analysis.line_sums import counts_of


@dataclass(frozen=True, slots=True)
class Estimate:
    """value: in the member's unit, None = unknown. n: what it is an estimate from, a count of member.per.

    low, high: the 95 % interval; both None where there is none: of totals, of ratios, where n is too small.
    hits: of a share, how many of the n.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    hits: int | None = None


UNKNOWN: Final = Estimate(None, 0)


def estimate(member: Member, sums: Sequence[Counted], covered_s: float | None = None) -> Estimate:
    """Of all the sums together: they are of member.fact (and of member.sources, where it has any).

    covered_s: the seconds that they cover; what is per hour or minute is unknown without.
    """
    return _estimate(member.form, sums, covered_s)


def total_of(sums: Iterable[Counted], *names: str) -> int | None:
    """The sum of measures; None where one of the names is nowhere known."""
    rows, found = list(sums), 0
    for name in names:
        known = [value for row in rows if (value := row.measures.get(name)) is not None]
        if not known:
            return None
        found += sum(known)
    return found


@singledispatch
def _estimate(form: object, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    raise TypeError(f"{form} is no form of a member")


@_estimate.register
def _share(form: Share, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    n, part = total_of(sums, *form.whole), total_of(sums, *(form.part or form.failed))
    if not n or part is None:
        return UNKNOWN
    hits = part if form.part else n - part
    hits = min(max(hits, 0), n)  # two facts of one item may settle seconds apart
    return _within(hits / n, n, wilson(hits, n), hits)


@_estimate.register
def _ratio(form: Ratio, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    part, whole, n = total_of(sums, form.part), total_of(sums, form.whole), total_of(sums, form.n)
    return UNKNOWN if part is None or not whole else Estimate(part / whole, n or 0)


@_estimate.register
def _quantile(form: Quantile, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    counts = counts_of(sums, form.histogram)
    found = histogram.quantile(counts, form.q)
    return UNKNOWN if found is None else _within(found.value, sum(counts.values()), of_quantile(counts, form.q))


@_estimate.register
def _mean(form: Mean, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    total, counts = total_of(sums, form.total), counts_of(sums, form.histogram)
    n = sum(counts.values())
    return UNKNOWN if total is None or not n else _within(total / n, n, of_mean(total / n, counts))


@_estimate.register
def _total(form: Total, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    total = total_of(sums, form.total)
    n = sum(counts_of(sums, form.histogram).values()) if form.histogram else total_of(sums, form.n)
    return UNKNOWN if total is None else Estimate(float(total), n or 0)


@_estimate.register
def _rate(form: Rate, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    total = _total(form.of, sums, None)
    if total.value is None or not covered_s:
        return UNKNOWN
    return Estimate(total.value * form.per_s / covered_s, total.n)


@_estimate.register
def _top_share(form: TopShare, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    counts = counts_of(sums, form.histogram)
    n = sum(counts.values())
    return Estimate(top_share(counts, form.top) if n * form.top >= 1 else None, n)


@_estimate.register
def _reading(form: Reading, sums: Sequence[Counted], covered_s: float | None) -> Estimate:
    return UNKNOWN  # not in a rollup


def top_share(counts: Counts, top: float) -> float | None:
    """What the largest `top` (a share) of the values make of their sum, to 4.4 %, the error of the buckets; None: no sum.

    The value at the edge counts in part: 5 % of 30 values are one and a half.
    """
    left, above, total = top * sum(counts.values()), 0.0, 0.0
    for bucket in sorted(counts, reverse=True):
        low, high = histogram.edges_of(bucket)
        value = 2 * low * high / (low + high) if low else 0.0
        taken = min(left, counts[bucket])
        left, above, total = left - taken, above + taken * value, total + counts[bucket] * value
    return above / total if total else None


def _within(value: float, n: int, interval: Interval | None, hits: int | None = None) -> Estimate:
    low, high = interval or (None, None)
    return Estimate(value, n, low, high, hits)
