"""How much of an objective's error budget is left, how fast does it go, and what spends it?"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.chart_frames import ChartFrame
from dashboard.links import in_project, with_query
from dashboard.listing import Choice
from dashboard.objective_links import Lead, bad_events, objective_href
from dashboard.objective_words import ACTIONS, promise
from dashboard.pages.alerts.listed import AlertLine, lines
from dashboard.pages.asking import answered
from dashboard.pages.budget.attributes import PART, AttributesPart, asked_later, attributes_part
from dashboard.pages.budget.drawing import SHOWN, Drawing, charts, draw, figures_of, shown_first
from dashboard.pages.budget.reading import Budget, read_budget
from dashboard.pages.budget.rules import RuleLine, other_rules, rule_lines
from dashboard.pages.budget.sentence import Headline, headline
from dashboard.pages.budget.spending import Spender, rest_of, spenders
from dashboard.pages.budget.tiles import Tile, tiles
from dashboard.params import in_ns
from dashboard.zones import zone_of
from tracestore.queries.access import at_least
from tracestore.queries.alerts import find_alerts
from tracestore.queries.slo import ObjectiveRow, get_objective
from tracestore.queries.versions import version_sets_by_id

ALERTS_MOST = 50
ALERTS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class BudgetPage:
    """spenders: versions, most of the spent budget first; spenders_hidden: how many more. edit_href: "" for who may not."""

    objective: ObjectiveRow
    title: str
    promise: str
    action: str
    headline: Headline
    tiles: list[Tile]
    charts: list[ChartFrame]
    shown: list[Choice]
    figures_href: str
    rules: list[RuleLine]
    other_rules: list[str]
    spenders: list[Spender]
    spenders_hidden: int
    attributes: AttributesPart
    alerts: list[AlertLine]
    bad: Lead | None
    failure: str
    quarantined: bool
    evaluated_ns: int | None
    list_href: str
    alerts_href: str
    edit_href: str
    exclusions_href: str
    excluded: int
    now_ns: int


@project_page(role="viewer")
@require_safe
@answered
def objective(request: HttpRequest, objective: str) -> HttpResponse:
    one, now = objective_or_404(request, objective), datetime.now(UTC)
    if request.headers.get("HX-Target") == PART:
        return render(request, "budget/attributes.html", {"part": attributes_part(request, one, now)})
    return render(request, "budget/page.html", {"page": budget_page(request, one, now)})


@project_page(role="viewer")
@require_safe
def figures(request: HttpRequest, objective: str) -> HttpResponse:
    one, now = objective_or_404(request, objective), datetime.now(UTC)
    budget = read_budget(one, now)
    sets = version_sets_by_id(one.project_id, list(filter(None, budget.counts)))
    labels = {set_id: row.service_version or row.id[:7] for set_id, row in sets.items()}
    raised = find_alerts(one.project_id, now, objective_id=one.id, limit=ALERTS_MOST).items
    return JsonResponse(figures_of(draw(budget, labels, zone_of(request).info, shown_of(request, budget)), raised))


def shown_of(request: HttpRequest, budget: Budget) -> str:
    said = request.GET.get("shown", "")
    return said if said in SHOWN else shown_first(budget)


def objective_or_404(request: HttpRequest, name: str) -> ObjectiveRow:
    found = get_objective(request.project.pk, name)
    if found is None:
        raise Http404("This objective is not in this project.")
    return found


def budget_page(request: HttpRequest, one: ObjectiveRow, now: datetime) -> BudgetPage:
    slug = request.project.slug
    budget = read_budget(one, now)
    sets = version_sets_by_id(one.project_id, list(filter(None, budget.counts)))
    ends = (budget.start_s, budget.until_s)
    spent_by = spenders(budget.counts, sets, one, slug, ends)
    lately = spenders(budget.pace_counts, sets, one, slug, ends)
    shown, hidden = rest_of(spent_by)
    labels = {set_id: row.service_version or row.id[:7] for set_id, row in sets.items()}
    drawn = shown_of(request, budget)
    drawing = draw(budget, labels, zone_of(request).info, drawn)
    status = budget.status
    return BudgetPage(
        objective=one,
        title=one.label,
        promise=promise(one),
        action=ACTIONS.get(one.action, one.action),
        headline=headline(budget, spent_by, lately),
        tiles=tiles(budget),
        charts=_charts(drawing, budget),
        shown=[
            Choice(words, with_query(request.path, request.GET, shown=name), name == drawn)
            for name, (words, _) in SHOWN.items()
        ],
        figures_href=with_query(objective_href(slug, one.name, "figures"), {}, tz=request.GET.get("tz"), shown=drawn),
        rules=rule_lines(one.rules_over(budget.period.seconds), status, budget.target),
        other_rules=other_rules(status),
        spenders=shown,
        spenders_hidden=hidden,
        attributes=attributes_part(request, one, now) if request.GET.get("show") == PART else asked_later(request),
        alerts=lines(find_alerts(one.project_id, now, objective_id=one.id, limit=ALERTS_SHOWN).items, slug),
        bad=bad_events(slug, one, *ends),
        failure=status.failure if status else "",
        quarantined=status.quarantined if status else False,
        evaluated_ns=in_ns(status.evaluated_at) if status and status.evaluated_at else None,
        list_href=in_project(slug, "objectives"),
        alerts_href=in_project(slug, "alerts"),
        edit_href=objective_href(slug, one.name, "edit") if at_least(request.role, "editor") else "",
        exclusions_href=objective_href(slug, one.name, "exclusions"),
        excluded=len(budget.excluded),
        now_ns=in_ns(now),
    )


def _charts(drawing: Drawing, budget: Budget) -> list[ChartFrame]:
    return charts(drawing) if budget.count.total else []
