"""Who makes the difference? Requests, calls or tools broken down by a dimension, each value against another period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.links import in_project, with_query
from dashboard.listing import Choice, Listing, read_listing
from dashboard.pages.asking import answered, with_filter
from dashboard.pages.baselines import Baseline, baseline_of
from dashboard.pages.measured import Measured, measured
from dashboard.pages.narrowing import Narrowing
from tracestore.queries.breakdowns import BREAKDOWNS, find_table
from tracestore.queries.movers import Span
from tracestore.queries.people_sums import PEOPLE, REACH_NS
from tracestore.queries.version_heads import find_version_heads


@dataclass(frozen=True, slots=True)
class ChangesPage:
    listing: Listing
    baseline: Baseline
    dimensions: list[Choice]
    table: Measured
    bound: str
    movers_href: str
    wider_href: str


@project_page(role="viewer")
@require_safe
@answered
def changes(request: HttpRequest) -> HttpResponse:
    slug, query = request.project.slug, request.GET
    listing = read_listing(request.path, query, datetime.now(UTC))
    baseline = baseline_of(query, listing)
    breakdown = BREAKDOWNS.get(query.get("by", ""), BREAKDOWNS["version"])
    here = Span(listing.range.start_ns, listing.range.end_ns)
    table = with_filter(
        listing, lambda filter: find_table(request.project.pk, breakdown, here, baseline.span, filter=filter)
    )
    heads = find_version_heads(request.project.pk) if breakdown.dimension == "version" else []
    page = ChangesPage(
        listing=listing,
        baseline=baseline,
        dimensions=dimensions(request.path, query, breakdown.dimension),
        table=measured(table, breakdown, Narrowing(slug, query), request.path, baseline.words, heads),
        bound=bound(breakdown.dimension, here),
        movers_href=with_query(in_project(slug, "changes", "movers"), query, by=None, sort=None),
        wider_href=with_query(request.path, query, range="30d", from_=None, to=None),
    )
    return render(request, "changes/page.html", {"page": page})


def bound(dimension: str, here: Span) -> str:
    """What of the range was read, where that is not all of it."""
    if dimension not in PEOPLE or here.end_ns - here.start_ns <= REACH_NS:
        return ""
    return f"By {dimension}, requests are read one by one: these are the last 7 days of the range, and of the other period."


def dimensions(path: str, query: Mapping[str, str], chosen: str) -> list[Choice]:
    return [Choice(name, with_query(path, query, by=name, sort=None), name == chosen) for name in BREAKDOWNS]
