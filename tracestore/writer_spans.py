"""How do spans become durable? Straight COPY where all are new, the merge order where some came before."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from tracestore import writer_merge, writer_scores
from tracestore.partitions import date_of
from tracestore.records import Batch, Receipt, Span
from tracestore.writer_arrays import UuidArray
from tracestore.writer_group import Group
from tracestore.writer_messages import store_messages
from tracestore.writer_rows import BLOCK_COLUMNS, SPAN_COLUMNS, Days, PackedSpan, lay_out, pack_span, unique
from tracestore.writer_transaction import (
    LEDGER,
    Entry,
    Transaction,
    copy_rows,
    ledger_rows,
    store_ledger,
    store_references,
    stored_days,
    transaction,
)

SMALL = 64  # spans: up to here a batch shares a commit with others that come at the same time


class Parcel(msgspec.Struct, frozen=True, gc=False):
    """A batch and what its spans became. spans: sorted by key, each key once."""

    batch: Batch
    spans: list[PackedSpan]

    @property
    def project_id(self) -> int:
        return self.batch.project_id

    def __len__(self) -> int:
        return len(self.spans)


def store(batch: Batch, packed: Callable[[], None]) -> Receipt:
    """Durable when it returns. Small batches that come at the same time share a transaction.

    packed: called when the rows are ready.
    """
    days = Days(batch.received_ns, batch.retention_days, stored_days())
    parcel = Parcel(batch, unique([pack_span(batch, span, days) for span in batch.spans]))
    packed()
    accepted = _GROUP.write(parcel) if len(batch.spans) <= SMALL else _alone(parcel)
    return Receipt(batch.sent, accepted, len(batch.spans) - accepted, batch.rejected)


def _alone(parcel: Parcel) -> int:
    """Straight; when some span is stored already, the same through staging and the merge order."""
    try:
        return _commit([parcel], merge=False)
    except psycopg.errors.UniqueViolation:
        return _commit([parcel], merge=True)


def _together(parcels: Sequence[Parcel]) -> int:
    return _commit(parcels, merge=False)


_GROUP = Group(_together, _alone)


def _commit(parcels: Sequence[Parcel], *, merge: bool) -> int:
    """All in one transaction; returns how many spans are new. merge: for one parcel, some of whose spans may be stored."""
    with transaction(parcels[0].project_id) as current:
        accepted = store_rows(current, parcels, merge=merge)
        _mark(current, parcels, [_entry(parcel, accepted if merge else len(parcel)) for parcel in parcels])
    return accepted


def store_rows(current: Transaction, parcels: Sequence[Parcel], *, merge: bool) -> int:
    """All that spans are stored as, marks and ledger aside; returns how many are new."""
    spans = _sorted(parcels)
    store_references(current, references_of([parcel.batch for parcel in parcels]))
    store_version_parts(current, [span for parcel in parcels for span in parcel.batch.spans])
    store_messages(current, _messages_by_day(spans))
    accepted = _store_spans(current, spans, merge=merge)
    writer_scores.store_carried(
        current, [(parcel.batch.received_ns, span) for parcel in parcels for span in parcel.spans if span.evaluations]
    )
    return accepted


def _entry(parcel: Parcel, accepted: int) -> Entry:
    return parcel.batch, accepted, len(parcel.batch.spans) - accepted


def _sorted(parcels: Sequence[Parcel]) -> list[PackedSpan]:
    if len(parcels) == 1:
        return parcels[0].spans
    return sorted((span for parcel in parcels for span in parcel.spans), key=_key)


def _key(span: PackedSpan) -> tuple[int, bytes, int]:
    return span.key


def _store_spans(current: Transaction, packed: list[PackedSpan], *, merge: bool) -> int:
    if not packed:
        return 0
    rows = lay_out(current.project_id, packed)
    if merge:
        return writer_merge.merge(current.connection, rows)
    copy_rows(current.connection, "span", SPAN_COLUMNS, rows.spans)
    copy_rows(current.connection, "span_payload", BLOCK_COLUMNS, rows.blocks)
    return len(packed)


def _messages_by_day(packed: list[PackedSpan]) -> dict[int, dict[bytes, bytes]]:
    messages: dict[int, dict[bytes, bytes]] = {}
    for span in packed:
        if span.encoded.messages:
            messages.setdefault(span.key[0], {}).update(span.encoded.messages)
    return messages


def references_of(batches: Sequence[Batch]) -> dict[tuple[str, int], Any]:
    """What the spans of some batches share: (kind, id) -> content."""
    resources: dict[int, Any] = {}
    scopes: dict[int, Any] = {}
    provenances: dict[int, Any] = {}
    prices: dict[int, Any] = {}
    for batch in batches:
        prices |= batch.prices
        for span in batch.spans:
            raw, provenance = span.raw, span.provenance
            resources[raw.resource.id] = raw.resource
            scopes[raw.scope.id] = raw.scope
            if provenance is not None:
                provenances[provenance.id] = provenance
    shared = {"resource": resources, "scope": scopes, "provenance": provenances, "price": prices}
    return {(kind, id_): content for kind, contents in shared.items() for id_, content in contents.items()}


VERSION_PARTS = """
INSERT INTO version_part (project, id, service, parts)
SELECT %(project)s, id, service, parts
FROM unnest(%(ids)b::bigint[], %(services)b::text[], %(parts)s::jsonb[]) AS new (id, service, parts)
ON CONFLICT DO NOTHING
"""


def store_version_parts(current: Transaction, spans: Sequence[Span]) -> None:
    parts = {part.id: part for span in spans if (part := span.version_part)}
    by_key = {str(id_).encode(): part for id_, part in parts.items()}
    new = [by_key[key] for key in current.unknown(b"version part", by_key)]
    if not new:
        return
    parameters = {
        "project": current.project_id,
        "ids": [part.id for part in new],
        "services": [part.service for part in new],
        "parts": [Jsonb(dict(part.parts)) for part in new],
    }
    current.connection.execute(VERSION_PARTS, parameters)


MARKS = """
INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
SELECT %(project)s, trace_id, min_day, max_day, spans, %(marked_ns)s
FROM unnest(%(traces)s::uuid[], %(first)b::date[], %(last)b::date[], %(spans)b::integer[])
  AS mark (trace_id, min_day, max_day, spans)
"""


# One statement less: of a batch of 8 spans each takes a tenth of the time.
MARKS_AND_LEDGER = "WITH marked AS (" + MARKS + ")" + LEDGER


def _mark(current: Transaction, parcels: Sequence[Parcel], entries: Sequence[Entry]) -> None:
    """One mark a trace, settle will look at it; and one row of the ledger a batch."""
    marks: dict[bytes, tuple[int, int, int]] = {}
    for parcel in parcels:
        for span in parcel.spans:
            day, trace_id, _ = span.key
            first, last, spans = marks.get(trace_id, (day, day, 0))
            marks[trace_id] = (min(first, day), max(last, day), spans + 1)
    if not marks:
        store_ledger(current.connection, entries)
        return
    parameters = ledger_rows(entries) | {
        "marked_ns": max(parcel.batch.received_ns for parcel in parcels),
        "traces": UuidArray(list(marks)),
        "first": [date_of(first) for first, _, _ in marks.values()],
        "last": [date_of(last) for _, last, _ in marks.values()],
        "spans": [spans for _, _, spans in marks.values()],
    }
    current.connection.execute(MARKS_AND_LEDGER, parameters)
