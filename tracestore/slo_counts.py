"""Good and total of every objective by minute, hour and day and by version set: counted here from rows, and nowhere else.

A minute whose rows changed is marked by whoever changed them (rollups.mark) and counted again for all objectives of the
project; so late spans reopen what they belong to. Marks are taken under the project's lock, which settling waits for, and
counted without it, under a lock of counting alone. Counting again replaces: it may be repeated, raced and killed anywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from tracestore.analysis.slo.indicator import Indicator
from tracestore.facts import DAY_S, HOUR_S, MINUTE_S
from tracestore.queries.slo_targets import (
    SESSION_DAYS,
    SESSION_NS,
    TARGETS,
    EventParameters,
    UnitTarget,
    answers,
    events,
)
from tracestore.rollups import kept_rows

NS: Final = 10**9
COUNT_LOCK: Final = (
    11  # class of advisory locks, by project: one counter at a time, so that the older snapshot never wins
)
_EVER: Final = (date(1970, 1, 1), date(9999, 12, 31))


@dataclass(frozen=True, slots=True)
class Counted:
    """An objective as the counting needs it."""

    id: int
    revision: int
    indicator: Indicator

    @property
    def unit(self) -> str:
        return self.indicator.unit


def only_counter(connection: psycopg.Connection, project_id: int) -> bool:
    """Whether nobody else counts for this project until the end of the transaction."""
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [COUNT_LOCK, project_id]).fetchone()
    return bool(row and row[0])


# --- marks --------------------------------------------------------------------------------------------------------------

TAKE = """
WITH chosen AS (
  DELETE FROM slo_mark
  WHERE project = %(project)s AND NOT taken AND start_s IN (
    SELECT start_s FROM slo_mark
    WHERE project = %(project)s AND NOT taken AND start_s < %(until)s
    ORDER BY start_s DESC
    LIMIT %(limit)s
  )
  RETURNING start_s
)
INSERT INTO slo_mark (project, start_s, taken)
SELECT %(project)s, start_s, TRUE FROM chosen ORDER BY start_s
ON CONFLICT DO NOTHING
"""
TAKEN = "SELECT start_s FROM slo_mark WHERE project = %s AND taken ORDER BY start_s"
DONE = "DELETE FROM slo_mark WHERE project = %s AND taken AND start_s = ANY(%s)"


def take(connection: psycopg.Connection, project_id: int, until_s: int, limit: int) -> None:
    """Takes the newest marked minutes that begin before until_s. The caller holds the project's lock until it commits.

    What was marked before is committed then, and seen by whoever counts later; what changes after that is marked anew.
    """
    connection.execute(TAKE, {"project": project_id, "until": until_s, "limit": limit})


def taken(connection: psycopg.Connection, project_id: int) -> list[int]:
    """The minutes that were taken and are not counted yet, by whomever."""
    return [row[0] for row in connection.execute(TAKEN, [project_id])]


def done(connection: psycopg.Connection, project_id: int, starts: Sequence[int]) -> None:
    """The marks of these minutes go with the caller's transaction, in which they were counted."""
    connection.execute(DONE, [project_id, list(starts)])


# --- counting -------------------------------------------------------------------------------------------------------------


def count(
    connection: psycopg.Connection, project_id: int, objectives: Sequence[Counted], starts: Sequence[int]
) -> None:
    """Counts these minutes again for these objectives, all of one unit, and what their hours and days come to.

    The caller is the only counter. Minutes whose rows may be gone stay as they were counted. Raises psycopg errors of a
    filter that the database cannot answer (in time).
    """
    unit = TARGETS[objectives[0].unit]
    parameters = _bounds(connection, project_id, objectives, starts, unit)
    if not parameters["starts"]:
        return
    connection.execute(EMPTY, parameters)
    statement, values = _statement(objectives, unit)
    # Not prepared: planned for these minutes, which are then looked up in a table of hashes.
    connection.execute(statement, parameters | values, prepare=False)
    fold(connection, parameters["objectives"], parameters["starts"])


def _bounds(
    connection: psycopg.Connection,
    project_id: int,
    objectives: Sequence[Counted],
    starts: Sequence[int],
    unit: UnitTarget,
) -> dict[str, Any]:
    kept = kept_rows(connection, project_id, starts)
    if not kept["starts"]:
        return kept
    around = timedelta(unit.days or 0)
    days = _EVER if unit.days is None else (kept["days"][0] - around, kept["days"][-1] + around)
    return kept | {
        "project": project_id,
        "objectives": [one.id for one in objectives],
        "first_day": days[0],
        "last_day": days[1],
        "start_ns": min(kept["starts"]) * NS,
        "end_ns": (max(kept["starts"]) + MINUTE_S) * NS,
    }


EMPTY = """
DELETE FROM slo_count
WHERE objective_id = ANY(%(objectives)s) AND grain_s = 60 AND start_s = ANY(%(starts)s::bigint[])
"""
# Grain: one row an objective, minute and version set with events. Rows are read once for all objectives, and each filter is
# asked once of each (OFFSET 0 keeps the planner from asking it again for every sum).
_COUNT = sql.SQL("""
INSERT INTO slo_count (project, objective_id, grain_s, start_s, version_set, bad, total, bad_traces)
WITH event AS MATERIALIZED (
{events}
),
asked AS (
  SELECT {alias}.minute_s, {alias}.set_id, {alias}.trace_id, {answers}
  FROM event AS {alias}
  OFFSET 0
),
summed AS (
  SELECT minute_s, set_id, {sums}
  FROM asked
  GROUP BY minute_s, set_id
)
SELECT %(project)s, one.id, 60, summed.minute_s, summed.set_id, one.bad, one.total, coalesce(one.traces[1:3], '{{}}')
FROM summed CROSS JOIN LATERAL (VALUES {rows}) AS one (id, bad, total, traces)
WHERE one.total > 0
""")
_ANSWER = sql.SQL("{} AS {counts}, {} AS {bad}")
_SUM = sql.SQL("""count(*) FILTER (WHERE {counts}) AS {total}, count(*) FILTER (WHERE {bad}) AS {failed},
    array_agg(trace_id ORDER BY trace_id) FILTER (WHERE {bad} AND trace_id IS NOT NULL) AS {traces}""")
_ROW = sql.SQL("({id}::bigint, {failed}, {total}, {traces})")
_NAMES: Final = ("counts", "bad", "total", "failed", "traces")


def _statement(objectives: Sequence[Counted], unit: UnitTarget) -> tuple[sql.Composed, dict[str, Any]]:
    parameters = EventParameters()
    names = [{name: sql.Identifier(f"{name}{number}") for name in _NAMES} for number in range(len(objectives))]
    asked = [
        _ANSWER.format(*answers(one.indicator, parameters), counts=name["counts"], bad=name["bad"])
        for one, name in zip(objectives, names, strict=True)
    ]
    statement = _COUNT.format(
        events=events(objectives[0].unit, parameters),
        alias=sql.Identifier(unit.alias),
        answers=sql.SQL(", ").join(asked),
        sums=sql.SQL(", ").join(_SUM.format(**name) for name in names),
        rows=sql.SQL(", ").join(
            _ROW.format(id=sql.Literal(one.id), **name) for one, name in zip(objectives, names, strict=True)
        ),
    )
    return statement, parameters.values


# --- sessions -------------------------------------------------------------------------------------------------------------

# What a session was counted under before it went on, or will be: the ends of its other requests.
_OTHER_ENDS = f"""
SELECT DISTINCT other.end_ns / 60000000000 * 60
FROM trace AS ended
JOIN trace AS other ON other.project = ended.project
  AND other.session_id = ended.session_id
  AND other.day BETWEEN %(first_day)s AND %(last_day)s
  AND other.end_ns + 0 BETWEEN ended.end_ns - {SESSION_NS} AND ended.end_ns + {SESSION_NS}
WHERE ended.project = %(project)s
  AND ended.day = ANY(%(days)s::date[])
  AND ended.end_ns >= %(start_ns)s
  AND ended.end_ns < %(end_ns)s
  AND ended.end_ns / 60000000000 * 60 = ANY(%(starts)s::bigint[])
  AND ended.session_id IS NOT NULL
"""  # noqa: S608  # constants only


def with_other_ends(connection: psycopg.Connection, project_id: int, starts: Sequence[int]) -> list[int]:
    """Changed minutes, and those under which sessions with a request in one of them may be counted."""
    kept = kept_rows(connection, project_id, starts)
    if not kept["starts"]:
        return list(starts)
    parameters = kept | {
        "project": project_id,
        "first_day": kept["days"][0] - timedelta(SESSION_DAYS),
        "last_day": kept["days"][-1] + timedelta(SESSION_DAYS),
        "start_ns": min(kept["starts"]) * NS,
        "end_ns": (max(kept["starts"]) + MINUTE_S) * NS,
    }
    return sorted({*starts, *(row[0] for row in connection.execute(_OTHER_ENDS, parameters))})


# --- hours and days -------------------------------------------------------------------------------------------------------

# By primary key, a range for each hour or day (OFFSET 0: never another way).
FOLD = """
INSERT INTO slo_count (project, objective_id, grain_s, start_s, version_set, bad, total, bad_traces)
SELECT min(finer.project), asked.objective_id, %(grain)s, whole.at_s, finer.version_set, sum(finer.bad), sum(finer.total), '{}'
FROM unnest(%(objectives)s::bigint[]) AS asked (objective_id)
CROSS JOIN unnest(%(starts)s::bigint[]) AS whole (at_s)
CROSS JOIN LATERAL (
  SELECT project, version_set, bad, total
  FROM slo_count
  WHERE objective_id = asked.objective_id
    AND grain_s = %(finer)s
    AND start_s >= whole.at_s
    AND start_s < whole.at_s + %(grain)s
  OFFSET 0
) AS finer
GROUP BY asked.objective_id, whole.at_s, finer.version_set
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
