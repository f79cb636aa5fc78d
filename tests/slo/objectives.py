"""Objectives and counts as a test means them, put straight into their tables."""

import itertools
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.builders import NOW
from tests.rows import insert
from tracestore.models import Project
from tracestore.models.slo import Exclusion, Objective
from tracestore.queries.slo import ObjectiveRow, get_objective

_numbers = itertools.count(1)


def project(**fields: Any) -> Project:
    number = next(_numbers)
    found: Project = Project.objects.create(name=f"p{number}", slug=f"p{number}", created_at=NOW, **fields)
    return found


def objective(project_id: int, **fields: Any) -> ObjectiveRow:
    """99 % of requests without an error, over 28 days, unless something else is said."""
    known: dict[str, Any] = {
        "unit": "request",
        "part_q": "-outcome:error",
        "target": Decimal("0.99"),
        "period_days": 28,
    } | fields
    known.setdefault("name", f"objective-{next(_numbers)}")
    Objective.objects.create(project_id=project_id, **known)
    found = get_objective(project_id, known["name"])
    assert found is not None
    return found


def exclude(project_id: int, starts_at: datetime, ends_at: datetime, of: ObjectiveRow | None = None) -> Exclusion:
    return Exclusion.objects.create(
        project_id=project_id,
        objective_id=of.id if of else None,
        starts_at=starts_at,
        ends_at=ends_at,
        reason="planned",
        author="alice@example.org",
    )


def count(of: ObjectiveRow, start_s: int, bad: int, total: int, version_set: str = "", grain_s: int = 60) -> None:
    insert(
        "slo_count",
        [
            {
                "project": of.project_id, "objective_id": of.id, "grain_s": grain_s, "start_s": start_s,
                "version_set": version_set, "bad": bad, "total": total, "bad_traces": [],
            }
        ],
    )  # fmt: skip
