"""Times that count for nothing: how they come and go. Every public function writes exactly one audit entry."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.models.alerts import Alert, Severity
from tracestore.models.slo import Exclusion, ExclusionProposal, Objective

PAGE_LOOKS_BACK: Final = timedelta(hours=6)  # the events that a page was about lie within its long window
LONGEST: Final = timedelta(days=31)
MOST_OPEN: Final = 200


@dataclass(frozen=True, slots=True)
class ExclusionDraft:
    """[starts_at, ends_at), aware; whole minutes of it are taken. objective: a name; None = all of the project."""

    starts_at: datetime
    ends_at: datetime
    reason: str
    category: str = "maintenance"
    objective: str | None = None


@transaction.atomic
def add_exclusion(project_id: int, draft: ExclusionDraft, actor: Actor, now: datetime) -> Exclusion | ExclusionProposal:
    """It holds at once; over a page that was sent it is a proposal, until a second person confirms it. Raises Refused."""
    _refuse_nonsense(draft)
    objective = _objective(project_id, draft.objective)
    of_project = Exclusion.objects.filter(project_id=project_id, ends_at__gt=now)
    if of_project.count() + ExclusionProposal.objects.filter(project_id=project_id).count() >= MOST_OPEN:
        raise Refused(f"A project can have {MOST_OPEN} exclusions ahead. Remove one first.")
    starts_at, ends_at = _minute(draft.starts_at), _minute(draft.ends_at)
    proposed = covers_page(project_id, objective, starts_at, ends_at, now)
    kind: type[Exclusion | ExclusionProposal] = ExclusionProposal if proposed else Exclusion
    made: Exclusion | ExclusionProposal = kind.objects.create(
        project_id=project_id,
        objective=objective,
        starts_at=starts_at,
        ends_at=ends_at,
        category=draft.category,
        reason=draft.reason.strip(),
        author=actor.name[:254],
        created_at=now,
    )
    _record(now, actor, made, "exclusion.propose" if proposed else "exclusion.add")
    return made


@transaction.atomic
def confirm_exclusion(project_id: int, proposal_id: int, actor: Actor, now: datetime) -> Exclusion:
    """By a second person. Raises Refused for whoever proposed it, and for a key: it is nobody."""
    proposal = _locked_proposal(project_id, proposal_id)
    if actor.user_id is None or actor.name == proposal.author:
        raise Refused("This covers a page that was sent: somebody else must confirm it.")
    exclusion = Exclusion.objects.create(
        project_id=project_id,
        objective_id=proposal.objective_id,
        starts_at=proposal.starts_at,
        ends_at=proposal.ends_at,
        category=proposal.category,
        reason=proposal.reason,
        author=proposal.author,
        confirmed_by=actor.name[:254],
        created_at=now,
    )
    proposal.delete()
    _record(now, actor, exclusion, "exclusion.confirm", proposed_by=exclusion.author)
    return exclusion


@transaction.atomic
def decline_exclusion(project_id: int, proposal_id: int, actor: Actor, now: datetime) -> None:
    """By anybody who may change objectives; whoever proposed it takes it back. Raises Refused."""
    proposal = _locked_proposal(project_id, proposal_id)
    _record(now, actor, proposal, "exclusion.decline", proposed_by=proposal.author)
    proposal.delete()


@transaction.atomic
def end_exclusion(project_id: int, exclusion_id: int, actor: Actor, now: datetime) -> None:
    """One that runs ends with this minute; one that has not begun, or is over, goes: its minutes count (again).

    Raises Refused when there is no such exclusion.
    """
    exclusion = Exclusion.objects.filter(project_id=project_id, id=exclusion_id).select_for_update().first()
    if exclusion is None:
        raise Refused("There is no such exclusion.")
    minute = _minute(now)
    if not exclusion.starts_at < minute < exclusion.ends_at:
        _record(now, actor, exclusion, "exclusion.remove")
        exclusion.delete()
        return
    exclusion.ends_at = minute
    exclusion.save(update_fields=["ends_at"])
    _record(now, actor, exclusion, "exclusion.end")


def covers_page(
    project_id: int, objective: Objective | None, starts_at: datetime, ends_at: datetime, now: datetime
) -> bool:
    """Would it take back what a page was sent for? Then somebody could hide what went wrong, alone."""
    if starts_at >= _minute(now):
        return False
    pages = Alert.objects.filter(
        Q(resolved_at=None) | Q(resolved_at__gt=starts_at),
        project_id=project_id,
        severity=Severity.PAGE,
        fired_at__lt=min(ends_at, now) + PAGE_LOOKS_BACK,
    )
    return pages.filter(Q() if objective is None else Q(objective=objective)).exists()


def _refuse_nonsense(draft: ExclusionDraft) -> None:
    reason = draft.reason.strip()
    if not reason or len(reason) > 500:
        raise Refused("Give a reason, in at most 500 characters: it is kept in the audit log.")
    if draft.category not in Exclusion.Category.values:
        raise Refused(f"A category is one of {', '.join(Exclusion.Category.values)}.")
    if _minute(draft.ends_at) <= _minute(draft.starts_at):
        raise Refused("It must end at least a minute after it begins.")
    if draft.ends_at - draft.starts_at > LONGEST:
        raise Refused(f"It lasts at most {LONGEST.days} days.")


def _objective(project_id: int, name: str | None) -> Objective | None:
    if name is None:
        return None
    objective = Objective.objects.filter(project_id=project_id, name=name, deleted_at=None).first()
    if objective is None:
        raise Refused("There is no such objective.")
    return objective


def _locked_proposal(project_id: int, proposal_id: int) -> ExclusionProposal:
    found = ExclusionProposal.objects.filter(project_id=project_id, id=proposal_id)
    proposal = found.select_for_update().first()
    if proposal is None:
        raise Refused("There is no such proposal; it may have been confirmed already.")
    return proposal


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _record(now: datetime, actor: Actor, excluded: Exclusion | ExclusionProposal, action: str, **detail: Any) -> None:
    target = excluded.objective.name if excluded.objective else "all objectives"
    record(
        now,
        actor,
        excluded.project_id,
        action,
        target,
        starts_at=excluded.starts_at.isoformat(),
        ends_at=excluded.ends_at.isoformat(),
        category=excluded.category,
        reason=excluded.reason,
        **detail,
    )
