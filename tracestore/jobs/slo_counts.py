"""Counting for objectives: minutes that changed, then history; what cannot be counted stops nobody else."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from tracestore import db, rollups, slo_counts
from tracestore.jobs.slo_history import count_history
from tracestore.jobs.slo_turn import (
    Turn,
    again,
    begin,
    check_kept,
    closed_before,
    count_each,
    counting,
    lock_briefly,
    lots,
    next_lot,
    try_count,
)
from tracestore.slo_counts import Counted

BUDGET_S = 10.0  # of one run: evaluating, in the same lane, must not wait
MINUTES_AT_ONCE = 5  # to begin with; as many more as are quick
MINUTES_AT_ONCE_MAX = 120
MARKS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    """minutes: counted again because their rows changed. history: minutes of the past, for each lot of objectives.

    broken: objectives that failed in this run. left: something is left for the next one.
    """

    minutes: int
    history: int
    broken: int
    left: bool


def run(now: datetime) -> Summary:
    """Counts what is marked, then history, newest first, project by project, for at most BUDGET_S."""
    stop_at = time.monotonic() + BUDGET_S
    turns: list[Turn] = []
    with db.JOBS.connection(BUDGET_S + 120) as connection:
        _forget(connection)
        for project_id in _waiting(connection, now):
            turn = Turn(connection, project_id, now, stop_at)
            turns.append(turn)
            _count_project(turn)
    return Summary(
        sum(turn.minutes for turn in turns),
        sum(turn.history for turn in turns),
        sum(turn.broken for turn in turns),
        any(turn.left for turn in turns),
    )


# Projects with something to do, those first that waited longest.
WAITING = """
SELECT known.project_id
FROM (
  SELECT o.project_id, bool_or(state.objective_id IS NULL OR state.revision <> o.revision OR NOT state.history_done) AS behind
  FROM objective AS o
  JOIN project AS p ON p.id = o.project_id AND p.deleted_at IS NULL
  LEFT JOIN slo_state AS state ON state.objective_id = o.id
  WHERE o.deleted_at IS NULL
  GROUP BY o.project_id
) AS known
LEFT JOIN LATERAL (
  SELECT min(mark.start_s) AS start_s
  FROM slo_mark AS mark
  WHERE mark.project = known.project_id AND (mark.taken OR mark.start_s < %(closed)s)
) AS oldest ON TRUE
WHERE known.behind OR oldest.start_s IS NOT NULL
ORDER BY oldest.start_s, known.project_id
"""


def _waiting(connection: psycopg.Connection, now: datetime) -> list[int]:
    return [row[0] for row in connection.execute(WAITING, {"closed": closed_before(now)})]


def _count_project(turn: Turn) -> None:
    if turn.is_over():
        turn.left = True
        return
    try:
        objectives = begin(turn)
        _count_changed(turn, objectives)
    except psycopg.errors.LockNotAvailable:
        turn.left = True
        return
    count_history(turn, objectives)


def _count_changed(turn: Turn, objectives: Sequence[Counted]) -> None:
    """Newest first. Each transaction counts some minutes of those that are taken, for all objectives."""
    _take(turn)
    at_once = MINUTES_AT_ONCE
    while not turn.is_over():
        began = time.monotonic()
        counted = _count_some(turn, objectives, at_once)
        if counted == 0:
            if not _take(turn):
                return
            continue
        turn.minutes += counted or 0
        spent_s = time.monotonic() - began
        at_once = next_lot(at_once, spent_s, counted, MINUTES_AT_ONCE, MINUTES_AT_ONCE_MAX)
    turn.left = True


def _take(turn: Turn) -> int:
    """How many minutes are to be counted now in addition."""
    with turn.connection.transaction():
        lock_briefly(turn)
        rollups.freeze(turn.connection, turn.project_id, turn.now)
        return slo_counts.take(turn.connection, turn.project_id, turn.closed_s, MARKS_AT_ONCE)


def _count_some(turn: Turn, objectives: Sequence[Counted], at_once: int) -> int | None:
    """How many minutes; 0: nothing is left, or somebody else counts. None: it took too long for so many."""
    with counting(turn, objectives) as current:
        starts = [] if current is None else slo_counts.taken(turn.connection, turn.project_id)[-at_once:]
        if current is None or not starts:
            return 0
        for lot in lots(current):
            if not _count_lot(turn, lot, starts):
                raise psycopg.Rollback
        slo_counts.done(turn.connection, turn.project_id, starts)
        check_kept(turn, starts)
        return len(starts)
    return None


def _count_lot(turn: Turn, lot: list[Counted], starts: list[int]) -> bool:
    """False: in smaller pieces, please. Of a lot that fails on one minute each objective is counted for itself."""
    if lot[0].unit == "session":
        starts = slo_counts.with_other_ends(turn.connection, turn.project_id, starts)
    if try_count(turn, lot, starts) is None:
        return True
    if len(starts) > 1:
        return False
    counted = count_each(turn, lot, starts)
    again(turn, [one.id for one in lot if one not in counted and one.id not in turn.resting])
    return True


# --- objectives that are gone ---------------------------------------------------------------------------------------------

GONE = """
SELECT state.objective_id
FROM slo_state AS state
LEFT JOIN objective AS o ON o.id = state.objective_id AND o.deleted_at IS NULL
WHERE o.id IS NULL
LIMIT 20
"""
FORGET = (
    "DELETE FROM slo_count WHERE objective_id = ANY(%s)",
    "DELETE FROM slo_rule_state WHERE objective_id = ANY(%s)",
    "DELETE FROM slo_state WHERE objective_id = ANY(%s)",
)


def _forget(connection: psycopg.Connection) -> None:
    """Counts of deleted objectives go, their state last, so that a crash leaves nothing behind."""
    gone = [row[0] for row in connection.execute(GONE)]
    for statement in FORGET if gone else ():
        connection.execute(statement, [gone])
