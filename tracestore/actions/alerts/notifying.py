"""Who is told what now? Notifications are decided here, and written to the outbox in the same transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Q

from tracestore.actions.alerts.describing import Standing, describe, last_told
from tracestore.actions.alerts.handling import note
from tracestore.analysis.slo.notice import AlertNotice, Notice, packed
from tracestore.analysis.slo.threads import Story, Telling, decide
from tracestore.analysis.slo.thresholds import SHARES, kind_of
from tracestore.models.access import Project
from tracestore.models.alerts import Alert, Delivery, Severity, Silence
from tracestore.queries.channels import address_book
from tracestore.queries.slo import find_objectives
from tracestore.queries.slo_status import StatusRow, find_statuses

NOTIFY_LOCK: Final = 4_011  # first half of the advisory lock; the second is the project
LATELY: Final = timedelta(hours=14)  # the slowest rule's windows are empty then
DRAIN_GRACE: Final = timedelta(minutes=5)
AFTER_PAGE: Final = timedelta(hours=4)  # a ticket of what a page told of waits so long after it: somebody just looked
DESCRIBED_AT_ONCE: Final = 20  # each takes some statements
SHOWN: Final = 30  # alerts of one notification in full
NOBODY: Final = "nobody to tell"
FIRING: Final = Alert.State.FIRING


def tell(project_id: int, now: datetime) -> int:
    """Decides and writes the notifications that are due; returns their number. Safe to run by two at once, and twice."""
    with transaction.atomic():
        if not _lock(project_id):
            return 0
        turn = _load(project_id, now)
        decision = decide(map(turn.story, turn.alerts_by_story), turn.last_told(), now)
        for story in decision.closed:
            _close(turn.alerts_by_story[story.key], story, now)
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
        firing = [alert for alert in alerts if alert.state == FIRING and not _drains(alert)]
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
            inhibited=all(alert.inhibited_by_id and not _drains(alert) for alert in firing or alerts),
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
    alerts = list(
        open_ones.select_related("objective__project", "inhibited_by").order_by("fired_at", "severity", "rule")
    )
    _inhibit(alerts, project_id, now)
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


def _inhibit(alerts: Sequence[Alert], project_id: int, now: datetime) -> None:
    """A page speaks for the tickets of its objective, the largest share of a budget that is spent for the smaller ones."""
    recent = _recent(alerts, now)
    statuses = {one.objective_id: one for one in find_statuses(project_id)} if recent else {}
    for alert in alerts:
        others = [other for other in recent.get(alert.objective_id, []) if other.pk != alert.pk]
        by = _inhibitor(alert, others, now) or _drained(alert, others, statuses.get(alert.objective_id))
        if alert.inhibited_by_id != (by.pk if by else None):
            alert.inhibited_by = by
            alert.save(update_fields=["inhibited_by"])


def _recent(alerts: Sequence[Alert], now: datetime) -> dict[int, list[Alert]]:
    """The alerts of the objectives that have more than one which fires or did lately."""
    ids = {alert.objective_id for alert in alerts}
    lately = Q(state=FIRING) | Q(resolved_at__gt=now - LATELY)
    found: dict[int, list[Alert]] = {}
    for alert in Alert.objects.filter(lately, objective_id__in=ids).order_by("fired_at", "severity", "rule"):
        found.setdefault(alert.objective_id, []).append(alert)
    return {objective_id: several for objective_id, several in found.items() if len(several) > 1}


def _inhibitor(alert: Alert, others: Sequence[Alert], now: datetime) -> Alert | None:
    if alert.severity == Severity.TICKET:
        for page in others:
            if page.severity == Severity.PAGE and _speaks_for(page, alert, now - AFTER_PAGE):
                return page
    share = SHARES.get(alert.rule)
    larger = [one for one in others if share and one.state == FIRING and SHARES.get(one.rule, 0) > share]
    return max(larger, key=lambda one: SHARES[one.rule], default=None)


def _speaks_for(one: Alert, other: Alert, since: datetime) -> bool:
    """It fires, or did until after the other one began and not before `since`."""
    return one.state == FIRING or (one.resolved_at is not None and one.resolved_at >= max(other.fired_at, since))


def _drained(alert: Alert, others: Sequence[Alert], status: StatusRow | None) -> Alert | None:
    """The quicker rule of the same severity, when it is over and nothing burns: this one's windows only have yet to empty.

    Twice the short window, as long as that takes; what burns on after that is no echo. As of the last evaluation.
    """
    rule = next((one for one in status.rules if one.rule == alert.rule), None) if status else None
    if status is None or status.evaluated_at is None or rule is None or alert.state != FIRING:
        return None
    if (status.rules[0].short_burn or 0) > rule.factor:
        return None
    since = status.evaluated_at - timedelta(seconds=2 * rule.short_s) - DRAIN_GRACE
    for quicker in others:
        same = quicker.severity == alert.severity and kind_of(quicker.rule) == "burn"
        if same and quicker.state != FIRING and _speaks_for(quicker, alert, since):
            return quicker
    return None


def _drains(alert: Alert) -> bool:
    """It is inhibited by one of its own story: see _drained()."""
    return alert.inhibited_by is not None and alert.inhibited_by.severity == alert.severity and _is_burn(alert)


def _is_burn(alert: Alert) -> bool:
    return kind_of(alert.rule) == "burn"


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
        alert = _headline(turn.alerts_by_story[story.key], story)
        if alert.objective_id in standings:
            in_full = telling.kind != "summary" and len(notices) < DESCRIBED_AT_ONCE
            notices.append((alert, describe(alert, standings[alert.objective_id], turn.now, in_full=in_full)))
        elif kept := last_told(alert):
            notices.append((alert, kept))
    recipients = _deliver(turn, telling, lead, notices)
    told = f"{recipients} recipient{'s' * (recipients > 1)}" if recipients else NOBODY
    said = f"{telling.kind}: {told}"
    for story in telling.stories:
        _mark(turn.alerts_by_story[story.key], story, turn.now, lead, said)
    lead.notified_seq, lead.notified_at = lead.notified_seq + 1, turn.now
    lead.save(update_fields=["notified_seq", "notified_at"])


def _headline(alerts: Sequence[Alert], story: Story) -> Alert:
    """The alert that speaks for its story: the first that is as the story is."""
    state = FIRING if story.firing else Alert.State.RESOLVED
    return next((alert for alert in alerts if alert.state == state), alerts[0])


def _lead(turn: _Turn, telling: Telling) -> Alert:
    """The very row that _mark saves as well, where it is among those that are told."""
    if telling.lead is None:
        first = telling.stories[0]
        return _headline(turn.alerts_by_story[first.key], first)
    told = [alert for story in telling.stories for alert in turn.alerts_by_story[story.key]]
    known = next((alert for alert in told if str(alert.pk) == telling.lead), None)
    return known or Alert.objects.get(pk=telling.lead)


def _deliver(turn: _Turn, telling: Telling, lead: Alert, notices: Sequence[tuple[Alert, AlertNotice]]) -> int:
    """One row a recipient, who sees what concerns them; returns their number."""
    told: dict[tuple[int, str], tuple[str, list[AlertNotice]]] = {}
    book = address_book(turn.project.pk)
    for alert, notice in notices:
        for channel_id, recipient, why in book.told(alert.objective, alert.severity):
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
    """What fires stands first, and of that the leading alert; a line each where they are too many to read."""
    ordered = sorted(notices, key=lambda one: (one.state != FIRING, one.id != str(lead.pk)))
    shown = 0 if telling.kind == "summary" else SHOWN
    return Notice(
        kind=telling.kind,
        project=turn.project.slug,
        project_name=turn.project.name,
        alerts=tuple(ordered[:shown]),
        seq=lead.notified_seq,
        decided_at=int(turn.now.timestamp()),
        why=why,
        summary=tuple(f"{one.severity}: {one.title} ({one.state})" for one in ordered[shown:]),
    )


def _close(alerts: Sequence[Alert], story: Story, now: datetime) -> None:
    """It is over, and nobody is told; its history says why."""
    _mark(alerts, story, now)
    for alert in alerts:
        note(alert, now, "silenced" if story.silenced else "inhibited")


def _mark(alerts: Iterable[Alert], story: Story, now: datetime, lead: Alert | None = None, said: str = "") -> None:
    """People know its state now, or need not. lead None: nobody was told."""
    for alert in alerts:
        alert.told = alert.state if story.firing else Alert.State.RESOLVED
        if lead is not None:
            alert.lead, alert.notified_at = lead, now
            note(alert, now, "notified", said)
        alert.save(update_fields=["told", "lead", "notified_at"])
