"""One project's turn of counting for its objectives: which can be counted, and what happens to one that cannot."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import psycopg

from tracestore import rollups, slo_counts
from tracestore.analysis.filters import FilterError
from tracestore.analysis.pace import paced
from tracestore.facts import DAY_S, MINUTE_S
from tracestore.queries.slo import ObjectiveRow, find_objectives
from tracestore.settling import lock
from tracestore.slo_counts import Counted

log = logging.getLogger(__name__)

TARGET_S = 1.0  # of one transaction; settling does not wait for it
SETTLED_S = 15  # a minute is counted so long after its end: nearly all that settling brings is in then
OBJECTIVES_AT_ONCE = 50  # of one statement
COUNT_TIMEOUT_MS = 5_000  # of one statement: a filter that takes longer for one minute is the objective's own fault
LOCK_TIMEOUT = "2s"  # a project whose settling takes longer is passed over
RETRY_MIN_S, RETRY_MAX_S = 60, 3_600


def closed_before(now: datetime) -> int:
    """Minutes that begin before it (Unix seconds) are over, and settled."""
    return (int(now.timestamp()) - SETTLED_S) // MINUTE_S * MINUTE_S


@dataclass(slots=True)
class Turn:
    """minutes, history: how many were counted in it. broken: objectives that failed in it. left: something waits."""

    connection: psycopg.Connection
    project_id: int
    now: datetime
    stop_at: float
    minutes: int = 0
    history: int = 0
    broken: int = 0
    left: bool = False
    resting: set[int] = field(default_factory=set)  # after a failure

    @property
    def closed_s(self) -> int:
        return closed_before(self.now)

    def is_over(self) -> bool:
        return time.monotonic() >= self.stop_at


# --- which objectives -----------------------------------------------------------------------------------------------------

STATES = """
SELECT objective_id, revision, counted_from_s, count_failures, count_failed_at
FROM slo_state
WHERE project = %s
"""
# The next day too: an emitter's clock may run ahead, and what it sent before nobody marked.
BEGIN = """
INSERT INTO slo_state (objective_id, project, revision, counted_from_s)
SELECT id, %(project)s, revision, %(from)s
FROM unnest(%(ids)s::bigint[], %(revisions)s::integer[]) AS new (id, revision)
ON CONFLICT (objective_id) DO UPDATE
SET revision = excluded.revision, counted_from_s = excluded.counted_from_s, history_done = FALSE,
  count_failures = 0, count_failure = '', count_failed_at = NULL
"""
AGAIN = "UPDATE slo_state SET counted_from_s = %(from)s, history_done = FALSE WHERE objective_id = ANY(%(ids)s)"


def begin(turn: Turn) -> list[Counted]:
    """The objectives that can be counted now; new, changed and mended ones begin with nothing. Raises LockNotAvailable.

    Those whose past failed are among them, and in turn.resting.
    """
    rows = find_objectives(turn.project_id)
    states = {row[0]: row[1:] for row in turn.connection.execute(STATES, [turn.project_id])}
    _begin(turn, [row for row in rows if row.id not in states or states[row.id][0] != row.revision])
    turn.resting = {id for id, (_, _, failures, at) in states.items() if _rests(failures, at, turn.now)}
    unknown = {id for id, (_, from_s, _, _) in states.items() if from_s is None}
    again(turn, sorted(unknown - turn.resting))
    return list(_readable(turn, [row for row in rows if row.id not in unknown & turn.resting]))


def again(turn: Turn, ids: Sequence[int]) -> None:
    """These are counted from their newest minute backwards once more."""
    turn.connection.execute(AGAIN, {"from": turn.closed_s + DAY_S, "ids": list(ids)})


def _rests(failures: int, failed_at: datetime | None, now: datetime) -> bool:
    """After a failure, twice as long after each further one. A clock that was set back ends it."""
    if failed_at is None:
        return False
    return 0 <= (now - failed_at).total_seconds() < min(RETRY_MIN_S * 2 ** min(failures - 1, 10), RETRY_MAX_S)


def _begin(turn: Turn, rows: Sequence[ObjectiveRow]) -> None:
    """Under the project's lock: what was committed before is history, what comes after it is marked."""
    if not rows:
        return
    ids = [row.id for row in rows]
    revisions = [row.revision for row in rows]
    with turn.connection.transaction():
        if not slo_counts.only_counter(turn.connection, turn.project_id):
            return
        turn.connection.execute("DELETE FROM slo_count WHERE objective_id = ANY(%s)", [ids])
        lock_briefly(turn)
        asked = {"ids": ids, "project": turn.project_id, "revisions": revisions, "from": turn.closed_s + DAY_S}
        turn.connection.execute(BEGIN, asked)


def lock_briefly(turn: Turn) -> None:
    """The project's lock. Raises LockNotAvailable."""
    turn.connection.execute("SELECT set_config('lock_timeout', %s, TRUE)", [LOCK_TIMEOUT])
    lock(turn.connection, turn.project_id)


def _readable(turn: Turn, rows: Sequence[ObjectiveRow]) -> Iterator[Counted]:
    for row in rows:
        try:
            yield Counted(row.id, row.revision, row.indicator())
        except FilterError as error:
            fail(turn, row.id, f"The filter cannot be read: {error}")


FAIL = """
UPDATE slo_state
SET count_failures = count_failures + 1, count_failure = left(%(why)s, 300), count_failed_at = %(now)s,
  counted_from_s = CASE WHEN %(past)s THEN counted_from_s END, history_done = FALSE
WHERE objective_id = %(id)s
"""


def fail(turn: Turn, objective_id: int, why: str, *, past: bool = False) -> None:
    """past: what is counted stays so, only what lies before it is not. Else its minutes pass meanwhile, and when it is tried
    again it is counted from its beginning."""
    log.warning("objective %d cannot be counted: %s", objective_id, why)
    turn.connection.execute(FAIL, {"id": objective_id, "why": why, "now": turn.now, "past": past})
    turn.broken += 1
    turn.resting.add(objective_id)


# --- counting -------------------------------------------------------------------------------------------------------------


@contextmanager
def counting(turn: Turn, objectives: Sequence[Counted]) -> Iterator[list[Counted] | None]:
    """A transaction in which nobody else counts; gives those that are still to be counted so, None: somebody else counts."""
    with turn.connection.transaction():
        if not slo_counts.only_counter(turn.connection, turn.project_id):
            yield None
            return
        states = {row[0]: row[1:3] for row in turn.connection.execute(STATES, [turn.project_id])}
        yield [one for one in objectives if _is_current(one, states.get(one.id))]


def _is_current(one: Counted, state: tuple[int, int | None] | None) -> bool:
    return state is not None and state[0] == one.revision and state[1] is not None


def lots(objectives: Sequence[Counted]) -> Iterator[list[Counted]]:
    """Of one unit each, and not more than one statement counts."""
    ordered = sorted(objectives, key=lambda one: (one.unit, one.id))
    for _, of_unit in groupby(ordered, key=lambda one: one.unit):
        alike = list(of_unit)
        yield from (alike[at : at + OBJECTIVES_AT_ONCE] for at in range(0, len(alike), OBJECTIVES_AT_ONCE))


OF_THE_FILTER = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    psycopg.DataError,
    psycopg.ProgrammingError,
)


def try_count(turn: Turn, lot: Sequence[Counted], starts: Sequence[int]) -> psycopg.Error | None:
    """None, or why these cannot be counted; then nothing of them was. Raises what is no filter's fault."""
    try:
        with turn.connection.transaction():
            turn.connection.execute("SELECT set_config('statement_timeout', %s, TRUE)", [str(COUNT_TIMEOUT_MS)])
            turn.connection.execute("SET LOCAL enable_seqscan = off")  # today's partitions have no statistics yet
            slo_counts.count(turn.connection, turn.project_id, lot, starts)
    except OF_THE_FILTER as error:
        return error
    return None


def count_each(turn: Turn, lot: Sequence[Counted], starts: Sequence[int], *, past: bool = False) -> list[Counted]:
    """For a lot that failed as a whole: which were counted. Those that fail rest; for others there may be no time left."""
    counted = []
    for one in lot:
        if turn.is_over():
            break
        error = try_count(turn, [one], starts)
        if error is None:
            counted.append(one)
        else:
            fail(turn, one.id, _why(error), past=past)
    return counted


def _why(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.QueryCanceled):
        return f"Counting a minute takes longer than {COUNT_TIMEOUT_MS // 1000} s"
    return f"The database refuses the filter: {error.diag.message_primary or type(error).__name__}"


def check_kept(turn: Turn, starts: Sequence[int]) -> None:
    """To be called after counting: of what retention took away meanwhile the former counts stay. Raises psycopg.Rollback."""
    if not starts or starts[0] >= turn.closed_s - 2 * DAY_S:
        return
    counted = rollups.kept_rows(turn.connection, turn.project_id, starts)["starts"]
    if counted and counted[0] < rollups.frozen_before(turn.connection, turn.project_id, turn.now):
        raise psycopg.Rollback


def next_lot(at_once: int, spent_s: float, counted: int | None, least: int, most: int) -> int:
    """How many minutes next time. counted: None when these took too long to be answered at all."""
    return paced(at_once, spent_s, TARGET_S, most=most, least=least) if counted else max(1, at_once // 4)
