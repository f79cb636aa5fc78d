"""Which alerts are there, open ones first?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.links import in_project, with_query
from dashboard.listing import Choice
from dashboard.objective_links import alert_href, objective_href
from dashboard.objective_words import ACTIONS, rule_words
from dashboard.pages.alerts.blamed import blamed
from dashboard.pages.asking import answered
from dashboard.params import in_ns
from dashboard.templatetags.units import in_gap
from tracestore.queries.access import at_least
from tracestore.queries.alerts import AlertRow, find_alerts
from tracestore.queries.slo_status import StatusRow, find_statuses

OPEN_MOST: Final = 200
CLOSED_MOST: Final = 50
STATES: Final = {"": "All", "firing": "Open", "resolved": "Resolved"}
SEVERITIES: Final = {"": "Any", "page": "Pages", "ticket": "Tickets"}


@dataclass(frozen=True, slots=True)
class AlertLine:
    """version: the first bad one, "" where it cannot be told (why: in doubt). lasted: in words, "" while it fires."""

    row: AlertRow
    href: str
    objective_href: str
    rule: str
    action: str
    version: str
    colour: str
    doubt: str
    fired_ns: int
    lasted: str
    peak: float | None


@dataclass(frozen=True, slots=True)
class Filters:
    states: list[Choice]
    severities: list[Choice]
    services: list[Choice]
    active: bool
    clear_href: str


@dataclass(frozen=True, slots=True)
class AlertsPage:
    """opened, closed: alerts that fire, and those that are over; None where they were not asked for. watched: objectives."""

    opened: list[AlertLine] | None
    opened_more: bool
    closed: list[AlertLine] | None
    older_href: str
    newest_href: str
    filters: Filters
    watched: int
    evaluated_ns: int | None
    objectives_href: str
    new_href: str
    channels_href: str
    silences_href: str
    is_editor: bool
    now_ns: int


@project_page(role="viewer")
@require_safe
@answered
def alerts(request: HttpRequest) -> HttpResponse:
    page = alerts_page(request, datetime.now(UTC))
    return render(request, "alerts/page.html", {"page": page})


def alerts_page(request: HttpRequest, now: datetime) -> AlertsPage:
    slug, query, project_id = request.project.slug, request.GET, request.project.pk
    statuses = find_statuses(project_id)
    asked = {"severity": chosen(query, "severity", SEVERITIES), "service": query.get("service", "")}
    state, cursor = chosen(query, "state", STATES), query.get("cursor") or None
    opened = find_alerts(project_id, now, states=["firing"], limit=OPEN_MOST, **asked) if not cursor else None
    closed = find_alerts(project_id, now, states=["resolved"], limit=CLOSED_MOST, cursor=cursor, **asked)
    return AlertsPage(
        opened=lines(opened.items, slug) if opened and state != "resolved" else None,
        opened_more=bool(opened and opened.next_cursor),
        closed=lines(closed.items, slug) if state != "firing" else None,
        older_href=with_query(request.path, query, cursor=closed.next_cursor) if closed.next_cursor else "",
        newest_href=with_query(request.path, query, cursor=None) if cursor else "",
        filters=filters(request.path, query, statuses),
        watched=len(statuses),
        evaluated_ns=max((in_ns(one.evaluated_at) for one in statuses if one.evaluated_at), default=None),
        objectives_href=in_project(slug, "objectives"),
        new_href=in_project(slug, "objectives", "new"),
        channels_href=in_project(slug, "settings", "channels"),
        silences_href=in_project(slug, "alerts", "silences"),
        is_editor=at_least(request.role, "editor"),
        now_ns=in_ns(now),
    )


def chosen(query: Mapping[str, str], name: str, known: Mapping[str, str]) -> str:
    """What the address says, or all where it says nothing that we know."""
    said = query.get(name, "")
    return said if said in known else ""


def filters(path: str, query: Mapping[str, str], statuses: Sequence[StatusRow]) -> Filters:
    services = sorted({one.service for one in statuses if one.service})
    said = query.get("service", "")
    named = [*services, said] if said and said not in services else services

    def choices(name: str, words: Mapping[str, str]) -> list[Choice]:
        now = query.get(name, "")
        return [
            Choice(word, with_query(path, query, cursor=None, **{name: one}), one == now) for one, word in words.items()
        ]

    return Filters(
        states=choices("state", STATES),
        severities=choices("severity", SEVERITIES),
        services=choices("service", {"": "Any", **{one: one for one in named}}) if named else [],
        active=any(query.get(name) for name in ("state", "severity", "service")),
        clear_href=path,
    )


def lines(rows: Sequence[AlertRow], slug: str) -> list[AlertLine]:
    return [line(row, slug) for row in rows]


def line(row: AlertRow, slug: str) -> AlertLine:
    said, notice = blamed(row.blame, slug), row.notice
    return AlertLine(
        row=row,
        href=alert_href(slug, row.id),
        objective_href=objective_href(slug, row.objective),
        rule=rule_words(row.rule),
        action=ACTIONS.get(row.action, row.action),
        version=said.version,
        colour=said.colour,
        doubt=said.reason,
        fired_ns=in_ns(row.fired_at),
        lasted=lasted(row),
        peak=notice.peak_burn if notice else None,
    )


def lasted(row: AlertRow) -> str:
    return in_gap(int((row.resolved_at - row.fired_at).total_seconds())) if row.resolved_at else ""
