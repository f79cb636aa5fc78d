"""What do the two charts of a budget show? Series read and made into curves, their words and their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from dashboard.chart_frames import ChartFrame, chart_table
from dashboard.charts import Axis, Curve, Figure
from dashboard.objective_words import UNITS, target_words
from dashboard.pages.budget.curves import (
    BAD,
    BURN,
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
from tracestore.queries.alerts import AlertRow
from tracestore.queries.releases import find_markers
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_series import Point, find_series, step_for

NS = 10**9


@dataclass(frozen=True, slots=True)
class Drawing:
    budget: Budget
    axis: Axis
    burn: list[Curve]
    bad: list[Curve]


def draw(budget: Budget, labels: Mapping[str, str], zone: tzinfo) -> Drawing:
    """labels: of version sets. The axis reaches to the end of a calendar period, so that what is to come has its place."""
    until_s = max(budget.until_s, budget.start_s + 60)
    end_s = max(until_s, int(budget.period.end.timestamp()))
    axis = Axis(budget.start_s, end_s, step_for(until_s - budget.start_s), zone)
    series = _series(budget.objective, budget.start_s, until_s, axis.step_s)
    burn = [burn_curve(series, budget.target, _until(axis, until_s), "budget left", "accent", "solid")]
    if budget.excluded:
        every = _series(budget.objective, budget.start_s, until_s, axis.step_s, with_excluded=True)
        burn.append(burn_curve(every, budget.target, _until(axis, until_s), "without exclusions", "muted", "dash"))
    return Drawing(budget, axis, [*burn, even_curve(axis, until_s, end_s)], bad_curves(series, labels, axis))


def _until(axis: Axis, until_s: int) -> Axis:
    return Axis(axis.start_s, until_s, axis.step_s, axis.zone)


def _series(
    objective: ObjectiveRow, start_s: int, until_s: int, step_s: int, with_excluded: bool = False
) -> list[Point]:
    """By version. From the first whole step on by hours and days, which are few; what lies before it by minutes."""
    whole_s = min(-(-start_s // step_s) * step_s, until_s)
    pieces = [(start_s, whole_s), (whole_s, until_s)]
    return [
        one
        for from_s, to_s in pieces
        if from_s < to_s
        for one in find_series(objective, from_s, to_s, step_s, by_version=True, with_excluded=with_excluded)
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
