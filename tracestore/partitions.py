"""Which days have a partition? Created ahead, dropped behind: the whole retention policy is in this file.

Ingest never creates a partition; it asks `storage_day` for a day that has one. A partition is made beside its parent and
attached, which locks out nobody; a drop waits 2 s for its lock and comes back later.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

log = logging.getLogger(__name__)

DAY_NS = 86_400_000_000_000
EPOCH = date(1970, 1, 1)
AHEAD_DAYS = 2
FUTURE_NS = 600_000_000_000  # a clock may run 10 minutes ahead of ours
JUMP = timedelta(days=1)
STEADY = timedelta(hours=1)
TRIES = 5

# Every table by day, and the storage parameters of its partitions. What is only ever appended needs no room for updates.
TABLES: dict[str, str] = {
    "span": "autovacuum_analyze_scale_factor = 0.2",
    "span_payload": "autovacuum_analyze_scale_factor = 0.5",
    "message": "autovacuum_analyze_scale_factor = 0.5",
    "trace": "autovacuum_vacuum_scale_factor = 0.1",
    "llm_call": "autovacuum_vacuum_scale_factor = 0.1",
    "tool_call": "autovacuum_vacuum_scale_factor = 0.1",
    "trace_text": "autovacuum_vacuum_scale_factor = 0.1",
    "log_record": "autovacuum_analyze_scale_factor = 0.2",
    "metric_point": "autovacuum_analyze_scale_factor = 0.2",
    "metric_exemplar": "autovacuum_analyze_scale_factor = 0.5",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """created, dropped: names of partitions. held: would have been dropped, had the clock been steady for long enough."""

    created: list[str]
    dropped: list[str]
    held: list[str]


def day_of(time_ns: int) -> date:
    """The UTC day of a time in Unix nanoseconds; times beyond the year 9999 are its last day."""
    return EPOCH + timedelta(days=min(time_ns // DAY_NS, 2_932_896))


def storage_day(start_ns: int, now_ns: int, retention_days: int) -> tuple[date, bool]:
    """The day a record is stored under, and whether its own clock is suspect.

    Its own day within [now - retention, now + 10 minutes], else the day of receipt (suspect).
    """
    if now_ns - retention_days * DAY_NS <= start_ns <= now_ns + FUTURE_NS:
        return day_of(start_ns), False
    return day_of(now_ns), True


def span_of_days(now: datetime, retention_days: int) -> list[date]:
    """The days that ought to have partitions: from the oldest kept to AHEAD_DAYS ahead."""
    today = now.astimezone(UTC).date()
    return [today + timedelta(days=n) for n in range(-retention_days, AHEAD_DAYS + 1)]


def partition_name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


PARTITIONS = """
SELECT parent.relname, child.relname
FROM pg_inherits
JOIN pg_class parent ON parent.oid = pg_inherits.inhparent
JOIN pg_class child ON child.oid = pg_inherits.inhrelid
WHERE parent.relkind = 'p' AND parent.relname = ANY(%s) AND parent.relnamespace = 'public'::regnamespace
"""


def existing(connection: psycopg.Connection) -> dict[str, set[date]]:
    """The days that have a partition, by table."""
    days: dict[str, set[date]] = {table: set() for table in TABLES}
    for parent, child in connection.execute(PARTITIONS, [list(TABLES)]):
        days[parent].add(date.fromisoformat(child.rpartition("_")[2]))
    return days


def ensure(connection: psycopg.Connection, now: datetime, retention_days: int) -> list[str]:
    """Creates the partitions that are missing; returns their names. Safe to run twice, and by two at once."""
    have = existing(connection)
    wanted = span_of_days(now, retention_days)
    missing = [(table, day) for table in TABLES for day in wanted if day not in have[table]]
    for table, day in missing:
        _patiently(connection, _create(table, day))
    return [partition_name(table, day) for table, day in missing]


def _create(table: str, day: date) -> Iterator[sql.SQL | sql.Composed]:
    name = sql.Identifier(partition_name(table, day))
    yield sql.SQL("SELECT pg_advisory_xact_lock(4, 0)")  # one creator at a time: the loser finds the table there
    yield sql.SQL("CREATE TABLE IF NOT EXISTS {} (LIKE {} INCLUDING ALL) WITH ({})").format(
        name, sql.Identifier(table), sql.SQL(TABLES[table])
    )
    yield sql.SQL(
        "DO $$ BEGIN IF NOT (SELECT relispartition FROM pg_class WHERE oid = {oid}::regclass) THEN"
        " ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({day}) TO ({end}); END IF; END $$"
    ).format(
        oid=sql.Literal(partition_name(table, day)),
        parent=sql.Identifier(table),
        name=name,
        day=sql.Literal(day.isoformat()),
        end=sql.Literal((day + timedelta(days=1)).isoformat()),
    )


def _patiently(connection: psycopg.Connection, statements: Iterator[sql.SQL | sql.Composed]) -> bool:
    """The statements in one transaction, with 2 s for each lock, tried a few times. False: a lock was not to be had."""
    steps = list(statements)
    for _ in range(TRIES):
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '2s'; SET LOCAL client_min_messages = 'warning'")
                for step in steps:
                    connection.execute(step)
            return True
        except psycopg.errors.LockNotAvailable:
            log.warning("a partition's lock is held by a long transaction; trying again")
    return False


CLOCK = """
INSERT INTO partition_clock AS clock (id, last_run, steady_since) VALUES (1, %(now)s, %(now)s)
ON CONFLICT (id) DO UPDATE SET
  last_run = %(now)s,
  steady_since = CASE WHEN abs(extract(epoch FROM %(now)s - clock.last_run)) > %(jump_s)s
    THEN %(now)s ELSE clock.steady_since END
RETURNING steady_since
"""


def steady_since(connection: psycopg.Connection, now: datetime) -> datetime:
    """Since when the clock has moved by less than a day between two runs (the first run counts as the beginning)."""
    row = connection.execute(CLOCK, {"now": now, "jump_s": JUMP.total_seconds()}).fetchone()
    assert row is not None
    since: datetime = row[0]
    return since


def drop_behind(connection: psycopg.Connection, now: datetime, retention_days: int) -> tuple[list[str], list[str]]:
    """Drops the partitions of days before now - retention: (dropped, held back).

    After a jump of the clock of more than a day nothing is dropped until the clock has been steady for an hour, so that
    a wrong clock cannot delete what is kept.
    """
    oldest = now.astimezone(UTC).date() - timedelta(days=retention_days)
    old = [partition_name(table, day) for table, days in existing(connection).items() for day in days if day < oldest]
    if now - steady_since(connection, now) < STEADY:
        return [], sorted(old)
    drop = sql.SQL("DROP TABLE IF EXISTS {}")
    dropped = [name for name in sorted(old) if _patiently(connection, iter([drop.format(sql.Identifier(name))]))]
    return dropped, sorted(set(old) - set(dropped))


def keep(connection: psycopg.Connection, now: datetime, retention_days: int) -> Summary:
    """Create ahead, drop behind."""
    created = ensure(connection, now, retention_days)
    dropped, held = drop_behind(connection, now, retention_days)
    return Summary(created, dropped, held)
