"""By how much do two estimates of one member differ, and is that more than chance? The estimates are independent."""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

from tracestore.analysis.histogram import BASE
from tracestore.analysis.intervals import Interval
from tracestore.analysis.line_estimates import Estimate
from tracestore.analysis.line_forms import Member, Quantile


@dataclass(frozen=True, slots=True)
class Difference:
    """after minus before, in the member's unit; None where one of them is unknown. low, high: its 95 % interval.

    relative: after / before - 1, None where before is 0; with an interval where the member is no share.
    distinguishable: whether the interval leaves 0 out; None where there is no interval.
    better: whether the change is for the good, where it is distinguishable and the member has a good direction.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    relative: float | None = None
    relative_low: float | None = None
    relative_high: float | None = None
    distinguishable: bool | None = None
    better: bool | None = None


UNKNOWN: Final = Difference(None)
_HALF_BUCKET: Final = log(BASE) / 2


def compare(member: Member, before: Estimate, after: Estimate) -> Difference:
    """Shares: Newcombe's interval of the difference (1998, method 10), from the two Wilson intervals.

    Quantiles and means: the same construction on the logarithms (Zou and Donner 2008, MOVER), so of the ratio; low and
    high are that ratio times the value before. Two intervals that overlap a little may still differ: this says which.
    Totals, ratios and readings have no interval: distinguishable is None.
    """
    if before.value is None or after.value is None:
        return UNKNOWN
    value = after.value - before.value
    relative = value / before.value if before.value else None
    if member.unit == "ratio":
        low, high = _newcombe(before, after) or (None, None)
        return _judged(member, Difference(value, low, high, relative))
    ratio = _ratio(before, after, isinstance(member.form, Quantile))
    if ratio is None:
        return Difference(value, relative=relative)
    less, more = ratio.low - 1, ratio.high - 1
    return _judged(member, Difference(value, less * before.value, more * before.value, relative, less, more))


def _newcombe(before: Estimate, after: Estimate) -> Interval | None:
    old, new = _bounds(before), _bounds(after)
    if old is None or new is None or before.value is None or after.value is None:
        return None
    value = after.value - before.value
    return Interval(
        value - sqrt((after.value - new.low) ** 2 + (old.high - before.value) ** 2),
        value + sqrt((new.high - after.value) ** 2 + (before.value - old.low) ** 2),
    )


def _bounds(of: Estimate) -> Interval | None:
    return None if of.low is None or of.high is None else Interval(of.low, of.high)


def _ratio(before: Estimate, after: Estimate, bucketed: bool) -> Interval | None:
    """Of after / before; None where a bound is not positive: a logarithm has no place for it.

    bucketed: the bounds are edges of buckets. Half a bucket of each is then no chance that may even out: it is taken off
    before and put on again after, in full.
    """
    old, new = _logarithms(before, bucketed), _logarithms(after, bucketed)
    if old is None or new is None:
        return None
    found, more = _newcombe(old, new), 2 * _HALF_BUCKET if bucketed else 0.0
    return None if found is None else Interval(exp(found.low - more), exp(found.high + more))


def _logarithms(of: Estimate, bucketed: bool) -> Estimate | None:
    if not of.value or not of.low or not of.high or min(of.value, of.low) <= 0:
        return None
    value, less = log(of.value), _HALF_BUCKET if bucketed else 0.0
    return Estimate(value, of.n, min(value, log(of.low) + less), max(value, log(of.high) - less))


def _judged(member: Member, found: Difference) -> Difference:
    if found.value is None or found.low is None or found.high is None:
        return found
    distinguishable = not found.low <= 0 <= found.high
    better = found.value > 0 if member.direction == "up" else found.value < 0
    return Difference(
        found.value, found.low, found.high, found.relative, found.relative_low, found.relative_high, distinguishable,
        better if distinguishable and member.direction != "none" else None,
    )  # fmt: skip
