"""What does settling read? Marks, what was settled before, spans, twins in other traces, version parts, root attributes.

Every read is bounded by days that are known: a trace's row keeps the storage days of its spans, and a mark those of what
came since, so the two together are all of them however late a span is.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg import sql

from tracestore.analysis.root_attrs import attrs
from tracestore.analysis.settle_span import SettleSpan, response_key
from tracestore.analysis.settled import Trace
from tracestore.partitions import date_of
from tracestore.payload import root_attributes
from tracestore.records import CLOCK_SUSPECT, Resource
from tracestore.writer_arrays import UuidArray

PARTS_KEPT = 50_000


class Mark(NamedTuple):
    id: int
    trace_id: bytes
    first_day: int
    last_day: int
    spans: int


class Before(NamedTuple):
    """What a trace's row said: its storage days and when it was settled."""

    first_day: int
    last_day: int
    span_count: int
    settled_ns: int


# A step from one project to the next: a table of a million marks is not read for their few projects.
PROJECTS = """
WITH RECURSIVE marked AS (
  (SELECT project FROM {marks} ORDER BY project LIMIT 1)
  UNION ALL
  SELECT (SELECT next.project FROM {marks} AS next WHERE next.project > marked.project ORDER BY next.project LIMIT 1)
  FROM marked WHERE marked.project IS NOT NULL
)
SELECT project FROM marked WHERE project IS NOT NULL
"""


def marked_projects(connection: psycopg.Connection, marks: str) -> list[int]:
    """The projects that have a mark. marks: a table of them, settle_mark or text_mark."""
    statement = sql.SQL(PROJECTS).format(marks=sql.Identifier(marks))
    return [project_id for (project_id,) in connection.execute(statement)]


MARKS = """
SELECT id, uuid_send(trace_id), min_day - date '1970-01-01', max_day - date '1970-01-01', spans
FROM settle_mark
WHERE project = %(project)s AND id > %(after)s
ORDER BY id
LIMIT %(limit)s
"""


def read_marks(connection: psycopg.Connection, project_id: int, after: int, limit: int) -> list[Mark]:
    """Marks in the order they were set, those behind `after` first."""
    cursor = connection.cursor(binary=True)
    rows = cursor.execute(MARKS, {"project": project_id, "after": after, "limit": limit})
    return [Mark(*row) for row in rows]


BEFORE = """
SELECT uuid_send(trace_id), first_day - date '1970-01-01', last_day - date '1970-01-01', span_count, settled_ns
FROM trace
WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[])
"""


def read_before(connection: psycopg.Connection, project_id: int, traces: Iterable[bytes]) -> dict[bytes, Before]:
    rows = connection.cursor(binary=True).execute(BEFORE, {"project": project_id, "traces": as_uuids(traces)})
    return {trace_id: Before(*rest) for trace_id, *rest in rows}


# One index probe a trace and day; the columns are the fields of SettleSpan in their order.
SPANS = """
SELECT uuid_send(trace_id), span_id, parent_span_id, day - date '1970-01-01', start_ns, end_ns, received_ns,
  attribute_count, record_hash, block_id, block_index, version_part_id, cost_nanousd, reported_cost_nanousd,
  input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, reasoning_tokens, ttft_ns, retry_count,
  flags, status, name, operation, service, service_version, environment, provider,
  coalesce(response_model, request_model), tool_name, tool_call_id, session_id, user_id, tenant_id, error_type,
  prompt_name, prompt_version, response_id, coalesce(signals, 0), queue_ns, token_budget, effect_key
FROM span
WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[])
  AND day BETWEEN %(first)s::date AND %(last)s::date
"""


def read_spans(connection: psycopg.Connection, project_id: int, days: dict[bytes, tuple[int, int]]) -> list[SettleSpan]:
    """All records of some traces. days: trace id -> first and last storage day."""
    by_days: dict[tuple[int, int], list[bytes]] = {}
    for trace_id, between in days.items():
        by_days.setdefault(between, []).append(trace_id)
    spans: list[SettleSpan] = []
    cursor = connection.cursor(binary=True)
    for (first, last), traces in sorted(by_days.items()):
        parameters = {"project": project_id, "traces": as_uuids(traces), "first": date_of(first), "last": date_of(last)}
        spans += [_span(row) for row in cursor.execute(SPANS, parameters).fetchall()]
    return spans


def _span(row: tuple[Any, ...]) -> SettleSpan:
    fields = (*row, (row[0], row[1]))
    return SettleSpan(*fields)


# Twins overlap in time, so they are stored within a day of each other. A suspect clock starts after its plausible end.
TWINS = """
SELECT DISTINCT uuid_send(other.trace_id)
FROM unnest(%(keys)s::bigint[], %(starts)s::bigint[], %(ends)s::bigint[], %(firsts)s::date[], %(lasts)s::date[])
  AS mine (response_key, start_ns, end_ns, first_day, last_day)
JOIN llm_call AS other ON other.response_key = mine.response_key AND other.project = %(project)s
  AND other.day BETWEEN mine.first_day AND mine.last_day
  AND other.start_ns <= mine.end_ns AND (other.end_ns >= mine.start_ns OR other.start_ns > other.end_ns)
"""
FORMER = """
SELECT response_key, start_ns, greatest(start_ns, end_ns), day - date '1970-01-01'
FROM llm_call
WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[]) AND response_key IS NOT NULL
  AND day BETWEEN %(first)s::date AND %(last)s::date
"""
Interval = tuple[int, int, int, int, int]  # response key, start, end, first day, last day


def intervals(spans: Iterable[SettleSpan]) -> set[Interval]:
    """Where twins of these spans may be."""
    found = set()
    for span in spans:
        if span.response_id:
            everywhere = span.flags & CLOCK_SUSPECT
            first, last = (
                (0, 100_000) if everywhere else (span.day - 1, max(span.day, span.end_ns // 86_400 // 10**9) + 1)
            )
            found.add((response_key(span.response_id), span.start_ns, span.end_ns, first, min(last, 100_000)))
    return found


def read_former(connection: psycopg.Connection, project_id: int, before: dict[bytes, Before]) -> set[Interval]:
    """Where twins of what was settled before may be: a call that leaves a group makes the group decide again."""
    if not before:
        return set()
    parameters = {
        "project": project_id,
        "traces": as_uuids(before),
        "first": date_of(min(one.first_day for one in before.values())),
        "last": date_of(max(one.last_day for one in before.values())),
    }
    rows = connection.cursor(binary=True).execute(FORMER, parameters)
    return {(key, start, end, day - 1, day + 1) for key, start, end, day in rows}


def read_twins(connection: psycopg.Connection, project_id: int, where: set[Interval]) -> set[bytes]:
    """The traces that hold a call with one of these response ids at that time."""
    if not where:
        return set()
    keys, starts, ends, firsts, lasts = zip(*sorted(where), strict=True)
    parameters = {
        "project": project_id,
        "keys": list(keys),
        "starts": list(starts),
        "ends": list(ends),
        "firsts": [date_of(day) for day in firsts],
        "lasts": [date_of(day) for day in lasts],
    }
    return {row[0] for row in connection.cursor(binary=True).execute(TWINS, parameters)}


PARTS = "SELECT id, service, parts FROM version_part WHERE project = %(project)s AND id = ANY(%(ids)s)"
Part = tuple[str, tuple[tuple[str, str], ...]]  # service, (name, value) pairs
_parts: dict[tuple[int, int], Part] = {}


def read_parts(connection: psycopg.Connection, project_id: int, ids: set[int]) -> dict[int, Part]:
    """Version parts never change, so they are read once a process."""
    unknown = [id_ for id_ in ids if (project_id, id_) not in _parts]
    if len(_parts) > PARTS_KEPT:
        _parts.clear()
        unknown = list(ids)
    if unknown:
        for id_, service, parts in connection.execute(PARTS, {"project": project_id, "ids": unknown}):
            _parts[project_id, id_] = (service, tuple(sorted(parts.items())))
    return {id_: _parts[project_id, id_] for id_ in ids if (project_id, id_) in _parts}


BODIES = """
SELECT uuid_send(payload.trace_id), payload.body
FROM unnest(%(days)s::date[], %(traces)s::uuid[], %(blocks)s::bigint[]) AS root (day, trace_id, block_id)
JOIN span_payload AS payload USING (day, trace_id, block_id)
WHERE payload.project = %(project)s AND payload.day = ANY(%(days)s::date[])
"""
RESOURCES = "SELECT id, body FROM reference WHERE project = %(project)s AND kind = 'resource' AND id = ANY(%(ids)s)"
_resource = msgspec.msgpack.Decoder(Resource).decode


FORMER_ATTRS = """
SELECT uuid_send(trace_id), attrs FROM trace WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[])
"""


def read_attrs(connection: psycopg.Connection, project_id: int, traces: Sequence[Trace]) -> dict[bytes, dict[str, Any]]:
    """Attributes of root and resource of each trace, short ones only.

    Where the root's payload is no longer kept they are those that the trace had: read before its row is replaced.
    """
    roots = {trace.trace_id: trace.root for trace in traces}
    parameters = {
        "project": project_id,
        "days": [date_of(root.day) for root in roots.values()],
        "traces": as_uuids(roots),
        "blocks": [root.block_id for root in roots.values()],
    }
    bodies = connection.cursor(binary=True).execute(BODIES, parameters).fetchall()
    found = {trace_id: root_attributes(body, roots[trace_id].block_index) for trace_id, body in bodies}
    ids = list({resource_id for resource_id, _ in found.values()})
    rows = connection.cursor(binary=True).execute(RESOURCES, {"project": project_id, "ids": ids})
    resources = {id_: _resource(body).attributes for id_, body in rows}
    read = {trace_id: attrs(resources.get(resource_id, {}), own) for trace_id, (resource_id, own) in found.items()}
    gone = roots.keys() - read.keys()
    if not gone:
        return read
    former = {"project": project_id, "traces": as_uuids(sorted(gone))}
    return dict(connection.cursor(binary=True).execute(FORMER_ATTRS, former).fetchall()) | read


def as_uuids(ids: Iterable[bytes]) -> UuidArray:
    return UuidArray(list(ids))
