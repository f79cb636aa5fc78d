"""Releases that somebody tells us of are kept, each once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction

from tracestore.actions.access.audit import Refused
from tracestore.analysis.evaluations import hash_of
from tracestore.models.access import Project
from tracestore.models.versions import Release

MOST_A_DAY = 1_000  # of one project: an ingest key may be in many hands


@dataclass(frozen=True, slots=True)
class ReleaseNote:
    """As it was sent and checked. id: what makes it the same when it is sent again. released_at: None = now."""

    service: str
    version: str
    environment: str = ""
    released_at: datetime | None = None
    name: str = ""
    url: str = ""
    commit: str = ""
    description: str = ""
    id: str = ""


@transaction.atomic
def note_release(project_id: int, note: ReleaseNote, now: datetime) -> tuple[Release, bool]:
    """(the release, whether it is new). The same id again is the same release and changes what is known of it; its time
    stays unless another is given.

    Without an id the service, version, environment and time make it what it is. Raises Refused.
    """
    Project.objects.select_for_update().get(pk=project_id)
    key = _key(note, now)
    known = Release.objects.filter(project_id=project_id, key=key).first()
    recent = Release.objects.filter(project_id=project_id, created_at__gt=now - timedelta(days=1))
    if known is None and recent.count() >= MOST_A_DAY:
        raise Refused(f"This project was told of {MOST_A_DAY:,} releases within a day; send fewer.")
    release = known or Release(project_id=project_id, key=key, created_at=now, released_at=now)
    for name in ("service", "version", "environment", "name", "url", "commit", "description"):
        setattr(release, name, getattr(note, name))
    release.released_at = note.released_at or release.released_at
    release.save()
    return release, known is None


def _key(note: ReleaseNote, now: datetime) -> str:
    when = (note.released_at or now).astimezone(UTC).isoformat()
    named = ("id", note.id) if note.id else ("said", note.service, note.version, note.environment, when)
    return hash_of(*named).hex()
