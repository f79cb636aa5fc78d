"""What did an emitter send with a span, and what do spans share? Payloads put together again, and references."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import msgspec

from tracestore import db
from tracestore.payload import Payload, decode, refs_in
from tracestore.records import Price, Provenance, Resource, Scope

Place = tuple[date, bytes, int, int]  # day, trace id, block id, index in the block: columns of span

BLOCKS = """
SELECT payload.day, payload.trace_id, payload.block_id, payload.body, payload.message_refs
FROM unnest(%(days)s::date[], %(traces)s::uuid[], %(blocks)s::bigint[]) AS wanted (day, trace_id, block_id)
JOIN span_payload AS payload USING (day, trace_id, block_id)
WHERE payload.project = %(project)s AND payload.day = ANY(%(days)s::date[])
"""

MESSAGES = """
SELECT day, hash, body FROM message WHERE project = %(project)s AND day = ANY(%(days)s) AND hash = ANY(%(hashes)s::uuid[])
"""

REFERENCES = "SELECT id, body FROM reference WHERE project = %(project)s AND kind = %(kind)s AND id = ANY(%(ids)s)"

REFERENCE_TYPES: dict[str, type[Resource | Scope | Provenance | Price]] = {
    "resource": Resource,
    "scope": Scope,
    "provenance": Provenance,
    "price": Price,
}


@dataclass(frozen=True, slots=True)
class _Block:
    day: date
    trace_id: UUID
    block_id: int
    body: bytes
    message_refs: list[UUID] | None


@dataclass(frozen=True, slots=True)
class _Message:
    day: date
    hash: UUID
    body: bytes


@dataclass(frozen=True, slots=True)
class _Reference:
    id: int
    body: bytes


def load_payload(project_id: int, day: date, trace_id: bytes, block_id: int, block_index: int) -> Payload | None:
    """One span's payload by the place its row names; None when it is gone."""
    return load_payloads(project_id, [(day, trace_id, block_id, block_index)])[0]


def load_payloads(project_id: int, places: Sequence[Place]) -> list[Payload | None]:
    """The payloads of some spans, in the order asked; None where one is gone. Two statements, whatever their number."""
    blocks = _load_blocks(project_id, places)
    cited: dict[date, set[bytes]] = {}
    for day, trace_id, block_id, index in places:
        body, refs = blocks.get((day, trace_id, block_id), (b"", []))
        cited.setdefault(day, set()).update(refs_in(body, index, refs) if body else ())
    messages = _load_messages(project_id, cited)
    return [_decode(blocks, messages, place) for place in places]


def _decode(
    blocks: dict[tuple[date, bytes, int], tuple[bytes, list[bytes]]],
    messages: dict[date, dict[bytes, bytes]],
    place: Place,
) -> Payload | None:
    day, trace_id, block_id, index = place
    if (day, trace_id, block_id) not in blocks:
        return None
    body, refs = blocks[day, trace_id, block_id]
    try:
        return decode(body, index, refs, messages.get(day, {}))
    except LookupError:
        return None  # erased between the two statements


def _load_blocks(project_id: int, places: Sequence[Place]) -> dict[tuple[date, bytes, int], tuple[bytes, list[bytes]]]:
    keys = sorted({place[:3] for place in places})
    parameters = {
        "project": project_id,
        "days": [day for day, _, _ in keys],
        "traces": [UUID(bytes=trace_id) for _, trace_id, _ in keys],
        "blocks": [block_id for _, _, block_id in keys],
    }
    rows = db.fetch(BLOCKS, parameters, _Block)
    return {
        (row.day, row.trace_id.bytes, row.block_id): (row.body, [ref.bytes for ref in row.message_refs or []])
        for row in rows
    }


def _load_messages(project_id: int, cited: dict[date, set[bytes]]) -> dict[date, dict[bytes, bytes]]:
    hashes = sorted({UUID(bytes=ref) for refs in cited.values() for ref in refs})
    found: dict[date, dict[bytes, bytes]] = {day: {} for day in cited}
    if hashes:
        parameters = {"project": project_id, "days": list(cited), "hashes": hashes}
        for row in db.fetch(MESSAGES, parameters, _Message):
            found[row.day][row.hash.bytes] = row.body
    return found


def load_references(project_id: int, kind: str, ids: Iterable[int]) -> dict[int, Resource | Scope | Provenance | Price]:
    """Resources, scopes, provenance or prices by id; ids that are not stored are left out."""
    decoder = msgspec.msgpack.Decoder(REFERENCE_TYPES[kind])
    rows = db.fetch(REFERENCES, {"project": project_id, "kind": kind, "ids": list(set(ids))}, _Reference)
    return {row.id: decoder.decode(row.body) for row in rows}
