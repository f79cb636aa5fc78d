"""Which columns does the chart of cost over time have? Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.geometry import histogram
from dashboard.links import with_query
from dashboard.params import NS, Range
from dashboard.templatetags.units import in_money, moment
from tracestore.queries.spend import Spent

WIDTH, HEIGHT = 1_000, 120
STEPS = ((15 * 60, 60), (3_600, 120), (6 * 3_600, 600), (26 * 3_600, 3_600), (8 * 86_400, 3_600))
WORDS = {60: "minute", 120: "2 minutes", 600: "10 minutes", 3_600: "hour", 86_400: "day"}


@dataclass(frozen=True, slots=True)
class CostColumn:
    """One step. height 0: nothing was spent in it. title: when, how much, of how many calls."""

    x: float
    y: float
    height: float
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Columns:
    """step: a column's width in units of the drawing. word: how long one is. highest: the largest of them."""

    width: int
    height: int
    step: float
    word: str
    highest: str
    first: str
    last: str
    columns: list[CostColumn]


def step_of(length_ns: int) -> int:
    """Seconds: an hour for up to a week, a day beyond, less for less than 6 hours."""
    return next((step_s for longest_s, step_s in STEPS if length_ns <= longest_s * NS), 86_400)


def cost_columns(steps: Sequence[tuple[int, Spent]], chosen: Range, step_s: int, path: str, q: str) -> Columns:
    """One column a step of the range, also where nothing was spent."""
    by_start = dict(steps)
    grid = range(chosen.start_ns // NS // step_s * step_s, -(-chosen.end_ns // NS), step_s)
    width = WIDTH / max(1, len(grid))
    found = [by_start.get(at, Spent(None)) for at in grid]
    drawn = histogram([(one.cost_nanousd or 0, 0) for one in found], HEIGHT, width)
    columns = [
        CostColumn(shape.x, shape.y, shape.height, said(at, step_s, one), traces_href(path, q, at, step_s))
        for at, one, shape in zip(grid, found, drawn, strict=True)
    ]
    highest = max((one.cost_nanousd or 0 for one in found), default=0)
    return Columns(
        WIDTH, HEIGHT, width, WORDS[step_s], in_money(highest), clock(grid[0], step_s), clock(grid[-1], step_s), columns
    )


def said(at_s: int, step_s: int, one: Spent) -> str:
    money = "nothing known" if one.cost_nanousd is None else in_money(one.cost_nanousd)
    calls = f"{one.calls:,} calls" if one.calls else "no call"
    return f"{clock(at_s, step_s)}: {money}, {calls}"


def clock(at_s: int, step_s: int) -> str:
    at = moment(at_s * NS)
    if at is None:
        return str(at_s)
    return f"{at.day} {at:%b}" if step_s >= 86_400 else f"{at.day} {at:%b %H:%M} UTC"


def traces_href(path: str, q: str, at_s: int, step_s: int) -> str:
    start, end = (datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for one in (at_s, at_s + step_s))
    return with_query(path, {}, q=q, from_=start, to=end, sort="-cost")
