"""Is it good, fast, affordable, safe, and which version changed that? The page that people keep open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.attribute_snippets import AttributeSnippet, snippets_for
from dashboard.chart_frames import ChartFrame, chart_table
from dashboard.chart_marks import stars
from dashboard.links import in_project, with_query
from dashboard.listing import Choice, Listing, read_listing
from dashboard.pages.asking import answered
from dashboard.pages.board.asked import Asked, Controls, controls, read_asked
from dashboard.pages.board.budgets import Budgets, read_budgets
from dashboard.pages.board.csv import csv_lines
from dashboard.pages.board.figures import (
    CHARTS,
    ChartPlan,
    board_figures,
    curves_of,
    formulas,
    headline_of,
    plan_of,
    plans_for,
)
from dashboard.pages.board.reading import (
    Numbers,
    read_curves,
    read_heads,
    read_marks,
    read_totals,
    read_whys,
    services_of,
    undecided_words,
    versions_of,
)
from dashboard.pages.board.tiles import FOUR, LineRows, Row, Tile, line_rows, rows_of, tile
from dashboard.pages.ingest import endpoint, project_snippets
from dashboard.snippets import Snippet
from dashboard.zones import zone_of
from tracestore.analysis.line_steps import Series
from tracestore.analysis.lines import MEMBERS
from tracestore.queries.version_heads import VersionHead


@dataclass(frozen=True, slots=True)
class ZonePicker:
    name: str
    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class BoardPage:
    """problem: why there are no numbers. undecided: what the filter leaves out, "" = nothing. snippet: where nothing ended in
    the range and nothing was filtered.

    against: what changes are measured against. figures_href: the charts' JSON. live_parts: ids that a refresh replaces.
    """

    listing: Listing
    controls: Controls
    zone: ZonePicker
    problem: str
    undecided: str
    against: str
    tiles: list[Tile]
    budgets: Budgets
    charts: list[ChartFrame]
    signals: LineRows | None
    lines: list[LineRows]
    figures_href: str
    anomalies_href: str
    movers_href: str
    refresh_href: str
    live_parts: str
    snippet: Snippet | None
    ingest_href: str
    wider_href: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class MemberPage:
    """One member by itself. empty: why nothing is known, how: the lines of code that send it then."""

    listing: Listing
    controls: Controls
    zone: ZonePicker
    problem: str
    undecided: str
    against: str
    row: Row | None
    chart: ChartFrame | None
    empty: str
    how: list[AttributeSnippet]
    title: str
    ingest_href: str
    board_href: str
    figures_href: str
    anomalies_href: str


@project_page(role="viewer")
@require_safe
@answered
def board(request: HttpRequest) -> HttpResponse:
    asked, heads = asked_of(request)
    numbers = read_totals(request.project.pk, asked)
    budgets = read_budgets(request.project.pk, asked.slug, services_of(asked.listing.filter))
    return render(request, "board/page.html", {"page": board_page(asked, numbers, heads, budgets)})


@project_page(role="viewer")
@require_safe
@answered
def member(request: HttpRequest, name: str) -> HttpResponse:
    if name not in MEMBERS:
        raise Http404("There is no such member of a line.")
    asked, heads = asked_of(request)
    numbers = read_totals(request.project.pk, asked, [name])
    return render(request, "board/member.html", {"page": member_page(name, asked, numbers, heads)})


@project_page(role="viewer")
@require_safe
@answered
def figures(request: HttpRequest) -> HttpResponse:
    """{name of a chart: figure}, or {"problem": sentence} with 422."""
    asked, heads = asked_of(request)
    plans = plans_asked(request, asked)
    numbers = read_curves(request.project.pk, asked, members_for(plans))
    if numbers.problem:
        return JsonResponse({"problem": numbers.problem}, status=422)
    marks = read_marks(request.project.pk, asked, heads)
    return JsonResponse(board_figures(plans, numbers.here, numbers.other, asked, marks))


@project_page(role="viewer")
@require_safe
@answered
def anomalies(request: HttpRequest) -> HttpResponse:
    """{name of a chart: what stands out in it}: asked for when the charts are drawn, since it looks at five weeks."""
    asked, _ = asked_of(request)
    whys = read_whys(request.project.pk, asked)
    return JsonResponse({name: stars(of) for name, of in whys.items()})


@project_page(role="viewer")
@require_safe
@answered
def csv(request: HttpRequest) -> HttpResponse:
    """The points of a chart as they are drawn."""
    asked, _ = asked_of(request)
    plans = plans_asked(request, asked)
    numbers = read_curves(request.project.pk, asked, members_for(plans))
    if numbers.problem:
        return HttpResponse(numbers.problem, status=422, content_type="text/plain; charset=utf-8")
    answer = HttpResponse(csv_lines(numbers.here, numbers.other, asked), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{plans[0].name}.csv"'
    return answer


def asked_of(request: HttpRequest) -> tuple[Asked, list[VersionHead]]:
    slug, now, heads = request.project.slug, datetime.now(UTC), read_heads(request.project.pk)
    zone, query = zone_of(request), request.GET
    since_ns = min((one.begun_ns for one in heads), default=None)
    services = services_of(read_listing(request.path, query, now).filter)
    versions = [(one.service, one.version) for one in heads if not services or one.service in services]
    return read_asked(request.path, query, now, slug, zone, versions, since_ns), heads


def plans_asked(request: HttpRequest, asked: Asked) -> list[ChartPlan]:
    """All of the grid, one of it (chart=), or a member by itself (member=)."""
    name, chart = request.GET.get("member", ""), request.GET.get("chart", "")
    if name in MEMBERS:
        return [plan_of(MEMBERS[name])]
    wanted = plans_for(asked.split)
    return [one for one in wanted if one.name == chart] or wanted


def members_for(plans: Sequence[ChartPlan]) -> list[str]:
    return list(dict.fromkeys(name for one in plans for name in (one.headline, *one.others)))


def board_page(asked: Asked, numbers: Numbers, heads: Sequence[VersionHead], budgets: Budgets) -> BoardPage:
    whole = {one.member.name: one for one in numbers.here}
    rows = rows_of(numbers.here, numbers.other, asked)
    nothing = not numbers.problem and not (requests_of(numbers.here) or (asked.compare and requests_of(numbers.other)))
    charts = [chart_frame(plan, numbers, asked) for plan in plans_for(asked.split)] if rows and not nothing else []
    path = asked.listing.path
    return BoardPage(
        listing=asked.listing,
        controls=controls(asked, versions_of(heads, asked.listing.range.end_ns)),
        zone=zone_picker(asked),
        problem=numbers.problem,
        undecided=undecided_words(numbers.undecided),
        against=asked.other.words,
        tiles=[tile(line, whole, rows) for line in FOUR] if charts else [],
        budgets=budgets,
        charts=charts,
        signals=line_rows("signals", rows) if charts else None,
        lines=[line_rows(line, rows) for line in FOUR] if charts else [],
        figures_href=with_query(in_project(asked.slug, "board", "figures"), asked.kept, live=None),
        anomalies_href=anomalies_href(asked),
        movers_href=movers_href(asked),
        refresh_href=with_query(path, asked.kept),
        live_parts=",".join(
            f"#{one}" for one in ("tiles", "budgets", "members", *(f"table-{plan.name}" for plan in CHARTS))
        ),
        snippet=project_snippets()[0] if nothing and not asked.listing.q else None,
        ingest_href=in_project(asked.slug, "ingest"),
        wider_href=with_query(path, asked.kept, range="30d", from_=None, to=None),
        is_empty=nothing,
    )


def requests_of(side: Sequence[Series]) -> float:
    """How many, for all that is known: 1 where the filter can be asked of calls alone."""
    of = next((one for one in side if one.member.name == "requests"), None)
    return 0 if of is None else 1 if of.unanswered else of.total.value or 0


def anomalies_href(asked: Asked) -> str:
    """ "" where lines are split or compared: what stands out is known of the whole."""
    if asked.split or asked.compare:
        return ""
    return with_query(in_project(asked.slug, "board", "anomalies"), asked.kept, live=None)


def movers_href(asked: Asked) -> str:
    """With the range by name, since that page has another default."""
    compare = asked.compare if asked.compare != "versions" else ""
    chosen = {"live": None, "split": None, "compare": compare, "range": asked.listing.range.name}
    return with_query(in_project(asked.slug, "changes", "movers"), asked.kept, **chosen)


def member_page(name: str, asked: Asked, numbers: Numbers, heads: Sequence[VersionHead]) -> MemberPage:
    plan, rows = plan_of(MEMBERS[name]), rows_of(numbers.here, numbers.other, asked)
    row = rows.get(name)
    return MemberPage(
        listing=asked.listing,
        controls=controls(asked, versions_of(heads, asked.listing.range.end_ns)),
        zone=zone_picker(asked),
        problem=numbers.problem,
        undecided=undecided_words(numbers.undecided),
        against=asked.other.words,
        row=row,
        chart=chart_frame(plan, numbers, asked, member=name) if row and row.number.known else None,
        empty=row.number.title if row else MEMBERS[name].empty,
        how=snippets_for(row.needs, endpoint(), settings.SITE_URL) if row and not row.number.known else [],
        title=MEMBERS[name].title,
        ingest_href=in_project(asked.slug, "ingest"),
        board_href=with_query(in_project(asked.slug, "board"), asked.kept),
        figures_href=with_query(in_project(asked.slug, "board", "figures"), asked.kept, member=name, live=None),
        anomalies_href=anomalies_href(asked),
    )


def chart_frame(plan: ChartPlan, numbers: Numbers, asked: Asked, member: str = "") -> ChartFrame:
    other = numbers.other if asked.compare else []
    curves = curves_of(plan, numbers.here, other, asked, (asked.here, asked.other if asked.compare else None))
    chosen = {"member": member} if member else {"chart": plan.name}
    whole = {one.member.name: one for one in numbers.here}
    line = MEMBERS[plan.headline].line
    return ChartFrame(
        name=plan.name,
        title=plan.title,
        words=words_of(headline_of(plan, whole), whole),
        formulas=formulas(name for name in members_for([plan]) if _is_known(name, numbers)),
        table=chart_table(curves, asked.axis),
        colour="" if line == "signals" else line,
        size="tall" if member else "",
        csv_href=with_query(in_project(asked.slug, "board", "csv"), asked.kept, live=None, **chosen),
    )


def words_of(name: str, whole: Mapping[str, Series]) -> str:
    """The formula; where a filter cannot be asked of it, why."""
    return (name in whole and whole[name].unanswered) or MEMBERS[name].formula


def _is_known(name: str, numbers: Numbers) -> bool:
    return any(one.member.name == name and one.total.value is not None for one in numbers.here)


def zone_picker(asked: Asked) -> ZonePicker:
    choices = [Choice(name, with_query(asked.path, asked.kept, tz=name), False) for name in asked.zone.others]
    return ZonePicker(asked.zone.name, choices)
