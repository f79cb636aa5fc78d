"""How did an objective do over time? Its events by step, what its exclusions leave out, and how its budget burnt down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Final

from tracestore import db
from tracestore.analysis.cover import NS, Kept, cover
from tracestore.analysis.slo.burn import allowed_share
from tracestore.analysis.slo.periods import Span
from tracestore.facts import HOUR_S, MINUTE_S
from tracestore.queries.slo import GRAINS, ObjectiveRow, Window, from_whole_hour, without

STEPS_S: Final = (
    MINUTE_S,
    300,
    900,
    HOUR_S,
    3 * HOUR_S,
    6 * HOUR_S,
    12 * HOUR_S,
    24 * HOUR_S,
    72 * HOUR_S,
    168 * HOUR_S,
)
POINTS: Final = 250  # of a curve, at most


@dataclass(frozen=True, slots=True)
class Point:
    """Events that ended in [start_s, start_s + step). version_set: 32 hex digits, '' = unknown; None: of all versions."""

    start_s: int
    bad: int
    total: int
    version_set: str | None = None


# Grain: one row a step and version set with events. A range of the primary key for each piece (OFFSET 0: never another way).
_SERIES = """
SELECT %(from)s + (c.start_s - %(from)s) / %(step)s * %(step)s AS start_s,
  sum(c.bad)::bigint AS bad, sum(c.total)::bigint AS total,
  CASE WHEN %(by_version)s THEN c.version_set END AS version_set
FROM unnest(%(grains)s::integer[], %(froms)s::bigint[], %(tos)s::bigint[]) AS piece (grain_s, from_s, to_s)
CROSS JOIN LATERAL (
  SELECT start_s, version_set, bad, total
  FROM slo_count
  WHERE objective_id = %(objective)s
    AND grain_s = piece.grain_s
    AND start_s >= piece.from_s
    AND start_s < piece.to_s
  OFFSET 0
) AS c
GROUP BY 1, 4
ORDER BY 1, 4
"""


def find_series(
    objective: ObjectiveRow,
    start_s: int,
    end_s: int,
    step_s: int,
    by_version: bool = False,
    *,
    with_excluded: bool = False,
) -> list[Point]:
    """The events of [start_s, end_s) in steps from start_s, oldest first; steps (and versions) without events are left out.

    All are whole minutes. with_excluded: as if there were no exclusions.
    """
    excluded = () if with_excluded else windows_excluded(objective, start_s, end_s)
    grains = [grain for grain in GRAINS if step_s % grain == 0 and start_s % grain == 0]
    pieces = [
        piece
        for from_s, to_s in without((start_s, end_s), excluded)
        for piece in cover(from_s * NS, to_s * NS, (), grains, Kept()).sums
    ]
    asked = {
        "objective": objective.id,
        "by_version": by_version,
        "from": start_s,
        "step": step_s,
        "grains": [piece.grain_s for piece in pieces],
        "froms": [piece.start_ns // NS for piece in pieces],
        "tos": [piece.end_ns // NS for piece in pieces],
    }
    return db.fetch(_SERIES, asked, Point) if pieces else []


def burn_down(
    objective: ObjectiveRow, period: Span, until_s: int | None = None, *, with_excluded: bool = False
) -> list[tuple[int, float]]:
    """[(Unix seconds, share of the budget that was left then)], oldest first, 1 where its events begin; [] without events.

    The budget is what the events of the period (until `until_s`, default: its end) allow, so the curve falls only where
    something went wrong, and its last point is what remains.
    """
    until_s = min(int(period.end.timestamp()), until_s or int(period.end.timestamp())) // MINUTE_S * MINUTE_S
    start_s, end_s = from_whole_hour((int(period.start.timestamp()) // MINUTE_S * MINUTE_S, until_s))
    step_s = step_for(end_s - start_s)
    points = find_series(objective, start_s, end_s, step_s, with_excluded=with_excluded)
    first_s = points[0].start_s if points else end_s
    if step_for(end_s - first_s) < step_s:  # a young one would be a line or two
        step_s = step_for(end_s - first_s)
        points = find_series(objective, first_s, end_s, step_s, with_excluded=with_excluded)
    allowed = allowed_share(float(objective.target)) * sum(point.total for point in points)
    if not allowed:
        return []
    spent = accumulate(point.bad / allowed for point in points)
    ends = [min(point.start_s + step_s, end_s) for point in points]
    return [(points[0].start_s, 1.0), *zip(ends, (1 - share for share in spent), strict=True)]


def step_for(seconds: int) -> int:
    """The smallest step of which POINTS cover so long a time."""
    return next((step for step in STEPS_S if seconds <= step * POINTS), STEPS_S[-1])


# --- exclusions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Excluded:
    """objective_id: None = of all objectives of the project."""

    objective_id: int | None
    starts_at: datetime
    ends_at: datetime

    @property
    def window(self) -> Window:
        """Every minute that it touches."""
        start_s, end_s = int(self.starts_at.timestamp()), -int(-self.ends_at.timestamp() // 1)
        return start_s // MINUTE_S * MINUTE_S, -(-end_s // MINUTE_S) * MINUTE_S


_EXCLUDED = """
SELECT objective_id, starts_at, ends_at
FROM slo_exclusion
WHERE project_id = %(project)s
  AND ends_at > to_timestamp(%(start_s)s::double precision)
  AND starts_at < to_timestamp(%(end_s)s::double precision)
ORDER BY starts_at
"""


def find_excluded(project_id: int, start_s: int, end_s: int) -> list[Excluded]:
    """The exclusions of all objectives of a project that touch [start_s, end_s)."""
    return db.fetch(_EXCLUDED, {"project": project_id, "start_s": start_s, "end_s": end_s}, Excluded)


def windows_of(excluded: Iterable[Excluded], objective_id: int) -> list[Window]:
    """What of them is left out of one objective."""
    return [one.window for one in excluded if one.objective_id in (None, objective_id)]


def windows_excluded(objective: ObjectiveRow, start_s: int, end_s: int) -> Sequence[Window]:
    return windows_of(find_excluded(objective.project_id, start_s, end_s), objective.id)
