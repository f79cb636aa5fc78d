"""Objectives, each minute: count what changed, count history, then see whether a budget burns too fast."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

import psycopg

from tracestore import db, rollups, slo_counts
from tracestore.analysis.filters import FilterError
from tracestore.facts import DAY_S, MINUTE_S
from tracestore.queries.slo import ObjectiveRow, find_objectives
from tracestore.settling import lock
from tracestore.slo_counts import Counted

log = logging.getLogger(__name__)

BUDGET_S = 20.0  # of one run
MINUTES_AT_ONCE = 30  # of one transaction, which holds the project's lock
OBJECTIVES_AT_ONCE = 40  # of one statement
COUNT_TIMEOUT_MS = 10_000  # of one statement: a filter that takes longer is the objective's own fault


@dataclass(frozen=True, slots=True)
class Summary:
    """minutes: counted again because their rows changed. history: minutes of the past that were counted. broken: objectives."""

    minutes: int
    history: int
    broken: int


def run(now: datetime) -> Summary:
    """Counts whatever is marked, then history, newest first, for BUDGET_S at most; what is left waits for the next turn."""
    stop_at = time.monotonic() + BUDGET_S
    minutes = history = broken = 0
    with db.JOBS.connection(BUDGET_S + 120) as connection:
        for project_id, objectives in _by_project(find_objectives(enabled_only=True)).items():
            known, bad = _readable(connection, objectives)
            _begin(connection, known, now)
            minutes += _count_marked(connection, project_id, known, now, stop_at)
            history += _count_history(connection, project_id, known, stop_at)
            broken += bad
    return Summary(minutes, history, broken)


def _by_project(objectives: Sequence[ObjectiveRow]) -> dict[int, list[ObjectiveRow]]:
    found: dict[int, list[ObjectiveRow]] = {}
    for one in objectives:
        found.setdefault(one.project_id, []).append(one)
    return found
