"""Which days have a partition? Made ahead here; partitions_remove.py and partitions_rewrite.py take away what is too old.

Ingest never creates a partition; it asks `storage_day` for a day that has one. A partition is made beside its parent and
attached, which locks out nobody.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache

import psycopg
from psycopg import sql

log = logging.getLogger(__name__)

DAY_NS = 86_400_000_000_000
EPOCH = date(1970, 1, 1)
AHEAD_DAYS = 2
FUTURE_NS = 600_000_000_000  # a clock may run 10 minutes ahead of ours
TRIES = 5
PARTITION_LOCK = 4  # class of advisory locks; 0: one creator at a time, the loser finds the table there

# Every table by day, and the storage parameters of its partitions. What is only ever appended needs no room for updates.
TABLES: dict[str, str] = {
    "span": "autovacuum_analyze_scale_factor = 0.2",
    "span_payload": "autovacuum_analyze_scale_factor = 0.5",
    "message": "autovacuum_analyze_scale_factor = 0.5",
    "trace": "autovacuum_vacuum_scale_factor = 0.1",
    "span_profile": "autovacuum_analyze_scale_factor = 0.5",
    "llm_call": "autovacuum_vacuum_scale_factor = 0.1",
    "tool_call": "autovacuum_vacuum_scale_factor = 0.1",
    "evaluation": "autovacuum_analyze_scale_factor = 0.2",
    "score": "autovacuum_vacuum_scale_factor = 0.1",
    "trace_text": "autovacuum_vacuum_scale_factor = 0.1",
    "log_record": "autovacuum_analyze_scale_factor = 0.2",
    "metric_point": "autovacuum_analyze_scale_factor = 0.2",
    "metric_exemplar": "autovacuum_analyze_scale_factor = 0.5",
}

# As long as which signal is a table kept? In the order in which they are emptied: spans before what is derived from them, so
# that settling makes none of it again.
KEPT_AS: dict[str, str] = {
    "span_payload": "texts",
    "message": "texts",
    "trace_text": "texts",
    "span": "traces",
    "evaluation": "traces",
    "llm_call": "traces",
    "tool_call": "traces",
    "score": "traces",
    "trace": "traces",
    "span_profile": "traces",
    "log_record": "logs",
    "metric_point": "metrics",
    "metric_exemplar": "metrics",
}
ARRIVES_AS = {"texts": "traces"}  # a late span brings its texts: their partitions stay as long as those of spans


def arrival(table: str) -> str:
    """The signal that a record comes in with that needs a partition of this table: traces, logs or metrics."""
    signal = KEPT_AS[table]
    return ARRIVES_AS.get(signal, signal)


def day_of(time_ns: int) -> date:
    """The UTC day of a time in Unix nanoseconds; times beyond the year 9999 are its last day."""
    return EPOCH + timedelta(days=min(time_ns // DAY_NS, 2_932_896))


@cache
def date_of(day: int) -> date:
    """day: since 1970."""
    return EPOCH + timedelta(days=day)


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
  AND NOT inhdetachpending -- on its way out: nothing can be written there
"""


def existing(connection: psycopg.Connection) -> dict[str, set[date]]:
    """The days that have a partition, by table."""
    days: dict[str, set[date]] = {table: set() for table in TABLES}
    for parent, child in connection.execute(PARTITIONS, [list(TABLES)]):
        days[parent].add(date.fromisoformat(child.rpartition("_")[2]))
    return days


# The first fork alone: what a table of rows takes without indexes and long values. 0: not a row was ever put in.
USED = """
SELECT child.relname, pg_relation_size(child.oid)
FROM pg_inherits
JOIN pg_class parent ON parent.oid = pg_inherits.inhparent
JOIN pg_class child ON child.oid = pg_inherits.inhrelid
WHERE parent.relkind = 'p' AND parent.relname = ANY(%s) AND parent.relnamespace = 'public'::regnamespace
"""


def used_bytes(connection: psycopg.Connection) -> dict[str, int]:
    """Bytes of rows by partition; one that was dropped meanwhile is left out."""
    return {name: size for name, size in connection.execute(USED, [list(TABLES)]) if size is not None}


def ensure(
    connection: psycopg.Connection, now: datetime, retention_days: int, other_days: Mapping[str, int] | None = None
) -> list[str]:
    """Creates the partitions that are missing; returns their names. Safe to run twice, and by two at once.

    other_days: for logs and metrics, where they are kept for another time than traces.
    """
    have = existing(connection)
    days = dict.fromkeys(("traces", "logs", "metrics"), retention_days) | dict(other_days or {})
    missing = [
        (table, day) for table in TABLES for day in span_of_days(now, days[arrival(table)]) if day not in have[table]
    ]
    for table, day in missing:
        patiently(connection, _create(table, day))
    return [partition_name(table, day) for table, day in missing]


def _create(table: str, day: date) -> Iterator[sql.SQL | sql.Composed]:
    name = sql.Identifier(partition_name(table, day))
    yield sql.SQL("SELECT pg_advisory_xact_lock({}, 0)").format(PARTITION_LOCK)
    yield sql.SQL("DELETE FROM retention_check WHERE relation = {}").format(sql.Literal(partition_name(table, day)))
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


def patiently(connection: psycopg.Connection, statements: Iterator[sql.SQL | sql.Composed]) -> bool:
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


KEPT_FROM = "SELECT kept_from FROM retention_floor WHERE project = %s"


def kept_from(connection: psycopg.Connection, project_id: int) -> date | None:
    """The first day of which retention removed nothing of a project's traces; None: it never removed any."""
    row = connection.execute(KEPT_FROM, [project_id]).fetchone()
    return row[0] if row else None


def ensure_ahead(connection: psycopg.Connection, now: datetime, retention_days: int) -> list[str]:
    """For the start: today and the days to come; all that is kept where there is no partition at all.

    A clock that is far off makes a few partitions in the wrong place, not hundreds; the job makes the rest when it trusts it.
    """
    return ensure(connection, now, 0 if any(existing(connection).values()) else retention_days)
