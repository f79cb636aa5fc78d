"""How does each line stand? Its headline, what changed for the worse in it, and a row for each of its members; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.chart_frames import iso
from dashboard.estimate_words import Change, Number, change, number
from dashboard.links import in_project, with_query
from dashboard.pages.board.asked import NS, Asked
from dashboard.pages.board.figures import hue
from dashboard.pages.board.leads import lead
from dashboard.pages.board.sparks import Spark, spark
from tracestore.analysis.line_forms import Line
from tracestore.analysis.line_steps import Series
from tracestore.analysis.lines import Estimate, Member, compare, members_of

LINE_TITLES: dict[Line, str] = {
    "quality": "Quality",
    "latency": "Latency",
    "cost": "Cost",
    "risk": "Risk",
    "signals": "Golden signals",
}
FOUR: tuple[Line, ...] = ("quality", "latency", "cost", "risk")


@dataclass(frozen=True, slots=True)
class Row:
    """A member in the range. href: its own page. traces_href: the traces behind it. needs: what feeds it, where empty."""

    name: str
    title: str
    formula: str
    number: Number
    change: Change
    n: int
    per: str
    spark: Spark
    href: str
    traces_href: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Worse:
    title: str
    change: Change
    href: str


@dataclass(frozen=True, slots=True)
class Tile:
    """worse: other members of the line that are worse beyond chance, the surest first. interval: of the change."""

    line: Line
    title: str
    words: str
    number: Number
    change: Change
    n: int
    per: str
    href: str
    worse: list[Worse]
    better: int


@dataclass(frozen=True, slots=True)
class LineRows:
    line: Line
    title: str
    rows: list[Row]
    empty: list[Row]


def rows_of(here: Sequence[Series], other: Sequence[Series], asked: Asked) -> dict[str, Row]:
    before = {one.member.name: one.total for one in other if one.split_by is None}
    return {one.member.name: row(one, before.get(one.member.name), asked) for one in here if one.split_by is None}


def row(series: Series, before: Estimate | None, asked: Asked) -> Row:
    member, told = series.member, number(series.member, series.total)
    return Row(
        name=member.name,
        title=member.title,
        formula=member.formula,
        number=replace(told, title=series.unanswered) if series.unanswered else told,
        change=change(member, compare(member, before or Estimate(None, 0), series.total)),
        n=series.total.n,
        per=member.per,
        spark=spark(series, hue(member)),
        href=with_query(in_project(asked.slug, "board", member.name), asked.kept),
        traces_href=whole_lead(asked, member) if series.total.value is not None else "",
        needs=() if series.unanswered else member.needs,
    )


def whole_lead(asked: Asked, member: Member) -> str:
    start_s, end_s = asked.here.start_ns // NS, -(-asked.here.end_ns // NS)
    href = lead(asked, member, asked.here.version)
    return href.replace("{from}", iso(start_s)).replace("{to}", iso(end_s))


def line_rows(line: Line, rows: Mapping[str, Row]) -> LineRows:
    """Those of which something is known, and those that wait for an attribute."""
    mine = [rows[one.name] for one in members_of(line) if one.name in rows]
    known, empty = [one for one in mine if one.number.known], [one for one in mine if not one.number.known]
    return LineRows(line, LINE_TITLES[line], known, empty)


def tile(line: Line, here: Mapping[str, Series], rows: Mapping[str, Row]) -> Tile:
    """Its first member; of risk, where each member is rare, the hits of all together."""
    mine = [rows[one.name] for one in members_of(line) if one.name in rows]
    worse = [one for one in mine if one.change.tone == "worse"]
    head = hits_row(here, mine) if line == "risk" else mine[0]
    others = [Worse(one.title, one.change, one.href) for one in worse if one.name != head.name]
    return Tile(
        line=line,
        title=LINE_TITLES[line],
        words=head.title if line != "risk" else hit_words(here, mine),
        number=head.number,
        change=head.change,
        n=head.n,
        per=head.per,
        href=head.href,
        worse=others,
        better=sum(one.change.tone == "better" for one in mine if one.name != head.name),
    )


def hits_row(here: Mapping[str, Series], mine: Sequence[Row]) -> Row:
    """The most frequent hazard, with all hits as its number; the row of the first member where nothing is known."""
    known = [one for one in mine if one.number.known]
    if not known:
        return mine[0]
    top = max(known, key=lambda one: (one.change.tone == "worse", here[one.name].total.hits or 0))
    hits = sum(here[one.name].total.hits or 0 for one in known)
    words = Number(
        f"{hits:,} hit{'' if hits == 1 else 's'}", "", "Hits of all members of the line together", True, hits
    )
    return Row(
        top.name, top.title, top.formula, words, top.change, top.n, top.per, top.spark, top.href, top.traces_href,
        top.needs,
    )  # fmt: skip


def hit_words(here: Mapping[str, Series], mine: Sequence[Row]) -> str:
    """2 refusals of 1,204, 1 policy violation of 300 ...: the two most frequent."""
    hits = [(here[one.name].total.hits or 0, here[one.name].total.n, one.title) for one in mine if one.number.known]
    found = sorted((one for one in hits if one[0]), reverse=True)[:2]
    if not found:
        silent = (
            "not answered under this filter" if any(here[one.name].unanswered for one in mine) else "no check reports"
        )
        return "nothing found by any check" if hits else silent
    return ", ".join(f"{title.lower()} {count:,} of {n:,}" for count, n, title in found)
