"""What does an alert say: since when, from which version, what to do, and what became of it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.links import in_project
from dashboard.objective_links import Lead, alert_href, bad_events, objective_href, trace_href
from dashboard.objective_words import ACTIONS, DOING, OUTCOMES, rule_words, target_words, window_words
from dashboard.pages.alerts.blamed import Blamed, blamed
from dashboard.pages.alerts.forms import SILENCED_FOR, Option, silence_scopes
from dashboard.pages.alerts.listed import lasted
from dashboard.pages.alerts.timeline import Happened, Sent, Trail, sent, timeline, trail
from dashboard.params import in_ns
from dashboard.templatetags.units import in_gap, in_percent
from tracestore.actions.alerts.notifying import NOBODY
from tracestore.analysis.slo.notice import AlertNotice, Window
from tracestore.analysis.slo.promise import YOUNG
from tracestore.queries.access import at_least
from tracestore.queries.alerts import AlertRow, find_deliveries, find_events, get_alert
from tracestore.queries.slo import get_objective


@dataclass(frozen=True, slots=True)
class WindowLine:
    """One of the two windows of the rule. over: its burn rate is above the factor."""

    words: str
    bad: int
    total: int
    burn: float | None
    over: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers as they were when the alert last changed. spent: of the budget while it fired, in words spent_of what.

    young: what is left means little yet, and why; "" else.
    """

    promise: str
    target: str
    rule: str
    factor: float
    windows: list[WindowLine]
    remaining: float | None
    exhaustion: str
    peak: float | None
    spent: float | None
    spent_of: str
    young: str
    trail: Trail | None
    runbook_url: str


@dataclass(frozen=True, slots=True)
class AlertPage:
    """evidence: None where none is kept. bad: a list of all that was bad meanwhile. nobody: a notification found none to go to."""

    row: AlertRow
    severity: str
    rule: str
    fired_ns: int
    resolved_ns: int | None
    lasted: str
    evidence: Evidence | None
    blamed: Blamed
    action: str
    doing: str
    outcome: str
    examples: list[tuple[str, str]]
    bad: Lead | None
    timeline: list[Happened]
    sent: list[Sent]
    nobody: bool
    inhibited_href: str
    objective_href: str
    list_href: str
    silences_href: str
    channels_href: str
    may_acknowledge: bool
    is_editor: bool
    outcomes: list[Option]
    scopes: list[Option]
    durations: list[Option]
    base: str
    now_ns: int


@project_page(role="viewer")
@require_safe
def alert(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    now = datetime.now(UTC)
    row = alert_or_404(request, alert_id, now)
    return render(request, "alerts/alert.html", {"page": alert_page(request, row, now)})


def alert_or_404(request: HttpRequest, alert_id: UUID, now: datetime) -> AlertRow:
    found = get_alert(request.project.pk, str(alert_id), now)
    if found is None:
        raise Http404("This alert is not in this project.")
    return found


def alert_page(request: HttpRequest, row: AlertRow, now: datetime) -> AlertPage:
    slug, project_id, notice = request.project.slug, request.project.pk, row.notice
    editor, events = at_least(request.role, "editor"), find_events(project_id, row.id)
    deliveries = find_deliveries(project_id, row.id)
    return AlertPage(
        row=row,
        severity="page" if row.severity == "page" else "ticket",
        rule=rule_words(row.rule),
        fired_ns=in_ns(row.fired_at),
        resolved_ns=in_ns(row.resolved_at) if row.resolved_at else None,
        lasted=lasted(row) or in_gap(int((now - row.fired_at).total_seconds())),
        evidence=evidence(notice) if notice else None,
        blamed=blamed(row.blame, slug),
        action=ACTIONS.get(row.action, row.action),
        doing=(notice.action_text if notice else "") or DOING.get(row.action, ""),
        outcome=OUTCOMES.get(row.outcome, row.outcome),
        examples=[(one, trace_href(slug, one)) for one in (notice.traces if notice else ())],
        bad=bad_meanwhile(request, row, notice, now),
        timeline=timeline(events),
        sent=[sent(one) for one in deliveries],
        nobody=not deliveries and any(one.kind == "notified" and one.text.endswith(NOBODY) for one in events),
        inhibited_href=alert_href(slug, row.inhibited_by) if row.inhibited_by else "",
        objective_href=objective_href(slug, row.objective),
        list_href=in_project(slug, "alerts"),
        silences_href=in_project(slug, "alerts", "silences"),
        channels_href=in_project(slug, "settings", "channels"),
        may_acknowledge=editor and row.state == "firing" and not row.acknowledged_at,
        is_editor=editor,
        outcomes=[Option(one, OUTCOMES[one]) for one in ("taken", "worked", "failed", "declined")],
        scopes=silence_scopes(row),
        durations=SILENCED_FOR,
        base=alert_href(slug, row.id),
        now_ns=in_ns(now),
    )


def bad_meanwhile(request: HttpRequest, row: AlertRow, notice: AlertNotice | None, now: datetime) -> Lead | None:
    """From where the rule's long window began when it fired; None where the objective is gone."""
    objective = get_objective(request.project.pk, row.objective)
    if objective is None or objective.id != row.objective_id:
        return None
    before_s = notice.long.seconds if notice else 3_600
    end = row.resolved_at or now
    return bad_events(request.project.slug, objective, int(row.fired_at.timestamp()) - before_s, int(end.timestamp()))


def evidence(notice: AlertNotice) -> Evidence:
    return Evidence(
        promise=notice.promise,
        target=target_words(notice.target),
        rule=rule_words(notice.rule),
        factor=notice.factor,
        windows=window_lines((notice.long, notice.short), notice.factor),
        remaining=notice.remaining,
        exhaustion=exhaustion_words(notice.exhaustion_s) if notice.state == "firing" else "",
        peak=notice.peak_burn,
        **spent_words(notice),
        trail=trail(notice.burn_down),
        runbook_url=notice.runbook_url if notice.runbook_url.startswith(("https://", "http://")) else "",
    )


def spent_words(notice: AlertNotice) -> dict[str, Any]:
    """Of a young objective that of a whole period: hours of events allow so little that any trouble is many times it."""
    spent, left, elapsed = notice.budget_spent, notice.remaining, notice.elapsed
    if elapsed >= YOUNG:
        return {"spent": spent, "spent_of": "of the period's budget", "young": ""}
    whole = "" if left is None else in_percent((1 - left) * elapsed)
    return {
        "spent": None if spent is None else spent * elapsed,
        "spent_of": "of a whole period's budget, at this traffic",
        "young": f"of what its events so far allow: at this traffic {whole} of a whole period's budget is spent"
        * bool(whole),
    }


def window_lines(windows: Sequence[Window], factor: float) -> list[WindowLine]:
    return [
        WindowLine(window_words(one.seconds), one.bad, one.total, one.burn, one.burn is not None and one.burn > factor)
        for one in windows
        if one.seconds
    ]


def exhaustion_words(seconds: float | None) -> str:
    """ "" = never, or it cannot be told."""
    if seconds is None:
        return ""
    return "it is gone" if seconds <= 0 else f"gone in {in_gap(int(seconds))} at this pace"
