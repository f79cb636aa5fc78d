"""Erasing: one trace, or all that a project ever sent.

An eraser takes the project's settle lock and then its write lock alone, and raises the epoch of what writers remember, so
that none of them relies on a message that was just deleted.
"""

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

import psycopg
from psycopg import sql

from tracestore import db, partitions
from tracestore.actions.access.audit import Actor, record_on
from tracestore.settling import lock, recompute
from tracestore.settling_reads import read_before, read_former, read_twins
from tracestore.writer_transaction import WRITE_LOCK

ERASER_TIMEOUT_S = 300
OF_A_TRACE = "span_payload span trace llm_call tool_call log_record settle_mark trace_text text_mark".split()
OF_A_PROJECT = (
    "settle_mark version_part version_set metric_series reference ingest_ledger ledger_minute ledger_refusal text_mark"
).split()

CITED = """
SELECT DISTINCT day, unnest(message_refs) FROM span_payload WHERE project = %(project)s AND trace_id = %(trace)s
"""

# One pass over the blocks of a day: 0.3 s for a million references.
ORPHANS = """
DELETE FROM message
WHERE project = %(project)s AND day = %(day)s AND hash = ANY(%(hashes)s)
  AND hash NOT IN (
    SELECT cited.hash
    FROM span_payload, unnest(message_refs) AS cited (hash)
    WHERE span_payload.project = %(project)s AND span_payload.day = %(day)s AND cited.hash = ANY(%(hashes)s)
  )
"""

EPOCH = """
INSERT INTO erasure AS kept (project, epoch) VALUES (%(project)s, 1)
ON CONFLICT (project) DO UPDATE SET epoch = kept.epoch + 1
"""


def delete_trace(project_id: int, trace_id: str, now: datetime, actor: Actor) -> bool:
    """Erases a trace: spans, payloads, messages that nothing else of their day cites, logs, and what was derived.

    Calls of other traces that were twins of its calls are decided again. One audit entry, in the same transaction.
    False: the project has no such trace, and nothing was recorded.
    """
    erased = UUID(trace_id)
    with db.JOBS.connection(ERASER_TIMEOUT_S) as connection, connection.transaction():
        lock(connection, project_id)
        _begin_erasing(connection, project_id)
        before = read_before(connection, project_id, [erased.bytes])
        twins = read_twins(connection, project_id, read_former(connection, project_id, before)) - {erased.bytes}
        cited = _cited(connection, project_id, erased)
        deleted = {
            table: connection.execute(statement, [project_id, erased]).rowcount for table, statement in _deletes()
        }
        for day, hashes in cited.items():
            connection.execute(ORPHANS, {"project": project_id, "day": day, "hashes": hashes})
        others = read_before(connection, project_id, twins)
        days = {twin: (was.first_day, was.last_day) for twin, was in others.items()}
        settled_ns = max((was.settled_ns for was in others.values()), default=0)
        recompute(connection, project_id, days, others, settled_ns)
        if any(deleted.values()):
            record_on(connection, now, actor, project_id, "trace.delete", trace_id, spans=deleted["span"])
    return any(deleted.values())


def _begin_erasing(connection: psycopg.Connection, project_id: int) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [WRITE_LOCK, project_id])
    connection.execute(EPOCH, {"project": project_id})


def _cited(connection: psycopg.Connection, project_id: int, trace_id: UUID) -> dict[date, list[UUID]]:
    cited: dict[date, list[UUID]] = {}
    for day, ref in connection.execute(CITED, {"project": project_id, "trace": trace_id}):
        cited.setdefault(day, []).append(ref)
    return cited


def _deletes() -> Iterator[tuple[str, sql.Composed]]:
    for table in OF_A_TRACE:
        yield table, sql.SQL("DELETE FROM {} WHERE project = %s AND trace_id = %s").format(sql.Identifier(table))


def delete_project_data(project_id: int) -> int:
    """Erases all that a project sent and all that was derived, table by table; returns the number of rows.

    Nothing arrives any more when this is called (its keys are gone). May be repeated after a crash.
    """
    with db.JOBS.connection(3600) as connection:
        with connection.transaction():
            _begin_erasing(connection, project_id)
        partitioned = [
            partitions.partition_name(table, day)
            for table, days in sorted(partitions.existing(connection).items())
            for day in sorted(days)
        ]
        return sum(_empty(connection, project_id, table) for table in [*partitioned, *OF_A_PROJECT])


BATCH = 20_000


def _empty(connection: psycopg.Connection, project_id: int, table: str) -> int:
    """Deletes a project's rows of one table in batches, so that no statement or lock lasts long."""
    statement = sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE project = %s LIMIT {batch}))"
    ).format(table=sql.Identifier(table), batch=sql.Literal(BATCH))
    total = 0
    while True:
        with connection.transaction():
            lock(connection, project_id)
            deleted = connection.execute(statement, [project_id]).rowcount
        total += deleted
        if deleted < BATCH:
            return total
