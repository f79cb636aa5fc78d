"""Sums by minute, hour and day of what was settled: marked by settling, filled here, under the lock of the project.

Filling recomputes: what is marked is deleted and summed again, so it may be repeated, raced and killed anywhere. Whatever
changes a derived row marks its minute in the same transaction; a filled minute marks its hour, a filled hour its day.
Readers (queries/rollups.py) take what is marked from rows, so numbers do not wait for filling.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql

from tracestore import failpoints, partitions
from tracestore.facts import DAY_S, GRAINS, MINUTE_S, OTHER, ROLLUPS, USAGE, Rollup
from tracestore.queries.slo_targets import SESSION_NS
from tracestore.rollup_caps_sql import cap_rows, cap_values, overfull, usage_others
from tracestore.rollups_sql import (
    empty,
    fill_from_finer,
    fill_from_rows,
    fill_usage_minutes,
)

ROW_TABLES = ("span", "trace", "llm_call", "tool_call")

MARK = """
INSERT INTO rollup_mark (project, grain_s, start_s)
SELECT DISTINCT %(project)s, %(grain)s::integer, start_s FROM unnest(%(starts)s::bigint[]) AS changed (start_s)
ORDER BY 3
ON CONFLICT DO NOTHING
"""


# Where a project has objectives, what they count changed as well; this waits for no rest of filling.
MARK_FOR_OBJECTIVES = """
INSERT INTO slo_mark (project, start_s)
SELECT DISTINCT %(project)s, start_s FROM unnest(%(starts)s::bigint[]) AS changed (start_s)
WHERE EXISTS (SELECT FROM slo_state WHERE project = %(project)s)
ORDER BY 2
ON CONFLICT DO NOTHING
"""


def mark(connection: psycopg.Connection, project_id: int, starts: Iterable[int], grain_s: int = MINUTE_S) -> None:
    """These minutes (Unix seconds; or hours, days) are to be summed again. The caller holds the project's lock."""
    changed = list(starts)
    if not changed:
        return
    connection.execute(MARK, {"project": project_id, "grain": grain_s, "starts": changed})
    if grain_s == MINUTE_S:
        connection.execute(MARK_FOR_OBJECTIVES, {"project": project_id, "starts": changed})


# A session is counted at the end of its last request (queries/slo_targets). Of one that loses a request, the nearest other
# ones on both sides are where it may be counted now, or was.
COUNTS_SESSIONS = "SELECT FROM objective WHERE project_id = %s AND unit = 'session' AND deleted_at IS NULL LIMIT 1"
MARK_SESSIONS = """
INSERT INTO slo_mark (project, start_s)
SELECT DISTINCT %(project)s, edge.end_ns / 60000000000 * 60
FROM unnest(%(sessions)s::text[], %(starts)s::bigint[]) AS gone (session_id, start_s)
CROSS JOIN LATERAL (
  SELECT unnest(ARRAY[
    max(t.end_ns) FILTER (WHERE t.end_ns < (gone.start_s + 60) * 1000000000),
    max(t.end_ns)
  ]) AS end_ns
  FROM trace AS t
  WHERE t.project = %(project)s
    AND t.session_id = gone.session_id
    AND t.end_ns + 0 BETWEEN (gone.start_s - %(around_s)s) * 1000000000 AND (gone.start_s + 60 + %(around_s)s) * 1000000000
) AS edge
WHERE edge.end_ns IS NOT NULL
ORDER BY 2
ON CONFLICT DO NOTHING
"""


def mark_sessions(connection: psycopg.Connection, project_id: int, gone: Collection[tuple[str, int]]) -> None:
    """gone: (session, minute of the end) of requests whose rows were just deleted. The caller holds the project's lock."""
    if not gone or connection.execute(COUNTS_SESSIONS, [project_id]).fetchone() is None:
        return
    sessions, starts = zip(*gone, strict=True)
    around_s = SESSION_NS // 10**9
    parameters = {"project": project_id, "sessions": list(sessions), "starts": list(starts), "around_s": around_s}
    connection.execute(MARK_SESSIONS, parameters)


REACH = """
INSERT INTO rollup_state AS kept (project, reach_days) VALUES (%s, %s)
ON CONFLICT (project) DO UPDATE SET reach_days = excluded.reach_days WHERE kept.reach_days < excluded.reach_days
"""


def widen_reach(connection: psycopg.Connection, project_id: int, days: int) -> None:
    """Rows that ended `days` after their storage day exist: whoever reads by end looks so far back."""
    connection.execute(REACH, [project_id, days])


FORGET = "UPDATE usage_rollup SET key = %s WHERE project = %s AND dimension = 'user' AND key = %s"


def forget_user(connection: psycopg.Connection, project_id: int, user_id: str) -> None:
    """What is frozen keeps its sums, under nobody's name. The caller holds the project's lock; the rest is summed again."""
    connection.execute(FORGET, [OTHER, project_id, user_id])


REACHED = "SELECT reach_days, frozen_before_s FROM rollup_state WHERE project = %s"


def frozen_before(connection: psycopg.Connection, project_id: int, now: datetime) -> int:
    """Unix seconds, a midnight: minutes before it are never summed again, since rows of theirs may be gone.

    They are if a day that a row of theirs can be stored under has no partition, or retention removed something of it for
    this project: what it did is asked, not the clock, which may be wrong.
    A request may have begun the day before it ended; of one that took longer the end is not protected. Today and
    yesterday are never frozen, however little is kept: they may not have been summed yet.
    """
    days, today = partitions.existing(connection), now.astimezone(UTC).date()
    oldest = max((min(days[table]) for table in ROW_TABLES if days[table]), default=partitions.EPOCH)
    oldest = max(oldest, partitions.kept_from(connection, project_id) or partitions.EPOCH)
    whole = min(oldest + timedelta(days=1), today - timedelta(days=1))
    return (whole - partitions.EPOCH).days * DAY_S


FREEZE = """
INSERT INTO rollup_state AS kept (project, frozen_before_s) VALUES (%(project)s, %(before)s)
ON CONFLICT (project) DO UPDATE SET frozen_before_s = excluded.frozen_before_s
WHERE kept.frozen_before_s < excluded.frozen_before_s
"""
REFUSE = """
DELETE FROM rollup_mark AS mark
USING rollup_state AS state
WHERE state.project = %(project)s AND mark.project = %(project)s
  AND mark.start_s < CASE
    WHEN mark.grain_s = 60 THEN state.frozen_before_s
    WHEN mark.grain_s <= 3600 THEN state.minutes_from_s
    ELSE 0
  END
"""


def freeze(connection: psycopg.Connection, project_id: int, now: datetime) -> None:
    """Drops the marks of what can no longer be summed from rows (or quarters and hours from minutes), remembers the bound."""
    parameters = {"project": project_id, "before": frozen_before(connection, project_id, now)}
    connection.execute(FREEZE, parameters)
    connection.execute(REFUSE, parameters)


# Hours wait until they are over and nothing in them is marked; then readers need them.
DUE = """
SELECT start_s
FROM rollup_mark AS due
WHERE project = %(project)s AND grain_s = %(grain)s AND start_s <= %(until)s
  AND NOT EXISTS (
    SELECT FROM rollup_mark AS finer
    WHERE finer.project = %(project)s AND finer.grain_s < %(grain)s
      AND finer.start_s >= due.start_s AND finer.start_s < due.start_s + %(grain)s
  )
ORDER BY start_s
LIMIT %(limit)s
"""
OVER_S = 120  # an hour is summed so long after its end: what is late by the usual seconds is in


def due(connection: psycopg.Connection, project_id: int, grain_s: int, now: datetime, limit: int) -> list[int]:
    """The oldest that are marked and may be summed now. Minutes may at any time, the open one too."""
    until = int(now.timestamp()) - (grain_s + OVER_S if grain_s > MINUTE_S else 0)
    if grain_s == MINUTE_S:
        until += DAY_S  # an emitter's clock may run ahead
    parameters = {"project": project_id, "grain": grain_s, "until": until, "limit": limit}
    return [row[0] for row in connection.execute(DUE, parameters)]


UNMARK = "DELETE FROM rollup_mark WHERE project = %s AND grain_s = %s AND start_s = ANY(%s)"


def fill(connection: psycopg.Connection, project_id: int, grain_s: int, starts: Sequence[int]) -> None:
    """Sums these minutes, quarters, hours or days again, takes their marks, and marks what they are part of.

    The caller holds the project's lock and has called `freeze`. The finest grain comes from rows, the others from finer sums.
    """
    connection.execute("SET LOCAL enable_seqscan = off")  # today's partitions have no statistics yet
    finer = max((grain for grain in GRAINS if grain < grain_s), default=0)
    parameters = {"project": project_id, "grain": grain_s, "finer": finer, "starts": list(starts)}
    rows = parameters | kept_rows(connection, project_id, starts)
    known = {
        rollup: rows if grain_s == rollup.grains[0] else parameters for rollup in ROLLUPS if grain_s in rollup.grains
    }
    for rollup, of_rollup in known.items():
        connection.execute(empty(rollup), of_rollup)
    failpoints.reach("mid-fill")
    for rollup, of_rollup in known.items():
        connection.execute(_filling(rollup, grain_s), of_rollup)
    for rollup in known:
        _cap(connection, rollup, parameters)
    connection.execute(UNMARK, [project_id, grain_s, list(starts)])
    coarser = min((grain for grain in GRAINS if grain > grain_s), default=None)
    if coarser:
        mark(connection, project_id, {start // coarser * coarser for start in starts}, coarser)


def _filling(rollup: Rollup, grain_s: int) -> sql.Composed:
    if grain_s > rollup.grains[0]:
        return fill_from_finer(rollup)
    return fill_usage_minutes() if rollup is USAGE else fill_from_rows(rollup)


def kept_rows(connection: psycopg.Connection, project_id: int, starts: Sequence[int]) -> dict[str, Any]:
    """What is summed from rows, and the days to look for them: of what is frozen the sums stay as they are."""
    row = connection.execute(REACHED, [project_id]).fetchone()
    reach_days, frozen_before_s = row or (1, 0)
    summed = [start for start in starts if start >= frozen_before_s]
    return {"starts": summed, "days": storage_days(summed, reach_days)}


def storage_days(starts: Iterable[int], reach_days: int) -> list[date]:
    """The days that rows may be stored under which ended in these minutes. An end may lie a day before its start."""
    around = {start // DAY_S + shift for start in starts for shift in range(-reach_days, 2)}
    return [partitions.date_of(day) for day in sorted(around) if day >= 0]


CAPPED = """
INSERT INTO rollup_capped AS kept (project, rollup, dimension, last_start_s) VALUES (%s, %s, %s, %s)
ON CONFLICT (project, rollup, dimension) DO UPDATE SET last_start_s = greatest(kept.last_start_s, excluded.last_start_s)
"""


def _cap(connection: psycopg.Connection, rollup: Rollup, parameters: dict[str, object]) -> None:
    """At most ROLLUP_VALUES values of a dimension and ROLLUP_ROWS combinations; the rest becomes `__other__`, sums stay."""
    most_rows = settings.ROLLUP_VALUES + 2 if rollup is USAGE else settings.ROLLUP_ROWS  # and unknown, and OTHER
    bounds = {"values": settings.ROLLUP_VALUES, "rows": most_rows, "most": min(settings.ROLLUP_VALUES, most_rows)}
    parameters = {**parameters, **bounds}
    if not connection.execute(overfull(rollup), parameters).fetchone():
        return
    lost: list[str] = [
        name for name in rollup.capped if connection.execute(cap_values(rollup, name), parameters).rowcount
    ]
    row = connection.execute(cap_rows(rollup), parameters).fetchone()
    if row and row[0]:
        lost.append("")
    if rollup is USAGE and lost:
        lost = [dimension for (dimension,) in connection.execute(usage_others(), parameters)]
    for dimension in lost:
        last = max(parameters["starts"])  # type: ignore[call-overload]
        connection.execute(CAPPED, [parameters["project"], rollup.table, dimension, last])
