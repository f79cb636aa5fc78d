"""The points of charts as CSV: one line a point, times in UTC; pure."""

import csv
import io
from collections.abc import Iterable, Iterator

from dashboard.chart_frames import iso
from dashboard.pages.board.asked import Asked
from tracestore.analysis.line_steps import Series

HEADINGS = ("start", "member", "unit", "side", "split", "value", "low", "high", "n", "partial")


def csv_lines(here: Iterable[Series], other: Iterable[Series], asked: Asked) -> str:
    """side: what it was compared as, "" without. value, low, high: in the unit, as computed; empty where unknown."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    for series, side in [*((one, asked.here.words) for one in here), *((one, asked.other.words) for one in other)]:
        writer.writerows(rows(series, side))
    return out.getvalue()


def rows(series: Series, side: str) -> Iterator[tuple[str | int | float | None, ...]]:
    member = series.member
    split = "" if series.split_by is None else series.key or f"no {series.split_by}"
    for point in series.points:
        yield (
            iso(point.start_s), member.name, member.unit, inert(side), inert(split), point.value, point.low, point.high,
            point.n, int(point.partial),
        )  # fmt: skip


def inert(text: str) -> str:
    """No spreadsheet takes a name that somebody sent for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
