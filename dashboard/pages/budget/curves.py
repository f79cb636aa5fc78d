"""How did a budget burn down, and who spent it when? Curves, marks and shaded stretches of its two charts; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from dashboard.chart_words import token
from dashboard.charts import Axis, Curve, Figure, Mark, Point, figure
from dashboard.frame import colour_class
from dashboard.objective_words import rule_words
from tracestore.analysis.slo.burn import NOTHING, Count
from tracestore.queries.alerts import AlertRow
from tracestore.queries.releases import Marker
from tracestore.queries.slo import Window
from tracestore.queries.slo_series import Point as Counted

NAMED: Final = 5  # versions with a line of their own
BURN, BAD = "burn", "bad"
REST: Final = "others"


@dataclass(frozen=True, slots=True)
class Look:
    """How a curve of what is left looks."""

    name: str
    colour: str
    dash: str


def burn_curve(counted: Sequence[Counted], before: Count, target: float, axis: Axis, look: Look) -> Curve:
    """What was left at the end of each step: the budget is what the events of the period until now allow.

    before: events of the period that lie before the axis. Unknown until the first event.
    """
    by_step = _by_step(counted, axis)
    allowed = (1 - target) * (before.total + sum(one.total for one in by_step.values()))
    sums = accumulate((by_step.get(at, NOTHING) for at in axis.grid), initial=before)
    next(sums)
    points = [
        Point(at, 1 - so_far.bad / allowed if allowed and so_far.total else None, so_far.total)
        for at, so_far in zip(axis.grid, sums, strict=True)
    ]
    return Curve(look.name, "ratio", points, look.colour, dash=look.dash)


def even_curve(axis: Axis, start_s: int, end_s: int) -> Curve:
    """What would be left if it were spent evenly: all of it when the period begins, nothing when it ends."""
    length = max(1, end_s - start_s)
    points = [Point(at, max(0.0, 1 - (min(at + axis.step_s, end_s) - start_s) / length), 0) for at in axis.grid]
    return Curve("spent evenly", "ratio", points, "faint", dash="dot", width=1)


def bad_curves(counted: Sequence[Counted], labels: Mapping[str, str], axis: Axis, href: str = "") -> list[Curve]:
    """Bad events of each step by version: those that spent most by themselves, the others together."""
    spent: dict[str, int] = {}
    for one in counted:
        label = labels.get(one.version_set or "", REST)
        spent[label] = spent.get(label, 0) + one.bad
    most = sorted((label for label in spent if spent[label]), key=lambda label: (-spent[label], label))
    named = most if len(most) <= NAMED + 1 else most[:NAMED]
    curves = [
        _bad_curve(label, [one for one in counted if labels.get(one.version_set or "", REST) == label], axis, href)
        for label in named
    ]
    left = [one for one in counted if labels.get(one.version_set or "", REST) not in named and one.bad]
    return [*curves, _bad_curve(REST, left, axis, "")] if left else curves


def _bad_curve(label: str, counted: Sequence[Counted], axis: Axis, href: str) -> Curve:
    by_step = _by_step(counted, axis)
    points = [Point(at, float(one.bad), one.total) for at, one in sorted(by_step.items())]
    colour = "faint" if label == REST else colour_class(label)
    return Curve(label, "count", points, colour, href=href)


def _by_step(counted: Sequence[Counted], axis: Axis) -> dict[int, Count]:
    """By the step of the axis that each begins in."""
    found: dict[int, Count] = {}
    for one in counted:
        at = one.start_s // axis.step_s * axis.step_s
        found[at] = found.get(at, NOTHING) + Count(one.bad, one.total)
    return found


def span_of_burn(curves: Sequence[Curve]) -> tuple[float, float]:
    """From below zero, where it is overspent, to all of it."""
    low = min((one.value for curve in curves for one in curve.points if one.value is not None), default=0.0)
    return (min(0.0, low * 1.08), 1.05)


def release_marks(markers: Sequence[Marker]) -> list[Mark]:
    return [
        Mark(one.time_ns // 10**9, one.label, colour_class(one.label), f"{one.service} {one.label}") for one in markers
    ]


def alert_marks(alerts: Sequence[AlertRow]) -> list[Mark]:
    return [
        Mark(
            int(one.fired_at.timestamp()),
            one.severity,
            "error" if one.severity == "page" else "warn",
            f"{one.severity} fired: {rule_words(one.rule)}",
        )
        for one in alerts
    ]


def shaded(windows: Sequence[Window], axis: Axis) -> list[dict[str, Any]]:
    """What is left out, as bands behind the lines."""
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": max(start_s, axis.start_s) * 1000,
            "x1": min(end_s, axis.end_s) * 1000,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"width": 0},
            "fillcolor": token("faint", 0.18),
        }
        for start_s, end_s in windows
        if start_s < axis.end_s and end_s > axis.start_s
    ]


def burn_figure(curves: Sequence[Curve], axis: Axis, marks: Sequence[Mark], bands: Sequence[dict[str, Any]]) -> Figure:
    drawn = figure(curves, axis, marks=marks, span=span_of_burn(curves))
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "layer": "below"}
    drawn["layout"]["shapes"] += [*bands, zero | {"line": {"color": token("error"), "width": 1}}]
    drawn["layout"]["dragmode"] = False
    return drawn


def bad_figure(curves: Sequence[Curve], axis: Axis, marks: Sequence[Mark], bands: Sequence[dict[str, Any]]) -> Figure:
    """Stacked bars: a step in which nothing was bad has none."""
    drawn = figure(curves, axis, marks=marks, span=(0.0, _highest(curves) * 1.08 or 1.0))
    drawn["data"] = [_bars(one, axis) if one.get("meta") else one for one in drawn["data"]]
    drawn["layout"]["shapes"] += bands
    drawn["layout"]["barmode"] = "stack"
    drawn["layout"]["bargap"] = 0
    drawn["layout"]["dragmode"] = False
    return drawn


def _highest(curves: Sequence[Curve]) -> float:
    """Of all curves on top of each other."""
    sums: dict[int, float] = {}
    for one in (point for curve in curves for point in curve.points):
        sums[one.start_s] = sums.get(one.start_s, 0.0) + (one.value or 0.0)
    return max(sums.values(), default=0.0)


def _bars(line: Figure, axis: Axis) -> Figure:
    """A line of a figure as bars that fill their steps."""
    kept = {name: line[name] for name in ("name", "x", "customdata", "hovertemplate", "meta")}
    ys = [y or None for y in line["y"]]
    step_ms = axis.step_s * 1000
    return kept | {"type": "bar", "y": ys, "marker": {"color": line["line"]["color"]}, "width": step_ms, "offset": 0}
