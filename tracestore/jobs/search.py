"""The index of texts: which words does each trace hold? Filled behind ingest, and slower while ingest needs the machine.

A batch is one transaction: marks are read, the texts of their traces after them, and exactly those marks are deleted with
what was written. So it may be repeated, raced and killed anywhere: the index holds the words of the spans that are stored.
An eraser and a batch exclude each other (the writers' lock, shared here), so that nothing erased is indexed again.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tracestore import db
from tracestore.partitions import EPOCH
from tracestore.queries.trace_texts import PROBES, read_logs, read_spans
from tracestore.search_rows import COLUMNS, pack_row, read_rows, signature
from tracestore.settling_reads import as_uuids, marked_projects
from tracestore.writer_transaction import WRITE_LOCK, copy_rows

INDEX_LOCK = 9  # class of advisory locks, by project: one indexer at a time
MARKS_AT_ONCE, SPANS_AT_ONCE = 500, 4_000
QUIET_NS, PATIENCE_NS = 3_000_000_000, 15_000_000_000  # a trace is indexed when nothing came for 3 s, or after 15 s
BEHIND_NS = 3_000_000_000  # settling is behind when its oldest mark waits for so long
BUDGET_S = 5.0  # of one run; the next tick goes on


@dataclass(frozen=True, slots=True)
class Summary:
    """traces: whose marks were taken in this run. indexed: of these, written anew. left: marks are left for the next run."""

    traces: int
    indexed: int
    left: bool


class Mark(NamedTuple):
    """first_day, last_day: where the trace's row may be; None: wherever the trace's row says (a log knows no more)."""

    id: int
    trace_id: bytes
    first_day: date | None
    last_day: date | None
    marked_ns: int


class Before(NamedTuple):
    """A trace as settle left it."""

    trace_id: bytes
    day: date
    span_count: int
    attrs: dict[str, Any]


# --- when ---------------------------------------------------------------------------------------------------------------

BEHIND = "SELECT marked_ns < %s FROM settle_mark WHERE project = %s ORDER BY id LIMIT 1"


def run(now: datetime) -> Summary:
    """Indexes what is marked and quiet, a batch a project in turn, for at most BUDGET_S."""
    started, now_ns = time.monotonic(), int(now.timestamp() * 1e9)
    traces = indexed = 0
    with db.JOBS.connection(BUDGET_S + 120) as connection:
        waiting = marked_projects(connection, "text_mark")
        while waiting and (spent_s := time.monotonic() - started) < BUDGET_S:
            began, project_id = time.monotonic(), waiting.pop(0)
            done = index_some(connection, project_id, now_ns + int(spent_s * 1e9))
            traces, indexed = traces + done.traces, indexed + done.indexed
            if done.left:
                waiting.append(project_id)
                time.sleep(rest_s(connection, project_id, now_ns, time.monotonic() - began))
    return Summary(traces, indexed, left=bool(waiting))


def rest_s(connection: psycopg.Connection, project_id: int, now_ns: int, worked_s: float) -> float:
    """How long ingest has the machine to itself after a batch: a tenth of the time is ours while settling is behind, a fifth
    of it while more wants to run than there are cores."""
    row = connection.execute(BEHIND, [now_ns - BEHIND_NS, project_id]).fetchone()
    if row and row[0]:
        return min(9 * worked_s, 5.0)
    return min(4 * worked_s, 5.0) if runnable() > (os.cpu_count() or 1) else 0.0


def runnable() -> float:
    """How much wants to run at this moment, this process included. The average of a minute would notice a burst late."""
    try:
        return float(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except OSError:
        return os.getloadavg()[0]


# --- one batch ------------------------------------------------------------------------------------------------------------

MARKS = """
SELECT id, uuid_send(trace_id), first_day, last_day, marked_ns
FROM text_mark
WHERE project = %(project)s
ORDER BY id
LIMIT %(limit)s
"""
TRACES = """
SELECT uuid_send(trace_id), day, span_count, attrs
FROM trace
WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[]) AND day BETWEEN %(first)s AND %(last)s
"""
INDEXED = """
SELECT uuid_send(trace_id), day, signature
FROM trace_text
WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[]) AND day BETWEEN %(first)s AND %(last)s
"""
DELETE = """
DELETE FROM trace_text
WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[]) AND day BETWEEN %(first)s AND %(last)s
"""
KEPT_DAYS = """
SELECT to_date(right(child.relname, 8), 'YYYYMMDD')
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'trace_text'::regclass
"""


def index_some(connection: psycopg.Connection, project_id: int, now_ns: int, *, quiet: bool = True) -> Summary:
    """The next marks of a project, in one transaction of bounded size. quiet: what still changes may wait."""
    with connection.transaction():
        if not _lock(connection, project_id):
            return Summary(0, 0, left=False)
        parameters = {"project": project_id, "limit": MARKS_AT_ONCE}
        marks = [Mark(*row) for row in connection.cursor(binary=True).execute(MARKS, parameters)]
        chosen = choose(marks, now_ns) if quiet else marks
        taken, indexed = _index(connection, project_id, chosen)
        done = [mark.id for mark in chosen if mark.trace_id in taken]
        connection.execute("DELETE FROM text_mark WHERE project = %s AND id = ANY(%s)", [project_id, done])
    more = len(marks) == MARKS_AT_ONCE or len(done) < len(chosen)
    return Summary(len(taken), indexed, left=more and bool(done))


def _lock(connection: psycopg.Connection, project_id: int) -> bool:
    """Statements of their own: what is read next sees all that an eraser committed. False: another indexer is at it."""
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [INDEX_LOCK, project_id]).fetchone()
    if not row or not row[0]:
        return False
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [WRITE_LOCK, project_id])
    connection.execute(PROBES)
    return True


def choose(marks: Sequence[Mark], now_ns: int) -> list[Mark]:
    """Marks of traces that are quiet or have waited for long: a trace that arrives in parts is not indexed for each."""
    first: dict[bytes, int] = {}
    last: dict[bytes, int] = {}
    for mark in marks:
        first.setdefault(mark.trace_id, mark.marked_ns)
        last[mark.trace_id] = mark.marked_ns
    ready = {
        trace_id
        for trace_id, marked_ns in last.items()
        if marked_ns <= now_ns - QUIET_NS or first[trace_id] <= now_ns - PATIENCE_NS
    }
    return [mark for mark in marks if mark.trace_id in ready]


def _index(connection: psycopg.Connection, project_id: int, marks: Sequence[Mark]) -> tuple[set[bytes], int]:
    """(traces whose rows are now what their spans say, how many rows were written)."""
    if not marks:
        return set(), 0
    ids = {mark.trace_id for mark in marks}
    first, last = _days(connection, project_id, marks)
    where = {"project": project_id, "traces": as_uuids(ids), "first": first, "last": last}
    cursor = connection.cursor(binary=True)
    traces, later = _fitting([Before(*row) for row in cursor.execute(TRACES, where)])
    indexed = {trace_id: (day, hash_) for trace_id, day, hash_ in cursor.execute(INDEXED, where)}
    kept = [one.trace_id for one in traces]
    spans = read_spans(connection, project_id, kept, first, last)
    logs = read_logs(connection, project_id, kept, first, last)
    wanted = {
        one.trace_id: (one.day, signature(spans[one.trace_id], logs.get(one.trace_id, ()), one.attrs))
        for one in traces
        if one.trace_id in spans
    }
    stale = {one for one in indexed if one not in later and indexed[one] != wanted.get(one)}
    if stale:
        connection.execute(DELETE, where | {"traces": as_uuids(stale)})
    fresh = {one: spans[one] for one, state in wanted.items() if indexed.get(one) != state}
    rows_ = read_rows(connection, project_id, fresh, logs, {one.trace_id: one.attrs for one in traces})
    days = {row[0] for row in connection.execute(KEPT_DAYS)}
    packed = [pack_row(project_id, *wanted[row.trace_id], row) for row in rows_ if wanted[row.trace_id][0] in days]
    if packed:
        copy_rows(connection, "trace_text", COLUMNS, packed)
    return ids - later, len(packed)


DAYS = """
SELECT min(first_day), max(last_day) FROM trace WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[])
"""


def _days(connection: psycopg.Connection, project_id: int, marks: Sequence[Mark]) -> tuple[date, date]:
    """The days on which these traces and their rows lie. None for logs whose trace has no spans yet: settle will mark it."""
    days = [day for mark in marks for day in (mark.first_day, mark.last_day) if day is not None]
    unknown = {mark.trace_id for mark in marks if mark.first_day is None}
    if unknown:
        rows = connection.execute(DAYS, {"project": project_id, "traces": as_uuids(unknown)})
        days += [day for row in rows for day in row if day is not None]
    return (min(days), max(days)) if days else (EPOCH, EPOCH)


def _fitting(traces: Sequence[Before]) -> tuple[list[Before], set[bytes]]:
    """(traces that fit into one transaction, ids of the others): at least one, whatever its size."""
    kept: list[Before] = []
    spans = 0
    for one in traces:
        spans += one.span_count
        if kept and spans > SPANS_AT_ONCE:
            break
        kept.append(one)
    return kept, {one.trace_id for one in traces[len(kept) :]}


# --- all of it ------------------------------------------------------------------------------------------------------------

MARK_ALL = """
INSERT INTO text_mark (project, trace_id, start_ns, first_day, last_day, marked_ns)
SELECT project, trace_id, start_ns, first_day, last_day, %(now_ns)s FROM trace
WHERE project = %(project)s
ORDER BY start_ns DESC
"""


def mark_all(connection: psycopg.Connection, project_id: int, now_ns: int) -> int:
    """Marks every trace of a project, the newest first. What is indexed already is not read again."""
    return connection.execute(MARK_ALL, {"project": project_id, "now_ns": now_ns}).rowcount


def index_all(connection: psycopg.Connection, project_id: int) -> int:
    """Takes every mark of a project without resting; returns how many traces were indexed anew."""
    indexed = 0
    while connection.execute("SELECT 1 FROM text_mark WHERE project = %s LIMIT 1", [project_id]).fetchone():
        done = index_some(connection, project_id, 0, quiet=False)
        indexed += done.indexed
        if not done.traces:
            time.sleep(0.5)  # another indexer is at it
    return indexed


def refill(now: datetime, project_id: int | None = None, *, mark_only: bool = False) -> Summary:
    """One project, or all of them, without yielding to ingest; safe to stop and to repeat."""
    now_ns = int(now.timestamp() * 1e9)
    marked = indexed = 0
    with db.JOBS.connection(24 * 3600) as connection:
        connection.execute("SET statement_timeout = 0")
        query = "SELECT DISTINCT project FROM trace"
        found = [project_id] if project_id is not None else [row[0] for row in connection.execute(query)]
        for project in found:
            marked += mark_all(connection, project, now_ns)
            indexed += 0 if mark_only else index_all(connection, project)
        connection.execute("RESET statement_timeout")
    return Summary(marked, indexed, left=mark_only)
