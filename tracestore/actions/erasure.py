"""What goes with spans that are erased? Their payloads, the messages that nothing else of their day cites, logs, exemplars,
evaluations.

What was derived from them is computed again from the spans that stay, so that every sum above them follows. The caller
holds the project's settle lock and its write lock alone (begin_erasing).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any
from uuid import UUID

import psycopg

from tracestore.partitions import date_of
from tracestore.payload import without
from tracestore.settling import lock, recompute
from tracestore.settling_reads import as_uuids, read_before
from tracestore.writer_arrays import UuidArray
from tracestore.writer_transaction import lock_out_writers

EPOCH = """
INSERT INTO erasure AS kept (project, epoch) VALUES (%(project)s, 1)
ON CONFLICT (project) DO UPDATE SET epoch = kept.epoch + 1
"""


def begin_erasing(connection: psycopg.Connection, project_id: int) -> None:
    """No writer relies on a message that was just deleted: it waits, and what it remembers is of an epoch that is over."""
    lock(connection, project_id)
    lock_out_writers(connection, project_id)
    connection.execute(EPOCH, {"project": project_id})


@dataclass(frozen=True, slots=True)
class Doomed:
    """Traces that go whole, and of other traces the spans that go."""

    whole: Sequence[bytes] = ()
    parts: Mapping[bytes, frozenset[int]] = field(default_factory=dict)

    @property
    def traces(self) -> list[bytes]:
        return sorted({*self.whole, *self.parts})


NUMBERS = ("traces", "spans", "messages", "logs", "exemplars", "evaluations")


@dataclass(frozen=True, slots=True)
class Erased:
    """Numbers of rows. days: the storage days that were touched."""

    traces: int = 0
    spans: int = 0
    messages: int = 0
    logs: int = 0
    exemplars: int = 0
    evaluations: int = 0
    days: frozenset[date] = frozenset()

    def __add__(self, other: "Erased") -> "Erased":
        sums = {name: getattr(self, name) + getattr(other, name) for name in NUMBERS}
        return Erased(**sums, days=self.days | other.days)

    def numbers(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in NUMBERS}


def erase(connection: psycopg.Connection, project_id: int, doomed: Doomed, now_ns: int) -> Erased:
    """Erases spans and all that goes with them, in the caller's transaction."""
    parameters = _parameters(project_id, doomed)
    before = read_before(connection, project_id, doomed.traces)
    days = _days(connection, parameters, before)
    cited = _cited(connection, parameters)
    _cut_blocks(connection, project_id, doomed)
    deleted = {name: connection.execute(statement, parameters).rowcount for name, statement in DELETES.items()}
    hashes = {"project": project_id}
    messages = sum(
        connection.execute(ORPHANS, hashes | {"day": day, "hashes": refs}).rowcount for day, refs in cited.items()
    )
    judged = [day for (day,) in connection.execute(EVALUATIONS, parameters)]
    connection.execute(FORGET_ATTRS, parameters)
    # Of a trace that never came there may be evaluations.
    recompute(connection, project_id, dict.fromkeys(doomed.traces, (0, 0)) | days, before, now_ns)
    connection.execute(EVALUATION_DAYS, parameters)
    touched = {date_of(n) for first, last in days.values() for n in range(first, last + 1)} | set(judged)
    numbers = (len(days), deleted["span"], messages, deleted["log_record"], deleted["metric_exemplar"], len(judged))
    return Erased(*numbers, frozenset(touched))


def _parameters(project_id: int, doomed: Doomed) -> dict[str, Any]:
    pairs = [(trace, span) for trace, spans in doomed.parts.items() for span in sorted(spans)]
    return {
        "project": project_id,
        "all": as_uuids(doomed.traces),
        "whole": as_uuids(doomed.whole),
        "part_traces": UuidArray([trace for trace, _ in pairs]),
        "part_spans": [span for _, span in pairs],
    }


_CHOSEN = """project = %(project)s AND (
  trace_id = ANY(%(whole)s::uuid[])
  OR (trace_id, span_id) IN (SELECT * FROM unnest(%(part_traces)s::uuid[], %(part_spans)s::bigint[]))
)"""
_ALL = "project = %(project)s AND trace_id = ANY(%(all)s::uuid[])"
_WHOLE = "project = %(project)s AND trace_id = ANY(%(whole)s::uuid[])"
# Rows that are derived go with the recompute.
DELETES = {
    "span_payload": f"DELETE FROM span_payload WHERE {_WHOLE}",  # noqa: S608  # constants
    "span": f"DELETE FROM span WHERE {_CHOSEN}",  # noqa: S608
    "log_record": f"DELETE FROM log_record WHERE {_CHOSEN}",  # noqa: S608
    "metric_exemplar": f"DELETE FROM metric_exemplar WHERE {_CHOSEN}",  # noqa: S608
    "trace_text": f"DELETE FROM trace_text WHERE {_ALL}",  # noqa: S608  # what stays of a trace is indexed anew
    "text_mark": f"DELETE FROM text_mark WHERE {_WHOLE}",  # noqa: S608
    "settle_mark": f"DELETE FROM settle_mark WHERE {_WHOLE}",  # noqa: S608
}

# Of a trace that stays in part: those that judge an erased span, and those that it brought.
EVALUATIONS = """
DELETE FROM evaluation AS one
WHERE project = %(project)s AND subject = ANY(%(all)s::uuid[]) AND (
  subject = ANY(%(whole)s::uuid[])
  OR EXISTS (
    SELECT FROM unnest(%(part_traces)s::uuid[], %(part_spans)s::bigint[]) AS gone (trace_id, span_id)
    WHERE gone.trace_id = one.trace_id AND gone.span_id IN (one.span_id, one.carrier_id)
  )
)
RETURNING day
"""

EVALUATION_DAYS = "DELETE FROM evaluation_day WHERE project = %(project)s AND subject = ANY(%(whole)s::uuid[])"
DAYS = """
SELECT uuid_send(trace_id), min(day) - date '1970-01-01', max(day) - date '1970-01-01'
FROM span
WHERE project = %(project)s AND trace_id = ANY(%(all)s::uuid[])
GROUP BY trace_id
"""


def _days(
    connection: psycopg.Connection, parameters: dict[str, Any], before: Mapping[bytes, Any]
) -> dict[bytes, tuple[int, int]]:
    """The storage days of each trace, of its spans and of its row."""
    found = {trace: (was.first_day, was.last_day) for trace, was in before.items()}
    for trace, first, last in connection.cursor(binary=True).execute(DAYS, parameters):
        known = found.get(trace, (first, last))
        found[trace] = (min(first, known[0]), max(last, known[1]))
    return found


CITED = """
SELECT DISTINCT day, unnest(message_refs)
FROM span_payload
WHERE project = %(project)s AND trace_id = ANY(%(all)s::uuid[])
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
# A trace whose root's payload is gone keeps the attributes it had; after an erasure it must not.
FORGET_ATTRS = "UPDATE trace SET attrs = '{}' WHERE project = %(project)s AND trace_id = ANY(%(all)s::uuid[])"


def _cited(connection: psycopg.Connection, parameters: dict[str, Any]) -> dict[date, list[UUID]]:
    cited: dict[date, list[UUID]] = {}
    for day, ref in connection.execute(CITED, parameters):
        cited.setdefault(day, []).append(ref)
    return cited


# No index: one pass over what was said on each day. The sums follow when what it was said of is settled again.
GIVEN = """
WITH gone AS (
  DELETE FROM evaluation WHERE project = %(project)s AND user_id = %(user)s RETURNING subject, day
), marked AS (
  INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
  SELECT %(project)s, subject, min(day), max(day), 0, %(now_ns)s FROM gone GROUP BY subject
)
SELECT day FROM gone
"""


def erase_given(connection: psycopg.Connection, project_id: int, user_id: str, now_ns: int) -> Erased:
    """Erases what a user said of answers, whoever's they are. The caller has begun to erase."""
    rows = connection.execute(GIVEN, {"project": project_id, "user": user_id, "now_ns": now_ns}).fetchall()
    return Erased(evaluations=len(rows), days=frozenset(day for (day,) in rows))


# ---- blocks that hold erased spans beside others

PLACES = """
SELECT day, block_id, array_agg(block_index) FILTER (WHERE span_id <> ALL(%(spans)s)) AS kept
FROM span
WHERE project = %(project)s AND trace_id = %(trace)s
GROUP BY day, block_id
"""
BLOCK = """
SELECT body, message_refs FROM span_payload
WHERE trace_id = %(trace)s AND block_id = %(block)s AND project = %(project)s AND day = %(day)s
"""
# Under another id: a batch that is sent again brings its whole block again.
REPLACE = """
UPDATE span_payload SET body = %(body)s, message_refs = %(refs)s, block_id = %(new)s
WHERE trace_id = %(trace)s AND block_id = %(block)s AND project = %(project)s AND day = %(day)s
"""
MOVE = """
UPDATE span SET block_id = %(new)s
WHERE trace_id = %(trace)s AND block_id = %(block)s AND project = %(project)s AND day = %(day)s
"""


def _cut_blocks(connection: psycopg.Connection, project_id: int, doomed: Doomed) -> None:
    for trace, spans in doomed.parts.items():
        parameters = {"project": project_id, "trace": UUID(bytes=trace), "spans": list(spans)}
        for day, block_id, kept in connection.execute(PLACES, parameters).fetchall():
            _cut_block(connection, parameters | {"day": day, "block": block_id}, set(kept or ()))


def _cut_block(connection: psycopg.Connection, parameters: dict[str, Any], kept: set[int]) -> None:
    """Records in it that lost in the merge order, and that no span points to, go as well."""
    row = connection.execute(BLOCK, parameters, binary=True).fetchone()
    if row is None:
        return  # its texts are no longer kept
    body, refs = without(row[0], [ref.bytes for ref in row[1] or ()], kept)
    new = _id_of(parameters["block"], body)
    changed = parameters | {"body": body, "refs": [UUID(bytes=ref) for ref in refs] or None, "new": new}
    connection.execute(REPLACE, changed)
    connection.execute(MOVE, changed)


def _id_of(block_id: int, body: bytes) -> int:
    known = blake2b(block_id.to_bytes(8, "big", signed=True) + body, digest_size=8)
    return int.from_bytes(known.digest(), "big", signed=True)


def whose(rows: Iterable[tuple[int, str | None]], user_id: str) -> frozenset[int] | None:
    """The spans of one trace that are a user's, or None: all of them.

    rows: span id and the user it names or inherits, in start order. A span of nobody goes with the first user named.
    """
    spans = list(rows)
    first = next((user for _, user in spans if user), None)
    theirs = frozenset(span for span, user in spans if (user or first) == user_id)
    return None if len(theirs) == len(spans) else theirs
