"""What people do about alerts: acknowledge, say what became of the action, silence. Each change writes one audit entry."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.models.alerts import Alert, AlertEvent, Severity, Silence
from tracestore.models.slo import Objective

LONGEST_SILENCE: Final = timedelta(days=30)  # never for ever: what is silenced longer should be no alert
NO_ALERT: Final = "There is no such alert."


@dataclass(frozen=True, slots=True)
class SilenceDraft:
    """What to be quiet about. objective_id None, service "", severity "": any. comment: why, for those who wonder."""

    comment: str
    ends_at: datetime
    starts_at: datetime | None = None  # None = now
    objective_id: int | None = None
    service: str = ""
    severity: str = ""


@transaction.atomic
def acknowledge(alert_id: UUID | str, project_id: int, actor: Actor, now: datetime) -> None:
    """Somebody is at it: no reminders any more; whoever did it first stays named. Raises Refused."""
    alert = _locked(alert_id, project_id)
    if alert.state != Alert.State.FIRING:
        raise Refused("The alert is resolved already.")
    if alert.acknowledged_at is not None:
        return
    alert.acknowledged_at, alert.acknowledged_by = now, actor.name[:254]
    alert.save(update_fields=["acknowledged_at", "acknowledged_by"])
    note(alert, now, "acknowledged", actor=actor.name)
    record(now, actor, project_id, "alert.acknowledge", alert.title, alert=str(alert.pk))


@transaction.atomic
def record_outcome(
    alert_id: UUID | str, project_id: int, outcome: str, actor: Actor, now: datetime, text: str = ""
) -> None:
    """What became of the proposed action: taken, worked, failed or declined; text: in the person's words. Raises Refused."""
    if outcome not in Alert.Outcome.values or outcome == Alert.Outcome.PROPOSED:
        raise Refused("Say one of: taken, worked, failed, declined.")
    alert = _locked(alert_id, project_id)
    alert.outcome, alert.outcome_by, alert.outcome_at = outcome, actor.name[:254], now
    alert.save(update_fields=["outcome", "outcome_by", "outcome_at"])
    said = f"{alert.action}: {Alert.Outcome(outcome).label.lower()}" + f" ({text.strip()})" * bool(text.strip())
    note(alert, now, "outcome", said, actor.name)
    record(now, actor, project_id, "alert.outcome", alert.title, alert=str(alert.pk), outcome=outcome)


@transaction.atomic
def create_silence(project_id: int, draft: SilenceDraft, actor: Actor, now: datetime) -> int:
    """Returns the silence's id. Raises Refused."""
    starts_at = draft.starts_at or now
    _check(project_id, draft, starts_at, now)
    silence = Silence.objects.create(
        project_id=project_id,
        objective_id=draft.objective_id,
        service=draft.service,
        severity=draft.severity,
        comment=draft.comment.strip()[:500],
        author=actor.name[:254],
        starts_at=starts_at,
        ends_at=draft.ends_at,
        created_at=now,
    )
    until = draft.ends_at.isoformat(timespec="minutes")
    record(now, actor, project_id, "silence.create", f"#{silence.pk}", until=until, comment=silence.comment)
    return int(silence.pk)


def _check(project_id: int, draft: SilenceDraft, starts_at: datetime, now: datetime) -> None:
    if not draft.comment.strip():
        raise Refused("Say why, for those who wonder where the alerts are.")
    if draft.ends_at <= max(starts_at, now):
        raise Refused("The silence must end after it starts, and in the future.")
    if draft.ends_at - starts_at > LONGEST_SILENCE:
        raise Refused(f"A silence lasts {LONGEST_SILENCE.days} days at most. Disable the objective instead.")
    if draft.severity and draft.severity not in Severity.values:
        raise Refused("Severity is page or ticket, or empty for both.")
    if draft.objective_id is not None and not _has(project_id, draft.objective_id):
        raise Refused("There is no such objective.")


def _has(project_id: int, objective_id: int) -> bool:
    return bool(Objective.objects.filter(project_id=project_id, id=objective_id, deleted_at=None).exists())


@transaction.atomic
def end_silence(silence_id: int, project_id: int, actor: Actor, now: datetime) -> None:
    """Now; one that has not begun goes. Raises Refused."""
    silence = Silence.objects.filter(project_id=project_id, id=silence_id).select_for_update().first()
    if silence is None:
        raise Refused("There is no such silence.")
    if silence.ends_at <= now:
        return
    if silence.starts_at >= now:
        silence.delete()
    else:
        silence.ends_at = now
        silence.save(update_fields=["ends_at"])
    record(now, actor, project_id, "silence.end", f"#{silence_id}", comment=silence.comment)


def note(alert: Alert, at: datetime, kind: str, text: str = "", actor: str = "") -> None:
    """One more line of the alert's history."""
    AlertEvent.objects.create(alert=alert, at=at, kind=kind, text=text[:500], actor=actor[:254])


def _locked(alert_id: UUID | str, project_id: int) -> Alert:
    try:
        wanted = UUID(str(alert_id))
    except ValueError as error:
        raise Refused(NO_ALERT) from error
    alert = Alert.objects.filter(project_id=project_id, id=wanted).select_for_update().first()
    if alert is None:
        raise Refused(NO_ALERT)
    return alert
