"""How do a number with its uncertainty, and a difference with its interval, read?"""

from dataclasses import dataclass
from typing import Final

from dashboard.templatetags.units import DASH, in_percent
from dashboard.unit_words import in_difference, in_unit
from tracestore.analysis.line_forms import Ratio, TopShare
from tracestore.analysis.lines import Difference, Estimate, Member

SMALL: Final = 0.00005  # less reads as nothing at two decimals of a percent
FEW: Final = 20  # of so few items the count is told rather than a share


@dataclass(frozen=True, slots=True)
class Number:
    """text: "98.2 %". aside: "97.1 to 98.9 %, n 412". title: the formula, on hover. known: else text is a dash, title why."""

    text: str
    aside: str
    title: str
    known: bool
    value: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """text: "−3.1 pp" or "+18 %"; interval: "−4.6 to −1.7 pp". tone: "worse" | "better" | "" where chance may explain it.

    verdict: "worse", "better", "no difference seen, could be up to ...", or why there is none.
    """

    text: str
    interval: str
    tone: str
    verdict: str
    value: float | None


def number(member: Member, of: Estimate, said_n: int | None = None) -> Number:
    """said_n: an n that stands beside it already, so that it is not repeated."""
    if of.value is None:
        return Number(DASH, "", member.empty, False, None)
    if member.unit == "ratio" and of.hits is not None and of.n < FEW:
        text = f"{of.hits} of {of.n}"
    else:
        text = in_unit(of.value, member.unit)
    return Number(text, aside(member, of, said_n), f"{member.title}: {member.formula}", True, of.value)


def aside(member: Member, of: Estimate, said_n: int | None = None) -> str:
    """Interval and n."""
    n = "" if of.n == said_n else f"n {of.n:,}"
    if of.low is None or of.high is None:
        return n
    low, high = in_unit(of.low, member.unit), in_unit(of.high, member.unit)
    return f"{low.removesuffix(unit_of(high))} to {high}{n and ', '}{n}"


def unit_of(text: str) -> str:
    """The unit at the end of a text that is a number and a unit: " %", " ms"; "" where it is more than that."""
    _, space, unit = text.partition(" ")
    return f"{space}{unit}" if unit and unit.count(" ") == 0 else ""


def change(member: Member, between: Difference) -> Change:
    if between.value is None:
        return Change(DASH, "", "", "nothing to compare with", None)
    if between.low is None or between.high is None:
        return Change(difference_words(member, between), "", "", no_interval(member), between.value)
    tone = "" if between.better is None else "better" if between.better else "worse"
    verdict = tone or ("different" if between.distinguishable else no_difference(member, between))
    return Change(difference_words(member, between), interval_words(member, between), tone, verdict, between.value)


def no_interval(member: Member) -> str:
    return "how sure is not known" if isinstance(member.form, Ratio | TopShare) else "too few to tell"


def difference_words(member: Member, between: Difference) -> str:
    """In points for a share, in percent for anything else."""
    if between.value is None:
        return DASH
    if member.unit == "ratio" or between.relative is None:
        return in_difference(between.value, member.unit)
    return in_relative(between.relative)


def interval_words(member: Member, between: Difference) -> str:
    if between.low is None or between.high is None:
        return ""
    low, high = ends(member, between)
    return f"{low.removesuffix(unit_of(high))} to {high}"


def ends(member: Member, between: Difference) -> tuple[str, str]:
    if member.unit == "ratio" or between.relative_low is None or between.relative_high is None:
        return in_difference(between.low or 0, member.unit), in_difference(between.high or 0, member.unit)
    return in_relative(between.relative_low), in_relative(between.relative_high)


def no_difference(member: Member, between: Difference) -> str:
    """What may still hide behind an interval that holds 0: its worse end."""
    low, high = ends(member, between)
    return f"no difference seen, could be up to {low if member.direction == 'up' else high}"


def in_relative(ratio: float) -> str:
    """+18 %, −4.2 %, ×3.1 from a doubling on."""
    if ratio >= 1:
        return f"×{1 + ratio:.1f}"
    sign = "+" if ratio > 0 else "−" if ratio < 0 else "±"
    size = abs(ratio)
    if size < SMALL:
        return "±0 %" if size == 0 else "±0.00 %"
    return f"{sign}{size * 100:.0f} %" if size >= 0.0995 else f"{sign}{in_percent(size)}"
