"""Which minutes of an objective are to be evaluated now? Each once, however late the evaluator or wrong the clock."""

from datetime import datetime
from typing import Final

from tracestore.analysis.slo.evaluation import INGEST_DELAY_S
from tracestore.analysis.slo.rules import DAY_S, EVALUATION_S

CATCH_UP_S: Final = DAY_S  # minutes that were missed before are skipped, and that is recorded
STEPPED_S: Final = 300  # a clock that is set back by less is waited for


def until_s(now: datetime) -> int:
    """The newest minute (its end, Unix seconds) whose late events have had their time to arrive."""
    return (int(now.timestamp()) - INGEST_DELAY_S) // EVALUATION_S * EVALUATION_S


def due_minutes(evaluated_s: int | None, newest_s: int | None, until: int) -> range:
    """Ends of the minutes to evaluate, oldest first.

    evaluated_s: the last evaluated one. newest_s: the newest minute with events. until: see until_s(). What lies ahead of
    `until` was evaluated by a clock that went wrong. If events are as far ahead, it is wrong now: wait for it, a day at most;
    else it was wrong then: go on from here.
    """
    if evaluated_s is None:
        return range(until, until + 1, EVALUATION_S)
    if evaluated_s <= until:
        return range(max(evaluated_s + EVALUATION_S, until - CATCH_UP_S + EVALUATION_S), until + 1, EVALUATION_S)
    ahead = evaluated_s - until
    behind_events = newest_s is not None and newest_s > until + STEPPED_S
    if ahead <= STEPPED_S or (behind_events and ahead <= DAY_S):
        return range(0)
    return range(until, until + 1, EVALUATION_S)


def skipped(evaluated_s: int | None, until: int) -> tuple[int, int] | None:
    """[from, until) of the minutes that are too long ago to be caught up; None when there are none."""
    if evaluated_s is None or until - evaluated_s <= CATCH_UP_S:
        return None
    return evaluated_s, until - CATCH_UP_S
