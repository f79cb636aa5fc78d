"""Whose change is it? One difference shows in many places: it is told once, of what explains the others.

And a version is not blamed for its hours: what ran beside it, or before and after it, is asked whether it changed too.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final, Literal

from tracestore.analysis.contrasts import Cell, merged
from tracestore.analysis.differences import compare
from tracestore.analysis.line_estimates import Estimate, estimate
from tracestore.analysis.line_forms import Member
from tracestore.analysis.movers import MIN_N, Z95, Contrast, Subject, margin, rank

# beside: another version ran in the same steps and did not change. returned: before and after it things were alike.
# replaced: neither can be said, mostly since it took over at once; version and time cannot be told apart. time: what ran in
# the same steps was as bad (or good), so it is not the version. mix: not of versions; in no service did it change, so what
# changed is how the requests are shared out among them.
Kind = Literal["beside", "returned", "replaced", "time", "mix"]
DOUBTFUL: Final = ("time", "mix")


@dataclass(frozen=True, slots=True)
class Apart:
    """Whether version and time can be told apart. other: the other versions in the steps, or after it, that say so.

    low, high: 95 % interval of the difference within the same steps, where another version ran in them.
    """

    kind: Kind
    other: Estimate | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Mover:
    """A change. also: what shows the same change, and no more once this subject is left out. apart: of versions, and of a mix."""

    contrast: Contrast
    apart: Apart | None = None
    also: list[Subject] = field(default_factory=list)

    @property
    def is_time(self) -> bool:
        return self.apart is not None and self.apart.kind == "time"

    @property
    def is_doubtful(self) -> bool:
        """Whether something else than the subject explains it."""
        return self.apart is not None and self.apart.kind in DOUBTFUL


Again = Callable[[Contrast, Collection[Subject]], Contrast | None]
Asked = Callable[[Contrast], Apart | None]


def movers(found: Sequence[Contrast], again: Again, apart: Asked) -> list[Mover]:
    """Each change once, heaviest first. again: a contrast without some subjects; apart: what else may explain it.

    Versions are asked first, everything last; a version that time explains as well explains nothing itself.
    """
    kept: list[Mover] = []
    for one in sorted(found, key=lambda one: (_turn(one), rank(one))):
        mover = _explaining(one, kept, again)
        if mover is None:
            kept.append(Mover(one, apart(one)))
        else:
            mover.also.append(one.subject)
    return sorted(kept, key=lambda mover: rank(mover.contrast))


def _turn(one: Contrast) -> int:
    """The narrower a subject, the sooner it is asked whether it explains the wider ones; so is what is new."""
    if one.against == "rest":
        return 1
    return {"version": 0, "tool": 1, "model": 1, "service": 2, "all": 4}.get(one.subject.dimension, 3)


def _explaining(one: Contrast, kept: Sequence[Mover], again: Again) -> Mover | None:
    """The heaviest of those told already without which this change is gone."""
    others = [
        mover for mover in kept
        if mover.contrast.member == one.member and mover.contrast.subject != one.subject and not mover.is_time
    ]  # fmt: skip
    if not others:
        return None
    left = again(one, [mover.contrast.subject for mover in others])
    if left is not None and left.worse == one.worse and left.n >= MIN_N and _is_certain(left):
        return None
    return min(others, key=lambda mover: (mover.contrast.worse != one.worse, rank(mover.contrast)))


def _is_certain(one: Contrast) -> bool:
    return not one.low <= 0 <= one.high and abs(one.difference) >= margin(one)


def tell_apart(one: Contrast, member: Member, mine: Sequence[Cell], others: Sequence[Cell]) -> Apart:
    """mine, others: cells by step of the version, and of the versions it is compared with."""
    my_steps = {cell.start_s for cell in mine if _n(member, [cell])}
    beside = [cell for cell in others if cell.start_s in my_steps]
    around = [cell for cell in others if cell.start_s not in my_steps]
    found = _beside(one, member, mine, beside) if _n(member, beside) >= MIN_N else None
    if found is not None:
        return found
    first, last = min(my_steps, default=0), max(my_steps, default=0)
    before = estimate(member, [merged(cell for cell in around if cell.start_s < first)])
    after = estimate(member, [merged(cell for cell in around if cell.start_s > last)])
    if min(before.n, after.n) >= MIN_N and not _follows(one, compare(member, before, after).value):
        return Apart("returned", after)
    return Apart("replaced")


def mixed(one: Contrast, inside: Sequence[Contrast]) -> Apart | None:
    """inside: the same comparison in each of the services. None: one of them changed like the whole, or there is but one."""
    if len(inside) < 2 or any(_is_certain(part) and part.worse == one.worse for part in inside):
        return None
    return Apart("mix")


def _n(member: Member, cells: Sequence[Cell]) -> int:
    return estimate(member, [merged(cells)]).n


def _beside(one: Contrast, member: Member, mine: Sequence[Cell], beside: Sequence[Cell]) -> Apart | None:
    """The difference within the steps that both ran in, so that what happened at a time happened to both.

    Time is to blame only where that difference is certainly smaller than the one over the whole range; where it is merely
    unsure, these steps say nothing: None.
    """
    other = estimate(member, [merged(beside)])
    low, high = within_steps(member, mine, beside)
    if low is None or high is None:
        return None
    if low > 0 if one.difference > 0 else high < 0:
        return Apart("beside", other, low, high)
    is_less = high < one.difference if one.difference > 0 else low > one.difference
    return Apart("time", other, low, high) if is_less else None


def _follows(one: Contrast, moved: float | None) -> bool:
    """Whether what came after the version stayed where the version had brought it: by more than half."""
    return moved is None or moved / one.difference > 0.5


def within_steps(member: Member, mine: Sequence[Cell], others: Sequence[Cell]) -> tuple[float | None, float | None]:
    """95 % interval of the difference, step by step, weighted by how often the version ran; None: none to be had.

    Of shares, exactly that (direct standardisation, each step's variance with half an item added to either side, so that
    a step of five good ones is not taken for certain). Of quantiles and means, the steps that both ran in, together.
    """
    steps = {cell.start_s for cell in mine} & {cell.start_s for cell in others}
    if member.unit != "ratio":
        pair = [estimate(member, [merged(c for c in side if c.start_s in steps)]) for side in (others, mine)]
        between = compare(member, pair[0], pair[1])
        return between.low, between.high
    found = [one for step in sorted(steps) if (one := _in_step(member, mine, others, step)) is not None]
    items = sum(n for n, _, _ in found)
    if not items:
        return None, None
    value = sum(n * difference for n, difference, _ in found) / items
    reach = Z95 * sqrt(sum((n / items) ** 2 * variance for n, _, variance in found))
    return value - reach, value + reach


def _in_step(
    member: Member, mine: Sequence[Cell], others: Sequence[Cell], step: int
) -> tuple[int, float, float] | None:
    """(items of the version, difference, its variance) in one step; None where a side has none."""
    sides = [estimate(member, [merged(c for c in side if c.start_s == step)]) for side in (mine, others)]
    (now, then) = sides
    if now.value is None or then.value is None:
        return None
    variance = sum(_variance(side) for side in sides)
    return now.n, now.value - then.value, variance


def _variance(of: Estimate) -> float:
    share = ((of.value or 0.0) * of.n + 0.5) / (of.n + 1)
    return share * (1 - share) / of.n
