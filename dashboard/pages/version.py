"""Is this version better or worse than the one before it, in which of the four lines, and what changed in it?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.estimate_words import Change, Number, change, number
from dashboard.frame import colour_class
from dashboard.links import quoted
from dashboard.listing import Listing, read_listing
from dashboard.pages.asking import answered
from dashboard.pages.cost_parts import shown_at
from dashboard.pages.narrowing import Narrowing
from dashboard.pages.traces import trace_href
from dashboard.pages.versions import DiffRow, diff_row
from dashboard.templatetags.units import in_gap
from tracestore.analysis.filters import parse
from tracestore.queries.movers import Span
from tracestore.queries.trace_list import find_traces
from tracestore.queries.traces import TraceRow
from tracestore.queries.version_lines import MemberPair, find_pairs, overlap_ns, share_of_traffic, where_of
from tracestore.queries.versions import VersionSetRow, get_version_diff, get_version_set, previous_version_set

EXAMPLES: Final = 3
EXAMPLES_PART: Final = "examples"
KINDS: Final = (("Slowest", "-duration", ""), ("Dearest", "-cost", ""), ("Failed, newest", "-start", " status:error"))


@dataclass(frozen=True, slots=True)
class VersionName:
    """href: its own page; "" for the one that the page is about."""

    label: str
    short_id: str
    colour: str
    href: str
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class MemberLine:
    title: str
    before: Number
    after: Number
    change: Change


@dataclass(frozen=True, slots=True)
class LineGroup:
    line: str
    members: list[MemberLine]


@dataclass(frozen=True, slots=True)
class Exemplar:
    trace: TraceRow
    href: str


@dataclass(frozen=True, slots=True)
class Exemplars:
    """href: all of them, in this order."""

    title: str
    traces: list[Exemplar]
    href: str
    now_ns: int


@dataclass(frozen=True, slots=True)
class VersionPage:
    """before: None for the first version. examples: None where they are asked for afterwards, at examples_href.

    empty: members of which nothing is known on either side, by their titles.
    """

    service: str
    version: VersionName
    before: VersionName | None
    listing: Listing
    verdict: str
    tone: str
    traffic: str
    overlap: str
    changed: list[DiffRow]
    groups: list[LineGroup]
    empty: list[str]
    examples: list[Exemplars] | None
    examples_href: str
    diff_href: str
    list_href: str
    traces_href: str


@project_page(role="viewer")
@require_safe
@answered
def version(request: HttpRequest, set_id: str) -> HttpResponse:
    project_id = request.project.pk
    one = get_version_set(project_id, set_id)
    if one is None:
        raise Http404("This version set is not in this project.")
    listing = read_listing(request.path, request.GET, datetime.now(UTC), default="30d")
    before = previous_version_set(project_id, set_id)
    narrowing = Narrowing(request.project.slug, request.GET)
    alone = request.headers.get("HX-Target") == EXAMPLES_PART
    shown = (
        find_examples(project_id, term(one, before), listing, narrowing) if alone or shows_examples(request) else None
    )
    if alone:
        return render(request, "versions/examples.html", {"examples": shown})
    page = version_page(project_id, one, before, listing, narrowing, shown, shown_at(request, EXAMPLES_PART))
    return render(request, "versions/version.html", {"page": page})


def shows_examples(request: HttpRequest) -> bool:
    """They are looked for in every day of the range, so the page comes first and asks for them by itself."""
    return request.GET.get("show") == EXAMPLES_PART


def find_examples(project_id: int, wanted: str, listing: Listing, narrowing: Narrowing) -> list[Exemplars]:
    return [exemplars(project_id, *kind, wanted, listing, narrowing) for kind in KINDS]


def version_page(
    project_id: int,
    one: VersionSetRow,
    before: VersionSetRow | None,
    listing: Listing,
    narrowing: Narrowing,
    examples: list[Exemplars] | None,
    examples_href: str,
) -> VersionPage:
    span, where = Span(listing.range.start_ns, listing.range.end_ns), where_of(one, before)
    pairs = find_pairs(project_id, where_of(before, one) if before else None, where, span)
    found = get_version_diff(project_id, before.id, one.id) if before else None
    wanted = term(one, before)
    ran = Span(max(one.first_seen_ns, span.start_ns), min(one.last_seen_ns + 1, span.end_ns))
    verdict, tone = verdict_of(pairs, before)
    return VersionPage(
        service=one.service,
        version=name_of(one, narrowing, is_here=True),
        before=name_of(before, narrowing) if before else None,
        listing=listing,
        verdict=verdict,
        tone=tone,
        traffic=traffic(*share_of_traffic(project_id, one.service, where, ran)) if ran.start_ns < ran.end_ns else "",
        overlap=overlap_words(one, before) if before else "",
        changed=[row for row in (diff_row(*parts) for parts in found.rows) if row.differs] if found else [],
        groups=groups(pairs),
        empty=[pair.member.title for pair in pairs if not is_known(pair)],
        examples=examples,
        examples_href=examples_href,
        diff_href=narrowing.diff(before.id, one.id) if before else "",
        list_href=narrowing.at("versions"),
        traces_href=narrowing.at("traces", q=wanted, **ranged(listing)),
    )


def ranged(listing: Listing) -> dict[str, str | None]:
    """The range of this page where its address does not say one: lists begin with another one."""
    return {"range": listing.range.name} if listing.range.name else {}


def name_of(one: VersionSetRow, narrowing: Narrowing, is_here: bool = False) -> VersionName:
    label = one.service_version or one.id[:7]
    href = "" if is_here else narrowing.version(one.id)
    return VersionName(label, one.id[:7], colour_class(label), href, one.first_seen_ns, one.last_seen_ns)


def term(one: VersionSetRow, before: VersionSetRow | None) -> str:
    """The filter of its traces: as where_of tells the two apart."""
    version = where_of(one, before).get("service_version")
    return f"service:{quoted(one.service)} version:{quoted(version) if version else one.id[:12]}"


def traffic(mine: int, every: int) -> str:
    return f"{mine:,} of {every:,} requests of its service while it ran" if every else ""


def overlap_words(one: VersionSetRow, before: VersionSetRow) -> str:
    """Whether what happened to one can have happened to the other at the same time."""
    both_ns = overlap_ns(one, before)
    if not both_ns:
        return "The two did not run at the same time: what else changed in between shows here as well."
    if before.first_seen_ns < one.first_seen_ns and before.last_seen_ns > one.last_seen_ns:
        return "The one before was seen again after it: it ran on beside this one, or this one was rolled back."
    return f"Both were seen for {in_gap(both_ns // 10**9)} at the same time."


def is_known(pair: MemberPair) -> bool:
    return pair.before.value is not None or pair.after.value is not None


def groups(pairs: Iterable[MemberPair]) -> list[LineGroup]:
    by_line = groupby((pair for pair in pairs if is_known(pair)), key=lambda pair: pair.member.line)
    return [LineGroup(line, [member_line(pair) for pair in found]) for line, found in by_line]


def member_line(pair: MemberPair) -> MemberLine:
    return MemberLine(
        title=pair.member.title,
        before=number(pair.member, pair.before),
        after=number(pair.member, pair.after),
        change=change(pair.member, pair.difference),
    )


def verdict_of(pairs: Sequence[MemberPair], before: VersionSetRow | None) -> tuple[str, str]:
    """One sentence and its tone: in which lines an interval leaves out 0."""
    if before is None:
        return "This is the first version of its service that is known: there is none to compare it with.", ""
    if all(pair.before.value is None for pair in pairs):
        return f"Nothing of {before.service_version or before.id[:7]} ended in this range: choose a longer one.", ""
    worse, better = (lines_of(pairs, is_better) for is_better in (False, True))
    against = f"than {before.service_version or before.id[:7]}"
    if not worse and not better:
        return f"No difference to {against.removeprefix('than ')} is seen in any line.", ""
    parts = [
        f"worse {against} in {worse}" if worse else "",
        f"better {'' if worse else against} in {better}" if better else "",
    ]
    return " and ".join(" ".join(part.split()) for part in parts if part).capitalize() + ".", "worse" if worse else ""


def lines_of(pairs: Iterable[MemberPair], is_better: bool) -> str:
    """quality (success rate), cost (cost per request, ...)"""
    found: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.difference.better is is_better:
            found.setdefault(pair.member.line, []).append(pair.member.title.lower())
    return ", ".join(f"{line} ({', '.join(titles)})" for line, titles in found.items())


def exemplars(
    project_id: int, title: str, sort: str, more: str, wanted: str, listing: Listing, narrowing: Narrowing
) -> Exemplars:
    q, here = wanted + more, listing.range
    found = find_traces(
        project_id, here.start_ns, here.end_ns, now_ns=listing.now_ns, filter=parse(q), sort=sort, limit=EXAMPLES
    )
    href = narrowing.at("traces", q=q, sort=sort, **ranged(listing))
    return Exemplars(
        title, [Exemplar(row, trace_href(narrowing.slug, row)) for row in found.items], href, listing.now_ns
    )
