"""Which exclusions does an objective have, and which wait for a second person?"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tracestore import db


@dataclass(frozen=True, slots=True)
class ExclusionRow:
    """[starts_at, ends_at). proposed: it counts for nothing until a second person confirms it. objective_id: None = all."""

    id: int
    proposed: bool
    objective_id: int | None
    starts_at: datetime
    ends_at: datetime
    category: str
    reason: str
    author: str
    confirmed_by: str


SHOWN: Final = 200
_EXCLUSIONS: Final = """
SELECT id, FALSE AS proposed, objective_id, starts_at, ends_at, category, reason, author, confirmed_by
FROM slo_exclusion
WHERE project_id = %(project)s AND (objective_id IS NULL OR objective_id = %(objective)s)
UNION ALL
SELECT id, TRUE, objective_id, starts_at, ends_at, category, reason, author, ''
FROM slo_exclusion_proposal
WHERE project_id = %(project)s AND (objective_id IS NULL OR objective_id = %(objective)s)
ORDER BY starts_at DESC, id DESC
LIMIT %(rows)s
"""


def find_exclusions(project_id: int, objective_id: int) -> list[ExclusionRow]:
    """Those of an objective and those of its whole project, the latest first, at most SHOWN."""
    return db.fetch(_EXCLUSIONS, {"project": project_id, "objective": objective_id, "rows": SHOWN}, ExclusionRow)
