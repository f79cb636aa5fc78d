"""What do the two charts of a budget show? Series read and made into curves, their words and their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from dashboard.chart_frames import ChartFrame, chart_table
from dashboard.charts import Axis, Curve, Figure
from dashboard.objective_words import target_words
from dashboard.pages.budget.curves import (
    BAD,
    BURN,
    Look,
    alert_marks,
    bad_curves,
    bad_figure,
    burn_curve,
    burn_figure,
    even_curve,
    release_marks,
    shaded,
)
from dashboard.pages.budget.reading import Budget
from tracestore.analysis.slo.blame import total_of
from tracestore.analysis.slo.burn import NOTHING, Count
from tracestore.analysis.slo.promise import UNITS
from tracestore.facts import DAY_S, MINUTE_S
from tracestore.queries.alerts import AlertRow
from tracestore.queries.releases import find_markers
from tracestore.queries.slo import ObjectiveRow, Window, count_windows
from tracestore.queries.slo_series import Point, find_series, step_for

NS = 10**9


SHOWN: Final = {"all": ("whole period", None), "7d": ("last 7 days", 7 * DAY_S), "1d": ("last day", DAY_S)}
LEFT, EVERY = Look("budget left", "accent", "solid"), Look("without exclusions", "muted", "dash")


@dataclass(frozen=True, slots=True)
class Drawing:
    budget: Budget
    axis: Axis
    burn: list[Curve]
    bad: list[Curve]


def draw(budget: Budget, labels: Mapping[str, str], zone: tzinfo, shown: str) -> Drawing:
    """labels: of version sets. shown: a key of SHOWN. The whole of a calendar period reaches to its end: what is to come."""
    until_s = max(budget.until_s, budget.start_s + MINUTE_S)
    length_s = SHOWN[shown][1]
    start_s = budget.start_s if length_s is None else max(budget.start_s, until_s - length_s)
    period_end_s = max(until_s, int(budget.period.end.timestamp()))
    step_s, end_s = step_for(until_s - start_s), period_end_s if length_s is None else until_s
    here, axis = Axis(start_s, until_s, step_s, zone), Axis(start_s, end_s, step_s, zone)
    series = _series(budget.objective, here)
    burn = [burn_curve(series, _before(budget, start_s, budget.excluded), budget.target, here, LEFT)]
    if budget.excluded:
        every = _series(budget.objective, here, with_excluded=True)
        burn.append(burn_curve(every, _before(budget, start_s, ()), budget.target, here, EVERY))
    even = even_curve(axis, budget.start_s, period_end_s)
    return Drawing(budget, axis, [*burn, even], bad_curves(series, labels, axis))


def shown_first(budget: Budget) -> str:
    """What is drawn unless the address says otherwise: the last day while somebody is paged, what has events of a young one."""
    since_s = budget.until_s - (budget.oldest_s or budget.start_s)
    if since_s <= DAY_S or (budget.status is not None and budget.status.firing == "page"):
        return "1d"
    return "7d" if since_s <= 7 * DAY_S else "all"


def _before(budget: Budget, start_s: int, excluded: Sequence[Window]) -> Count:
    """What was counted in the period before start_s."""
    if start_s <= budget.start_s:
        return NOTHING
    found = count_windows([budget.objective.id], [(budget.start_s, start_s)], excluded)
    return total_of(found.get((budget.objective.id, 0), {}).values())


def _series(objective: ObjectiveRow, axis: Axis, with_excluded: bool = False) -> list[Point]:
    """By version. From the first whole step on by hours and days, which are few; what lies before it by minutes."""
    whole_s = min(-(-axis.start_s // axis.step_s) * axis.step_s, axis.end_s)
    pieces = [(axis.start_s, whole_s), (whole_s, axis.end_s)]
    return [
        one
        for from_s, to_s in pieces
        if from_s < to_s
        for one in find_series(objective, from_s, to_s, axis.step_s, by_version=True, with_excluded=with_excluded)
    ]


def charts(drawing: Drawing) -> list[ChartFrame]:
    target, unit = target_words(drawing.budget.target), UNITS[drawing.budget.objective.unit]
    return [
        ChartFrame(
            name=BURN,
            title="Budget left",
            words=f"of the bad {unit} that {target} allows in the period",
            formulas=[
                f"1 − bad ÷ ((1 − {target}) × all), both counted from the beginning of the period; all: the {unit} of the whole "
                "period until now, so the last point is what is left. Counts, no sample: there is no interval. Grey bands are "
                "excluded."
            ],
            table=chart_table(drawing.burn[:1], drawing.axis),
            size="tall",
        ),
        ChartFrame(
            name=BAD,
            title="Spent by",
            words=f"bad {unit} of each step, by version",
            formulas=[f"How many of the {unit} that ended in the step were bad, by the version that they ran with."],
            table=chart_table(drawing.bad, drawing.axis),
            size="tall",
        ),
    ]


def figures_of(drawing: Drawing, raised: Sequence[AlertRow]) -> dict[str, Figure]:
    axis, budget = drawing.axis, drawing.budget
    service = budget.objective.service or None
    releases = release_marks(find_markers(budget.objective.project_id, axis.start_s * NS, axis.end_s * NS, service))
    bands = shaded(budget.excluded, axis)
    return {
        BURN: burn_figure(drawing.burn, axis, [*releases, *alert_marks(raised)], bands),
        BAD: bad_figure(drawing.bad, axis, releases, bands),
    }
