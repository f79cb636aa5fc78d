"""How do all objectives stand? One line each: what is promised, what is left of the budget, who spends it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.frame import colour_class
from dashboard.links import in_project, with_query
from dashboard.objective_links import alert_href, objective_href
from dashboard.objective_words import period_words, promise, target_words
from dashboard.pages.objectives.standing import Standing, standing_of
from tracestore.analysis.slo.templates import TEMPLATES
from tracestore.queries.access import at_least
from tracestore.queries.alerts import AlertRow, find_alerts
from tracestore.queries.evaluations import find_judged
from tracestore.queries.services import find_services
from tracestore.queries.slo import ObjectiveRow, find_objectives
from tracestore.queries.slo_status import StatusRow, find_statuses

MOST_FIRING: Final = 500
JUDGED_WITHIN_S: Final = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Line:
    """version: what it went bad from, as its alert says; doubt: why there is none. colour: of the version."""

    row: ObjectiveRow
    href: str
    edit_href: str
    promise: str
    target: str
    period: str
    standing: Standing
    alert_href: str
    version: str
    colour: str
    doubt: str


@dataclass(frozen=True, slots=True)
class TemplateCard:
    """waits: why it cannot be counted yet, "" when it can."""

    title: str
    about: str
    href: str
    waits: str


@dataclass(frozen=True, slots=True)
class ObjectivesPage:
    """service: that the templates are for; services: to choose from."""

    lines: Sequence[Line]
    templates: Sequence[TemplateCard]
    service: str
    services: Sequence[str]
    here: str
    new_href: str
    alerts_href: str
    may_change: bool
    now_ns: int


@project_page(role="viewer")
@require_safe
def objectives(request: HttpRequest) -> HttpResponse:
    project_id, slug, now = request.project.pk, request.project.slug, timezone.now()
    services = find_services(project_id)
    service = request.GET.get("service", services[0] if len(services) == 1 else "")[:256]
    page = ObjectivesPage(
        lines=lines_of(project_id, slug, now),
        templates=template_cards(slug, service, find_judged(project_id, int(now.timestamp()) - JUDGED_WITHIN_S)),
        service=service,
        services=services,
        here=request.path,
        new_href=with_query(in_project(slug, "objectives", "new"), {}, service=service),
        alerts_href=in_project(slug, "alerts"),
        may_change=at_least(request.role, "editor"),
        now_ns=int(now.timestamp() * 10**9),
    )
    return render(request, "objectives/page.html", {"page": page})


def lines_of(project_id: int, slug: str, now: datetime) -> list[Line]:
    """What needs somebody first: what fires, then what has least left."""
    statuses = {one.objective_id: one for one in find_statuses(project_id)}
    firing = find_alerts(project_id, now, states=("firing",), limit=MOST_FIRING).items
    worst = worst_alerts(firing)
    lines = [line(row, statuses.get(row.id), worst.get(row.id), slug, now) for row in find_objectives(project_id)]
    return sorted(lines, key=lambda one: (one.standing.rank, one.row.service, one.row.name))


def worst_alerts(firing: Sequence[AlertRow]) -> dict[int, AlertRow]:
    """By objective: a page before a ticket, the first that fired before others."""
    ordered = sorted(firing, key=lambda one: (one.severity, one.fired_at), reverse=True)
    return {one.objective_id: one for one in ordered}


def line(row: ObjectiveRow, status: StatusRow | None, alert: AlertRow | None, slug: str, now: datetime) -> Line:
    version = str(alert.blame.get("first_bad") or "") if alert else ""
    return Line(
        row=row,
        href=objective_href(slug, row.name),
        edit_href=objective_href(slug, row.name, "edit"),
        promise=promise(row),
        target=target_words(float(row.target)),
        period=period_words(row).removeprefix("over "),
        standing=standing_of(row, status, now),
        alert_href=alert_href(slug, alert.id) if alert else "",
        version=version,
        colour=colour_class(version),
        doubt=str(alert.blame.get("reason") or "Which version it is, was not looked for.")
        if alert
        else "Nothing fires",
    )


def template_cards(slug: str, service: str, judged: Collection[str]) -> list[TemplateCard]:
    path = in_project(slug, "objectives", "new")
    return [
        TemplateCard(
            title=one.draft.title,
            about=one.about,
            href=with_query(path, {}, template=one.name, service=service),
            waits="needs a judged sample" if one.needs and one.needs not in judged else "",
        )
        for one in TEMPLATES.values()
    ]
