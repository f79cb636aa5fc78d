"""How are stored spans written again, as a newer mapping understands them? Each in its place, with its payload.

The caller holds the project's settle lock and then its write lock alone, as erasers do: nobody writes beside it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import psycopg

from tracestore import payload
from tracestore.partitions import date_of
from tracestore.records import Batch, Price, Provenance, RawSpan, Span
from tracestore.writer_arrays import UuidArray
from tracestore.writer_rows import BLOCK_COLUMNS, SPAN_COLUMNS, TEXT_MAX, Days, lay_out, pack_span, record_hash
from tracestore.writer_spans import references_of, store_version_parts
from tracestore.writer_transaction import Transaction, copy_rows, store_references

REMOVE = """
DELETE FROM span
USING unnest(%(traces)s::uuid[], %(spans)s::bigint[]) AS old (trace_id, span_id)
WHERE span.project = %(project)s AND span.day = %(day)s AND span.trace_id = old.trace_id AND span.span_id = old.span_id
"""
# A block may hold spans that are not written again now.
REMOVE_BLOCKS = """
DELETE FROM span_payload AS block
WHERE block.project = %(project)s AND block.day = %(day)s AND block.trace_id = ANY(%(traces)s::uuid[])
  AND NOT EXISTS (
    SELECT FROM span
    WHERE span.project = %(project)s AND span.day = %(day)s AND span.trace_id = block.trace_id
      AND span.block_id = block.block_id
  )
"""
UNKNOWN_EPOCH = -1  # what a writer remembers to be stored is not asked


class Again(NamedTuple):
    """A span as it is understood now. suspect: its clock was, when it came; its day is that of its receipt."""

    span: Span
    received_ns: int
    suspect: bool


class _Day(Days):
    """The day that all of them are stored under already."""

    __slots__ = ("_day",)

    def __init__(self, day: int) -> None:
        self._day = day

    def of(self, start_ns: int) -> int:
        return self._day


def rewrite(
    connection: psycopg.Connection, project_id: int, day: int, spans: Sequence[Again], prices: Mapping[int, Price]
) -> None:
    """day: days since 1970, of all of them. Messages are there: what was sent is the same."""
    batch = Batch(project_id, "traces", 0, len(spans), spans=[one.span for one in spans], prices=dict(prices))
    current = Transaction(connection, project_id, UNKNOWN_EPOCH)
    store_references(current, references_of([batch]))
    store_version_parts(current, [one.span for one in spans])
    packed = [
        pack_span(Batch(project_id, "traces", one.received_ns, 1), one.span, _Day(-day if one.suspect else day))
        for one in spans
    ]
    rows = lay_out(project_id, sorted(packed, key=lambda one: one.key))
    keys = [one.key for one in packed]
    parameters = {
        "project": project_id,
        "day": date_of(day),
        "traces": UuidArray([trace_id for _, trace_id, _ in keys]),
        "spans": [span_id for _, _, span_id in keys],
    }
    connection.execute(REMOVE, parameters)
    connection.execute(REMOVE_BLOCKS, parameters)
    copy_rows(connection, "span", SPAN_COLUMNS, rows.spans)
    copy_rows(connection, "span_payload", BLOCK_COLUMNS, rows.blocks)


def sent_status(raw: RawSpan, provenance_id: int | None, stored_hash: int) -> int:
    """What status the emitter set on a span that is stored as failed: the one that its record's hash is of."""
    provenance = None if provenance_id is None else Provenance(provenance_id, 0, ())
    for code in (2, 0, 1):
        span = Span(msgspec.structs.replace(raw, status_code=code), "", 0, "", provenance=provenance)
        if record_hash(span, payload.encode(span, TEXT_MAX)) == stored_hash:
            return code
    return 2
