"""What access leaves to be done: reset mails, data of deleted projects, rows that are of no use any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q

from tracestore import db
from tracestore.actions.access import Actor, reset_link
from tracestore.actions.traces import delete_project_data, erase_user
from tracestore.channels import email as mail
from tracestore.models.access import (
    ApiKey,
    Invitation,
    Membership,
    PasswordResetRequest,
    Project,
    RedactionRule,
    Throttle,
    User,
)
from tracestore.models.alerts import Channel, Silence, Unsubscription
from tracestore.models.slo import Exclusion, ExclusionProposal, GateOverride, Objective
from tracestore.models.spend import ProjectPrice
from tracestore.queries.access import find_user

MAX_ATTEMPTS = 5
RETRY_AFTER = timedelta(minutes=1)
TOO_LATE = timedelta(minutes=30)  # nobody waits for this mail any more
PURGE_AFTER = timedelta(seconds=60)  # ingest caches keys for 5 s: nothing arrives any more after this
THROTTLE_KEPT = timedelta(days=1)
INVITATION_KEPT = timedelta(days=90)
# What belongs to a project beside its data; alerts go with their objective, deliveries with their channel.
OF_PROJECTS = (
    *(Membership, ApiKey, Invitation, RedactionRule, ProjectPrice),
    *(Objective, Exclusion, ExclusionProposal, Silence, Unsubscription, GateOverride, Channel),
)


@dataclass(frozen=True, slots=True)
class Summary:
    done: int
    failed: int = 0


def send_resets(now: datetime) -> Summary:
    """Mail every link that was asked for, one claim a row, so that two workers send one mail.

    A server that does not take one is asked again in the next run: alerts wait in the same lane.
    """
    done = 0
    for row_id in _due_resets(now):
        if not _send_reset(row_id, now):
            return Summary(done, failed=1)
        done += 1
    return Summary(done)


def purge_projects(now: datetime) -> Summary:
    """Remove the data of projects that were deleted a minute ago or more, then what belonged to them here."""
    due = Project.objects.filter(deleted_at__lt=now - PURGE_AFTER, purged_at=None).order_by("id")
    for project in due:
        delete_project_data(project.id)
        for model in OF_PROJECTS:
            model.objects.filter(project=project).delete()
        Project.objects.filter(id=project.id).update(purged_at=now)
    return Summary(done=len(due))


ASKED = "SELECT id, project, user_id, actor FROM erasure_request ORDER BY id LIMIT 1"


def erase_users(now: datetime) -> Summary:
    """Erase the user whose erasure was asked for first. One a run: the lane has other work. Whatever stopped in the middle is
    done again from the beginning.
    """
    with db.JOBS.connection() as connection:
        asked = connection.execute(ASKED).fetchone()
    if asked is None:
        return Summary(0)
    request_id, project_id, user_id, actor = asked
    erase_user(project_id, user_id, now, Actor(None, actor))
    with db.JOBS.connection() as connection:
        connection.execute("DELETE FROM erasure_request WHERE id = %s", [request_id])
    return Summary(1)


def tidy(now: datetime) -> Summary:
    """Forget expired sessions, old throttle counts, unsent requests and invitations of long ago."""
    expired = [
        Session.objects.filter(expire_date__lt=now),
        Throttle.objects.filter(since__lt=now - THROTTLE_KEPT),
        PasswordResetRequest.objects.filter(requested_at__lt=now - TOO_LATE),
        Invitation.objects.filter(expires_at__lt=now - INVITATION_KEPT),
    ]
    return Summary(done=sum(rows.delete()[0] for rows in expired))


def _due_resets(now: datetime) -> list[int]:
    wanted = PasswordResetRequest.objects.filter(Q(due_at=None) | Q(due_at__lte=now), attempts__lt=MAX_ATTEMPTS)
    return list(wanted.filter(requested_at__gt=now - TOO_LATE).order_by("id").values_list("id", flat=True)[:100])


def _send_reset(row_id: int, now: datetime) -> bool:
    """Whether the row is settled. The claim is committed before the mail leaves; a failure makes it due again."""
    claim = _claim(row_id, now)
    if claim is None:
        return True
    user = find_user(claim.email)
    if user is not None and user.is_active and not _mailed(user):
        return False
    claim.delete()
    return True


def _claim(row_id: int, now: datetime) -> PasswordResetRequest | None:
    with transaction.atomic():
        rows = PasswordResetRequest.objects.select_for_update(skip_locked=True).filter(id=row_id)
        row = rows.filter(Q(due_at=None) | Q(due_at__lte=now)).first()
        if row is not None:
            row.attempts, row.due_at = row.attempts + 1, now + RETRY_AFTER
            row.save(update_fields=["attempts", "due_at"])
    return row


def _mailed(user: User) -> bool:
    try:
        mail.send("reset", user.email, {"email": user.email, "link": reset_link(user)})
    except mail.MailError:
        return False
    return True
