"""How API keys come and go. Every public function but note_key_used writes exactly one audit entry."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.analysis.keys import new_key
from tracestore.models.access import ApiKey, Scope

USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create_key(project_id: int, scope: str, name: str, expires_at: datetime | None, now: datetime, actor: Actor) -> str:
    """Make a key and return its text, for the only time."""
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise Refused("Give the key a name of at most 80 characters: where will it live?")
    if expires_at is not None and expires_at <= now:
        raise Refused("The key would have expired already; choose a later day.")
    text = insert_key(project_id, Scope(scope), name, now, actor.user_id, expires_at)
    record(now, actor, project_id, "key.create", text[:11], scope=scope, name=name)
    return text


@transaction.atomic
def revoke_key(project_id: int, prefix: str, now: datetime, actor: Actor) -> None:
    """Refused from now on by the API, and within 5 s by ingest, which caches keys for that long."""
    revoked = ApiKey.objects.filter(project_id=project_id, prefix=prefix, revoked_at=None).update(revoked_at=now)
    if not revoked:
        raise Refused("There is no such key, or it is revoked already.")
    record(now, actor, project_id, "key.revoke", f"fl_{prefix}")


def note_key_used(key_id: int, now: datetime) -> None:
    """Remember that a key was used, to the minute. Never call it inside a write transaction of ingest."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    ApiKey.objects.filter(stale, id=key_id).update(last_used_at=now)


def insert_key(
    project_id: int,
    scope: Scope,
    name: str,
    now: datetime,
    created_by_id: int | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a key without an audit entry, for actions that write their own."""
    key = new_key()
    ApiKey.objects.create(
        project_id=project_id,
        prefix=key.prefix,
        sha256=key.sha256,
        scope=scope,
        name=name,
        created_by_id=created_by_id,
        created_at=now,
        expires_at=expires_at,
    )
    return key.text
