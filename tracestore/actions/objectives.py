"""How objectives change. Every public function but `check_for` writes exactly one audit entry, with the change."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.actions.alerts.raising import watch_anew
from tracestore.analysis.slo.drafts import ObjectiveDraft, check
from tracestore.analysis.slo.problems import Problem, error
from tracestore.models.access import Project
from tracestore.models.alerts import Channel
from tracestore.models.slo import Objective
from tracestore.queries.slo import ObjectiveRow

__all__ = [
    "InvalidObjective",
    "ObjectiveDraft",
    "Problem",
    "check",
    "check_for",
    "create_objective",
    "delete_objective",
    "draft_of",
    "update_objective",
]
MOST_OBJECTIVES: Final = 1_000
COUNTED: Final = ("unit", "total_q", "part_q", "part")  # what changes counts; anything else is read with them
_FIELDS: Final = tuple(field.name for field in fields(ObjectiveDraft))


class InvalidObjective(Refused):
    """It cannot be saved. problems: all of them, warnings too."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(f"{one.field}: {one.text}" for one in problems if one.is_error))
        self.problems = tuple(problems)


def check_for(project_id: int, draft: ObjectiveDraft, name: str | None = None) -> list[Problem]:
    """`check`, and what depends on the project: a free name, known channels. name: of the objective that is changed."""
    return [*check(draft), *_taken(project_id, draft, name), *_unknown_channels(project_id, draft)]


@transaction.atomic
def create_objective(project_id: int, draft: ObjectiveDraft, actor: Actor, now: datetime) -> Objective:
    """Counted backwards over what is stored from the next minute on. Raises InvalidObjective, Refused."""
    _lock(project_id)
    if Objective.objects.filter(project_id=project_id, deleted_at=None).count() >= MOST_OBJECTIVES:
        raise Refused(f"A project can have {MOST_OBJECTIVES:,} objectives. Delete one first.")
    _refuse_errors(check_for(project_id, draft))
    objective = Objective(project_id=project_id, created_at=now, updated_at=now, **_values(draft))
    objective.save()
    record(now, actor, project_id, "objective.create", draft.name, is_now=_told(_values(draft)))
    return objective


@transaction.atomic
def update_objective(project_id: int, name: str, draft: ObjectiveDraft, actor: Actor, now: datetime) -> Objective:
    """The draft in place of the objective `name`; it may have another name. What is counted differently is counted again.

    One that was disabled is evaluated from now on. Raises InvalidObjective, Refused when there is no such objective.
    """
    _lock(project_id)
    objective = _locked(project_id, name)
    _refuse_errors(check_for(project_id, draft, name))
    values, was = _values(draft), {field: getattr(objective, field) for field in _FIELDS}
    changed = [field for field in _FIELDS if values[field] != was[field]]
    for field in changed:
        setattr(objective, field, values[field])
    objective.revision += any(field in COUNTED for field in changed)
    objective.updated_at = now
    objective.save()
    if "enabled" in changed and objective.enabled:
        watch_anew(objective.pk, now)
    before, after = ({field: of[field] for field in changed} for of in (was, values))
    record(now, actor, project_id, "objective.change", name, was=_told(before), is_now=_told(after))
    return objective


@transaction.atomic
def delete_objective(project_id: int, name: str, actor: Actor, now: datetime) -> None:
    """Its name is free at once; its alerts stay to be read. Raises Refused when there is no such objective."""
    objective = _locked(project_id, name)
    objective.deleted_at = objective.updated_at = now
    objective.enabled = False
    objective.save(update_fields=["deleted_at", "updated_at", "enabled"])
    record(now, actor, project_id, "objective.delete", name)


def draft_of(objective: Objective | ObjectiveRow) -> ObjectiveDraft:
    """As it is saved, to change a field of it."""
    values = {field: getattr(objective, field) for field in _FIELDS}
    return ObjectiveDraft(**(values | {"notify": tuple(objective.notify)}))


def _values(draft: ObjectiveDraft) -> dict[str, Any]:
    values = {field: getattr(draft, field) for field in _FIELDS}
    return values | {"notify": list(draft.notify), "origin": dict(draft.origin)}


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """What the audit log says of fields: those that say something, as JSON knows them; the origin is a whole document."""
    plain = (bool, int, list, type(None))
    return {
        field: value if isinstance(value, plain) else str(value)
        for field, value in values.items()
        if value not in ("", None, [], {}) and field != "origin"
    }


def _lock(project_id: int) -> None:
    """Two objectives of a name cannot come at the same time."""
    Project.objects.select_for_update().get(pk=project_id)


def _locked(project_id: int, name: str) -> Objective:
    found = Objective.objects.filter(project_id=project_id, name=name, deleted_at=None)
    objective = found.select_for_update().first()
    if objective is None:
        raise Refused("There is no such objective.")
    return objective


def _refuse_errors(problems: Sequence[Problem]) -> None:
    if any(one.is_error for one in problems):
        raise InvalidObjective(problems)


def _taken(project_id: int, draft: ObjectiveDraft, name: str | None) -> list[Problem]:
    same = Objective.objects.filter(project_id=project_id, name=draft.name, deleted_at=None)
    if draft.name == name or not same.exists():
        return []
    return [error("name", f"There is an objective {draft.name} already; choose another name.")]


def _unknown_channels(project_id: int, draft: ObjectiveDraft) -> list[Problem]:
    named = {one for one in draft.notify if one and "@" not in one}
    if not named:
        return []
    known = set(Channel.objects.filter(project_id=project_id, name__in=named).values_list("name", flat=True))
    return [
        error("notify", f"There is no channel {one[:63]}; use a name from the channels page, or an address.")
        for one in sorted(named - known)
    ]
