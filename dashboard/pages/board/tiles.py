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
from dashboard.templatetags.units import DASH
from tracestore.analysis.line_forms import Line, Total
from tracestore.analysis.line_steps import Series
from tracestore.analysis.lines import Estimate, Member, compare, members_of

LINE_TITLES: dict[Line, str] = {
    "quality": "Quality",
    "latency": "Latency",
    "cost": "Cost",
    "risk": "Risk",
    "signals": "Golden signals",
}
NAMED = 2  # kinds of hits
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
    """worse: members of the line that are worse beyond chance and are not the tile's own number."""

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
        change=change_of(series, before, asked),
        n=series.total.n,
        per=member.per,
        spark=spark(series, hue(member)),
        href=with_query(in_project(asked.slug, "board", member.name), asked.kept),
        traces_href=whole_lead(asked, member) if series.total.value is not None else "",
        needs=() if series.unanswered else member.needs,
    )


def change_of(series: Series, before: Estimate | None, asked: Asked) -> Change:
    """None of a sum where storing began only within the period before: it would have grown by what was not stored."""
    member, since_ns = series.member, asked.since_ns or 0
    if isinstance(member.form, Total) and not asked.other.version and asked.other.start_ns < since_ns:
        return Change(DASH, "", "", f"{asked.other.words} is not wholly stored", None)
    return change(member, compare(member, before or Estimate(None, 0), series.total))


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
    others = [Worse(one.title, one.change, one.href) for one in worse if line == "risk" or one.name != head.name]
    return Tile(
        line=line,
        title=LINE_TITLES[line],
        words=head.title if line != "risk" else checks_words(here, mine),
        number=head.number,
        change=head.change,
        n=head.n,
        per=head.per,
        href=head.href,
        worse=others,
        better=sum(one.change.tone == "better" for one in mine if one.name != head.name),
    )


def hits_row(here: Mapping[str, Series], mine: Sequence[Row]) -> Row:
    """All hits as its number, each hazard by name as what it is made of; the row of the first member where nothing is known."""
    known = [one for one in mine if one.number.known]
    if not known:
        return mine[0]
    top = max(known, key=lambda one: (one.change.tone == "worse", here[one.name].total.hits or 0))
    hits = sum(here[one.name].total.hits or 0 for one in known)
    words = Number(
        f"{hits:,} hit{'' if hits == 1 else 's'}",
        hit_words(here, known),
        "Hits of all members of the line together",
        True,
        hits,
    )
    return replace(top, number=words, change=Change(DASH, "", "", "each check has its own", None), per="")


def hit_words(here: Mapping[str, Series], known: Sequence[Row]) -> str:
    """most: injection hits 75 of 4,922 · calls above their tier 52 of 7,678."""
    found = [(here[one.name].total.hits or 0, here[one.name].total.n, one.title) for one in known]
    hit = sorted((one for one in found if one[0]), reverse=True)[:NAMED]
    words = " · ".join(f"{title.lower()} {count:,} of {n:,}" for count, n, title in hit)
    return f"{'most: ' if len(hit) > 1 else ''}{words}" if hit else "nothing found"


def checks_words(here: Mapping[str, Series], mine: Sequence[Row]) -> str:
    known = [here[one.name].total.hits or 0 for one in mine if one.number.known]
    if known:
        return f"in {sum(map(bool, known))} of {len(known)} checks"
    return "not answered under this filter" if any(here[one.name].unanswered for one in mine) else "no check reports"
