"""How do spans become durable? Straight COPY where all are new, the merge order where some came before."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from tracestore import partitions, writer_merge
from tracestore.records import Batch, Receipt, Resource, Scope, Span
from tracestore.writer_rows import BLOCK_COLUMNS, SPAN_COLUMNS, Days, PackedSpan, lay_out, pack_span, unique
from tracestore.writer_transaction import (
    Transaction,
    copy_rows,
    store_ledger,
    store_messages,
    store_references,
    stored_days,
    transaction,
)

_pack = msgspec.msgpack.Encoder().encode


def store(batch: Batch) -> Receipt:
    """One transaction; when some span is stored already, the same through staging and the merge order."""
    days = Days(batch.received_ns, batch.retention_days, stored_days())
    packed = unique([pack_span(batch, span, days) for span in batch.spans])
    try:
        accepted = _commit(batch, packed, merge=False)
    except psycopg.errors.UniqueViolation:
        accepted = _commit(batch, packed, merge=True)
    return Receipt(batch.sent, accepted, len(batch.spans) - accepted, batch.rejected)


def _commit(batch: Batch, packed: list[PackedSpan], *, merge: bool) -> int:
    with transaction(batch.project_id) as current:
        store_references(current, references_of(batch))
        _store_version_parts(current, batch.spans)
        store_messages(current, _messages_by_day(packed))
        accepted = _store_spans(current, packed, merge=merge)
        _mark(current, batch, packed)
        store_ledger(current.connection, batch, accepted, len(batch.spans) - accepted)
    return accepted


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


def references_of(batch: Batch) -> dict[tuple[str, int], bytes]:
    """What the spans of a batch share: (kind, id) -> body."""
    resources: dict[int, Resource] = {span.raw.resource.id: span.raw.resource for span in batch.spans}
    scopes: dict[int, Scope] = {span.raw.scope.id: span.raw.scope for span in batch.spans}
    provenance = {span.provenance.id: span.provenance for span in batch.spans if span.provenance}
    kinds: dict[str, Mapping[int, Any]] = {
        "resource": resources,
        "scope": scopes,
        "provenance": provenance,
        "price": batch.prices,
    }
    return {(kind, id_): _pack(value) for kind, shared in kinds.items() for id_, value in shared.items()}


VERSION_PARTS = """
INSERT INTO version_part (project, id, service, parts)
SELECT %(project)s, id, service, parts
FROM unnest(%(ids)b::bigint[], %(services)b::text[], %(parts)s::jsonb[]) AS new (id, service, parts)
ON CONFLICT DO NOTHING
"""


def _store_version_parts(current: Transaction, spans: Sequence[Span]) -> None:
    parts = {span.version_part.id: span.version_part for span in spans if span.version_part}
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
SELECT %(project)s, encode(trace_id, 'hex')::uuid, min_day, max_day, spans, %(marked_ns)s
FROM unnest(%(traces)b::bytea[], %(first)b::date[], %(last)b::date[], %(spans)b::integer[])
  AS mark (trace_id, min_day, max_day, spans)
"""


def _mark(current: Transaction, batch: Batch, packed: list[PackedSpan]) -> None:
    """One mark a trace: settle will look at it."""
    marks: dict[bytes, tuple[int, int, int]] = {}
    for span in packed:
        day, trace_id, _ = span.key
        first, last, spans = marks.get(trace_id, (day, day, 0))
        marks[trace_id] = (min(first, day), max(last, day), spans + 1)
    if not marks:
        return
    dates = {day: date.fromordinal(partitions.EPOCH.toordinal() + day) for day, *_ in (span.key for span in packed)}
    parameters = {
        "project": current.project_id,
        "marked_ns": batch.received_ns,
        "traces": list(marks),
        "first": [dates[first] for first, _, _ in marks.values()],
        "last": [dates[last] for _, last, _ in marks.values()],
        "spans": [spans for _, _, spans in marks.values()],
    }
    current.connection.execute(MARKS, parameters)
