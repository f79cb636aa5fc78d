"""How accounts and projects change. Every public function writes exactly one audit entry, in its own transaction."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.text import slugify

from tracestore.analysis.keys import new_key
from tracestore.models.access import ApiKey, AuditEntry, Membership, Project, Role, Scope, User

FIRST_PROJECT = "default"
FIRST_ADMIN = "admin@fourline.local"
BOOTSTRAP_LOCK = 4_100_001  # pg_advisory_xact_lock: two processes may start at once


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change. name: an e-mail address, `key fl_<prefix>` or `command line`. address: the client's IP."""

    user_id: int | None
    name: str
    address: str = ""


COMMAND_LINE = Actor(None, "command line")


class Refused(Exception):
    """The change makes no sense or is not allowed; the text tells the person what to do."""


def record(now: datetime, actor: Actor, project_id: int | None, action: str, target: str = "", **detail: Any) -> None:
    """Append to the audit log. target and detail never hold a secret."""
    AuditEntry.objects.create(
        at=now,
        project_id=project_id,
        user_id=actor.user_id,
        actor=actor.name[:254],
        action=action,
        target=target[:254],
        detail=detail,
        address=actor.address[:64],
    )


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the first start leaves in credentials.json (with the URL)."""

    admin_user: str
    admin_password: str
    project: str
    ingest_key: str
    read_key: str


@transaction.atomic
def bootstrap(now: datetime) -> Credentials | None:
    """Make the first administrator, project and keys; None when there is a user already."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [BOOTSTRAP_LOCK])
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(18)
    admin = User.objects.create_user(FIRST_ADMIN, password, name="Administrator", is_admin=True, created_at=now)
    project = _insert_project(FIRST_PROJECT, now)
    Membership.objects.create(project=project, user=admin, role=Role.OWNER, created_at=now)
    ingest_key = _insert_key(project, Scope.INGEST, "first ingest key", now)
    read_key = _insert_key(project, Scope.READ, "first read key", now)
    record(now, COMMAND_LINE, project.id, "instance.bootstrap", admin.email)
    return Credentials(admin.email, password, project.slug, ingest_key, read_key)


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project and its first keys, which are shown once."""

    id: int
    project: str  # the slug
    ingest_key: str
    read_key: str
    write_key: str


@transaction.atomic
def create_project(name: str, now: datetime, actor: Actor = COMMAND_LINE) -> NewProject:
    """Make a project with one key a scope. Its owner is the actor; from the command line, every administrator."""
    project = _insert_project(name, now)
    for user in _first_owners(actor):
        Membership.objects.create(project=project, user=user, role=Role.OWNER, created_at=now)
    keys = [_insert_key(project, scope, f"first {scope} key", now, actor.user_id) for scope in Scope]
    record(now, actor, project.id, "project.create", project.slug)
    return NewProject(project.id, project.slug, *keys)


def _first_owners(actor: Actor) -> list[User]:
    if actor.user_id is not None:
        return list(User.objects.filter(id=actor.user_id))
    return list(User.objects.filter(is_admin=True, is_active=True))


def _insert_project(name: str, now: datetime) -> Project:
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise Refused("A project needs a name of at most 80 characters.")
    return Project.objects.create(name=name, slug=_free_slug(name), created_at=now)


def _free_slug(name: str) -> str:
    """The name in a URL, with a number behind it where another project has it already."""
    base = slugify(name)[:50] or "project"
    taken = set(Project.objects.filter(slug__startswith=base, deleted_at=None).values_list("slug", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (base, *numbered) if slug not in taken)


def _insert_key(
    project: Project,
    scope: Scope,
    name: str,
    now: datetime,
    created_by_id: int | None = None,
    expires_at: datetime | None = None,
) -> str:
    key = new_key()
    ApiKey.objects.create(
        project=project,
        prefix=key.prefix,
        sha256=key.sha256,
        scope=scope,
        name=name,
        created_by_id=created_by_id,
        created_at=now,
        expires_at=expires_at,
    )
    return key.text
