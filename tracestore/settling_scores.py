"""What do evaluations come to? Each that counts becomes a row of `score`, with the dimensions of the trace it is about.

An evaluation that a span carried counts while the record that carried it does; of what is stored under two days the later
counts. What is about no trace, or about one that has not come, counts with unknown dimensions. The word of a trace on the
adoption of its answer goes before that of evaluations: one answer is adopted once.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tracestore.analysis.evaluations import millionths
from tracestore.analysis.settle_span import SettleSpan
from tracestore.analysis.settled import Trace
from tracestore.analysis.signals import ADOPTION
from tracestore.analysis.versions import VersionSet
from tracestore.records import CLOCK_SUSPECT
from tracestore.settling_reads import as_uuids

NS_A_MINUTE = 60_000_000_000
Sets = Mapping[bytes, Mapping[str, VersionSet]]  # trace -> service -> set


class _Given(NamedTuple):
    """An evaluation as it is stored."""

    hash: UUID
    day: date
    subject: bytes
    trace_id: UUID | None
    span_id: int | None
    carrier_id: int | None
    record_hash: int | None
    time_ns: int
    received_ns: int
    score: float | None
    flags: int
    passed: bool | None
    name: str
    source: str
    adoption: str | None
    response_id: str | None

    @property
    def end_ns(self) -> int:
        return self.received_ns if self.flags & CLOCK_SUSPECT else self.time_ns


class Whose(NamedTuple):
    """What a score has of its trace: its dimensions, and whether the trace says itself what became of the answer."""

    service: str | None = None
    service_version: str | None = None
    environment: str | None = None
    version_set: UUID | None = None
    operation: str | None = None
    model: str | None = None
    says_adoption: bool = False


def recompute_scores(
    connection: psycopg.Connection, project_id: int, subjects: Collection[bytes], traces: Sequence[Trace], sets: Sets
) -> set[int]:
    """Replaces the scores of these subjects (traces, settled just now, and what is about none). The caller holds the lock.

    Returns the minutes (Unix seconds) whose sums change.
    """
    asked = {"project": project_id, "subjects": as_uuids(subjects)}
    evaluated = connection.cursor(binary=True).execute(DAYS, asked).fetchall() if subjects else []
    if not evaluated:
        return set()
    judged, days = {subject for subject, _ in evaluated}, {day for _, day in evaluated}
    parameters = {"project": project_id, "subjects": as_uuids(judged), "days": sorted(days)}
    gone = connection.execute(DELETE, parameters).fetchall()
    given = [_Given._make(row) for row in connection.execute(GIVEN, parameters)]
    former = {row[1]: Whose._make(row[2:]) for row in gone}
    found = {trace.trace_id: trace for trace in traces}
    rows = [
        (one, _whose(one, found[one.subject], sets) if one.subject in found else former.get(one.hash, Whose()))
        for one in given
        if counts(one, found.get(one.subject))
    ]
    _insert(connection, project_id, rows)
    return {row[0] for row in gone} | {one.end_ns // NS_A_MINUTE * 60 for one, _ in rows}


DAYS = """
SELECT uuid_send(subject), day FROM evaluation_day WHERE project = %(project)s AND subject = ANY(%(subjects)s::uuid[])
"""


# What a score knew of a trace that retention has removed since, it keeps: an erased trace takes its evaluations along.
DELETE = """
DELETE FROM score
WHERE project = %(project)s AND subject = ANY(%(subjects)s::uuid[]) AND day = ANY(%(days)s::date[])
RETURNING end_ns / 60000000000 * 60, hash, service, service_version, environment, version_set, operation, model,
  adoption IS NULL AND service IS NOT NULL
"""
GIVEN = """
SELECT DISTINCT ON (hash) hash, day, uuid_send(subject), trace_id, span_id, carrier_id, record_hash, time_ns,
  received_ns, score, flags, passed, name, source, adoption, response_id
FROM evaluation
WHERE project = %(project)s AND subject = ANY(%(subjects)s::uuid[]) AND day = ANY(%(days)s::date[])
ORDER BY hash, time_ns DESC, digest DESC, received_ns, day
"""


def counts(one: _Given, trace: Trace | None) -> bool:
    """Whether the span's record that carried it is the one that counts; one that came by itself always does."""
    if one.record_hash is None or trace is None:
        return True
    return any(span.span_id == one.carrier_id and span.record_hash == one.record_hash for span in trace.spans)


def _whose(one: _Given, trace: Trace, sets: Sets) -> Whose:
    root = trace.root
    own = sets[trace.trace_id].get(root.service)
    judged = judged_call(one, trace)
    return Whose(
        root.service,
        root.service_version,
        trace.identity.environment,
        own.id if own else None,
        root.operation,
        judged.model if judged else None,
        bool(trace.outcome.signals & ADOPTION),
    )


def judged_call(one: _Given, trace: Trace) -> SettleSpan | None:
    """The call of the trace that it names, by span or by the id of its response."""
    calls = [call.span for call in trace.calls if call.decision.call]
    by_span = next((span for span in calls if span.span_id == one.span_id), None)
    if by_span or not one.response_id:
        return by_span
    return next((span for span in calls if span.response_id == one.response_id), None)


INSERT = """
INSERT INTO score (project, day, hash, subject, trace_id, span_id, end_ns, score_millionths, passed, name, source, adoption,
  service, service_version, environment, version_set, operation, model)
SELECT %(project)s, * FROM unnest(%(day)s::date[], %(hash)s::uuid[], %(subject)s::uuid[], %(trace_id)s::uuid[],
  %(span_id)s::bigint[], %(end_ns)s::bigint[], %(millionths)s::bigint[], %(passed)s::boolean[], %(name)s::text[],
  %(source)s::text[], %(adoption)s::text[], %(service)s::text[], %(service_version)s::text[], %(environment)s::text[],
  %(version_set)s::uuid[], %(operation)s::text[], %(model)s::text[])
"""
_SAME = ("day", "hash", "trace_id", "span_id", "end_ns", "passed", "name", "source")
_WHOSE = ("service", "service_version", "environment", "version_set", "operation", "model")


def _insert(connection: psycopg.Connection, project_id: int, rows: Sequence[tuple[_Given, Whose]]) -> None:
    if not rows:
        return
    parameters: dict[str, Any] = {name: [getattr(one, name) for one, _ in rows] for name in _SAME}
    parameters |= {name: [getattr(whose, name) for _, whose in rows] for name in _WHOSE}
    parameters["adoption"] = [None if whose.says_adoption else one.adoption for one, whose in rows]
    parameters |= {
        "project": project_id,
        "subject": as_uuids([one.subject for one, _ in rows]),
        "millionths": [millionths(one.score) for one, _ in rows],
    }
    connection.execute(INSERT, parameters)
