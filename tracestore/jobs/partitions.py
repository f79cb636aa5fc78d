"""Makes the partitions of the days to come, and removes what is no longer kept: whole days, and the part of a day that some
projects keep no longer.

A wrong clock must not delete: nothing is removed until the clock has been steady for an hour, and never more days at once
than a day's work unless a person shortened a retention or said so. Everything may be stopped anywhere and repeated.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg

from tracestore import db, partitions, partitions_remove, partitions_rewrite
from tracestore.analysis import retention
from tracestore.analysis.retention import Kept, Removal
from tracestore.settling import lock

# Advisory: held by this job, and shared by a backup, which must not lose a table under its hands.
RETENTION_LOCK = (partitions.PARTITION_LOCK, 1)
BUDGET_S = 240.0  # of one run; the next one goes on
JUMP = timedelta(days=1)
STEADY = timedelta(hours=1)
NEAR = timedelta(days=7)  # the newest partition is at most so old: an outage, not a wrong clock
PERMITTED_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of partitions. removed: dropped, emptied or rewritten. held: due, and left. reason: why, "" when none is.

    reason: "clock" (it jumped), "many" (more than a day's work), "in use", "backup", "time" (the next run goes on).
    """

    created: int
    removed: int
    held: int
    reason: str


@dataclass(frozen=True, slots=True)
class Clock:
    steady_since: datetime
    permitted_at: datetime | None  # by a person: the latest change of a retention, or a confirmation


def run(now: datetime) -> Summary:
    with db.JOBS.connection(3600) as connection:
        connection.execute("SET statement_timeout = 0")
        try:
            return keep(connection, now)
        finally:
            connection.execute("RESET statement_timeout")


def keep(connection: psycopg.Connection, now: datetime) -> Summary:
    """Create ahead, remove behind, and note what is held back and why."""
    projects, clock = read_kept(connection), _note_clock(connection, now)
    due = removals(connection, projects, now)
    reason = _doubt(connection, clock, due, now)
    created = _create(connection, projects, now, trusted=not reason)
    done, strays, why = _remove_all(connection, due, now) if not reason else (0, 0, reason)
    held = due[done:] if why else []  # how many; which ones, only when none was removed
    _note_held(connection, now, why if held or not _is_near(connection, now) else "", held)
    return Summary(len(created), done + strays, len(held), why)


KEPT = """
SELECT id, retention_days, text_retention_days, log_retention_days, metric_retention_days
FROM project
WHERE purged_at IS NULL
ORDER BY id
"""


def read_kept(connection: psycopg.Connection) -> list[Kept]:
    return [retention.kept(*row) for row in connection.execute(KEPT)]


# ---- create


def _create(connection: psycopg.Connection, projects: Sequence[Kept], now: datetime, *, trusted: bool) -> list[str]:
    """With a clock in doubt only what today needs, and nothing where today is far from all that is stored; all of it in an
    empty store, which has nothing to lose.
    """
    if trusted or not any(partitions.used_bytes(connection).values()):
        days = {s: retention.longest(projects, s, retention.DEFAULT_DAYS) for s in ("traces", "logs", "metrics")}
        return partitions.ensure(connection, now, days["traces"], days)
    return partitions.ensure(connection, now, 0) if _is_near(connection, now) else []


def _is_near(connection: psycopg.Connection, now: datetime) -> bool:
    """Whether today lies among the stored days, or a little after them."""
    every = set().union(*partitions.existing(connection).values())
    today = now.astimezone(UTC).date()
    return not every or (max(every) >= today - NEAR and min(every) <= today)


# ---- what is due


def removals(connection: psycopg.Connection, projects: Sequence[Kept], now: datetime) -> list[Removal]:
    """What is no longer kept and not yet known to be gone: oldest days first, tables in the order to empty them in."""
    today = now.astimezone(UTC).date()
    known = partitions_rewrite.looked_through(connection)
    days = partitions.existing(connection)
    used = partitions.used_bytes(connection)
    found = [
        one
        for table in partitions.KEPT_AS
        for day in days.get(table, ())
        if (one := _removal(projects, table, day, today)) and not _is_done(one, known, used)
    ]
    order = list(partitions.KEPT_AS)
    return sorted(found, key=lambda one: (one.day, order.index(one.table)))


def _removal(projects: Sequence[Kept], table: str, day: date, today: date) -> Removal | None:
    signal, arrival = partitions.KEPT_AS[table], partitions.arrival(table)
    gone = retention.gone(projects, signal, day, today)
    everyone = day < retention.oldest(today, retention.longest(projects, signal, retention.DEFAULT_DAYS))
    drop = day < retention.oldest(today, retention.longest(projects, arrival, retention.DEFAULT_DAYS))
    return Removal(table, day, gone, everyone, drop) if gone or everyone else None


def _is_done(one: Removal, known: Mapping[str, frozenset[int]], used: Mapping[str, int]) -> bool:
    name = partitions.partition_name(one.table, one.day)
    if one.drop:
        return False
    return not used.get(name) or (not one.everyone and known.get(name, frozenset()).issuperset(one.gone))


# ---- is the clock right?

CLOCK = """
INSERT INTO partition_clock AS clock (id, last_run, steady_since) VALUES (1, %(now)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET
  last_run = %(now)s,
  steady_since = CASE WHEN abs(extract(epoch FROM %(now)s - clock.last_run)) > %(jump_s)s
    THEN %(now)s ELSE clock.steady_since END
RETURNING steady_since, greatest(permitted_at, (SELECT max(retention_changed_at) FROM project))
"""


def _note_clock(connection: psycopg.Connection, now: datetime) -> Clock:
    """Since when the clock has moved by less than a day between two runs (the first run counts as the beginning)."""
    row = connection.execute(CLOCK, {"now": now, "jump_s": JUMP.total_seconds()}).fetchone()
    assert row is not None
    return Clock(*row)


def _doubt(connection: psycopg.Connection, clock: Clock, due: Sequence[Removal], now: datetime) -> str:
    if now - clock.steady_since < STEADY:
        return "clock"
    permitted = clock.permitted_at is not None and abs(now - clock.permitted_at) < PERMITTED_FOR
    if permitted:
        return ""
    if not _is_near(connection, now):
        return "clock"
    return "many" if any(_is_too_much(connection, due, signal) for signal in retention.SIGNALS) else ""


def _is_too_much(connection: psycopg.Connection, due: Sequence[Removal], signal: str) -> bool:
    """Days that hold anything count; a day without a row is nothing to lose."""
    used = partitions.used_bytes(connection)
    tables = {table for table, of in partitions.KEPT_AS.items() if of == signal}
    stored = {
        (table, day)
        for table, days in partitions.existing(connection).items()
        for day in days
        if table in tables and used.get(partitions.partition_name(table, day))
    }
    going = {(one.table, one.day) for one in due} & stored
    return retention.is_too_much({day for _, day in going}, {day for _, day in stored})


HELD = """
UPDATE partition_clock SET
  held_since = CASE WHEN %(reason)s = '' THEN NULL WHEN held_reason = '' THEN %(now)s ELSE held_since END,
  held_reason = %(reason)s,
  held_days = %(days)s
"""


def _note_held(connection: psycopg.Connection, now: datetime, reason: str, held: Sequence[Removal]) -> None:
    """For the warnings on the pages."""
    connection.execute(HELD, {"now": now, "reason": reason, "days": len({one.day for one in held})})


# ---- remove


def _remove_all(connection: psycopg.Connection, due: Sequence[Removal], now: datetime) -> tuple[int, int, str]:
    """(how many of them are done, how many strays, why the rest is not). One in use does not keep the others waiting."""
    if not _only(connection):
        return 0, 0, "backup" if due else ""
    try:
        left = partitions_remove.finish_started(connection)
        stop_at = time.monotonic() + BUDGET_S
        results = [_remove(connection, one, now) for one in due if time.monotonic() < stop_at]
        strays = _remove_strays(connection, now)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s, %s)", RETENTION_LOCK)
    done = sum(results)
    return done, len(strays), "in use" if left or done < len(results) else "time" if len(results) < len(due) else ""


def _only(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", RETENTION_LOCK).fetchone()
    return bool(row and row[0])


# A trace that began on a day that goes and went on after it: what is kept of it is settled anew.
MARK = """
INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
SELECT project, trace_id, first_day, last_day, 0, %(now_ns)s
FROM trace
WHERE day = %(day)s AND last_day > day AND (%(everyone)s OR project = ANY(%(gone)s))
"""


FLOOR = """
INSERT INTO retention_floor AS kept (project, kept_from) VALUES (%(project)s, %(day)s)
ON CONFLICT (project) DO UPDATE SET kept_from = greatest(kept.kept_from, excluded.kept_from)
"""


FORGET_EVALUATIONS = """
DELETE FROM evaluation_day WHERE day = %(day)s AND (%(everyone)s OR project = ANY(%(gone)s))
"""


def _raise_floor(connection: psycopg.Connection, one: Removal) -> None:
    """Before the first table of the day's traces goes: see retention_floor."""
    for project_id in one.gone:
        with connection.transaction():
            lock(connection, project_id)
            connection.execute(FLOOR, {"project": project_id, "day": one.day + timedelta(days=1)})


def _remove(connection: psycopg.Connection, one: Removal, now: datetime) -> bool:
    if one.table == "span":
        _raise_floor(connection, one)
    if one.table == "evaluation":
        connection.execute(FORGET_EVALUATIONS, {"day": one.day, "everyone": one.everyone, "gone": list(one.gone)})
    if one.table == "trace":
        parameters = {"day": one.day, "everyone": one.everyone, "gone": list(one.gone)}
        connection.execute(MARK, parameters | {"now_ns": int(now.timestamp() * 1e9)})
    if one.drop:
        return partitions_remove.drop(connection, one.table, one.day)
    if one.everyone:
        return partitions_remove.empty(connection, one.table, one.day)
    return partitions_rewrite.remove(connection, one.table, one.day, one.gone)


def _remove_strays(connection: psycopg.Connection, now: datetime) -> list[str]:
    """Partitions that a clock far ahead left behind. Only empty ones, later than any data and than what is made ahead."""
    used = partitions.used_bytes(connection)
    days = partitions.existing(connection)
    holding = {d for t, of in days.items() for d in of if used.get(partitions.partition_name(t, d))}
    last = max([now.astimezone(UTC).date(), *holding]) + timedelta(days=partitions.AHEAD_DAYS + 1)
    strays = [(table, day) for table, of in days.items() for day in sorted(of) if day > last]
    return [partitions.partition_name(*one) for one in strays if partitions_remove.drop(connection, *one)]
