"""What stands around a chart, for readers without scripts and for those who ask: words, formula, the table of its points."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.chart_ticks import when
from dashboard.charts import Axis, Curve, PointLike
from dashboard.templatetags.units import DASH
from dashboard.unit_words import in_unit


@dataclass(frozen=True, slots=True)
class TableRow:
    """href: the traces of the step; "" = none. cells: one text a column."""

    when: str
    href: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class ChartTable:
    time_word: str
    columns: list[str]
    rows: list[TableRow]


@dataclass(frozen=True, slots=True)
class ChartFrame:
    """What templates/_chart.html shows as `chart`. The figure comes by its name from the page's data-charts address.

    colour: a class of the title: quality, latency, cost, risk or "". words: what is drawn, the headline in short.
    size: "" | "tall". formulas: a sentence each. csv_href: "" = no download.
    """

    name: str
    title: str
    words: str
    formulas: list[str]
    table: ChartTable
    colour: str = ""
    size: str = ""
    csv_href: str = ""


def chart_table(curves: Sequence[Curve], axis: Axis) -> ChartTable:
    """The steps that have a point, the newest first; of a curve with intervals three columns: value, interval, n."""
    by_step = [{one.start_s + curve.shift_s: one for one in curve.points} for curve in curves]
    steps = sorted({at for points in by_step for at in points}, reverse=True)
    rows = [_row(at, curves, by_step, axis) for at in steps if axis.start_s - axis.step_s < at < axis.end_s]
    columns = [column for curve in curves for column in _columns(curve)]
    return ChartTable(f"time, {axis.zone}", columns, rows)


def _columns(curve: Curve) -> list[str]:
    return [curve.name, "95 % interval", "n"] if curve.band else [curve.name]


def _row(at: int, curves: Sequence[Curve], by_step: Sequence[dict[int, PointLike]], axis: Axis) -> TableRow:
    start_s, end_s = axis.bounds(at)
    cells = [cell for curve, points in zip(curves, by_step, strict=True) for cell in _cells(curve, points.get(at))]
    href = curves[0].href.replace("{from}", iso(start_s)).replace("{to}", iso(end_s)) if curves else ""
    return TableRow(when(start_s, end_s, axis.zone), href, cells)


def _cells(curve: Curve, point: PointLike | None) -> list[str]:
    if point is None:
        return [DASH, DASH, "0"] if curve.band else [DASH]
    value = in_unit(point.value, curve.unit)
    if not curve.band:
        return [value]
    return [value, interval(point, curve.unit), f"{point.n:,}"]


def interval(point: PointLike, unit: str) -> str:
    if point.low is None or point.high is None:
        return DASH
    return f"{in_unit(point.low, unit)} – {in_unit(point.high, unit)}"


def iso(at_s: int) -> str:
    """For addresses: 2026-11-25T12:00:00Z, which needs no quoting."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
