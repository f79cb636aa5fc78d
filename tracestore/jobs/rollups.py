"""Fill: sums what settling marked, project by project; and forgets minutes that are older than anybody asks for."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from django.conf import settings

from tracestore import db, rollups
from tracestore.analysis.pace import paced
from tracestore.facts import DAY_S, GRAINS, HOUR_S, MINUTE_S, ROLLUPS
from tracestore.rollups_sql import forget_minutes
from tracestore.settling import lock

BUDGET_S = 3.0  # of one run; settling waits meanwhile
TARGET_S = 0.5  # of one transaction, which holds the project's lock
AT_ONCE_MAX = 120
# Minutes that still fill up would be summed again and again: rest for so many times what they cost. Readers do not mind.
REST = 19.0
REST_MIN_S = 10.0
REST_MAX_S = 300.0
YOUNG = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of what was summed. left: there was no time for all of it."""

    minutes: int
    hours: int
    days: int
    left: bool


PROJECTS = """
SELECT project
FROM (SELECT DISTINCT project FROM rollup_mark) AS marked LEFT JOIN rollup_state AS state USING (project)
WHERE coalesce(state.rest_until_ns, 0) <= %s
ORDER BY coalesce(state.rest_until_ns, 0), project
"""
REST_UNTIL = """
INSERT INTO rollup_state (project, rest_until_ns) VALUES (%(project)s, %(until)s)
ON CONFLICT (project) DO UPDATE SET rest_until_ns = excluded.rest_until_ns
"""


def run(now: datetime) -> Summary:
    """Sums what is marked in projects that are not at rest, the longest waiting first, for at most BUDGET_S."""
    stop_at = time.monotonic() + BUDGET_S
    done = dict.fromkeys(GRAINS, 0)
    left = False
    with db.JOBS.connection(BUDGET_S + 120) as connection:
        for (project_id,) in connection.execute(PROJECTS, [int(now.timestamp() * 1e9)]).fetchall():
            filled, rest_s, more = fill_project(connection, project_id, now, stop_at)
            left = left or more
            done = {grain: done[grain] + filled[grain] for grain in GRAINS}
            until = int((now.timestamp() + rest_s) * 1e9)
            connection.execute(REST_UNTIL, {"project": project_id, "until": until})
    return Summary(done[MINUTE_S], done[HOUR_S], done[DAY_S], left)


def fill_project(
    connection: psycopg.Connection, project_id: int, now: datetime, stop_at: float = float("inf")
) -> tuple[dict[int, int], float, bool]:
    """Sums minutes, then the hours and days that are over: (how many of each grain, seconds to rest, something is left).

    stop_at: of the monotonic clock.
    """
    done = dict.fromkeys(GRAINS, 0)
    young_s = old_s = 0.0
    for grain_s in GRAINS:
        at_once = 1 if grain_s == MINUTE_S else 6
        while time.monotonic() < stop_at:
            began = time.monotonic()
            starts = fill_some(connection, project_id, grain_s, now, at_once)
            spent = time.monotonic() - began
            if not starts:
                break
            done[grain_s] += len(starts)
            if starts[-1] + grain_s > (now - YOUNG).timestamp():
                young_s += spent
            else:
                old_s += spent
            at_once = paced(at_once, spent, TARGET_S, most=AT_ONCE_MAX)
        else:
            return done, 0.0, True
    return done, min(max(REST_MIN_S, REST * young_s + old_s), REST_MAX_S), False


def fill_some(connection: psycopg.Connection, project_id: int, grain_s: int, now: datetime, limit: int) -> list[int]:
    """One transaction: the starts of what was summed, oldest first."""
    with connection.transaction():
        lock(connection, project_id)
        rollups.freeze(connection, project_id, now)
        starts = rollups.due(connection, project_id, grain_s, now, limit)
        if starts:
            rollups.fill(connection, project_id, grain_s, starts)
    return starts


@dataclass(frozen=True, slots=True)
class Upkeep:
    """minutes: rows of minutes that were deleted."""

    minutes: int


KNOWN = "SELECT project FROM rollup_state ORDER BY project"
MINUTES_FROM = "UPDATE rollup_state SET minutes_from_s = %s WHERE project = %s AND minutes_from_s < %s"


def keep(now: datetime) -> Upkeep:
    """Deletes minutes older than ROLLUP_MINUTE_DAYS, though none that may be summed again. Hours and days stay for ever."""
    now_s = int(now.timestamp()) // DAY_S * DAY_S
    oldest_s = now_s - settings.ROLLUP_MINUTE_DAYS * DAY_S
    deleted = 0
    with db.JOBS.connection(600) as connection:
        for (project_id,) in connection.execute(KNOWN).fetchall():
            with connection.transaction():
                lock(connection, project_id)
                rollups.freeze(connection, project_id, now)
            deleted += _forget(connection, project_id, oldest_s)
            deleted += _forget_counts(connection, project_id, min(oldest_s, now_s - COUNTS_DAYS * DAY_S))
    return Upkeep(deleted)


# Not before its hour was summed, however long nobody summed anything.
FORGET_BEFORE = """
SELECT least(frozen_before_s, %(oldest)s, (
    SELECT min(start_s) / 86400 * 86400 FROM rollup_mark WHERE project = %(project)s AND grain_s <= 3600
  ))
FROM rollup_state
WHERE project = %(project)s
"""


def _forget(connection: psycopg.Connection, project_id: int, oldest_s: int) -> int:
    """A bounded number in each statement. Readers are told the bound first."""
    row = connection.execute(FORGET_BEFORE, {"project": project_id, "oldest": oldest_s}).fetchone()
    before_s = row[0] if row else 0
    connection.execute(MINUTES_FROM, [before_s, project_id, before_s])
    deleted = 0
    for rollup in ROLLUPS:
        while gone := connection.execute(forget_minutes(rollup), {"project": project_id, "before": before_s}).rowcount:
            deleted += gone
    return deleted


COUNTS_DAYS = 35  # counts of objectives by minute: longer than the longest month, whose budget is read to the minute
FORGET_COUNTS = """
DELETE FROM slo_count
WHERE ctid = ANY(ARRAY(
  SELECT ctid
  FROM slo_count
  WHERE project = %(project)s AND grain_s = 60
    AND start_s < least(%(before)s, (SELECT frozen_before_s FROM rollup_state WHERE project = %(project)s))
  LIMIT 20000
))
"""


def _forget_counts(connection: psycopg.Connection, project_id: int, before_s: int) -> int:
    deleted = 0
    while gone := connection.execute(FORGET_COUNTS, {"project": project_id, "before": before_s}).rowcount:
        deleted += gone
    return deleted
