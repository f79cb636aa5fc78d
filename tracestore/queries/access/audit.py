"""Who did what, when? One page of the audit log, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tracestore.models.access import AuditEntry


@dataclass(frozen=True, slots=True)
class AuditRow:
    id: int
    at: datetime
    actor: str
    action: str
    target: str
    details: Sequence[tuple[str, Any]]
    address: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """entries: newest first. next_before: pass as `before` for the next page; None on the last."""

    entries: Sequence[AuditRow]
    next_before: int | None


def find_audit_entries(
    project_id: int | None, actor: str = "", action: str = "", before: int | None = None, limit: int = 50
) -> AuditPage:
    """Entries of a project, or of the instance (project_id None); actor and action match a part of the text."""
    entries = AuditEntry.objects.filter(project_id=project_id)
    if actor:
        entries = entries.filter(actor__icontains=actor)
    if action:
        entries = entries.filter(action__icontains=action)
    if before is not None:
        entries = entries.filter(id__lt=before)
    found = list(entries.order_by("-id")[: limit + 1])
    rows = [
        AuditRow(e.id, e.at, e.actor, e.action, e.target, tuple(e.detail.items()), e.address) for e in found[:limit]
    ]
    return AuditPage(rows, rows[-1].id if len(found) > limit else None)
