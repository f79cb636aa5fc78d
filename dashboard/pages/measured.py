"""A table of values of a dimension: what each did, with uncertainty, trend and difference to another period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.estimate_words import Change, Number, change, number
from dashboard.frame import colour_class
from dashboard.geometry import Column, histogram, share
from dashboard.links import with_query
from dashboard.pages.narrowing import Narrowing
from dashboard.pages.traces import SortLink
from tracestore.analysis.lines import Member
from tracestore.facts import OTHER
from tracestore.queries.breakdowns import Breakdown, Row, Table
from tracestore.queries.version_heads import VersionHead

SHOWN = 100
WIDTH, HEIGHT = 96, 16


@dataclass(frozen=True, slots=True)
class Cell:
    """One member of one row. tone of the change is told by a word and a sign as well."""

    number: Number
    change: Change


@dataclass(frozen=True, slots=True)
class Trend:
    """Counts with the failed ones at their foot. words: what it says, for whoever does not see it."""

    columns: list[Column]
    width: int
    height: int
    step: float
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """of: the service of a version, "" else. rest: the values that were too many to be kept apart. href: its page, or ""."""

    label: str
    of: str
    colour: str
    unknown: bool
    rest: bool
    new: bool
    n: int
    share: float
    bar: int
    trend: Trend
    cells: list[Cell]
    href: str
    traces_href: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A member as the head of a column: sorted by its value, or by how it changed."""

    title: str
    line: str
    formula: str
    by_value: SortLink
    by_change: SortLink


@dataclass(frozen=True, slots=True)
class Measured:
    """The whole table. whole: all values together, None where nothing ended. left_out: values beyond SHOWN."""

    name: str
    counts: str
    against: str
    by_n: SortLink
    headings: list[Heading]
    whole: Line | None
    lines: list[Line]
    left_out: int


def measured(
    table: Table, breakdown: Breakdown, narrowing: Narrowing, path: str, against: str, heads: Sequence[VersionHead] = ()
) -> Measured:
    """path: of the page, whose query narrowing has. against: the words for the other period. heads: where versions are
    rows.
    """
    query, lines = narrowing.query, Lines(breakdown, table.columns, narrowing, heads)
    rows = in_order(table, query.get("sort", ""))
    return Measured(
        name=breakdown.dimension,
        counts=breakdown.counts,
        against=against,
        by_n=sort_link(path, query, "n"),
        headings=[heading(place, one, path, query) for place, one in enumerate(table.columns)],
        whole=lines.whole(table.whole) if table.whole.n else None,
        lines=[lines.line(row) for row in rows[:SHOWN]],
        left_out=max(0, len(rows) - SHOWN),
    )


def heading(place: int, member: Member, path: str, query: Mapping[str, str]) -> Heading:
    by_value, by_change = sort_link(path, query, f"{place}"), sort_link(path, query, f"{place}.change")
    return Heading(member.title, member.line, member.formula, by_value, by_change)


def sort_link(path: str, query: Mapping[str, str], name: str) -> SortLink:
    """A click on the heading in force turns it round, on another sorts by it, largest first."""
    sort = query.get("sort", "") or "-n"
    order = "" if sort.lstrip("-") != name else "descending" if sort.startswith("-") else "ascending"
    return SortLink(with_query(path, query, sort=name if order == "descending" else f"-{name}"), order)


def in_order(table: Table, sort: str) -> list[Row]:
    """-n by default; "0" to "3" by the number of a column, "0.change" by its difference. Unknown values come last."""
    name, _, kind = sort.lstrip("-").partition(".")
    if not name.isdecimal() or int(name) >= len(table.columns):
        return table.rows[::-1] if sort == "n" else table.rows
    place = int(name)
    keys = [(row.differences if kind else row.numbers)[place].value for row in table.rows]
    sign = -1 if sort.startswith("-") else 1
    ordered = sorted(zip(keys, range(len(keys)), strict=True), key=lambda one: (one[0] is None, sign * (one[0] or 0)))
    return [table.rows[index] for _, index in ordered]


@dataclass(frozen=True, slots=True)
class Lines:
    """What all rows of a table share."""

    breakdown: Breakdown
    columns: Sequence[Member]
    narrowing: Narrowing
    heads: Sequence[VersionHead]

    def whole(self, row: Row) -> Line:
        href = self.narrowing.traces("all", None)
        return self._line(row, f"All {self.breakdown.counts}", "", False, href, "")

    def line(self, row: Row) -> Line:
        value, of = self.breakdown.named(row.key)
        service = of if self.breakdown.dimension == "version" else ""
        href = "" if value == OTHER else self.narrowing.traces(self.breakdown.dimension, value, service)
        return self._line(row, value or "unknown", of, value is None, href, self._own(of, value))

    def _own(self, service: str, value: str | None) -> str:
        """The page of a version or a tool."""
        if self.breakdown.dimension == "tool" and value not in (None, OTHER):
            return self.narrowing.tool(value)
        head = next((one for one in self.heads if (one.service, one.version) == (service, value)), None)
        return self.narrowing.version(head.id) if head else ""

    def _line(self, row: Row, label: str, of: str, unknown: bool, traces_href: str, href: str) -> Line:
        return Line(
            label="the rest" if label == OTHER else label,
            of=of,
            colour="faint" if unknown or label == OTHER or not row.key else colour_class(label),
            unknown=unknown,
            rest=label == OTHER,
            new=not row.before and bool(row.key),
            n=row.n,
            share=row.share,
            bar=share(round(row.share * 1_000), 1_000, 48),
            trend=trend(row.trend, self.breakdown.counts),
            cells=cells(self.columns, row),
            href=href,
            traces_href=traces_href,
        )


def cells(columns: Sequence[Member], row: Row) -> list[Cell]:
    return [
        Cell(number(member, one, row.n), change(member, between))
        for member, one, between in zip(columns, row.numbers, row.differences, strict=True)
    ]


def trend(counts: Sequence[tuple[int, int]], word: str) -> Trend:
    step = WIDTH / max(1, len(counts))
    most, failed = max((n for n, _ in counts), default=0), sum(bad for _, bad in counts)
    words = f"{word} over time: at most {most:,} in a step, {failed:,} failed in all"
    return Trend(histogram(counts, HEIGHT, step), WIDTH, HEIGHT, round(step * 0.85, 2), words)
