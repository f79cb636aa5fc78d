"""How is a chart drawn? Series of points in, a Plotly figure of plain dicts out; pure.

Colours are names of CSS tokens ("quality", "c3"): static/fourline/charts.js gives them their value, so that tokens.css alone
knows colours, in both themes. x is the Unix time in milliseconds; the words of axis and hover are made here, in the reader's
zone. All text is escaped here: Plotly would take tags and links out of the names that an emitter sends.

    figure([Curve("p95", "ns", points, "latency", band=True)], Axis(start_s, end_s, step_s, zone))
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Protocol

from dashboard.chart_marks import Mark as Mark
from dashboard.chart_marks import labels, release_line
from dashboard.chart_scales import Scale, scale_of, span_of
from dashboard.chart_ticks import ticks, when
from dashboard.chart_words import plain, token
from dashboard.templatetags.units import visible_text
from dashboard.unit_words import in_unit

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
BAND = 0.2  # opacity of an interval
LONE = 5  # px: the marker of a point without neighbours, which a line alone would not show
MARKED = 400  # at most so many release lines
Figure = dict[str, Any]


class PointLike(Protocol):
    """What ended in [start_s, start_s + step): value None = unknown. low, high: its 95 % interval, None without one."""

    @property
    def start_s(self) -> int: ...
    @property
    def value(self) -> float | None: ...
    @property
    def n(self) -> int: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Point:
    start_s: int
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart.

    unit: ratio | ns | nanousd | tokens | count | per_min; all curves of a chart share it. colour: a CSS token.
    dash: one of DASHES, so that lines differ by more than colour. band: draw the intervals. shift_s: drawn so much later than
    it happened (a period before, laid over the present one). href: the traces of a point, with {from} and {to} for its ends
    (RFC 3339); "" = a point leads nowhere. aside: said in the hover, such as why the traces are more than the point.
    """

    name: str
    unit: str
    points: Sequence[PointLike]
    colour: str
    dash: str = "solid"
    band: bool = False
    shift_s: int = 0
    href: str = ""
    aside: str = ""
    width: float = 2


@dataclass(frozen=True, slots=True)
class Axis:
    """[start_s, end_s) in steps. zone: of all times that are written. within_s: traces end before that, else end_s."""

    start_s: int
    end_s: int
    step_s: int
    zone: tzinfo = UTC
    grid: list[int] = field(init=False)

    def __post_init__(self) -> None:
        first = self.start_s // self.step_s * self.step_s
        object.__setattr__(self, "grid", list(range(first, self.end_s, self.step_s)))

    def bounds(self, start_s: int) -> tuple[int, int]:
        """The part of a step that the range holds."""
        return max(start_s, self.start_s), min(start_s + self.step_s, self.end_s)


def figure(
    curves: Sequence[Curve],
    axis: Axis,
    *,
    marks: Sequence[Mark] = (),
    span: tuple[float, float] | None = None,
    floor: bool = True,
) -> Figure:
    """{"data", "layout"} for Plotly. No curve, or none with a value, gives an empty chart with its axes.

    span: the least and greatest value of the y axis, in the unit of the curves, so that charts beside each other share one
    (see span_of); floor: the axis begins at zero.
    """
    unit = curves[0].unit if curves else "count"
    low, high = span or span_of([one for curve in curves for one in drawn_points(curve)], unit, floor)
    scale = scale_of(unit, high)
    drawn = [trace for curve in curves if curve.band for trace in [band(curve, axis, scale)] if trace]
    drawn += [line(curve, axis, scale) for curve in curves]
    hover = [clock(axis, low / scale.divisor)]
    return {
        "data": [*hover, *drawn],
        "layout": layout(axis, scale, (low, high), marks, has_legend=len(curves) > 1),
        "step_ms": axis.step_s * 1000,
        "range_ms": [axis.start_s * 1000, axis.end_s * 1000],
    }


def drawn_points(curve: Curve) -> Sequence[PointLike]:
    """Without intervals where none are drawn: they would only make the axis longer."""
    return curve.points if curve.band else [Point(one.start_s, one.value, one.n) for one in curve.points]


def line(curve: Curve, axis: Axis, scale: Scale) -> Figure:
    by_step = {point.start_s + curve.shift_s: point for point in curve.points}
    on_grid = [by_step.get(at) for at in axis.grid]
    ys = [None if one is None or one.value is None else one.value / scale.divisor for one in on_grid]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": plain(curve.name),
        "x": [at * 1000 for at in axis.grid],
        "y": ys,
        "customdata": ["" if one is None else said(one, curve.unit, curve.aside) for one in on_grid],
        "hovertemplate": f"{plain(curve.name)}  %{{customdata}}<extra></extra>",
        "connectgaps": False,
        "line": {"color": token(curve.colour), "width": curve.width, "dash": curve.dash},
        "marker": {"color": token(curve.colour), "size": sizes(ys)},
        "meta": {"href": curve.href, "shift_ms": curve.shift_s * 1000, "name": visible_text(curve.name)},
    }


def band(curve: Curve, axis: Axis, scale: Scale) -> Figure | None:
    """The intervals of a curve as one filled shape a stretch without gap; None where there is no interval."""
    xs: list[int | None] = []
    ys: list[float | None] = []
    for run in stretches(curve, axis):
        forth = [(one.start_s + curve.shift_s) * 1000 for one in run]
        xs += [*forth, *reversed(forth), None]
        ys += [*(one.high / scale.divisor for one in run if one.high is not None)]
        ys += [*(one.low / scale.divisor for one in reversed(run) if one.low is not None), None]
    if not xs:
        return None
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs,
        "y": ys,
        "fill": "toself",
        "fillcolor": token(curve.colour, BAND),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def stretches(curve: Curve, axis: Axis) -> list[list[PointLike]]:
    """Its points with an interval, cut wherever a step is missing. A stretch of one point has no area and is left out."""
    runs: list[list[PointLike]] = []
    for one in sorted(curve.points, key=lambda point: point.start_s):
        if one.low is None or one.high is None or not axis.grid[:1] or one.start_s + curve.shift_s < axis.grid[0]:
            continue
        if runs and one.start_s - runs[-1][-1].start_s == axis.step_s:
            runs[-1].append(one)
        else:
            runs.append([one])
    return [run for run in runs if len(run) > 1]


def clock(axis: Axis, y: float) -> Figure:
    """Nothing to see: it gives the hover its first line, the step in the reader's zone, which Plotly would write in UTC."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [at * 1000 for at in axis.grid],
        "y": [y] * len(axis.grid),
        "customdata": [when(*axis.bounds(at), axis.zone) for at in axis.grid],
        "hovertemplate": "%{customdata}<extra></extra>",
        "marker": {"size": 1, "opacity": 0},
        "showlegend": False,
        "cliponaxis": False,
    }


def layout(
    axis: Axis, scale: Scale, span: tuple[float, float], marks: Sequence[Mark], has_legend: bool = False
) -> Figure:
    at, words = ticks(axis.start_s, axis.end_s, axis.zone)
    seen = [mark for mark in marks if axis.start_s <= mark.at_s < axis.end_s][:MARKED]
    return {
        "xaxis": {
            "type": "date",
            "range": [axis.start_s * 1000, axis.end_s * 1000],
            "tickvals": [one * 1000 for one in at],
            "ticktext": words,
        },
        "yaxis": {
            "range": [span[0] / scale.divisor, span[1] / scale.divisor],
            "tickprefix": scale.prefix,
            "ticksuffix": scale.suffix,
            "tickformat": scale.format,
        },
        "showlegend": has_legend,
        "shapes": [release_line(mark) for mark in seen],
        "annotations": labels(seen, axis.start_s, axis.end_s),
    }


def said(point: PointLike, unit: str, aside: str = "") -> str:
    """Value, interval and n in words: 98.2 % (97.1 % to 98.9 %, n 412)."""
    if point.value is None:
        return f"– (n {point.n:,})"
    interval = ""
    if point.low is not None and point.high is not None:
        interval = f"{in_unit(point.low, unit)} to {in_unit(point.high, unit)}, "
    return plain(f"{in_unit(point.value, unit)} ({interval}n {point.n:,}){aside and ' · '}{aside}")


def sizes(ys: Sequence[float | None]) -> list[int]:
    """Of markers: only points without neighbours are marked."""
    lone = [y is not None and before is None and after is None for before, y, after in neighbours(ys)]
    return [LONE if one else 0 for one in lone]


def neighbours(ys: Sequence[float | None]) -> Iterable[tuple[float | None, float | None, float | None]]:
    return zip([None, *ys[:-1]], ys, [*ys[1:], None], strict=True)
