"""How does the disk get back the part of a day that some projects no longer keep? What others keep is copied, then swapped.

One transaction. A lock on that one partition makes writers of that old day wait (past their 5 s they answer 503, and their
senders come again); readers go on. The copy is made in pieces with a rest between them, so that ingest comes first. The swap
needs the parent for an instant: it asks for 0.5 s at a time, and gives way between.
"""

import time
from collections.abc import Sequence
from datetime import date, timedelta

import psycopg
from psycopg import sql

from tracestore.partitions import TABLES, partition_name

PIECE_BLOCKS = 512  # 4 MB of rows, and the long values they point to
REST, REST_MAX_S = 0.5, 5.0  # of the time that the piece took
SWAP_TRIES, SWAP_REST_S = 6, 1.0

LOOKED_THROUGH = """
SELECT relation, gone FROM retention_check
WHERE inserted = coalesce(pg_stat_get_tuples_inserted(to_regclass(quote_ident(relation))), -1)
"""
NOTE = """
INSERT INTO retention_check (relation, gone, inserted)
VALUES (%(name)s, %(gone)s, coalesce(pg_stat_get_tuples_inserted(to_regclass(quote_ident(%(name)s))), -1))
ON CONFLICT (relation) DO UPDATE SET gone = excluded.gone, inserted = excluded.inserted
"""


def looked_through(connection: psycopg.Connection) -> dict[str, frozenset[int]]:
    """By partition, the projects of which it holds nothing; only where nothing was put in since."""
    return {name: frozenset(gone) for name, gone in connection.execute(LOOKED_THROUGH)}


def remove(connection: psycopg.Connection, table: str, day: date, gone: Sequence[int]) -> bool:
    """Rewrites a partition without the rows of some projects, if it holds any. False: a lock was not to be had."""
    name = partition_name(table, day)
    try:
        if _holds(connection, name, gone):
            _rewrite(connection, table, day, gone)
            connection.execute("SELECT pg_stat_force_next_flush()")  # or our own copy would count as news later
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(name)))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    connection.execute(NOTE, {"name": name, "gone": sorted(gone)})
    return True


def _holds(connection: psycopg.Connection, name: str, gone: Sequence[int]) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE project = ANY(%s))").format(sql.Identifier(name))
    row = connection.execute(query, [list(gone)]).fetchone()
    return bool(row and row[0])


def _rewrite(connection: psycopg.Connection, table: str, day: date, gone: Sequence[int]) -> None:
    name, draft = partition_name(table, day), f"{partition_name(table, day)}_kept"
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '2s'")
        connection.execute(sql.SQL("LOCK TABLE ONLY {} IN SHARE MODE").format(sql.Identifier(name)))
        _make_draft(connection, table, draft, day)
        _copy(connection, name, draft, gone)
        _swap(connection, table, name, draft, day)


def _make_draft(connection: psycopg.Connection, table: str, draft: str, day: date) -> None:
    """A table of the same shape. Its check is what spares the attaching a look at every row."""
    statement = sql.SQL(
        "CREATE TABLE {draft} (LIKE {table} INCLUDING ALL, CONSTRAINT of_the_day CHECK (day >= {day} AND day < {end}))"
        " WITH ({options})"
    )
    names = {"draft": sql.Identifier(draft), "table": sql.Identifier(table), "options": sql.SQL(TABLES[table])}
    connection.execute(statement.format(**names, **_bounds(day)))


def _bounds(day: date) -> dict[str, sql.Literal]:
    return {"day": sql.Literal(day), "end": sql.Literal(day + timedelta(days=1))}


def _copy(connection: psycopg.Connection, name: str, draft: str, gone: Sequence[int]) -> None:
    """In the order of the blocks, so that memory is bounded and the rest after each piece leaves the machine to others."""
    row = connection.execute("SELECT pg_relation_size(%s::regclass) / 8192", [name]).fetchone()
    statement = sql.SQL(
        "INSERT INTO {draft} SELECT * FROM {name}"
        " WHERE ctid >= %(first)s::tid AND ctid < %(end)s::tid AND project <> ALL(%(gone)s)"
    ).format(draft=sql.Identifier(draft), name=sql.Identifier(name))
    for first in range(0, row[0] if row else 0, PIECE_BLOCKS):
        began = time.monotonic()
        piece = {"first": f"({first},0)", "end": f"({first + PIECE_BLOCKS},0)", "gone": list(gone)}
        connection.execute(statement, piece)
        time.sleep(min(REST * (time.monotonic() - began), REST_MAX_S))


def _swap(connection: psycopg.Connection, table: str, name: str, draft: str, day: date) -> None:
    """Raises LockNotAvailable when the parent is in use throughout."""
    for _ in range(SWAP_TRIES - 1):
        try:
            return _swap_now(connection, table, name, draft, day)
        except psycopg.errors.LockNotAvailable:
            time.sleep(SWAP_REST_S)
    return _swap_now(connection, table, name, draft, day)


SWAP = (
    "ALTER TABLE {table} DETACH PARTITION {name}",
    "DROP TABLE {name}",
    "ALTER TABLE {draft} RENAME TO {name}",
    "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({day}) TO ({end})",
    "ALTER TABLE {name} DROP CONSTRAINT of_the_day",
)


def _swap_now(connection: psycopg.Connection, table: str, name: str, draft: str, day: date) -> None:
    names = {"table": sql.Identifier(table), "name": sql.Identifier(name), "draft": sql.Identifier(draft)}
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '500ms'; SET LOCAL client_min_messages = 'warning'")
        for step in SWAP:
            connection.execute(sql.SQL(step).format(**names, **_bounds(day)))
