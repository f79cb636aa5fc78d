"""What was spent, by whom and on what, and where is money lost?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.chart_frames import ChartFrame
from dashboard.links import in_project, with_query
from dashboard.listing import Choice, Listing, read_listing
from dashboard.pages.asking import answered
from dashboard.params import Range
from dashboard.spend import DearLine, HintView, SpendLine, Tile, dear_lines, hint_views, spend_lines, tiles
from dashboard.spend_chart import axis_of, cost_csv, cost_curves, cost_figure, cost_frame
from tracestore.analysis.hints import find_hints
from tracestore.facts import CALLS, REQUESTS
from tracestore.queries.call_sample import draw_calls, read_prompts, spent_calls
from tracestore.queries.rollups import ROWS_DAYS
from tracestore.queries.spend import (
    DAY_NS,
    OF_SUMS,
    Dearest,
    Requests,
    Spent,
    find_dearest,
    is_of_rows,
    rows_from,
    series_by,
    spent_by,
    spent_by_step,
    total_requests,
    total_spent,
)
from tracestore.queries.sum_targets import summed
from tracestore.queries.usage import unpriced_models

LINES = 25
SPARK_STEPS = 24
TALKS = ("chat", "completion")
BY = ("model", "service", "version", "operation", "user", "tenant", "session", "prompt")
HINTS, DEAREST, BY_ROWS = "hints", "dearest", "by"  # ids of the parts of the page that ask for themselves


@dataclass(frozen=True, slots=True)
class HintsPart:
    """href: where to ask for it, "" when it is here. looked_at: which calls were, in words."""

    href: str
    hints: list[HintView] = field(default_factory=list)
    looked_at: str = ""


@dataclass(frozen=True, slots=True)
class DearestPart:
    """lines: the dearest of the summed up, at most ten. list_href: more of them. top_share: of the cost, 0-1."""

    href: str
    summed: Dearest | None = None
    top_share: float | None = None
    lines: list[DearLine] = field(default_factory=list)
    list_href: str = ""
    since: str = ""
    now_ns: int = 0


@dataclass(frozen=True, slots=True)
class ByPart:
    """Who spent it, by what choices say. lines: the dearest, hidden more. note: of which days, if not of the whole range."""

    href: str
    by: str
    choices: list[Choice]
    lines: list[SpendLine] = field(default_factory=list)
    hidden: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """calls: with tokens and without a cost. models: those that a price would help, as (name, calls)."""

    calls: int
    models: list[tuple[str, int]]
    prices_href: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Requests with a token budget, and those of them that went over it."""

    budgeted: int
    overruns: int
    share: float


@dataclass(frozen=True, slots=True)
class CostPage:
    """chart: None where no call ended in the range."""

    listing: Listing
    tabs: list[Choice]
    tiles: list[Tile]
    chart: ChartFrame | None
    figures_href: str
    unpriced: Unpriced | None
    budget: Budget | None
    breakdown: ByPart
    hints: HintsPart
    dearest: DearestPart
    wider_href: str
    ingest_href: str


@project_page(role="viewer")
@require_safe
@answered
def cost(request: HttpRequest) -> HttpResponse:
    listing = with_narrow_filter(read_listing(request.path, request.GET, datetime.now(UTC)))
    asked_by = request.headers.get("HX-Target")
    if asked_by == HINTS:
        return render(request, "cost/hints.html", {"part": hints_part(request, listing)})
    if asked_by == BY_ROWS:
        return render(request, "cost/by.html", {"part": by_part(request, listing, at_once=True)})
    if asked_by == DEAREST:
        return render(request, "cost/dearest.html", {"part": dearest_part(request, listing)})
    return render(request, "cost/page.html", {"page": cost_page(request, listing)})


def with_narrow_filter(listing: Listing) -> Listing:
    """Without its filter, and with the reason among the errors, where the filter cannot be answered over this range."""
    too_long = listing.range.end_ns - listing.range.start_ns > ROWS_DAYS * DAY_NS
    if listing.filter is None or not too_long or (summed(CALLS, listing.filter) and summed(REQUESTS, listing.filter)):
        return listing
    words = f"This filter is answered from rows, over at most {ROWS_DAYS} days: choose a shorter range. Nothing was filtered."
    return replace(listing, filter=None, errors=[*listing.errors, words])


def cost_page(request: HttpRequest, listing: Listing) -> CostPage:
    project_id, slug, query = request.project.pk, request.project.slug, request.GET
    chosen, earlier = listing.range, before(listing.range)
    now = total_spent(project_id, chosen.start_ns, chosen.end_ns, listing.filter)
    then = total_spent(project_id, earlier.start_ns, earlier.end_ns, listing.filter)
    requests = total_requests(project_id, chosen.start_ns, chosen.end_ns, listing.filter)
    requests_then = total_requests(project_id, earlier.start_ns, earlier.end_ns, listing.filter)
    return CostPage(
        listing=listing,
        tabs=tabs(slug, query, "cost"),
        tiles=tiles(now, then, requests, requests_then),
        chart=chart(request, listing, now) if now.calls else None,
        figures_href=with_query(in_project(slug, "cost", "figures"), query),
        unpriced=unpriced(project_id, slug, chosen, now) if now.unpriced else None,
        budget=budget(requests),
        breakdown=by_part(request, listing),
        hints=HintsPart(shown_at(request, HINTS)) if query.get("show") != HINTS else hints_part(request, listing),
        dearest=DearestPart(shown_at(request, DEAREST))
        if query.get("show") != DEAREST
        else dearest_part(request, listing),
        wider_href=with_query(request.path, query, range="30d", from_=None, to=None),
        ingest_href=in_project(slug, "ingest"),
    )


def shown_at(request: HttpRequest, part: str) -> str:
    """The page with this part in it, for those without scripts; with them the part alone is fetched from there."""
    return with_query(request.path, request.GET, show=part)


def tabs(slug: str, query: Mapping[str, str], current: str) -> list[Choice]:
    """Cost and context, over the same range and filter."""
    kept = {name: query[name] for name in ("range", "from", "to", "tz", "q") if query.get(name)}
    words = (("Cost", "cost"), ("Context", "context"))
    return [Choice(word, with_query(in_project(slug, name), kept), name == current) for word, name in words]


def before(chosen: Range) -> Range:
    """As long a range, ending where it begins."""
    return Range(max(0, 2 * chosen.start_ns - chosen.end_ns), chosen.start_ns)


def by_part(request: HttpRequest, listing: Listing, at_once: bool = False) -> ByPart:
    """At once where sums answer; what is read from rows asks for itself."""
    query = request.GET
    by = query.get("by", "") if query.get("by") in BY else BY[0]
    kept = {name: query[name] for name in query if name != "show"}
    choices = [Choice(one, with_query(request.path, kept, by=one if one != BY[0] else None), one == by) for one in BY]
    of_rows = is_of_rows(by, listing.filter)
    note = rows_note(listing.range, of_rows)
    if of_rows and not at_once and query.get("show") != BY_ROWS:
        return ByPart(shown_at(request, BY_ROWS), by, choices, note=note)
    lines = breakdown(request, listing, by)
    return ByPart("", by, choices, lines[:LINES], max(0, len(lines) - LINES), note)


def breakdown(request: HttpRequest, listing: Listing, by: str) -> list[SpendLine]:
    project_id, chosen = request.project.pk, listing.range
    of_rows = is_of_rows(by, listing.filter)
    start_ns = rows_from(chosen.start_ns, chosen.end_ns) if of_rows else chosen.start_ns
    found = spent_by(project_id, start_ns, chosen.end_ns, by, listing.filter)
    earlier = before(Range(start_ns, chosen.end_ns))
    then = spent_by(project_id, earlier.start_ns, earlier.end_ns, by, listing.filter)
    sparks: Mapping[str | None, list[int]] = {}
    if by in OF_SUMS:
        sparks = series_by(project_id, chosen.start_ns, chosen.end_ns, by, spark_step_s(chosen), listing.filter)
    return spend_lines(found, then, by, request.project.slug, request.GET, sparks)


def spark_step_s(chosen: Range) -> int:
    """Whole minutes, so that about SPARK_STEPS fit into the range."""
    return max(1, (chosen.end_ns - chosen.start_ns) // 10**9 // SPARK_STEPS // 60) * 60


def chart(request: HttpRequest, listing: Listing, now: Spent) -> ChartFrame:
    axis = axis_of(listing.range)
    steps = steps_of(request, listing, listing.range)
    curves = cost_curves(steps, [], axis, in_project(request.project.slug, "traces"), listing.q)
    csv_href = with_query(in_project(request.project.slug, "cost", "figures"), request.GET, format="csv")
    return cost_frame(curves, axis, now, csv_href)


def steps_of(request: HttpRequest, listing: Listing, chosen: Range) -> list[tuple[int, Spent]]:
    step_s = axis_of(listing.range).step_s
    return spent_by_step(request.project.pk, chosen.start_ns, chosen.end_ns, step_s, listing.filter)


@project_page(role="viewer")
@require_safe
@answered
def cost_figures(request: HttpRequest) -> HttpResponse:
    """The chart's figure as JSON; with format=csv its steps as CSV."""
    listing = with_narrow_filter(read_listing(request.path, request.GET, datetime.now(UTC)))
    axis, steps = axis_of(listing.range), steps_of(request, listing, listing.range)
    if request.GET.get("format") == "csv":
        name = {"Content-Disposition": 'attachment; filename="cost.csv"'}
        return HttpResponse(cost_csv(steps, axis), content_type="text/csv; charset=utf-8", headers=name)
    earlier = steps_of(request, listing, before(listing.range))
    curves = cost_curves(steps, earlier, axis, in_project(request.project.slug, "traces"), listing.q)
    return JsonResponse(cost_figure(curves, axis))


def unpriced(project_id: int, slug: str, chosen: Range, now: Spent) -> Unpriced:
    return Unpriced(now.unpriced, unpriced_models(project_id, chosen.start_ns), in_project(slug, "settings", "prices"))


def budget(requests: Requests) -> Budget | None:
    if not requests.budgeted:
        return None
    overruns = requests.overruns or 0
    return Budget(requests.budgeted, overruns, overruns / requests.budgeted)


def rows_note(chosen: Range, of_rows: bool) -> str:
    if not of_rows or rows_from(chosen.start_ns, chosen.end_ns) == chosen.start_ns:
        return ""
    return "The last 7 days of the range: this is read from rows, not from sums."


def hints_part(request: HttpRequest, listing: Listing) -> HintsPart:
    """A sample of calls of the range, at most its last 7 days, and the hints it gives."""
    project_id, end_ns, filter = request.project.pk, listing.range.end_ns, listing.filter
    start_ns = rows_from(listing.range.start_ns, end_ns)
    talks = [one for one in spent_by(project_id, start_ns, end_ns, "operation", filter) if one.key in TALKS]
    calls = sum(one.calls for one in talks)
    rows = draw_calls(project_id, start_ns, end_ns, filter=filter, of_calls=calls)
    prompts = read_prompts(project_id, rows)
    hints = find_hints(spent_calls(project_id, rows, prompts), sum(one.cost_nanousd or 0 for one in talks))
    is_whole = len(rows) >= calls
    note = rows_note(listing.range, of_rows=True)
    drawn = "all of them" if is_whole else "whole requests, drawn by a hash of their id"
    looked_at = (
        f"{len(rows):,} of {calls:,} calls were looked at ({drawn}), and the prompts of {len(prompts):,}. {note}"
    )
    return HintsPart("", hint_views(hints, request.project.slug, is_whole), looked_at.strip())


def dearest_part(request: HttpRequest, listing: Listing) -> DearestPart:
    slug, end_ns = request.project.slug, listing.range.end_ns
    start_ns = rows_from(listing.range.start_ns, end_ns)
    summed, requests = find_dearest(request.project.pk, start_ns, end_ns, listing.filter)
    kept = {name: request.GET[name] for name in ("range", "from", "to", "tz", "q") if request.GET.get(name)}
    return DearestPart(
        href="",
        summed=summed,
        top_share=summed.top_nanousd / summed.cost_nanousd if summed.cost_nanousd else None,
        lines=dear_lines(requests, slug, summed.cost_nanousd),
        list_href=with_query(in_project(slug, "traces"), kept, sort="-cost"),
        since=rows_note(listing.range, of_rows=True),
        now_ns=listing.now_ns,
    )
