"""What does the evaluator need to know, and what does it leave behind? The state of objectives and of their rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from django.db import connection
from psycopg import sql

from tracestore import db
from tracestore.analysis.cover import NS
from tracestore.analysis.slo.burn import Count
from tracestore.analysis.slo.evaluation import Judged
from tracestore.analysis.slo.states import AlertState
from tracestore.analysis.slo.thresholds import WEEK_S, kind_of
from tracestore.facts import HOUR_S

Rows = Sequence[tuple[Any, ...]]
EVALUATION_LOCK: Final = 4_010  # first half of the advisory lock; the second is the objective


@dataclass(frozen=True, slots=True)
class Position:
    """How far an objective has been evaluated. newest_s: its newest minute with events. All Unix seconds.

    counted_from_s: counted from there on, further back each moment until history_done. oldest_s: the hour of its oldest event.
    """

    objective_id: int
    counted_from_s: int
    history_done: bool
    evaluated_s: int | None
    newest_s: int | None
    oldest_s: int | None
    failures: int
    failed_at: datetime | None


# Objectives that are not counted at all cannot be evaluated. Newest and oldest: one probe of the primary key each.
_POSITIONS: Final = """
SELECT s.objective_id, s.counted_from_s, s.history_done, s.evaluated_s, newest.start_s AS newest_s,
  oldest.start_s AS oldest_s, s.failures, s.failed_at
FROM slo_state AS s
LEFT JOIN LATERAL (
  SELECT c.start_s FROM slo_count AS c
  WHERE c.objective_id = s.objective_id AND c.grain_s = 60
  ORDER BY c.start_s DESC LIMIT 1
) AS newest ON TRUE
LEFT JOIN LATERAL (
  SELECT c.start_s FROM slo_count AS c
  WHERE c.objective_id = s.objective_id AND c.grain_s = 3600
  ORDER BY c.start_s LIMIT 1
) AS oldest ON TRUE
WHERE s.objective_id = ANY(%(objectives)s) AND s.counted_from_s IS NOT NULL
"""


def find_positions(objective_ids: Sequence[int]) -> dict[int, Position]:
    rows = db.fetch(_POSITIONS, {"objectives": list(objective_ids)}, Position)
    return {row.objective_id: row for row in rows}


_PAUSE: Final = """
SELECT coalesce(max(c.start_s - c.before_s), 0) - %(hour)s AS pause_s
FROM (
  SELECT start_s, lag(start_s) OVER (ORDER BY start_s) AS before_s
  FROM (
    SELECT DISTINCT start_s FROM slo_count
    WHERE objective_id = %(objective)s AND grain_s = %(hour)s AND start_s >= %(from_s)s AND start_s < %(until_s)s
  ) AS hour
) AS c
"""


def longest_pause_s(objective_id: int, until_s: int) -> int:
    """The longest run of whole hours without events between others, within the week before; 0 = none."""
    asked = {"objective": objective_id, "hour": HOUR_S, "from_s": until_s - WEEK_S, "until_s": until_s}
    ((pause_s,),) = db.fetch_tuples(_PAUSE, asked)
    return max(0, int(pause_s))


# Counting runs before evaluating, and settling takes seconds: what waits for either so long is late.
_WAITS: Final = """
SELECT EXISTS (
    SELECT FROM slo_mark WHERE project = %(project)s AND start_s > %(newest)s AND start_s < %(until)s
  ) OR coalesce(
    (SELECT marked_ns < %(until_ns)s FROM settle_mark WHERE project = %(project)s ORDER BY id LIMIT 1), FALSE
  ) AS waits
"""


def may_be_uncounted(project_id: int, newest_s: int, until_s: int) -> bool:
    """Whether events of the project that ended after newest_s may have come, and wait to be settled or counted."""
    asked = {"project": project_id, "newest": newest_s, "until": until_s, "until_ns": until_s * NS}
    ((waits,),) = db.fetch_tuples(_WAITS, asked)
    return bool(waits)


# --- within the evaluator's own transaction, that of Django's connection -------------------------------------------------

_LOCK: Final = """
SELECT id FROM unnest(%(objectives)s::bigint[]) AS id
WHERE pg_try_advisory_xact_lock(%(class)s, (id %% 2147483647)::integer)
"""


def lock_free(objective_ids: Sequence[int]) -> list[int]:
    """Those that no other evaluator is at; ours until the transaction ends."""
    return [row[0] for row in _rows(_LOCK, {"objectives": list(objective_ids), "class": EVALUATION_LOCK})]


_EVALUATED: Final = "SELECT objective_id, evaluated_s FROM slo_state WHERE objective_id = ANY(%(objectives)s)"


def evaluated_until(objective_ids: Sequence[int]) -> dict[int, int | None]:
    """As it is now that they are locked: another evaluator may have been faster."""
    return dict(_rows(_EVALUATED, {"objectives": list(objective_ids)}))


_STATES: Final = """
SELECT objective_id, rule, state, since, frozen_since FROM slo_rule_state WHERE objective_id = ANY(%(objectives)s)
"""


def rule_states(objective_ids: Sequence[int], moment: datetime) -> dict[int, dict[str, AlertState]]:
    """By objective and rule. What a clock that was ahead has left in the future began at `moment`."""
    found: dict[int, dict[str, AlertState]] = {}
    for objective_id, rule, state, since, frozen_since in _rows(_STATES, {"objectives": list(objective_ids)}):
        since = None if since is None else min(since, moment)
        frozen_since = None if frozen_since is None else min(frozen_since, moment)
        found.setdefault(objective_id, {})[rule] = AlertState(state, since, frozen_since)
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What evaluating one minute of an objective came to. period: [start, end) in Unix seconds."""

    objective_id: int
    project_id: int
    evaluated_s: int
    judged: tuple[Judged, ...]
    spent: Count
    remaining: float | None
    period: tuple[int, int]
    skipped: tuple[int, int] | None = None


_STATE_COLUMNS: Final = {
    "objective_id": "bigint", "evaluated_s": "bigint", "bad": "bigint", "total": "bigint", "remaining": "double precision",
    "start_s": "bigint", "end_s": "bigint", "skipped_from_s": "bigint", "skipped_until_s": "bigint",
}  # fmt: skip
_SAVE_STATES: Final = """
UPDATE slo_state AS s
SET evaluated_s = one.evaluated_s, failures = 0, failure = '', bad = one.bad, total = one.total,
  remaining = one.remaining, period_start_s = one.start_s, period_end_s = one.end_s,
  skipped_from_s = coalesce(one.skipped_from_s, s.skipped_from_s),
  skipped_until_s = coalesce(one.skipped_until_s, s.skipped_until_s)
FROM {rows} AS one ({names})
WHERE s.objective_id = one.objective_id
"""
_RULE_COLUMNS: Final = {
    "project": "integer", "objective_id": "bigint", "rule": "text", "kind": "text", "severity": "text", "state": "text",
    "since": "timestamptz", "frozen_since": "timestamptz", "long_burn": "double precision",
    "short_burn": "double precision", "long_bad": "bigint", "long_total": "bigint", "short_bad": "bigint",
    "short_total": "bigint", "long_s": "integer", "short_s": "integer", "factor": "double precision",
}  # fmt: skip
_SAVE_RULES: Final = """
INSERT INTO slo_rule_state ({names})
SELECT {names} FROM {rows} AS one ({names})
ON CONFLICT (objective_id, rule) DO UPDATE
SET kind = excluded.kind, severity = excluded.severity, state = excluded.state, since = excluded.since,
  frozen_since = excluded.frozen_since, long_burn = excluded.long_burn, short_burn = excluded.short_burn,
  long_bad = excluded.long_bad, long_total = excluded.long_total, short_bad = excluded.short_bad,
  short_total = excluded.short_total, long_s = excluded.long_s, short_s = excluded.short_s, factor = excluded.factor
"""
_FORGET_RULES: Final = "DELETE FROM slo_rule_state WHERE objective_id = %(objective)s AND rule <> ALL(%(rules)s)"


def save(outcomes: Sequence[Outcome]) -> None:
    """What pages, the gate and the next evaluation read: one statement for the rules, one for the objectives."""
    rules = sorted((_rule_row(one, judged) for one in outcomes for judged in one.judged), key=lambda row: row[1:3])
    _save_all(_SAVE_RULES, _RULE_COLUMNS, rules)
    _save_all(_SAVE_STATES, _STATE_COLUMNS, sorted(_state_row(one) for one in outcomes))


def _save_all(statement: LiteralString, columns: Mapping[LiteralString, LiteralString], rows: Rows) -> None:
    """Rows as an array a column: a statement each would take five times as long."""
    if not rows:
        return
    arrays = sql.SQL(", ").join(sql.SQL("%s::{}[]").format(sql.SQL(kind)) for kind in columns.values())
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    filled = sql.SQL(statement).format(rows=sql.SQL("unnest({})").format(arrays), names=names)
    with connection.cursor() as cursor:
        cursor.execute(filled, [list(column) for column in zip(*rows, strict=True)])


def _rule_row(one: Outcome, judged: Judged) -> tuple[Any, ...]:
    rule, state = judged.rule, judged.state
    return (
        one.project_id, one.objective_id, rule.name, kind_of(rule.name), rule.severity, state.state, state.since,
        state.frozen_since, judged.long_burn, judged.short_burn, judged.long.bad, judged.long.total, judged.short.bad,
        judged.short.total, rule.long_s, rule.short_s, rule.factor,
    )  # fmt: skip


def _state_row(one: Outcome) -> tuple[Any, ...]:
    return (
        one.objective_id, one.evaluated_s, one.spent.bad, one.spent.total, one.remaining, *one.period,
        *(one.skipped or (None, None)),
    )  # fmt: skip


def forget_rules(objective_id: int, kept: Sequence[str]) -> None:
    """Rules that an objective no longer has."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_RULES, {"objective": objective_id, "rules": list(kept)})


_FORGET_MINUTE: Final = "UPDATE slo_state SET evaluated_s = NULL WHERE objective_id = %(objective)s"


def forget_evaluation(objective_id: int) -> None:
    """As if it had never been evaluated: what lies behind is not caught up."""
    forget_rules(objective_id, ())
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_MINUTE, {"objective": objective_id})


_FAILED: Final = """
UPDATE slo_state SET failures = failures + 1, failure = %(failure)s, failed_at = %(now)s
WHERE objective_id = %(objective)s
"""


def note_failure(objective_id: int, failure: str, now: datetime) -> None:
    """An objective could not be evaluated. failure: in words, at most 300 characters."""
    with connection.cursor() as cursor:
        cursor.execute(_FAILED, {"objective": objective_id, "failure": failure[:300], "now": now})


def _rows(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
