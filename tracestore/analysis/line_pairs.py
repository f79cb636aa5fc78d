"""What stood where, before? The series of two periods, or of two filters, beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracestore.analysis.differences import Difference, compare
from tracestore.analysis.line_estimates import UNKNOWN
from tracestore.analysis.line_steps import Series


@dataclass(frozen=True, slots=True)
class Pair:
    """before: None where there was no such series (a value of a split that was not there)."""

    now: Series
    before: Series | None
    difference: Difference


def pairs(now: Sequence[Series], before: Sequence[Series]) -> list[Pair]:
    """In the order of now. Points of a pair belong together by their place: steps are equally long."""
    earlier = {(one.member.name, one.split_by, one.key): one for one in before}
    found = []
    for one in now:
        other = earlier.get((one.member.name, one.split_by, one.key))
        total = other.total if other else UNKNOWN
        found.append(Pair(one, other, compare(one.member, total, one.total)))
    return found
