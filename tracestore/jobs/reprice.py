"""Computes what calls cost again, from stored spans with the prices of now: `manage.py reprice`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg

from tracestore import db, partitions
from tracestore.analysis.pricing import PriceBook
from tracestore.jobs.rebuild import settle_all
from tracestore.queries.access import project_context_row
from tracestore.records import Price, RawSpan, Resource, Scope, Span
from tracestore.settling import lock

AT_ONCE = 5_000

PRICED = """
SELECT trace_id, span_id, record_hash, operation, start_ns, provider, request_model, response_model, input_tokens,
  output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens, reasoning_tokens,
  audio_input_tokens, audio_output_tokens, cost_nanousd, price_id
FROM span
WHERE project = %(project)s AND day = %(day)s AND (trace_id, span_id) > (%(trace)s, %(span)s)
  AND operation IN ('chat', 'completion', 'embedding', 'rerank', 'agent', 'workflow', 'task')
ORDER BY trace_id, span_id
LIMIT %(limit)s
"""

# A span that was replaced meanwhile was priced when it came.
UPDATE = """
UPDATE span SET cost_nanousd = new.cost, price_id = new.price
FROM unnest(%(traces)s::uuid[], %(spans)s::bigint[], %(hashes)s::bigint[], %(costs)s::bigint[], %(prices)s::bigint[])
  AS new (trace_id, span_id, record_hash, cost, price)
WHERE span.project = %(project)s AND span.day = %(day)s AND span.trace_id = new.trace_id
  AND span.span_id = new.span_id AND span.record_hash = new.record_hash
"""
MARK = """
INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
SELECT %(project)s, trace_id, %(day)s, %(day)s, 0, %(now_ns)s FROM unnest(%(traces)s::uuid[]) AS changed (trace_id)
GROUP BY trace_id
"""
REFERENCE = """
INSERT INTO reference (project, kind, id, body) VALUES (%s, 'price', %s, %s) ON CONFLICT DO NOTHING
"""


class Priced(NamedTuple):
    trace_id: UUID
    span_id: int
    record_hash: int
    operation: str
    start_ns: int
    provider: str | None
    request_model: str | None
    response_model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    cache_creation_1h_tokens: int | None
    reasoning_tokens: int | None
    audio_input_tokens: int | None
    audio_output_tokens: int | None
    cost_nanousd: int | None
    price_id: int | None


Change = tuple[Priced, int | None, Price | None]


@dataclass(frozen=True, slots=True)
class Summary:
    """read: spans that may have a price. changed: those whose cost or price is another one now."""

    read: int
    changed: int


def run(now: datetime, project_id: int) -> Summary:
    """Reprices one project, day by day, and settles what changed. Safe to stop and to repeat."""
    now_ns = int(now.timestamp() * 1e9)
    context = project_context_row(project_id)
    book = PriceBook.for_project(context.prices if context else ())
    read = changed = 0
    with db.JOBS.connection(24 * 3600) as connection:
        for day in sorted(partitions.existing(connection)["span"]):
            seen, different = _reprice_day(connection, project_id, day, book, now_ns)
            read, changed = read + seen, changed + different
        settle_all(connection, project_id, now_ns)
    return Summary(read, changed)


def _reprice_day(
    connection: psycopg.Connection, project_id: int, day: date, book: PriceBook, now_ns: int
) -> tuple[int, int]:
    read = changed = 0
    last = (UUID(int=0), -(2**63))
    while True:
        with connection.transaction():
            lock(connection, project_id)
            parameters = {"project": project_id, "day": day, "trace": last[0], "span": last[1], "limit": AT_ONCE}
            rows = [Priced(*row) for row in connection.execute(PRICED, parameters)]
            changes = [change for change in (_price(book, row) for row in rows) if _differs(change)]
            _store(connection, project_id, day, changes, now_ns)
        read, changed = read + len(rows), changed + len(changes)
        if len(rows) < AT_ONCE:
            return read, changed
        last = (rows[-1].trace_id, rows[-1].span_id)


_NOTHING = (Resource(0, {}), Scope(0, "", "", {}))


def _price(book: PriceBook, row: Priced) -> Change:
    raw = RawSpan(b"", 0, None, "", 0, row.start_ns, row.start_ns, 0, "", {}, [], [], *_NOTHING)
    known = {name: value for name, value in row._asdict().items() if name in _SPAN_FIELDS}
    cost, price = book.price(Span(raw=raw, status=0, service="", **known))
    return row, cost, price


_SPAN_FIELDS = frozenset(Priced._fields) & frozenset(Span.__struct_fields__) - {"cost_nanousd", "price_id"}


def _differs(change: Change) -> bool:
    row, cost, price = change
    return (row.cost_nanousd, row.price_id) != (cost, price.id if price else None)


def _store(connection: psycopg.Connection, project_id: int, day: date, changes: Sequence[Change], now_ns: int) -> None:
    if not changes:
        return
    for price in {price.id: price for _, _, price in changes if price}.values():
        connection.execute(REFERENCE, [project_id, price.id, msgspec.msgpack.encode(price)])
    parameters: dict[str, Any] = {
        "project": project_id,
        "day": day,
        "now_ns": now_ns,
        "traces": [row.trace_id for row, _, _ in changes],
        "spans": [row.span_id for row, _, _ in changes],
        "hashes": [row.record_hash for row, _, _ in changes],
        "costs": [cost for _, cost, _ in changes],
        "prices": [price.id if price else None for _, _, price in changes],
    }
    connection.execute(UPDATE, parameters)
    connection.execute(MARK, parameters)
