"""What did an unsaved objective come to over the stored history? Numbers, alerts and the chart, in words; pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from dashboard.chart_frames import ChartFrame, chart_table
from dashboard.chart_words import token
from dashboard.charts import Axis, Curve, Figure, Point, figure
from dashboard.objective_words import UNITS, rule_words, target_words
from dashboard.templatetags.units import counted, in_gap, in_percent
from tracestore.analysis.intervals import wilson
from tracestore.analysis.slo.backtest import Raised
from tracestore.analysis.slo.burn import Count, burn_rate
from tracestore.queries.slo_preview import Preview as History
from tracestore.queries.slo_series import step_for

DAY_S: Final = 86_400
SHOWN: Final = 12  # alerts
CHART: Final = "bad-share"


@dataclass(frozen=True, slots=True)
class Tile:
    """tone: "error" where the promise would not have been kept, else ""."""

    title: str
    value: str
    aside: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class AlertLine:
    words: str
    severity: str
    fired_ns: int
    lasted: str
    counted: str
    peak_burn: float


@dataclass(frozen=True, slots=True)
class Tried:
    """sentence: all of it in one line. more: alerts beside those shown.

    figures: {name of the chart: figure} as JSON, for charts.js.
    """

    sentence: str
    tiles: Sequence[Tile]
    alerts: Sequence[AlertLine]
    more: int
    chart: ChartFrame
    figures: str
    notes: Sequence[str]


def tried(history: History, target: float, unit: str, raised: Sequence[Raised], zone: tzinfo) -> Tried:
    """history: with at least one event."""
    whole = history.count
    axis = Axis(history.end_s - seen_s(history), history.end_s, step_for(seen_s(history)), zone)
    curves = share_curves(history, target, axis)
    return Tried(
        sentence=sentence(history, target, unit, raised),
        tiles=tiles(history, target, unit, raised),
        alerts=[alert_line(one, history.end_s) for one in raised[-SHOWN:][::-1]],
        more=max(0, len(raised) - SHOWN),
        chart=share_frame(curves, axis, whole),
        figures=json.dumps({CHART: share_figure(curves, axis, raised)}),
        notes=notes(history),
    )


def sentence(history: History, target: float, unit: str, raised: Sequence[Raised]) -> str:
    """Of 41,203 requests in 14 days 212 were bad: 99.49 % good, under the 99.9 % promised. 2 pages, 1 ticket."""
    whole, kept = history.count, _is_kept(history.count, target)
    compared = "as promised" if kept else f"under the {target_words(target)} promised"
    pages, tickets = _by_severity(raised)
    told = f"{counted(pages, 'page')} and {counted(tickets, 'ticket')}" if raised else "nobody would have been told"
    return (
        f"Of {whole.total:,} {UNITS[unit]} in {spanned(history)}, {whole.bad:,} were bad: "
        f"{in_percent(1 - whole.bad / whole.total)} good, {compared}; {told}."
    )


def spanned(history: History) -> str:
    """28 days, 5 hours: since the first event, or as far as it was counted where there is none."""
    return in_gap(seen_s(history)).replace(" d", " days").replace(" h", " hours")


def seen_s(history: History) -> int:
    """What came before the first event says nothing, neither of traffic nor of a budget. At least an hour, to be drawn."""
    return max(3_600, history.end_s - min(history.counts, default=history.start_s))


def tiles(history: History, target: float, unit: str, raised: Sequence[Raised]) -> list[Tile]:
    whole = history.count
    burn = burn_rate(whole, target) or 0.0
    per_day = whole.total / (seen_s(history) / DAY_S)
    pages, tickets = _by_severity(raised)
    bad = "" if _is_kept(whole, target) else "error"
    return [
        Tile(
            UNITS[unit].capitalize(), f"{whole.total:,}", f"{per_day:,.0f} a day" if per_day >= 1 else "under 1 a day"
        ),
        Tile("Good", in_percent(1 - whole.bad / whole.total), f"promised {target_words(target)}", bad),
        Tile("Budget spent", in_percent(burn), f"of what {spanned(history)} allow", bad),
        Tile("Pages", f"{pages:,}", "would have woken somebody", "error" if pages else ""),
        Tile("Tickets", f"{tickets:,}", "would have waited for the day"),
    ]


def _is_kept(count: Count, target: float) -> bool:
    return (burn_rate(count, target) or 0.0) <= 1


def _by_severity(raised: Sequence[Raised]) -> tuple[int, int]:
    pages = sum(one.severity == "page" for one in raised)
    return pages, len(raised) - pages


def alert_line(one: Raised, end_s: int) -> AlertLine:
    lasted = in_gap((one.resolved_s or end_s) - one.fired_s)
    return AlertLine(
        words=rule_words(one.rule),
        severity=one.severity,
        fired_ns=one.fired_s * 10**9,
        lasted=lasted if one.resolved_s else f"{lasted}, goes on",
        counted=f"{one.count.bad:,} of {one.count.total:,}",
        peak_burn=one.peak_burn,
    )


def notes(history: History) -> list[str]:
    said = []
    if not history.whole:
        said.append(
            f"There was time to count the last {spanned(history)} only; a narrower filter reaches further back."
        )
    if min(history.counts) - history.start_s > DAY_S:
        said.append(
            f"The first of them ended {in_gap(history.end_s - min(history.counts))} ago; nothing is stored from before."
        )
    return said


# --- the chart -----------------------------------------------------------------------------------------------------------


def share_curves(history: History, target: float, axis: Axis) -> list[Curve]:
    """The bad share of each step with its interval, and the share that the target allows."""
    by_step: dict[int, Count] = {}
    for at, one in history.counts.items():
        step = at // axis.step_s * axis.step_s
        by_step[step] = by_step.get(step, Count(0, 0)) + one
    points = [_point(at, one) for at, one in sorted(by_step.items()) if one.total]
    allowed = [Point(at, 1 - target, 0) for at in axis.grid]
    return [
        Curve("bad", "ratio", points, "risk", band=True),
        Curve("allowed on the whole", "ratio", allowed, "faint", dash="dash", width=1.5),
    ]


def _point(at: int, one: Count) -> Point:
    between = wilson(one.bad, one.total)
    low, high = between if between else (None, None)
    return Point(at, one.bad / one.total, one.total, low, high)


def share_frame(curves: Sequence[Curve], axis: Axis, whole: Count) -> ChartFrame:
    return ChartFrame(
        name=CHART,
        title="Bad share",
        words=f"{whole.bad:,} of {whole.total:,}; red where it would have alerted",
        formulas=[
            "Bad events of all counted events that ended in the step, with the Wilson interval (95 %). Red stretches: a page "
            "would have fired, amber: a ticket. Exclusions are not left out here."
        ],
        table=chart_table(curves[:1], axis),
    )


def share_figure(curves: Sequence[Curve], axis: Axis, raised: Sequence[Raised]) -> Figure:
    drawn = figure(curves, axis, span=_span(curves))
    tickets_first = sorted(raised, key=lambda one: one.severity, reverse=True)
    drawn["layout"]["shapes"] += [_stretch(one, axis) for one in tickets_first]
    drawn["layout"]["dragmode"] = False
    return drawn


def _span(curves: Sequence[Curve]) -> tuple[float, float]:
    """By the lines alone: the interval of a lone event would flatten all others."""
    most = max((one.value or 0.0 for curve in curves for one in curve.points), default=0.0)
    return 0.0, min(1.05, most * 1.15) or 1.0


def _stretch(one: Raised, axis: Axis) -> Figure:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": max(one.fired_s, axis.start_s) * 1000,
        "x1": max(one.resolved_s or axis.end_s, one.fired_s + axis.step_s // 2) * 1000,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": token("error", 0.18) if one.severity == "page" else token("warn", 0.07),
    }
