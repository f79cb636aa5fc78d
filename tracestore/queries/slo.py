"""Which objectives are there, and how do they stand?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from tracestore import db
from tracestore.analysis.cover import NS, Kept, cover
from tracestore.analysis.slo.burn import Count
from tracestore.analysis.slo.definition import Definition
from tracestore.facts import DAY_S, HOUR_S, MINUTE_S

GRAINS: Final = (MINUTE_S, HOUR_S, DAY_S)
MINUTES_S: Final = 31 * DAY_S  # counts by minute are kept a little longer (jobs/rollups.keep); hours and days for ever
Window = tuple[int, int]  # [start_s, end_s), whole minutes


@dataclass(frozen=True, slots=True)
class ObjectiveRow(Definition):
    """An objective as it is kept; see tracestore.models.slo.Objective for what the fields mean."""

    id: int
    project_id: int
    name: str
    title: str
    description: str
    service: str
    unit: str
    total_q: str
    part_q: str
    part: str
    target: Decimal
    period_days: int | None
    calendar_unit: str
    calendar_count: int
    calendar_first: date | None
    time_zone: str
    no_data: str
    action: str
    rules: list[dict[str, Any]] | None
    notify: list[str]
    runbook_url: str
    owner: str
    origin: dict[str, Any]
    enabled: bool
    revision: int
    created_at: datetime
    updated_at: datetime

    @property
    def label(self) -> str:
        return self.title or self.name


COLUMNS: Final = """
  o.id, o.project_id, o.name, o.title, o.description, o.service, o.unit, o.total_q, o.part_q, o.part, o.target,
  o.period_days, o.calendar_unit, o.calendar_count, o.calendar_first, o.time_zone, o.no_data, o.action, o.rules, o.notify,
  o.runbook_url, o.owner, o.origin, o.enabled, o.revision, o.created_at, o.updated_at"""
_FIND = f"""
SELECT {COLUMNS}
FROM objective AS o
WHERE o.deleted_at IS NULL
  AND (%(project)s::integer IS NULL OR o.project_id = %(project)s)
  AND (%(name)s::text IS NULL OR o.name = %(name)s)
  AND (NOT %(enabled)s OR o.enabled)
ORDER BY o.project_id, o.service, o.name
LIMIT %(limit)s
"""  # noqa: S608  # constants only
MOST: Final = 5_000


def find_objectives(project_id: int | None = None, *, enabled_only: bool = False) -> list[ObjectiveRow]:
    """The objectives of a project, or of all, by service and name."""
    asked = {"project": project_id, "name": None, "enabled": enabled_only, "limit": MOST}
    return db.fetch(_FIND, asked, ObjectiveRow)


def get_objective(project_id: int, name: str) -> ObjectiveRow | None:
    return db.fetch_one(_FIND, {"project": project_id, "name": name, "enabled": False, "limit": 1}, ObjectiveRow)


@dataclass(frozen=True, slots=True)
class WindowCount:
    objective_id: int
    number: int  # of the window
    version_set: str
    bad: int
    total: int


# Grain: one row an objective, window and version set. A range of the primary key for each piece of a window: the planner joins
# no other way over a subquery that groups (else it read all counts of an objective, 25 s for 100 of them).
_WINDOWS = """
SELECT asked.objective_id, piece.number, c.version_set, sum(c.bad)::bigint AS bad, sum(c.total)::bigint AS total
FROM unnest(%(numbers)s::integer[], %(grains)s::integer[], %(froms)s::bigint[], %(tos)s::bigint[])
  AS piece (number, grain_s, from_s, to_s)
CROSS JOIN unnest(%(objectives)s::bigint[]) AS asked (objective_id)
CROSS JOIN LATERAL (
  SELECT version_set, sum(bad) AS bad, sum(total) AS total
  FROM slo_count
  WHERE objective_id = asked.objective_id
    AND grain_s = piece.grain_s
    AND start_s >= piece.from_s
    AND start_s < piece.to_s
  GROUP BY version_set
) AS c
GROUP BY 1, 2, 3
"""
VersionCounts = dict[str, Count]  # version set ('' = unknown) -> its events


def count_windows(
    objective_ids: Sequence[int], windows: Sequence[Window], excluded: Sequence[Window] = ()
) -> dict[tuple[int, int], VersionCounts]:
    """{(objective, number of the window): events by version set}; what had no events is left out.

    windows, excluded: whole minutes. Of each window the excluded parts count for nothing. One statement for all.
    A window that is longer than minutes are kept for sure (MINUTES_S) begins with its whole first hour.
    """
    pieces = [
        (number, piece.grain_s, piece.start_ns // NS, piece.end_ns // NS)
        for number, window in enumerate(windows)
        for start_s, end_s in without(from_whole_hour(window), excluded)
        for piece in cover(start_s * NS, end_s * NS, (), GRAINS, Kept()).sums
    ]
    if not pieces or not objective_ids:
        return {}
    numbers, grains, froms, tos = (list(column) for column in zip(*pieces, strict=True))
    asked: Mapping[str, Any] = {
        "objectives": list(objective_ids), "numbers": numbers, "grains": grains, "froms": froms, "tos": tos
    }  # fmt: skip
    found: dict[tuple[int, int], VersionCounts] = {}
    for row in db.fetch(_WINDOWS, asked, WindowCount):
        found.setdefault((row.objective_id, row.number), {})[row.version_set] = Count(row.bad, row.total)
    return found


def from_whole_hour(window: Window) -> Window:
    start_s, end_s = window
    return (start_s // HOUR_S * HOUR_S, end_s) if end_s - start_s > MINUTES_S else window


def without(window: Window, excluded: Sequence[Window]) -> list[Window]:
    """The parts of a window that none of the excluded ones covers, in order."""
    left, at = [], window[0]
    for start_s, end_s in sorted(excluded):
        if end_s <= at or start_s >= window[1]:
            continue
        if start_s > at:
            left.append((at, start_s))
        at = max(at, end_s)
    return [*left, (at, window[1])] if at < window[1] else left
