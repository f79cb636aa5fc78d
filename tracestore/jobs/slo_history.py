"""The past of new and changed objectives, counted backwards in steps, while ingest leaves room for it."""

import time
from collections.abc import Sequence

from tracestore import rollups
from tracestore.facts import MINUTE_S
from tracestore.jobs.search import rest_s
from tracestore.jobs.slo_turn import (
    OBJECTIVES_AT_ONCE,
    Turn,
    check_kept,
    count_each,
    counting,
    next_lot,
    try_count,
)
from tracestore.slo_counts import Counted

HISTORY_S = 4.0  # of one run
MINUTES_AT_ONCE, MINUTES_AT_ONCE_LEAST = 360, 60  # to begin with; more while they are quick, fewer when they are slow
MINUTES_AT_ONCE_MAX = 1_440

HISTORY = """
SELECT objective_id, counted_from_s
FROM slo_state
WHERE project = %s AND NOT history_done AND counted_from_s IS NOT NULL
ORDER BY counted_from_s DESC, objective_id
"""
COUNTED = """
UPDATE slo_state
SET counted_from_s = %(from)s, history_done = %(done)s, count_failures = 0, count_failure = '', count_failed_at = NULL
WHERE objective_id = ANY(%(ids)s)
"""


def count_history(turn: Turn, objectives: Sequence[Counted]) -> None:
    """Backwards, those first that know least; ingest has the machine to itself between the steps while it needs it."""
    stop_at = min(turn.stop_at, time.monotonic() + HISTORY_S)
    oldest_s = rollups.frozen_before(turn.connection, turn.project_id, turn.now)
    at_once = MINUTES_AT_ONCE
    while lot := _behind(turn, objectives):
        began = time.monotonic()
        if began >= stop_at:
            turn.left = True
            return
        counted = _count_back(turn, *lot, at_once, oldest_s)
        if counted == 0:
            return
        spent_s = time.monotonic() - began
        turn.history += counted or 0
        at_once = next_lot(at_once, spent_s, counted, MINUTES_AT_ONCE_LEAST, MINUTES_AT_ONCE_MAX)
        time.sleep(rest_s(turn.connection, turn.project_id, int(turn.now.timestamp() * 1e9), spent_s))


def _behind(turn: Turn, objectives: Sequence[Counted]) -> tuple[list[Counted], int] | None:
    """The objectives of one statement that know least, and from where on they are counted."""
    known = {one.id: one for one in objectives if one.id not in turn.resting}
    rows = [(known[id], from_s) for id, from_s in turn.connection.execute(HISTORY, [turn.project_id]) if id in known]
    if not rows:
        return None
    first, until_s = rows[0]
    alike = [one for one, from_s in rows if from_s == until_s and one.unit == first.unit]
    return alike[:OBJECTIVES_AT_ONCE], until_s


def _count_back(turn: Turn, lot: Sequence[Counted], until_s: int, minutes: int, oldest_s: int) -> int | None:
    """One step: how many minutes; 0: somebody else counts. None: it took too long for so many."""
    from_s = min(until_s, max(min(until_s, turn.closed_s) - minutes * MINUTE_S, oldest_s))
    starts = range(from_s, until_s, MINUTE_S)
    with counting(turn, lot) as current:
        if not current:
            return 0
        good: Sequence[Counted] = current
        if try_count(turn, current, starts) is not None:
            if minutes > 1:
                return None
            good = count_each(turn, current, starts, past=True)
        asked = {"from": from_s, "done": from_s <= oldest_s, "ids": [one.id for one in good]}
        turn.connection.execute(COUNTED, asked)
        check_kept(turn, starts)
        return max(1, len(starts))
    return None
