"""Who is told what now? Notifications are decided here, and written to the outbox in the same transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Q

from tracestore.actions.alerts.describing import Standing, describe
from tracestore.actions.alerts.handling import note
from tracestore.analysis.slo.notice import AlertNotice, Notice, packed
from tracestore.analysis.slo.threads import Story, Telling, decide
from tracestore.analysis.slo.thresholds import SHARES, kind_of
from tracestore.models.access import Project
from tracestore.models.alerts import Alert, Delivery, Severity, Silence
from tracestore.queries.channels import recipients_of
from tracestore.queries.slo import find_objectives
from tracestore.queries.slo_status import find_statuses

NOTIFY_LOCK: Final = 4_011  # first half of the advisory lock; the second is the project
AFTER_PAGE: Final = timedelta(hours=4)  # a ticket of what a page told of waits so long after it: somebody just looked
DESCRIBED_AT_ONCE: Final = 20
FIRING: Final = Alert.State.FIRING


def tell(project_id: int, now: datetime) -> int:
    """Decides and writes the notifications that are due; returns their number. Safe to run by two at once, and twice."""
    with transaction.atomic():
        if not _lock(project_id):
            return 0
        turn = _load(project_id, now)
        decision = decide(map(turn.story, turn.alerts_by_story), turn.last_told(), now)
        for story in decision.closed:
            _mark(turn.alerts_by_story[story.key], None, None, now)
        standings = _standings(project_id) if decision.tellings or turn.undescribed() else {}
        for telling in decision.tellings:
            _tell(turn, telling, standings)
        for alert in turn.undescribed()[:DESCRIBED_AT_ONCE]:
            if alert.objective_id in standings:
                describe(alert, standings[alert.objective_id], now)
    return len(decision.tellings)


def _lock(project_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [NOTIFY_LOCK, project_id])
        return bool(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class _Turn:
    """What there may be to tell of in a project. alerts_by_story: the alerts of each story, first fired first."""

    project: Project
    now: datetime
    alerts_by_story: Mapping[str, Sequence[Alert]]
    silences: Sequence[Silence]

    def story(self, key: str) -> Story:
        alerts = self.alerts_by_story[key]
        firing = [alert for alert in alerts if alert.state == FIRING]
        told = (
            "firing" if any(a.told == "firing" for a in alerts) else "resolved" if any(a.told for a in alerts) else ""
        )
        first = alerts[0]
        return Story(
            key=key,
            group=first.group,
            severity=first.severity,
            raised_at=min(alert.changed_at for alert in firing or alerts),
            firing=bool(firing),
            told=told,  # type: ignore[arg-type]
            lead=next((str(alert.lead_id) for alert in alerts if alert.lead_id), None),
            acknowledged=bool(firing) and any(alert.acknowledged_at for alert in alerts),
            silenced=any(_covers(silence, first) for silence in self.silences),
            inhibited=all(alert.inhibited_by_id for alert in firing or alerts),
            nags=kind_of(first.rule) != "budget",
        )

    def last_told(self) -> dict[str, datetime]:
        leads = {alert.lead_id for alerts in self.alerts_by_story.values() for alert in alerts if alert.lead_id}
        rows = Alert.objects.filter(pk__in=leads, notified_at__isnull=False).values_list("pk", "notified_at")
        return {str(pk): notified_at for pk, notified_at in rows}

    def undescribed(self) -> list[Alert]:
        """Firing, and nobody has looked into it yet: it is shown although it is not told."""
        alerts = [alert for alerts in self.alerts_by_story.values() for alert in alerts]
        return [alert for alert in alerts if alert.state == FIRING and alert.described_at is None]


def _load(project_id: int, now: datetime) -> _Turn:
    open_ones = Alert.objects.filter(project_id=project_id).filter(Q(state=FIRING) | ~Q(told="resolved"))
    alerts = list(open_ones.select_related("objective").order_by("fired_at", "severity", "rule"))
    _inhibit(alerts, now)
    stories: dict[str, list[Alert]] = {}
    for alert in alerts:
        stories.setdefault(_story_of(alert), []).append(alert)
    active = Silence.objects.filter(project_id=project_id, starts_at__lte=now, ends_at__gt=now)
    return _Turn(Project.objects.get(pk=project_id), now, stories, list(active))


def _story_of(alert: Alert) -> str:
    kind = kind_of(alert.rule)
    return f"{alert.objective_id}:{alert.severity if kind == 'burn' else alert.rule}"


def _covers(silence: Silence, alert: Alert) -> bool:
    return (
        silence.objective_id in (None, alert.objective_id)
        and silence.service in ("", alert.objective.service)
        and silence.severity in ("", alert.severity)
    )


# --- inhibition: what another alert of the same objective says better --------------------------------------------------


def _inhibit(alerts: Sequence[Alert], now: datetime) -> None:
    """A page speaks for the tickets of its objective, the largest share of a budget that is spent for the smaller ones."""
    pages = _pages(alerts, now)
    for alert in alerts:
        by = _inhibitor(alert, pages.get(alert.objective_id, []), alerts)
        if alert.inhibited_by_id != (by.pk if by else None):
            alert.inhibited_by = by
            alert.save(update_fields=["inhibited_by"])


def _pages(alerts: Iterable[Alert], now: datetime) -> dict[int, list[Alert]]:
    ids = {alert.objective_id for alert in alerts}
    recent = Q(state=FIRING) | Q(resolved_at__gt=now - AFTER_PAGE)
    pages = Alert.objects.filter(recent, objective_id__in=ids, severity=Severity.PAGE).order_by("fired_at")
    found: dict[int, list[Alert]] = {}
    for page in pages:
        found.setdefault(page.objective_id, []).append(page)
    return found


def _inhibitor(alert: Alert, pages: Sequence[Alert], alerts: Iterable[Alert]) -> Alert | None:
    if alert.severity == Severity.TICKET:
        for page in pages:
            if page.state == FIRING or (page.resolved_at and page.resolved_at >= alert.fired_at):
                return page
    if kind_of(alert.rule) != "budget":
        return None
    larger = [
        other
        for other in alerts
        if other.objective_id == alert.objective_id
        and other.state == FIRING
        and SHARES.get(other.rule, 0) > SHARES[alert.rule]
    ]
    return max(larger, key=lambda other: SHARES[other.rule], default=None)


# --- one notification --------------------------------------------------------------------------------------------------


def _standings(project_id: int) -> dict[int, Standing]:
    objectives = {one.id: one for one in find_objectives(project_id)}
    return {
        status.objective_id: Standing(objectives[status.objective_id], status)
        for status in find_statuses(project_id, enabled_only=False)
        if status.objective_id in objectives
    }


def _tell(turn: _Turn, telling: Telling, standings: Mapping[int, Standing]) -> None:
    """Describes the alerts, writes one delivery a recipient, and keeps that it was told."""
    lead = _lead(turn, telling)
    notices: list[tuple[Alert, AlertNotice]] = []
    for story in telling.stories:
        alert = _headline(turn.alerts_by_story[story.key])
        if alert.objective_id in standings:
            in_full = telling.kind != "summary" or not notices
            notices.append((alert, describe(alert, standings[alert.objective_id], turn.now, in_full=in_full)))
    recipients = _deliver(turn, telling, lead, notices)
    for story in telling.stories:
        _mark(turn.alerts_by_story[story.key], telling, lead, turn.now, recipients)
    lead.notified_seq, lead.notified_at = lead.notified_seq + 1, turn.now
    lead.save(update_fields=["notified_seq", "notified_at"])


def _headline(alerts: Sequence[Alert]) -> Alert:
    """The alert that speaks for its story: the first that still fires."""
    return next((alert for alert in alerts if alert.state == FIRING), alerts[0])


def _lead(turn: _Turn, telling: Telling) -> Alert:
    """The very row that _mark saves as well, where it is among those that are told."""
    if telling.lead is None:
        return _headline(turn.alerts_by_story[telling.stories[0].key])
    told = [alert for story in telling.stories for alert in turn.alerts_by_story[story.key]]
    known = next((alert for alert in told if str(alert.pk) == telling.lead), None)
    return known or Alert.objects.get(pk=telling.lead)


def _deliver(turn: _Turn, telling: Telling, lead: Alert, notices: Sequence[tuple[Alert, AlertNotice]]) -> int:
    """One row a recipient, who sees what concerns them; returns their number."""
    told: dict[tuple[int, str], tuple[str, list[AlertNotice]]] = {}
    for alert, notice in notices:
        for channel_id, recipient, why in recipients_of(alert.objective, alert.severity, turn.now):
            told.setdefault((channel_id, recipient), (why, []))[1].append(notice)
    rows = [
        Delivery(
            project=turn.project,
            channel_id=channel_id,
            alert=lead,
            recipient=recipient,
            kind=telling.kind,
            seq=lead.notified_seq,
            content=packed(_content(turn, telling, lead, why, concerned)),
            due_at=turn.now,
            created_at=turn.now,
        )
        for (channel_id, recipient), (why, concerned) in sorted(told.items())
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _content(turn: _Turn, telling: Telling, lead: Alert, why: str, notices: Sequence[AlertNotice]) -> Notice:
    """The leading alert stands first, where the recipient is told of it."""
    ordered = sorted(notices, key=lambda one: one.id != str(lead.pk))
    is_summary = telling.kind == "summary"
    return Notice(
        kind=telling.kind,
        project=turn.project.slug,
        project_name=turn.project.name,
        alerts=tuple(ordered[:1] if is_summary else ordered),
        seq=lead.notified_seq,
        decided_at=int(turn.now.timestamp()),
        why=why,
        summary=tuple(f"{one.severity}: {one.title} ({one.state})" for one in ordered) if is_summary else (),
    )


def _mark(
    alerts: Iterable[Alert], telling: Telling | None, lead: Alert | None, now: datetime, recipients: int = 0
) -> None:
    """People know its state now, or need not. lead None: nobody was told."""
    for alert in alerts:
        alert.told = alert.state
        if lead is not None:
            alert.lead, alert.notified_at = lead, now
        alert.save(update_fields=["told", "lead", "notified_at"])
        if telling is not None:
            note(alert, now, "notified", f"{telling.kind}: {recipients} recipients" if recipients else "nobody to tell")
