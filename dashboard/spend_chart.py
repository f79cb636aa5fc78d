"""How is cost over time drawn, beside the period before? Pure."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, tzinfo

from dashboard.chart_frames import ChartFrame, chart_table, iso
from dashboard.charts import Axis, Curve, Figure, Point, figure
from dashboard.links import with_query
from dashboard.params import NS, Range
from dashboard.templatetags.units import in_money
from tracestore.queries.spend import Spent

Steps = Sequence[tuple[int, Spent]]  # start of a step in Unix seconds
STEPS_S = ((15 * 60, 60), (3_600, 120), (6 * 3_600, 600), (8 * 86_400, 3_600))
WORDS = {60: "minute", 120: "2 minutes", 600: "10 minutes", 3_600: "hour", 86_400: "day"}
NAME = "cost"


def step_of(length_ns: int) -> int:
    """Seconds: an hour for more than 6 hours and up to a week, a day beyond, less for less."""
    return next((step_s for longest_s, step_s in STEPS_S if length_ns <= longest_s * NS), 86_400)


def axis_of(chosen: Range, zone: tzinfo = UTC) -> Axis:
    return Axis(chosen.start_ns // NS, -(-chosen.end_ns // NS), step_of(chosen.end_ns - chosen.start_ns), zone)


def cost_curves(steps: Steps, earlier: Steps, axis: Axis, traces_path: str, q: str) -> list[Curve]:
    """What was spent in each step, 0 where no call ended; and what was spent one length of the range before, if anything."""
    shift_s = (axis.end_s - axis.start_s) // axis.step_s * axis.step_s
    href = with_query(traces_path, {}, q=q or None, from_="FROM", to="TO", by="end", sort="-cost")
    href = href.replace("FROM", "{from}").replace("TO", "{to}")
    now = Curve("spent", "nanousd", points(steps, axis.grid), "cost", href=href)
    if not earlier:
        return [now]
    grid = [at - shift_s for at in axis.grid]
    return [
        now,
        Curve("the period before", "nanousd", points(earlier, grid), "faint", dash="dot", shift_s=shift_s, width=1.5),
    ]


def points(steps: Steps, grid: Sequence[int]) -> list[Point]:
    """n: calls. A step without a call cost nothing; one of calls without any price is unknown."""
    known = dict(steps)
    return [_point(at, known.get(at)) for at in grid]


def _point(at: int, spent: Spent | None) -> Point:
    if spent is None or not (spent.calls or spent.cost_nanousd):
        return Point(at, 0.0, 0)
    return Point(at, None if spent.cost_nanousd is None else float(spent.cost_nanousd), spent.calls)


def cost_frame(curves: Sequence[Curve], axis: Axis, now: Spent, csv_href: str) -> ChartFrame:
    spent = "unknown" if now.cost_nanousd is None else in_money(now.cost_nanousd)
    return ChartFrame(
        name=NAME,
        title=f"Cost per {WORDS[axis.step_s]}",
        words=f"{spent} for {now.calls:,} calls",
        formulas=[
            "The cost of the billable calls that ended in the step, as far as it is known: tokens times the price that held, "
            "else what the emitter reported. It is a sum, so it has no uncertainty; the first and last step may be cut off, "
            "and days are those of UTC."
        ],
        table=chart_table(curves, axis),
        colour="cost",
        csv_href=csv_href,
    )


def cost_figure(curves: Sequence[Curve], axis: Axis) -> dict[str, Figure]:
    return {NAME: figure(curves, axis)}


def cost_csv(steps: Steps, axis: Axis) -> str:
    """One line a step that had a call: start (UTC), cost in nano-USD (empty: unknown), calls, tokens."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["start", "cost_nanousd", "calls", "input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens"])
    for at, one in steps:
        tokens = (one.input_tokens, one.cache_read_tokens, one.output_tokens, one.reasoning_tokens)
        write([iso(max(at, axis.start_s)), one.cost_nanousd, one.calls, *tokens])
    return out.getvalue()
