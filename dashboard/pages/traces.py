"""Which traces were there, and how did they go? The list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.frame import colour_class
from dashboard.geometry import Column, histogram, share
from dashboard.links import in_project, with_query
from dashboard.listing import Listing, read_listing
from dashboard.pages.asking import answered
from dashboard.pages.ingest import project_snippets
from dashboard.pages.trace_ends import by_end, end_words
from dashboard.search_notes import search_notes, sums_note
from dashboard.snippets import Snippet
from dashboard.templatetags.units import counted, in_exact, in_money, in_time
from tracestore.analysis.filters import free_text
from tracestore.queries.trace_list import find_traces
from tracestore.queries.trace_strip import StripBucket, TraceStrip, summarise_traces, traces_at_most
from tracestore.queries.traces import TraceRow
from tracestore.queries.versions import VersionSetRow, version_sets_by_id

ROWS = 50
BUCKETS = 80
STRIP_HEIGHT = 36
SUMMED_AT_ONCE = 10_000  # traces: 20 ms; 600,000 take a second
SUMS = "sums"  # id of the part of the page that asks for itself
BAR = 64  # px
NEW_FOR_NS = 3_600_000_000_000  # a version is new for its first hour
SORTS = (("start", "time"), ("duration", "duration"), ("cost", "cost"))


@dataclass(frozen=True, slots=True)
class VersionTag:
    """label: the service's version, or the beginning of the set's id. q: the filter that finds its traces."""

    label: str
    colour: str
    href: str
    new: bool


@dataclass(frozen=True, slots=True)
class TraceLine:
    trace: TraceRow
    href: str
    session_href: str
    bar: int
    tokens: int | None
    no_cost: str
    versions: list[VersionTag]


@dataclass(frozen=True, slots=True)
class SparkColumn:
    """column: all, and those with a failed span at its foot. failed: of these the part whose root failed."""

    column: Column
    failed: Column
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    summary: TraceStrip
    errors_href: str
    columns: list[SparkColumn]
    width: int
    height: int
    step: float


@dataclass(frozen=True, slots=True)
class SortLink:
    """order: "ascending" | "descending" when the list is in this order, else ""."""

    href: str
    order: str


@dataclass(frozen=True, slots=True)
class SumsPage:
    """strip, or where it is asked for by itself, because summing up the range takes longer than the list."""

    strip: Strip | None
    strip_href: str


@dataclass(frozen=True, slots=True)
class TracesPage:
    """strip, strip_href: as of SumsPage.

    ends_words: what a list by ends holds (see trace_ends), "" = it is not one. notes: what a free-text search leaves out.
    """

    listing: Listing
    strip: Strip | None
    strip_href: str
    ends_words: str
    ends_href: str
    notes: list[str]
    lines: list[TraceLine]
    sorts: dict[str, SortLink]
    next_href: str
    ingest_href: str
    wider_href: str
    snippet: Snippet | None


@project_page(role="viewer")
@require_safe
@answered
def traces(request: HttpRequest) -> HttpResponse:
    listing = read_listing(request.path, request.GET, datetime.now(UTC))
    wanted = by_end(listing, request.GET)
    if request.headers.get("HX-Target") == SUMS:
        return render(request, "traces/sums.html", {"page": sums_page(request, wanted)})
    slug, project_id, sort = request.project.slug, request.project.pk, sort_of(listing.sort)
    found = find_traces(
        project_id, wanted.range.start_ns, wanted.range.end_ns, now_ns=listing.now_ns, filter=wanted.filter,
        sort=sort, limit=ROWS, cursor=listing.cursor,
    )  # fmt: skip
    notes = search_notes(project_id, wanted.range.start_ns, wanted.range.end_ns, listing.now_ns, listing.filter, found)
    sums = sums_page(request, wanted)
    sets = version_sets_by_id(project_id, sorted({one for row in found.items for one in row.version_sets}))
    page = TracesPage(
        listing=listing,
        strip=sums.strip,
        strip_href=sums.strip_href,
        ends_words=end_words(request.GET),
        ends_href=with_query(request.path, request.GET, by=None, cursor=None),
        notes=[*notes, *sums_note(listing.filter)],
        lines=trace_lines(found.items, slug, sets),
        sorts=sort_links(request.path, request.GET, sort),
        next_href=with_query(request.path, request.GET, cursor=found.next_cursor) if found.next_cursor else "",
        ingest_href=in_project(slug, "ingest"),
        wider_href=with_query(request.path, request.GET, range="30d", from_=None, to=None, cursor=None),
        snippet=None if found.items or listing.q else project_snippets()[0],
    )
    return render(request, "traces/page.html", {"page": page})


def sums_page(request: HttpRequest, listing: Listing) -> SumsPage:
    """The strip at once where few traces can be in the range or it was asked for, else where to ask for it.

    A search sums up all that matches, while its list looks at the nearest: it is asked for by itself.
    """
    start_ns, end_ns, path, query = listing.range.start_ns, listing.range.end_ns, request.path, request.GET
    is_large = bool(free_text(listing.filter)) or traces_at_most(start_ns, end_ns) > SUMMED_AT_ONCE
    if is_large and query.get("sums") != "1":
        return SumsPage(None, with_query(path, query, sums=1))
    strip = summarise_traces(request.project.pk, start_ns, end_ns, filter=listing.filter, buckets=BUCKETS)
    kept = {name: value for name, value in query.items() if name != "sums"}
    return SumsPage(draw_strip(strip, path, kept) if strip.traces else None, "")


def sort_of(asked: str) -> str:
    """One of the orders that find_traces knows; newest first for anything else."""
    return asked if asked.lstrip("-") in dict(SORTS) else "-start"


def sort_links(path: str, query: Mapping[str, str], sort: str) -> dict[str, SortLink]:
    return {name: sort_link(path, query, sort, name) for name, _ in SORTS}


def sort_link(path: str, query: Mapping[str, str], sort: str, name: str) -> SortLink:
    """A click on the heading in force turns it round, on another sorts by it, largest first."""
    order = "" if sort.lstrip("-") != name else "descending" if sort.startswith("-") else "ascending"
    target = name if order == "descending" else f"-{name}"
    return SortLink(with_query(path, query, sort=None if target == "-start" else target, cursor=None), order)


def trace_lines(rows: Sequence[TraceRow], slug: str, sets: Mapping[str, VersionSetRow]) -> list[TraceLine]:
    longest = full_bar([row.duration_ns for row in rows])
    return [
        TraceLine(
            trace=row,
            href=trace_href(slug, row),
            session_href=in_project(slug, "sessions", row.session_id) if row.session_id else "",
            bar=share(row.duration_ns, longest, BAR),
            tokens=both_tokens(row.input_tokens, row.output_tokens),
            no_cost=why_no_cost(row),
            versions=version_tags(row, slug, sets),
        )
        for row in rows
    ]


def full_bar(durations: Sequence[int]) -> int:
    """The duration that fills a bar: nine of ten fit, so that one very long trace does not flatten the others."""
    return sorted(durations)[len(durations) * 9 // 10] if durations else 0


def both_tokens(input_tokens: int | None, output_tokens: int | None) -> int | None:
    """None only when neither is known."""
    return None if input_tokens is None and output_tokens is None else (input_tokens or 0) + (output_tokens or 0)


def why_no_cost(row: TraceRow) -> str:
    if row.unpriced_calls:
        return f"Unknown: no price for {counted(row.unpriced_calls, 'call')} of {', '.join(row.models) or 'an unknown model'}"
    return "No cost: no billable call in this trace reported tokens"


def trace_href(slug: str, row: TraceRow) -> str:
    """A trace's address carries its day, so that reading it touches one partition."""
    return with_query(in_project(slug, "traces", row.trace_id), {}, day=row.day.isoformat())


def version_tags(row: TraceRow, slug: str, sets: Mapping[str, VersionSetRow]) -> list[VersionTag]:
    """The version sets of the root's service, new within an hour of the first time they were seen."""
    known = [sets[one] for one in row.version_sets if one in sets]
    mine = [one for one in known if one.service == row.service] or known
    return [version_tag(one, slug, row.start_ns) for one in mine[:2]]


def version_tag(one: VersionSetRow, slug: str, at_ns: int) -> VersionTag:
    label = one.service_version or one.id[:7]
    return VersionTag(
        label=label,
        colour=colour_class(label),
        href=with_query(in_project(slug, "versions"), {}, set=one.id),
        new=one.had_earlier and at_ns - one.first_seen_ns < NEW_FOR_NS,
    )


def draw_strip(strip: TraceStrip, path: str, query: Mapping[str, str]) -> Strip:
    """Without bars for a list by ends: they show starts, of which a day is read."""
    step = 1000 / max(1, len(strip.buckets))
    columns = histogram([(one.traces, one.error_traces) for one in strip.buckets], STRIP_HEIGHT, step)
    failed = histogram([(one.traces, one.failed_traces) for one in strip.buckets], STRIP_HEIGHT, step)
    drawn = [
        spark(one, column, red, strip, path, query)
        for one, column, red in zip(strip.buckets, columns, failed, strict=True)
    ]
    bars = [] if end_words(query) else drawn
    return Strip(strip, errors_href(path, query), bars, 1000, STRIP_HEIGHT, round(step, 2))


def errors_href(path: str, query: Mapping[str, str]) -> str:
    """The traces with a failed span among those listed now."""
    wanted = query.get("q", "").strip()
    narrowed = f"({wanted}) status:error" if " OR " in wanted else f"{wanted} status:error".strip()
    return with_query(path, query, q=wanted if "status:error" in wanted else narrowed, cursor=None)


def spark(
    bucket: StripBucket, column: Column, failed: Column, strip: TraceStrip, path: str, query: Mapping[str, str]
) -> SparkColumn:
    end_ns = bucket.start_ns + strip.bucket_ns
    href = with_query(path, query, from_=_iso(bucket.start_ns), to=_iso(end_ns), range=None, cursor=None, live=None)
    return SparkColumn(column, failed, href, spark_title(bucket))


def spark_title(bucket: StripBucket) -> str:
    parts = [f"{bucket.traces:,} traces", f"{bucket.error_traces:,} with errors", f"{bucket.failed_traces:,} failed"]
    if bucket.p95_duration_ns is not None:
        parts.append(f"p95 {in_time(bucket.p95_duration_ns)}")
    if bucket.cost_nanousd is not None:
        parts.append(in_money(bucket.cost_nanousd))
    return f"from {in_exact(bucket.start_ns)}: {', '.join(parts)}"


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
