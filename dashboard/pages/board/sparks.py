"""The small line beside a number, as the points of an SVG polyline: it needs no script; pure."""

from dataclasses import dataclass

from dashboard.chart_scales import span_of
from tracestore.analysis.line_steps import Point, Series

WIDTH, HEIGHT = 84, 20


@dataclass(frozen=True, slots=True)
class Spark:
    """lines: "x,y x,y ..." a stretch without gap; dots: of points without neighbours."""

    colour: str
    lines: list[str]
    dots: list[tuple[float, float]]
    width: int = WIDTH
    height: int = HEIGHT


def spark(series: Series, colour: str) -> Spark:
    known = [one for one in series.points if one.value is not None]
    if not known:
        return Spark(colour, [], [])
    low, high = span_of([_bare(one) for one in known], series.member.unit, floor=series.member.direction != "up")
    runs = stretches(series.points)
    places = [[place(n, value, len(series.points), low, high) for n, value in run] for run in runs]
    lines = [" ".join(f"{x},{y}" for x, y in run) for run in places if len(run) > 1]
    return Spark(colour, lines, [run[0] for run in places if len(run) == 1])


def _bare(point: Point) -> Point:
    """Without its interval, which would flatten so small a line."""
    return Point(point.start_s, point.value, point.n)


def stretches(points: list[Point]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = []
    last = -2
    for number, point in enumerate(points):
        if point.value is None:
            continue
        if number != last + 1:
            runs.append([])
        runs[-1].append((number, point.value))
        last = number
    return runs


def place(number: int, value: float, count: int, low: float, high: float) -> tuple[float, float]:
    x = number * WIDTH / max(1, count - 1)
    share = (value - low) / (high - low) if high > low else 0.5
    return round(x, 1), round(HEIGHT - 1 - share * (HEIGHT - 2), 1)
