"""Who belongs where? Users, memberships, invitations, keys and rules, as the settings pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tracestore.analysis.keys import digest
from tracestore.models.access import ApiKey, Invitation, Membership, Project, RedactionRule, Role, User

RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}


@dataclass(frozen=True, slots=True)
class ProjectRow:
    id: int
    slug: str
    name: str
    role: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberRow:
    user_id: int
    email: str
    name: str
    role: str
    is_active: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class InvitationRow:
    id: int
    email: str
    role: str
    created_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """state: active | expired | revoked."""

    prefix: str
    name: str
    scope: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    state: str


def at_least(role: str, needed: str) -> bool:
    """Whether `role` may do what `needed` may: owner > editor > viewer."""
    return RANK[Role(role)] >= RANK[Role(needed)]


def projects_of(user_id: int) -> list[ProjectRow]:
    """The projects a user belongs to, by name."""
    memberships = Membership.objects.filter(user_id=user_id, project__deleted_at=None)
    found = memberships.select_related("project").order_by("project__name", "project_id")
    return [ProjectRow(m.project_id, m.project.slug, m.project.name, m.role, m.project.created_at) for m in found]


def find_membership(user_id: int, slug: str) -> tuple[Project, str] | None:
    """The project with this slug and the user's role in it; None alike when there is none and when it is not theirs."""
    memberships = Membership.objects.filter(user_id=user_id, project__slug=slug, project__deleted_at=None)
    found = memberships.select_related("project").first()
    return (found.project, found.role) if found else None


def members_of(project_id: int) -> list[MemberRow]:
    """Owners first, then by address."""
    found = Membership.objects.filter(project_id=project_id).select_related("user")
    rows = [MemberRow(m.user_id, m.user.email, m.user.name, m.role, m.user.is_active, m.created_at) for m in found]
    return sorted(rows, key=lambda row: (-RANK[Role(row.role)], row.email))


def open_invitations(project_id: int, now: datetime) -> list[InvitationRow]:
    """Invitations that still work, newest first."""
    found = _open(now).filter(project_id=project_id).select_related("created_by").order_by("-id")
    return [InvitationRow(i.id, i.email, i.role, _email(i.created_by), i.expires_at) for i in found]


def find_invitation(token: str, now: datetime) -> Invitation | None:
    """The invitation behind a link, while it works."""
    return _open(now).filter(token_sha256=digest(token)).select_related("project", "created_by").first()


def keys_of(project_id: int, now: datetime) -> list[ApiKeyRow]:
    """All keys, newest first; those that no longer work last."""
    found = ApiKey.objects.filter(project_id=project_id).select_related("created_by").order_by("-id")
    return sorted((_key_row(key, now) for key in found), key=lambda row: row.state != "active")


def rules_of(project_id: int) -> Sequence[RedactionRule]:
    """All redaction rules, enabled or not, oldest first."""
    return RedactionRule.objects.filter(project_id=project_id).order_by("id")


def find_user(email: str) -> User | None:
    """The account with this address, in any case."""
    return User.objects.filter(email=email.strip().lower()).first()


def active_user(user_id: int) -> User | None:
    """The account with this id, unless it is deactivated. Any integer may be asked for."""
    return User.objects.filter(id=user_id, is_active=True).first() if 0 < user_id < 2**63 else None


def _key_row(key: ApiKey, now: datetime) -> ApiKeyRow:
    expired = key.expires_at is not None and key.expires_at <= now
    return ApiKeyRow(
        prefix=key.prefix,
        name=key.name,
        scope=key.scope,
        created_by=_email(key.created_by),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        state="revoked" if key.revoked_at else "expired" if expired else "active",
    )


def _open(now: datetime):  # type: ignore[no-untyped-def]  # a QuerySet; django ships no types
    return Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=now, project__deleted_at=None)


def _email(user: User | None) -> str:
    return user.email if user else ""
