"""Understands stored spans again, by the mapping of now: `manage.py renormalise`.

What an emitter sent is kept whole (payload, resource, scope), so a mapping that has learned a dialect since can be run over
it; the spans become what they would be, had they come today. Prices are those of today as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from msgspec.structs import replace

from tracestore import db, partitions
from tracestore.analysis.pricing import PriceBook
from tracestore.jobs.rebuild import settle_all
from tracestore.jobs.rollups import fill_project
from tracestore.payload import Payload
from tracestore.queries.access import project_context_row
from tracestore.queries.payloads import load_payloads, load_references
from tracestore.records import CLOCK_SUSPECT, DUPLICATE_KEYS, TRUNCATED, Price, RawSpan, Span
from tracestore.settling import lock
from tracestore.writer_again import Again, rewrite, sent_status
from tracestore.writer_transaction import lock_out_writers

AT_ONCE = 1_000  # spans of one transaction: writers of the project wait 0.2 s
OF_DECODING = TRUNCATED | DUPLICATE_KEYS

Normalise = Callable[[RawSpan], Span]

STORED = """
SELECT trace_id, span_id, parent_span_id, kind, start_ns, end_ns, received_ns, status, flags, name, status_message,
  block_id, block_index, record_hash
FROM span
WHERE project = %(project)s AND day = %(day)s AND (trace_id, span_id) > (%(trace)s, %(span)s)
  AND (%(all)s OR mapping_version <> %(version)s)
ORDER BY trace_id, span_id
LIMIT %(limit)s
"""
MARK = """
INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
SELECT DISTINCT %(project)s, trace_id, %(day)s::date, %(day)s::date, 0, %(now_ns)s::bigint
FROM unnest(%(traces)s::uuid[]) AS changed (trace_id)
"""


class Stored(NamedTuple):
    trace_id: UUID
    span_id: int
    parent_span_id: int | None
    kind: int
    start_ns: int
    end_ns: int
    received_ns: int
    status: int
    flags: int
    name: str
    status_message: str | None
    block_id: int
    block_index: int
    record_hash: int


@dataclass(frozen=True, slots=True)
class Summary:
    """read: spans that were looked at. written: those that were written again. lost: their payload is no longer kept."""

    read: int
    written: int
    lost: int


def run(now: datetime, project_id: int, normalise: Normalise, mapping_version: int, every: bool = False) -> Summary:
    """The spans that another version of the mapping understood (every: all), day by day; then what is derived from them.

    In transactions of AT_ONCE spans; ingest goes on. Safe to stop and to repeat: what is done is not looked at again.
    """
    context = project_context_row(project_id)
    book = PriceBook.for_project(context.prices if context else ())
    found = Summary(0, 0, 0)
    with db.JOBS.connection(24 * 3600) as connection:
        for day in sorted(partitions.existing(connection)["span"]):
            asked = {"project": project_id, "day": day, "version": mapping_version, "all": every, "limit": AT_ONCE}
            found = _add(found, _renormalise_day(connection, asked, normalise, book, int(now.timestamp() * 1e9)))
        settle_all(connection, project_id, int(now.timestamp() * 1e9))
        fill_project(connection, project_id, now)
    return found


def _add(one: Summary, other: Summary) -> Summary:
    return Summary(one.read + other.read, one.written + other.written, one.lost + other.lost)


def _renormalise_day(
    connection: psycopg.Connection, asked: Mapping[str, Any], normalise: Normalise, book: PriceBook, now_ns: int
) -> Summary:
    found, last = Summary(0, 0, 0), (UUID(int=0), -(2**63))
    while True:
        with connection.transaction():
            lock(connection, asked["project"])
            lock_out_writers(connection, asked["project"])
            rows = [Stored(*row) for row in connection.execute(STORED, {**asked, "trace": last[0], "span": last[1]})]
            prices: dict[int, Price] = {}
            again = [_understood(raw, row, normalise, book, prices) for row, raw in _sent(asked, rows)]
            if again:
                rewrite(connection, asked["project"], (asked["day"] - partitions.EPOCH).days, again, prices)
                traces = [UUID(bytes=one.span.raw.trace_id) for one in again]
                connection.execute(MARK, {**asked, "traces": traces, "now_ns": now_ns})
        found = _add(found, Summary(len(rows), len(again), len(rows) - len(again)))
        if len(rows) < AT_ONCE:
            return found
        last = (rows[-1].trace_id, rows[-1].span_id)


def _sent(asked: Mapping[str, Any], rows: Sequence[Stored]) -> list[tuple[Stored, RawSpan]]:
    """What their emitters sent, of those whose payload is there."""
    day: date = asked["day"]
    places = [(day, row.trace_id.bytes, row.block_id, row.block_index) for row in rows]
    found = [
        (row, payload) for row, payload in zip(rows, load_payloads(asked["project"], places), strict=True) if payload
    ]
    resources = load_references(asked["project"], "resource", (payload.resource_id for _, payload in found))
    scopes = load_references(asked["project"], "scope", (payload.scope_id for _, payload in found))
    return [
        (row, _raw(row, payload, resources[payload.resource_id], scopes[payload.scope_id])) for row, payload in found
    ]


def _raw(row: Stored, sent: Payload, resource: Any, scope: Any) -> RawSpan:
    raw = RawSpan(
        row.trace_id.bytes,
        row.span_id,
        row.parent_span_id,
        sent.name or row.name,
        row.kind,
        row.start_ns,
        row.end_ns,
        row.status,
        sent.status_message or row.status_message or "",
        sent.attributes,
        sent.events,
        sent.links,
        resource,
        scope,
        sent.tracestate,
        sent.trace_flags,
        sent.dropped_attributes,
        sent.dropped_events,
        sent.dropped_links,
        row.flags & OF_DECODING,
    )
    if row.status != 2:
        return raw
    return replace(raw, status_code=sent_status(raw, sent.provenance_id, row.record_hash))


def _understood(raw: RawSpan, row: Stored, normalise: Normalise, book: PriceBook, prices: dict[int, Price]) -> Again:
    span = normalise(raw)
    book.charge(span, prices)
    return Again(span, row.received_ns, bool(row.flags & CLOCK_SUSPECT))
