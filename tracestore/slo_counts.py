"""Good and total of every objective by minute, hour and day and by version set: counted here from rows, and nowhere else.

A minute whose rows changed is marked by whoever changed them (rollups.mark) and counted again for all objectives of the
project, under the project's lock; so late spans reopen what they belong to. Counting again replaces: it may be repeated and
killed anywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from tracestore.analysis.slo.indicator import Indicator
from tracestore.facts import DAY_S, HOUR_S, MINUTE_S
from tracestore.queries.filters import Parameters, Target, condition_within
from tracestore.queries.slo_targets import TARGETS
from tracestore.rollups import kept_rows

NS: Final = 10**9
SESSION_DAYS: Final = 7  # a session is looked back so far from its last request


@dataclass(frozen=True, slots=True)
class Counted:
    """An objective as the counting needs it."""

    id: int
    indicator: Indicator


TAKE = """
DELETE FROM slo_mark
WHERE project = %(project)s AND start_s IN (
  SELECT start_s FROM slo_mark WHERE project = %(project)s AND start_s < %(until)s ORDER BY start_s DESC LIMIT %(limit)s
)
RETURNING start_s
"""


def take(connection: psycopg.Connection, project_id: int, until_s: int, limit: int) -> list[int]:
    """The newest marked minutes that begin before until_s; their marks go with the caller's transaction.

    The caller holds the project's lock: who marks meanwhile waits, and marks what is counted again.
    """
    parameters = {"project": project_id, "until": until_s, "limit": limit}
    return sorted(row[0] for row in connection.execute(TAKE, parameters))


def count(
    connection: psycopg.Connection, project_id: int, objectives: Sequence[Counted], starts: Sequence[int]
) -> None:
    """Counts these minutes again for these objectives, all of one unit, and what their hours and days come to.

    Minutes whose rows may be gone stay as they were counted. Raises psycopg errors of a filter that the database cannot
    answer (in time).
    """
    parameters = _bounds(connection, project_id, objectives, starts)
    if parameters and objectives[0].indicator.unit == "session":
        former = [row[0] for row in connection.execute(FORMER_ENDS, parameters)]
        parameters = _bounds(connection, project_id, objectives, sorted({*former, *starts}))
    if not parameters:
        return
    connection.execute(EMPTY, parameters)
    statement, values = _statement(objectives)
    connection.execute(statement, parameters | values)
    fold(connection, parameters["objectives"], parameters["starts"])


def _bounds(
    connection: psycopg.Connection, project_id: int, objectives: Sequence[Counted], starts: Sequence[int]
) -> dict[str, Any]:
    """Nothing where nothing is to be counted."""
    kept = kept_rows(connection, project_id, starts)
    if not objectives or not kept["starts"]:
        return {}
    return kept | {
        "project": project_id,
        "objectives": [one.id for one in objectives],
        "first_day": kept["days"][0],
        "last_day": kept["days"][-1],
        "start_ns": min(kept["starts"]) * NS,
        "end_ns": (max(kept["starts"]) + MINUTE_S) * NS,
        "session_days": SESSION_DAYS,
    }


EMPTY = """
DELETE FROM slo_count
WHERE objective_id = ANY(%(objectives)s) AND grain_s = 60 AND start_s = ANY(%(starts)s::bigint[])
"""
# Grain: one row an objective, minute and version set with events.
_COUNT = sql.SQL("""
INSERT INTO slo_count (project, objective_id, grain_s, start_s, version_set, bad, total, bad_traces)
WITH event AS MATERIALIZED (
{events}
)
{counts}
ON CONFLICT (objective_id, grain_s, start_s, version_set) DO UPDATE
SET bad = excluded.bad, total = excluded.total, bad_traces = excluded.bad_traces
""")
_OF_ONE = sql.SQL("""SELECT %(project)s, {id}, 60, {alias}.minute_s, {alias}.set_id,
  count(*) FILTER (WHERE {bad}), count(*),
  coalesce((array_agg({alias}.trace_id ORDER BY {alias}.trace_id) FILTER (WHERE {bad}))[1:3], '{{}}')
FROM event AS {alias}
WHERE {total}
GROUP BY {alias}.minute_s, {alias}.set_id""")


def _statement(objectives: Sequence[Counted]) -> tuple[sql.Composed, dict[str, Any]]:
    """All of one unit: the rows of the minutes are read once."""
    unit, parameters = TARGETS[objectives[0].indicator.unit], Parameters()
    counts = [_of_one(one, unit.alias, unit.target, parameters) for one in objectives]
    statement = _COUNT.format(events=sql.SQL(unit.events), counts=sql.SQL("\nUNION ALL\n").join(counts))
    return statement, parameters.values


def _of_one(one: Counted, alias: str, target: Target, parameters: Parameters) -> sql.Composed:
    part = condition_within(parameters, one.indicator.part, target)
    return _OF_ONE.format(
        id=sql.Literal(one.id),
        alias=sql.Identifier(alias),
        bad=sql.SQL("({}) IS NOT TRUE" if one.indicator.bad_unless_good else "({}) IS TRUE").format(part),
        total=condition_within(parameters, one.indicator.total, target),
    )


# What a session was counted under before it went on: the ends of its other requests.
FORMER_ENDS = """
SELECT DISTINCT other.end_ns / 60000000000 * 60
FROM trace AS ended
JOIN trace AS other ON other.project = ended.project AND other.session_id = ended.session_id
  AND other.day BETWEEN %(first_day)s - %(session_days)s AND %(last_day)s + %(session_days)s
WHERE ended.project = %(project)s
  AND ended.day = ANY(%(days)s::date[])
  AND ended.end_ns >= %(start_ns)s AND ended.end_ns < %(end_ns)s
  AND ended.end_ns / 60000000000 * 60 = ANY(%(starts)s::bigint[])
  AND ended.session_id IS NOT NULL
"""


FOLD = """
INSERT INTO slo_count (project, objective_id, grain_s, start_s, version_set, bad, total, bad_traces)
SELECT min(project), objective_id, %(grain)s, start_s / %(grain)s * %(grain)s, version_set, sum(bad), sum(total), '{}'
FROM slo_count
JOIN unnest(%(starts)s::bigint[]) AS whole (at_s) ON start_s >= at_s AND start_s < at_s + %(grain)s
WHERE objective_id = ANY(%(objectives)s) AND grain_s = %(finer)s
GROUP BY objective_id, start_s / %(grain)s, version_set
"""
EMPTY_WHOLE = """
DELETE FROM slo_count
WHERE objective_id = ANY(%(objectives)s) AND grain_s = %(grain)s AND start_s = ANY(%(starts)s::bigint[])
"""


def fold(connection: psycopg.Connection, objectives: Sequence[int], starts: Iterable[int]) -> None:
    """The hours and days of these minutes, from what is counted finer."""
    touched = list(starts)
    for finer_s, grain_s in ((MINUTE_S, HOUR_S), (HOUR_S, DAY_S)):
        whole = sorted({start // grain_s * grain_s for start in touched})
        parameters = {"objectives": list(objectives), "finer": finer_s, "grain": grain_s, "starts": whole}
        connection.execute(EMPTY_WHOLE, parameters)
        connection.execute(FOLD, parameters)
