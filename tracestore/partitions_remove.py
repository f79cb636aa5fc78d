"""How does the disk get back a day that nobody keeps? The partition is detached beside its readers, then dropped.

DETACH CONCURRENTLY takes no lock that a writer or reader of other days waits for. It waits itself, for at most 2 s, until
nobody uses the parent; when somebody does for longer, the partition stays half detached (nobody sees it) and the next run
goes on from there. A day whose partition must stay, because late spans may still come, is emptied by TRUNCATE.
"""

import logging
from collections.abc import Sequence
from datetime import date

import psycopg
from psycopg import sql

from tracestore.partitions import TABLES, partition_name, patiently

log = logging.getLogger(__name__)

PENDING = """
SELECT parent.relname, child.relname
FROM pg_inherits
JOIN pg_class parent ON parent.oid = pg_inherits.inhparent
JOIN pg_class child ON child.oid = pg_inherits.inhrelid
WHERE inhdetachpending AND parent.relname = ANY(%s) AND parent.relnamespace = 'public'::regnamespace
"""
FINALIZE = "ALTER TABLE {} DETACH PARTITION {} FINALIZE"
# Detached, and then we were stopped before the drop.
LOOSE = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND NOT relispartition AND relnamespace = 'public'::regnamespace
  AND relname ~ ('^(' || array_to_string(%s::text[], '|') || ')_[0-9]{8}$')
"""


def finish_started(connection: psycopg.Connection) -> list[str]:
    """Takes up where a run before was stopped; returns the names of what is still in use."""
    pending = connection.execute(PENDING, [list(TABLES)]).fetchall()
    left = [child for parent, child in pending if not _alone(connection, FINALIZE, parent, child)]
    loose = [name for (name,) in connection.execute(LOOSE, [list(TABLES)])]
    return left + [name for name in loose if not _drop_table(connection, name)]


def drop(connection: psycopg.Connection, table: str, day: date) -> bool:
    """Drops a partition. False: it is in use for longer than 2 s; the next run goes on."""
    name = partition_name(table, day)
    if not _alone(connection, "ALTER TABLE {} DETACH PARTITION {} CONCURRENTLY", table, name):
        return False
    return _drop_table(connection, name)


def empty(connection: psycopg.Connection, table: str, day: date) -> bool:
    """Gives back all of a partition's space and leaves it there for what comes late. False: it is in use."""
    name = sql.Identifier(partition_name(table, day))
    return patiently(connection, iter([sql.SQL("TRUNCATE ONLY {}").format(name)]))


def _alone(connection: psycopg.Connection, statement: str, parent: str, child: str) -> bool:
    """A statement that has transactions of its own."""
    connection.execute("SET lock_timeout = '2s'")
    try:
        connection.execute(sql.SQL(statement).format(sql.Identifier(parent), sql.Identifier(child)))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.ObjectNotInPrerequisiteState) as error:
        log.warning("%s is in use, its removal waits: %s", child, type(error).__name__)
        return False
    finally:
        connection.execute("RESET lock_timeout")
    return True


def _drop_table(connection: psycopg.Connection, name: str) -> bool:
    steps: Sequence[sql.Composed] = (
        sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)),
        sql.SQL("DELETE FROM retention_check WHERE relation = {}").format(sql.Literal(name)),
    )
    return patiently(connection, iter(steps))
