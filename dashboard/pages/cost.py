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
from dashboard.pages.cost_parts import DearestPart, HintsPart, dearest_part, hints_part, rows_note, shown_at
from dashboard.params import Range, parse_zone
from dashboard.spend import SpendLine, Tile, spend_lines, tiles
from dashboard.spend_chart import axis_of, cost_csv, cost_curves, cost_figure, cost_frame
from dashboard.zones import zone_of
from tracestore.facts import CALLS, REQUESTS
from tracestore.queries.rollups import ROWS_DAYS
from tracestore.queries.spend import (
    DAY_NS,
    OF_SUMS,
    Requests,
    Spent,
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
GROUPS = 1_000  # the dearest, of which LINES are shown
SPARK_STEPS = 24
BY = ("model", "service", "version", "operation", "user", "tenant", "session", "prompt")
HINTS, DEAREST, BY_ROWS = "hints", "dearest", "by"  # ids of the parts of the page that ask for themselves


@dataclass(frozen=True, slots=True)
class ByPart:
    """Who spent it, by what choices say. lines: the dearest, hidden more (has_more: at least). note: of which
    days, if not of the whole range.
    """

    href: str
    by: str
    choices: list[Choice]
    lines: list[SpendLine] = field(default_factory=list)
    hidden: int = 0
    has_more: bool = False
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
    listing = asked_of(request)
    asked_by = request.headers.get("HX-Target")
    if asked_by == HINTS:
        return render(request, "cost/hints.html", {"part": hints_part(request, listing)})
    if asked_by == BY_ROWS:
        return render(request, "cost/by.html", {"part": by_part(request, listing, at_once=True)})
    if asked_by == DEAREST:
        return render(request, "cost/dearest.html", {"part": dearest_part(request, listing)})
    return render(request, "cost/page.html", {"page": cost_page(request, listing)})


def asked_of(request: HttpRequest) -> Listing:
    """Without its filter, and with the reason among the errors, where the filter cannot be answered over this range."""
    listing = read_listing(request.path, request.GET, datetime.now(UTC), zone=zone_of(request).name)
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
    return ByPart("", by, choices, lines[:LINES], max(0, len(lines) - LINES), len(lines) == GROUPS, note)


def breakdown(request: HttpRequest, listing: Listing, by: str) -> list[SpendLine]:
    project_id, chosen = request.project.pk, listing.range
    of_rows = is_of_rows(by, listing.filter)
    start_ns = rows_from(chosen.start_ns, chosen.end_ns) if of_rows else chosen.start_ns
    found = spent_by(project_id, start_ns, chosen.end_ns, by, listing.filter, GROUPS)
    earlier = before(Range(start_ns, chosen.end_ns))
    then = spent_by(project_id, earlier.start_ns, earlier.end_ns, by, listing.filter, GROUPS)
    sparks: Mapping[str | None, list[int]] = {}
    if by in OF_SUMS:
        sparks = series_by(project_id, chosen.start_ns, chosen.end_ns, by, spark_step_s(chosen), listing.filter)
    total = total_spent(project_id, start_ns, chosen.end_ns, listing.filter).cost_nanousd or 0
    return spend_lines(found, then, by, request.project.slug, request.GET, sparks, total)


def spark_step_s(chosen: Range) -> int:
    """Whole minutes, so that about SPARK_STEPS fit into the range."""
    return max(1, (chosen.end_ns - chosen.start_ns) // 10**9 // SPARK_STEPS // 60) * 60


def chart(request: HttpRequest, listing: Listing, now: Spent) -> ChartFrame:
    axis = axis_of(listing.range, parse_zone(listing.zone))
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
    listing = asked_of(request)
    axis, steps = axis_of(listing.range, parse_zone(listing.zone)), steps_of(request, listing, listing.range)
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
