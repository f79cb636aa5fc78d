"""Erasing: one trace, all of one user, or all that a project ever sent.

An eraser takes the project's settle lock and then its write lock alone, and raises the epoch of what writers remember, so
that none of them relies on a message that was just deleted.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql

from tracestore import db, partitions
from tracestore.actions.access.audit import Actor, mask, record_on
from tracestore.actions.erasure import Doomed, Erased, begin_erasing, erase, erase_given, whose
from tracestore.analysis.identity import IdentitySpan, inherit
from tracestore.facts import ROLLUPS
from tracestore.rollups import forget_user
from tracestore.settling import lock
from tracestore.settling_reads import as_uuids

ERASER_TIMEOUT_S = 300
TRACES_AT_ONCE = 200
OF_A_PROJECT = (
    *"settle_mark text_mark version_part version_set metric_series reference ingest_ledger ledger_minute".split(),
    *"ledger_refusal erasure_request rollup_mark rollup_state rollup_capped release evaluation_day".split(),
    *"slo_count slo_mark slo_state slo_rule_state".split(),
    *(rollup.table for rollup in ROLLUPS),
)


def delete_trace(project_id: int, trace_id: str, now: datetime, actor: Actor) -> bool:
    """Erases a trace: spans, payloads, messages that nothing else of their day cites, logs, and what was derived.

    Calls of other traces that were twins of its calls are decided again. One audit entry, in the same transaction.
    False: the project has no such trace, and nothing was recorded.
    """
    with db.JOBS.connection(ERASER_TIMEOUT_S) as connection, connection.transaction():
        begin_erasing(connection, project_id)
        done = erase(connection, project_id, Doomed([UUID(trace_id).bytes]), _ns(now))
        found = any((done.traces, done.logs, done.exemplars, done.evaluations))
        if found:
            record_on(connection, now, actor, project_id, "trace.delete", trace_id, spans=done.spans)
    return found


def _ns(now: datetime) -> int:
    return int(now.timestamp() * 1e9)


# ---- a user


def erase_user(project_id: int, user_id: str, now: datetime, actor: Actor) -> Erased:
    """Erases all of a user: the spans that name the user or inherit it, and what goes with them; see erasure.erase.

    Some traces at a time, each lot in a transaction, so that ingest waits for moments; may be stopped and repeated. One
    audit entry at the end, which names the user by a hash.
    """
    done = Erased()
    with db.JOBS.connection(24 * 3600) as connection:
        connection.execute("SET statement_timeout = '600s'")
        try:
            traces = sorted(_traces_of(connection, project_id, user_id))
            for first in range(0, len(traces), TRACES_AT_ONCE):
                some = traces[first : first + TRACES_AT_ONCE]
                with connection.transaction():
                    begin_erasing(connection, project_id)
                    done += erase(connection, project_id, _theirs(connection, project_id, some, user_id), _ns(now))
            with connection.transaction():
                begin_erasing(connection, project_id)
                _erase_named(connection, project_id, user_id)
                done += erase_given(connection, project_id, user_id, _ns(now))
                record_on(connection, now, actor, project_id, "user.erase", mask(user_id), **done.numbers())
            _vacuum(connection, done)
        finally:
            connection.execute("RESET statement_timeout")
    return done


# No index: one pass over the spans of each day.
USERS_TRACES = "SELECT DISTINCT uuid_send(trace_id) FROM {} WHERE project = %s AND user_id = %s"


def _traces_of(connection: psycopg.Connection, project_id: int, user_id: str) -> set[bytes]:
    found: set[bytes] = set()
    for table in ("span", "trace"):
        for day in sorted(partitions.existing(connection)[table]):
            statement = sql.SQL(USERS_TRACES).format(sql.Identifier(partitions.partition_name(table, day)))
            rows = connection.cursor(binary=True).execute(statement, [project_id, user_id])
            found.update(trace_id for (trace_id,) in rows)
    return found


SPANS = """
SELECT DISTINCT ON (trace_id, start_ns, span_id)
  uuid_send(trace_id), span_id, parent_span_id, session_id, user_id, tenant_id, environment, flags
FROM span
WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[])
ORDER BY trace_id, start_ns, span_id, end_ns DESC, attribute_count DESC, record_hash DESC
"""


def _theirs(connection: psycopg.Connection, project_id: int, traces: Iterable[bytes], user_id: str) -> Doomed:
    """Which spans of these traces are the user's. A trace that only a row is left of goes whole."""
    parameters = {"project": project_id, "traces": as_uuids(traces)}
    rows = [IdentitySpan(*row) for row in connection.cursor(binary=True).execute(SPANS, parameters)]
    users = {key: identity.user_id for key, identity in inherit(rows).items()}
    whole, parts = set(traces), {}
    for trace_id, spans in groupby(rows, key=lambda span: span.trace_id):
        theirs = whose(((span.span_id, users[span.key]) for span in spans), user_id)
        if theirs is not None:
            whole.discard(trace_id)
            parts[trace_id] = theirs
    return Doomed(sorted(whole), parts)


# Resources and metric series that name the user (an application that runs on a person's own machine).
USER_KEYS = ("user.id", "enduser.id")
SERIES = """
SELECT series FROM metric_series
WHERE project = %(project)s AND %(user)s IN (SELECT attributes ->> key FROM unnest(%(keys)s::text[]) AS named (key))
"""
RESOURCES = """
DELETE FROM reference
WHERE project = %(project)s AND kind = 'resource' AND EXISTS (
  SELECT FROM unnest(%(named)s::bytea[]) AS pair (bytes) WHERE position(pair.bytes IN reference.body) > 0
)
"""
OF_SERIES = (
    "DELETE FROM metric_exemplar WHERE project = %(project)s AND series = ANY(%(series)s)",
    "DELETE FROM metric_point WHERE project = %(project)s AND series = ANY(%(series)s)",
    "DELETE FROM metric_series WHERE project = %(project)s AND series = ANY(%(series)s)",
)


def _erase_named(connection: psycopg.Connection, project_id: int, user_id: str) -> None:
    parameters = {"project": project_id, "user": user_id, "keys": list(USER_KEYS)}
    series = [row[0] for row in connection.execute(SERIES, parameters)]
    for statement in OF_SERIES:
        connection.execute(statement, {"project": project_id, "series": series})
    forget_user(connection, project_id, user_id)
    pack = msgspec.msgpack.encode
    connection.execute(RESOURCES, {"project": project_id, "named": [pack(key) + pack(user_id) for key in USER_KEYS]})


TOUCHED = (
    "span",
    "span_payload",
    "message",
    "trace",
    "llm_call",
    "tool_call",
    "log_record",
    "trace_text",
    "evaluation",
    "score",
)


def _vacuum(connection: psycopg.Connection, done: Erased) -> None:
    """The room of the erased rows is given back to their day now, not when the server gets round to it."""
    existing = partitions.existing(connection)
    for table in TOUCHED:
        for day in sorted(done.days & existing[table]):
            name = sql.Identifier(partitions.partition_name(table, day))
            connection.execute(sql.SQL("VACUUM {}").format(name))


# ---- a project


def delete_project_data(project_id: int) -> int:
    """Erases all that a project sent and all that was derived, table by table; returns the number of rows.

    Nothing arrives any more when this is called (its keys are gone). May be repeated after a crash.
    """
    with db.JOBS.connection(3600) as connection:
        with connection.transaction():
            begin_erasing(connection, project_id)
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
