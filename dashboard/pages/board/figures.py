"""What do the charts of the board draw? Series of members in, curves out; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.charts import DASHES, Curve, Figure, Mark, figure
from dashboard.frame import colour_class
from dashboard.pages.board.asked import Asked, Side
from dashboard.pages.board.leads import lead, lead_words
from tracestore.analysis.line_steps import Series
from tracestore.analysis.lines import MEMBERS, Member
from tracestore.facts import OTHER

LINE_WIDTH = 1.25  # of members beside the headline


@dataclass(frozen=True, slots=True)
class ChartPlan:
    """One chart of the grid. headline: its main member, alone where lines are split or compared. others: beside it,
    all in the headline's unit. floor: the axis begins at zero. band: draw the headline's intervals; of rare events at short
    steps they would hide the rest, and stand in hover and table alone."""

    name: str
    title: str
    headline: str
    others: tuple[str, ...] = ()
    floor: bool = True
    band: bool = True


CHARTS = (
    ChartPlan(
        "quality", "Quality", "success_rate",
        ("tool_success_rate", "evaluation_pass_rate", "feedback_positive_rate", "adoption_rate"), floor=False,
    ),
    ChartPlan("latency", "Latency", "latency_p95", ("latency_p50",)),
    ChartPlan("cost", "Cost", "cost_per_request"),
    ChartPlan(
        "risk", "Risk", "policy_violation_rate",
        ("injection_rate", "refusal_rate", "sensitive_rate", "unknown_state_rate", "above_tier_rate", "unapproved_rate",
         "duplicate_effect_rate"), band=False,
    ),
)  # fmt: skip
# What a request does not know: the charts whose facts do are drawn of these instead.
SPLIT_CHARTS = {
    "model": {"latency": "model_latency_p95"},
    "tool": {"quality": "tool_success_rate", "latency": "tool_latency_p95", "risk": "unknown_state_rate"},
}
AT_ONCE = 4  # lines in a chart, more cannot be told apart


def plan_of(member: Member) -> ChartPlan:
    """A chart of one member alone."""
    return ChartPlan(member.name, member.title, member.name, floor=member.direction != "up")


def plans_for(split: str) -> list[ChartPlan]:
    """The grid; where requests do not know what they are split by, the charts of calls take their place."""
    instead = SPLIT_CHARTS.get(split, {})
    return [
        replace(one, headline=instead.get(one.name, one.headline), others=() if one.name in instead else one.others)
        for one in CHARTS
    ]


def headline_of(plan: ChartPlan, whole: Mapping[str, Series]) -> str:
    """The member that is drawn thick: the plan's own, or where nothing is known of it the one with the most to say."""
    known = [name for name in (plan.headline, *plan.others) if name in whole and whole[name].total.value is not None]
    if plan.headline in known or not known:
        return plan.headline
    return max(known, key=lambda name: (whole[name].total.hits or 0, whole[name].total.n))


def curves_of(
    plan: ChartPlan, here: Sequence[Series], other: Sequence[Series], asked: Asked, sides: tuple[Side, Side | None]
) -> list[Curve]:
    """here: all that was read; other: what it is compared with, () without."""
    whole = {one.member.name: one for one in here if one.split_by is None}
    headline = headline_of(plan, whole)
    split = [one for one in here if one.member.name == headline and one.split_by]
    if split:
        return [split_curve(one, number, asked) for number, one in enumerate(split)]
    compared = [one for one in other if one.member.name == headline]
    if compared and sides[1]:
        return [side_curve(whole[headline], sides[0], asked), side_curve(compared[0], sides[1], asked, is_other=True)]
    return member_curves(plan, headline, whole, asked)


def member_curves(plan: ChartPlan, headline: str, whole: Mapping[str, Series], asked: Asked) -> list[Curve]:
    if headline not in whole:
        return []
    beside = [whole[name] for name in (plan.headline, *plan.others) if name != headline and name in whole]
    beside = [one for one in beside if one.total.value is not None]
    most = sorted(beside, key=lambda one: -(one.total.hits or one.total.n))[: AT_ONCE - 1]
    others = [one for one in beside if one in most]
    dashes = [*DASHES[1:]]
    return [
        replace(side_curve(whole[headline], asked.here, asked), band=plan.band),
        *(member_curve(one, dash, asked) for one, dash in zip(others, dashes, strict=False)),
    ]


def member_curve(series: Series, dash: str, asked: Asked) -> Curve:
    member = series.member
    return Curve(
        member.title, member.unit, series.points, hue(member), dash, width=LINE_WIDTH,
        href=lead(asked, member, asked.here.version), aside=lead_words(member),
    )  # fmt: skip


def side_curve(series: Series, side: Side, asked: Asked, is_other: bool = False) -> Curve:
    """A member of one side; versions have their own colour, a period before is dashed."""
    member = series.member
    name = f"{member.title}, {side.words}" if side.words else member.title
    return Curve(
        name, member.unit, series.points, colour_class(side.version) if side.version else hue(member),
        "dash" if is_other else "solid", band=not is_other or bool(side.version), shift_s=side.shift_s,
        href=lead(asked, member, side.version), aside=lead_words(member), width=LINE_WIDTH if is_other else 2,
    )  # fmt: skip


def split_curve(series: Series, number: int, asked: Asked) -> Curve:
    member, key = series.member, series.key
    label = "others" if key == OTHER else key or f"no {series.split_by}"
    href = "" if key == OTHER else lead(asked, member, asked.here.version, series.split_by, key)
    return Curve(
        label, member.unit, series.points, colour_of_key(key), DASHES[number % len(DASHES)], width=1.5, href=href,
        aside=lead_words(member),
    )  # fmt: skip


def colour_of_key(key: str | None) -> str:
    """Quiet where it is no name."""
    return "muted" if key == OTHER else colour_class(key) if key else "faint"


def hue(member: Member) -> str:
    return "muted" if member.line == "signals" else member.line


def board_figures(
    plans: Iterable[ChartPlan],
    here: Sequence[Series],
    other: Sequence[Series],
    asked: Asked,
    marks: Sequence[Mark] = (),
) -> dict[str, Figure]:
    """{name of the chart: figure}. Where two sides are compared they share each chart and so its scale."""
    sides = (asked.here, asked.other if asked.compare else None)
    found: dict[str, Figure] = {}
    for plan in plans:
        curves = curves_of(plan, here, other, asked, sides)
        found[plan.name] = figure(curves, asked.axis, marks=marks, floor=plan.floor)
    return found


def formulas(names: Iterable[str]) -> list[str]:
    """A sentence for each member, with what the intervals are."""
    found = [f"{MEMBERS[name].title} = {MEMBERS[name].formula}." for name in names]
    return [
        *found,
        "What ended in a step counts in it. Bands are 95 % intervals; n is what a value is made of; a gap means that nothing"
        " is known.",
    ]
