"""How is a range of time read from rollups? The plan of sums and rows that together are exact, and its parameters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import sql

from tracestore import db
from tracestore.analysis.cover import NS, Kept, Piece, Plan, cover
from tracestore.facts import GRAINS
from tracestore.queries.ranges import day_bounds


@dataclass(frozen=True, slots=True)
class Mark:
    """grain_s 0: not a mark but the bounds of the project, repeated in each row otherwise left None."""

    grain_s: int
    start_s: int
    reach_days: int | None = None
    frozen_before_s: int | None = None
    minutes_from_s: int | None = None


# One statement a question: bounds and marks of one moment.
_MARKS = """
SELECT 0 AS grain_s, 0::bigint AS start_s, reach_days, frozen_before_s, minutes_from_s
FROM rollup_state
WHERE project = %(project)s
UNION ALL
SELECT grain_s, start_s, NULL, NULL, NULL
FROM rollup_mark
WHERE project = %(project)s AND start_s > %(start_s)s - grain_s AND start_s < %(end_s)s
"""


def find_plan(project_id: int, start_ns: int, end_ns: int, grains: Sequence[int] = GRAINS) -> tuple[Plan, int]:
    """(what to read of [start_ns, end_ns), how many days before its end a row may be stored).

    To be asked in the same snapshot (db.snapshot) as what is read by it.
    """
    parameters = {"project": project_id, "start_s": start_ns // NS, "end_s": -(-end_ns // NS)}
    marks = db.fetch(_MARKS, parameters, Mark)
    bounds = next((mark for mark in marks if not mark.grain_s), Mark(0, 0))
    kept = Kept(bounds.frozen_before_s or 0, bounds.minutes_from_s or 0)
    stale = [(mark.grain_s, mark.start_s) for mark in marks if mark.grain_s]
    return cover(start_ns, end_ns, stale, grains, kept), bounds.reach_days or 1


def parameters(project_id: int, plan: Plan, reach_days: int) -> dict[str, Any]:
    """What SUMS and ROWS ask for."""
    return {
        "project": project_id,
        "grains": [piece.grain_s for piece in plan.sums],
        "sums_from": [piece.start_ns // NS for piece in plan.sums],
        "sums_to": [piece.end_ns // NS for piece in plan.sums],
        "rows_from": [piece.start_ns for piece in plan.rows],
        "rows_to": [piece.end_ns for piece in plan.rows],
        "days": days_of(plan.rows, reach_days),
    }


def days_of(pieces: Iterable[Piece], reach_days: int) -> list[date]:
    """The storage days of rows that ended in any of the pieces."""
    days: set[int] = set()
    for piece in pieces:
        bounds = day_bounds(piece.start_ns, piece.end_ns, before=reach_days)
        days.update(range(bounds["first_day"].toordinal(), bounds["last_day"].toordinal() + 1))
    return [date.fromordinal(day) for day in sorted(days)]


SUMS = sql.SQL("""unnest(%(grains)s::integer[], %(sums_from)s::bigint[], %(sums_to)s::bigint[]) AS piece (grain_s, from_s, to_s)
JOIN {table} AS r ON r.project = %(project)s
  AND r.grain_s = piece.grain_s
  AND r.start_s >= piece.from_s
  AND r.start_s < piece.to_s""")
ROWS = sql.SQL("""unnest(%(rows_from)s::bigint[], %(rows_to)s::bigint[]) AS piece (from_ns, to_ns)
JOIN {fact} AS x ON x.project = %(project)s
  AND x.day = ANY(%(days)s::date[])
  AND x.end_ns >= piece.from_ns
  AND x.end_ns < piece.to_ns""")
