"""How people join and leave a project. Every public function writes exactly one audit entry."""

from datetime import datetime, timedelta

from django.db import transaction

from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.analysis.keys import digest, new_token
from tracestore.models.access import Invitation, Membership, Project, Role, User

INVITATION_LIFETIME = timedelta(days=7)
LAST_OWNER = "A project needs an owner. Make somebody else owner first."
GONE = "This invitation no longer works. Ask for a new one."


@transaction.atomic
def change_role(project_id: int, user_id: int, role: str, now: datetime, actor: Actor) -> None:
    member = _locked_member(project_id, user_id)
    if member.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(project_id, user_id)
    before, member.role = member.role, Role(role)
    member.save(update_fields=["role"])
    record(now, actor, project_id, "member.role", member.user.email, before=before, role=role)


@transaction.atomic
def remove_member(project_id: int, user_id: int, now: datetime, actor: Actor) -> None:
    member = _locked_member(project_id, user_id)
    if member.role == Role.OWNER:
        _keep_an_owner(project_id, user_id)
    email = member.user.email
    member.delete()
    record(now, actor, project_id, "member.remove", email)


@transaction.atomic
def invite(project_id: int, email: str, role: str, now: datetime, actor: Actor) -> str:
    """Make an invitation and return the token for its link, for the only time. email: empty for whoever holds it."""
    token, token_sha256 = new_token()
    Invitation.objects.create(
        project_id=project_id,
        email=email.strip().lower(),
        role=Role(role),
        token_sha256=token_sha256,
        created_by_id=actor.user_id,
        created_at=now,
        expires_at=now + INVITATION_LIFETIME,
    )
    record(now, actor, project_id, "invitation.create", email or "anyone with the link", role=role)
    return token


@transaction.atomic
def revoke_invitation(project_id: int, invitation_id: int, now: datetime, actor: Actor) -> None:
    open_ones = Invitation.objects.filter(project_id=project_id, id=invitation_id, accepted_at=None, revoked_at=None)
    if not open_ones.update(revoked_at=now):
        raise Refused("There is no such invitation, or it is used already.")
    record(now, actor, project_id, "invitation.revoke", str(invitation_id))


@transaction.atomic
def accept_invitation(token: str, user: User, now: datetime, address: str) -> Project:
    """Make the user a member, once. A member keeps the higher role. Raises Refused when the link no longer works."""
    invitation = _locked_invitation(token, now)
    if invitation.email and invitation.email != user.email:
        raise Refused(f"This invitation is for {invitation.email}. Sign in with that address.")
    invitation.accepted_at, invitation.accepted_by = now, user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    project_id, role = invitation.project_id, invitation.role
    member, is_new = Membership.objects.get_or_create(
        project_id=project_id, user=user, defaults={"role": role, "created_at": now}
    )
    if not is_new and _rank(role) > _rank(member.role):
        member.role = role
        member.save(update_fields=["role"])
    record(now, Actor(user.id, user.email, address), project_id, "invitation.accept", user.email, role=role)
    return invitation.project


@transaction.atomic
def register_and_accept(token: str, email: str, name: str, password: str, now: datetime, address: str) -> User:
    """Make an account for whom an invitation brought here, and a member of it. The password was validated."""
    email = email.strip().lower()
    _locked_invitation(token, now)
    if User.objects.filter(email=email).exists():
        raise Refused("There is an account with this address. Sign in, then open the link again.")
    user = User.objects.create_user(email, password, name=name.strip(), created_at=now)
    accept_invitation(token, user, now, address)
    return user


def _locked_invitation(token: str, now: datetime) -> Invitation:
    usable = Invitation.objects.filter(
        token_sha256=digest(token), accepted_at=None, revoked_at=None, expires_at__gt=now, project__deleted_at=None
    )
    invitation = usable.select_for_update(of=("self",)).select_related("project").first()
    if invitation is None:
        raise Refused(GONE)
    return invitation


def _locked_member(project_id: int, user_id: int) -> Membership:
    """All owners of the project are locked with it, so that two removals cannot leave none."""
    list(Membership.objects.filter(project_id=project_id, role=Role.OWNER).order_by("id").select_for_update())
    members = Membership.objects.filter(project_id=project_id, user_id=user_id)
    member = members.select_for_update(of=("self",)).select_related("user").first()
    if member is None:
        raise Refused("This person is not a member of the project.")
    return member


def _keep_an_owner(project_id: int, user_id: int) -> None:
    others = Membership.objects.filter(project_id=project_id, role=Role.OWNER, user__is_active=True)
    if not others.exclude(user_id=user_id).exists():
        raise Refused(LAST_OWNER)


def _rank(role: str) -> int:
    return [Role.VIEWER, Role.EDITOR, Role.OWNER].index(Role(role))
