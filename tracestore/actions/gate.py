"""Someone answers for a release that the gate freezes: for at most a day, with a reason, in the audit log."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.models.slo import GateOverride

LONGEST: Final = timedelta(hours=24)
MOST_OPEN: Final = 100


@dataclass(frozen=True, slots=True)
class OverrideDraft:
    """version: "" = any of the service. author: who answers for it, a name or an address."""

    service: str
    version: str
    reason: str
    author: str
    expires_at: datetime


@transaction.atomic
def override_gate(project_id: int, draft: OverrideDraft, actor: Actor, now: datetime) -> GateOverride:
    """One audit entry. Raises Refused."""
    for name in ("service", "reason", "author"):
        if not getattr(draft, name).strip():
            raise Refused(f"{name}: say something; an override is answered for.")
    if not now < draft.expires_at <= now + LONGEST:
        raise Refused("expires_at: must lie in the future, at most 24 hours ahead.")
    if GateOverride.objects.filter(project_id=project_id, expires_at__gt=now).count() >= MOST_OPEN:
        raise Refused(f"A project can have {MOST_OPEN} overrides at a time; wait until one ends.")
    made = GateOverride.objects.create(
        project_id=project_id,
        service=draft.service.strip(),
        version=draft.version.strip(),
        reason=draft.reason.strip(),
        author=draft.author.strip(),
        expires_at=draft.expires_at,
        created_at=now,
    )
    detail = {"author": made.author, "reason": made.reason, "until": made.expires_at.isoformat()}
    record(now, actor, project_id, "gate.override", f"{made.service} {made.version}".strip(), **detail)
    return made
