"""Which objectives has a project, page by page; and which is the one of this id?"""

from dataclasses import dataclass
from typing import Final

from tracestore import db
from tracestore.queries import cursors
from tracestore.queries.slo import COLUMNS, ObjectiveRow

_KIND: Final = "objectives"
_LIST: Final = f"""
SELECT {COLUMNS}
FROM objective AS o
WHERE o.project_id = %(project)s
  AND o.deleted_at IS NULL
  AND (%(service)s::text IS NULL OR o.service = %(service)s)
  AND (%(id)s::bigint IS NULL OR o.id = %(id)s)
  AND o.id > %(after)s
ORDER BY o.id
LIMIT %(rows)s
"""  # noqa: S608  # constants only


@dataclass(frozen=True, slots=True)
class ObjectivePage:
    items: list[ObjectiveRow]
    next_cursor: str | None


def list_objectives(
    project_id: int, *, service: str | None = None, limit: int = 100, cursor: str | None = None
) -> ObjectivePage:
    """Oldest first. service: None = of all. Raises CursorError."""
    begin = cursors.decode(_KIND, cursor, "-")
    after = begin.value if begin and begin.value is not None else 0
    asked = {"project": project_id, "service": service, "id": None, "after": after, "rows": limit + 1}
    found = db.fetch(_LIST, asked, ObjectiveRow)
    items = found[:limit]
    more = len(found) > limit
    return ObjectivePage(items, cursors.encode(_KIND, cursors.Cursor(items[-1].id, "-")) if more else None)


def objective_of(project_id: int, objective_id: int) -> ObjectiveRow | None:
    """None for what is of another project, or deleted."""
    asked = {"project": project_id, "service": None, "id": objective_id, "after": 0, "rows": 1}
    return db.fetch_one(_LIST, asked, ObjectiveRow)
