"""How a file of objectives becomes those of a project: what is new is made, what differs is changed, all of it or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from django.db import transaction

from tracestore.actions.access.audit import Actor
from tracestore.actions.objectives import (
    check_for,
    create_objective,
    delete_objective,
    draft_of,
    update_objective,
)
from tracestore.analysis.openslo.exporting import document_of
from tracestore.analysis.openslo.importing import Imported
from tracestore.analysis.openslo.notes import Note
from tracestore.analysis.slo.drafts import ObjectiveDraft
from tracestore.models.access import Project
from tracestore.models.slo import Objective


@dataclass(slots=True)
class Applied:
    """Names of objectives. changed: with the fields that differ. notes: with an error among them nothing was done."""

    notes: list[Note]
    created: list[str] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(note.level == "error" for note in self.notes)


@transaction.atomic
def apply_objectives(
    project_id: int, imported: Imported, actor: Actor, now: datetime, *, prune: bool = False, dry_run: bool = False
) -> Applied:
    """prune: delete the project's objectives that the file does not hold. dry_run: say what would be done.

    Raises Refused where a project cannot have so many.
    """
    Project.objects.select_for_update().get(pk=project_id)
    known = _drafts_of(project_id)
    applied = Applied([*imported.notes, *_problems(project_id, imported, known)])
    if applied.failed:
        return applied
    for draft in imported.drafts:
        _sort_in(draft, known.get(draft.name), applied)
    if prune:
        applied.deleted = sorted(known.keys() - {draft.name for draft in imported.drafts})
    if not dry_run:
        _perform(project_id, imported.drafts, applied, actor, now)
    return applied


def _drafts_of(project_id: int) -> dict[str, ObjectiveDraft]:
    found = Objective.objects.filter(project_id=project_id, deleted_at=None).order_by("name")
    return {objective.name: draft_of(objective) for objective in found}


def _problems(project_id: int, imported: Imported, known: dict[str, ObjectiveDraft]) -> list[Note]:
    return [
        Note(problem.severity, f"{imported.documents[draft.name]}, objective {draft.name}", problem.field, problem.text)
        for draft in imported.drafts
        for problem in check_for(project_id, draft, draft.name if draft.name in known else None)
    ]


def _sort_in(draft: ObjectiveDraft, was: ObjectiveDraft | None, applied: Applied) -> None:
    if was is None:
        applied.created.append(draft.name)
    elif differing := differences(was, draft):
        applied.changed[draft.name] = differing
    else:
        applied.unchanged.append(draft.name)


def differences(a: ObjectiveDraft, b: ObjectiveDraft) -> list[str]:
    """The fields that do not mean the same."""
    return [one.name for one in fields(ObjectiveDraft) if _meaning(a, one.name) != _meaning(b, one.name)]


def _meaning(draft: ObjectiveDraft, name: str) -> Any:
    value = getattr(draft, name)
    if name != "rules" or value is None:
        return value
    return [{"pending_s": 0, **rule} for rule in value]


def _perform(project_id: int, drafts: Sequence[ObjectiveDraft], applied: Applied, actor: Actor, now: datetime) -> None:
    for name in applied.deleted:  # first: there is a limit on how many there may be
        delete_objective(project_id, name, actor, now)
    for draft in drafts:
        if draft.name in applied.created:
            create_objective(project_id, draft, actor, now)
        elif draft.name in applied.changed:
            update_objective(project_id, draft.name, draft, actor, now)


def export_objectives(project_id: int) -> list[dict[str, Any]]:
    """Documents of all objectives of a project, by name; applying them changes nothing."""
    return [document_of(draft) for draft in _drafts_of(project_id).values()]
