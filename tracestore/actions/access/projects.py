"""How projects begin, change and end. Every public function writes exactly one audit entry."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils.text import slugify

from tracestore.actions.access.audit import COMMAND_LINE, Actor, Refused, mask, record
from tracestore.actions.access.keys import insert_key
from tracestore.analysis.retention import SIGNALS, Kept, kept
from tracestore.models.access import (
    MAX_RETENTION_DAYS,
    ApiKey,
    Invitation,
    Membership,
    Project,
    Role,
    Scope,
    User,
)

FIRST_PROJECT = "default"
FIRST_ADMIN = "admin@fourline.local"
BOOTSTRAP_LOCK = 4_100_001  # pg_advisory_xact_lock: two processes may start at once


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
    ingest_key = insert_key(project.id, Scope.INGEST, "first ingest key", now)  # type: ignore[arg-type]
    read_key = insert_key(project.id, Scope.READ, "first read key", now)  # type: ignore[arg-type]
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
    keys = [insert_key(project.id, scope, f"first {scope} key", now, actor.user_id) for scope in Scope]  # type: ignore[attr-defined]
    record(now, actor, project.id, "project.create", project.slug)
    return NewProject(project.id, project.slug, *keys)


def _first_owners(actor: Actor) -> list[User]:
    if actor.user_id is not None:
        return list(User.objects.filter(id=actor.user_id))
    return list(User.objects.filter(is_admin=True, is_active=True))


def _insert_project(name: str, now: datetime) -> Project:
    name = clean_name(name)
    return Project.objects.create(name=name, slug=_free_slug(name), created_at=now)


def clean_name(name: str) -> str:
    """A project's name, single spaces. Raises Refused when empty, too long or not printable."""
    name = " ".join(name.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise Refused("A project needs a name of at most 80 printable characters.")
    return name


def _free_slug(name: str) -> str:
    """The name in a URL, with a number behind it where another project has it already."""
    base = slugify(name)[:50] or "project"
    taken = set(Project.objects.filter(slug__startswith=base, deleted_at=None).values_list("slug", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (base, *numbered) if slug not in taken)


@dataclass(frozen=True, slots=True)
class KeepFor:
    """For how many days a project keeps its signals. None: as long as traces."""

    traces: int
    texts: int | None = None
    logs: int | None = None
    metrics: int | None = None

    def given(self) -> list[int]:
        return [days for days in (self.traces, self.texts, self.logs, self.metrics) if days is not None]

    def is_shorter(self, than: "KeepFor") -> bool:
        mine, theirs = _resolved(self), _resolved(than)
        return any(mine.days(signal) < theirs.days(signal) for signal in SIGNALS)

    def __str__(self) -> str:
        named = (("texts", self.texts), ("logs", self.logs), ("metrics", self.metrics))
        return "".join([f"{self.traces} days", *(f", {name} {days} days" for name, days in named if days is not None)])


def _resolved(one: KeepFor) -> Kept:
    return kept(0, one.traces, one.texts, one.logs, one.metrics)


@transaction.atomic
def change_project(project_id: int, name: str, keep: KeepFor, now: datetime, actor: Actor) -> None:
    """Rename a project (its address stays) and set how long it keeps data. What is shortened is removed within minutes."""
    if not all(1 <= days <= MAX_RETENTION_DAYS for days in keep.given()):
        raise Refused(f"Keep data for 1 to {MAX_RETENTION_DAYS} days.")
    if keep.texts is not None and keep.texts > keep.traces:
        raise Refused("Texts belong to spans: they cannot be kept for longer than traces.")
    project = Project.objects.select_for_update().get(id=project_id, deleted_at=None)
    former = kept_for(project)
    before = f"{project.name}, {former}"
    project.name, project.retention_days = clean_name(name), keep.traces
    project.text_retention_days, project.log_retention_days = keep.texts, keep.logs
    project.metric_retention_days = keep.metrics
    if keep.is_shorter(former):
        project.retention_changed_at = now
    project.save()
    record(now, actor, project_id, "project.change", project.slug, before=before, after=f"{project.name}, {keep}")


def kept_for(project: Project) -> KeepFor:
    return KeepFor(
        project.retention_days, project.text_retention_days, project.log_retention_days, project.metric_retention_days
    )


@transaction.atomic
def delete_project(project_id: int, typed_name: str, now: datetime, actor: Actor) -> None:
    """Close a project at once; jobs.access removes its data. typed_name: its name, as the owner typed it."""
    project = Project.objects.select_for_update().get(id=project_id, deleted_at=None)
    if typed_name.strip() != project.name:
        raise Refused("Type the name of the project exactly as it stands above.")
    project.deleted_at = now
    project.save(update_fields=["deleted_at"])
    ApiKey.objects.filter(project_id=project_id, revoked_at=None).update(revoked_at=now)
    Invitation.objects.filter(project_id=project_id, accepted_at=None, revoked_at=None).update(revoked_at=now)
    record(now, actor, project_id, "project.delete", project.slug)


REQUEST = "INSERT INTO erasure_request (project, user_id, actor, requested_at) VALUES (%s, %s, %s, %s)"


@transaction.atomic
def request_erasure(project_id: int, user_id: str, now: datetime, actor: Actor) -> None:
    """Ask for all of a user to be erased; jobs.access.erase_users does it. One audit entry now, and one when it is done."""
    if not user_id:
        raise Refused("Name the user.")
    with connection.cursor() as cursor:
        cursor.execute(REQUEST, [project_id, user_id, actor.name[:254], now])
    record(now, actor, project_id, "user.erase.request", mask(user_id))


PERMIT = """
INSERT INTO partition_clock AS clock (id, last_run, steady_since, permitted_at) VALUES (1, %(now)s, %(now)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET permitted_at = %(now)s
"""


@transaction.atomic
def permit_removal(now: datetime, actor: Actor) -> None:
    """Say that the clock is right: for a day, jobs.partitions removes whatever is due, however much it is."""
    with connection.cursor() as cursor:
        cursor.execute(PERMIT, {"now": now})
    record(now, actor, None, "retention.permit", "all that is due")
