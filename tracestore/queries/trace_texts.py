"""What was said in some traces? All their texts, each message once: what the index is made of and phrases are looked up in."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tracestore.analysis.texts import MAX_TEXT, texts
from tracestore.payload_texts import Cited, block_texts, message_texts


class SpanText(NamedTuple):
    """A span, in the largest of its records. The columns of SPANS."""

    trace_id: bytes
    span_id: int
    day: date
    block_id: int
    block_index: int
    record_hash: int
    name: str
    status_message: str | None
    error_type: str | None
    session_id: str | None
    user_id: str | None
    tenant_id: str | None


Block = tuple[date, bytes, int]  # day, trace, block
Message = tuple[date, Cited]


class TraceText(NamedTuple):
    """own: texts that stand in the trace itself. messages: those that its spans cite, each once."""

    own: list[str]
    messages: list[Message]


# For the transaction that reads: all is named by its key, and a guess of the planner would read a day whole (blocks of 240
# traces of a day of 75 000: 607 ms by a merge join, 4 ms by probes).
PROBES = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"

SPANS = """
SELECT DISTINCT ON (trace_id, span_id) uuid_send(trace_id), span_id, day, block_id, block_index, record_hash, name,
  status_message, error_type, session_id, user_id, tenant_id
FROM span
WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[]) AND day BETWEEN %(first)s AND %(last)s
ORDER BY trace_id, span_id, end_ns DESC, attribute_count DESC, record_hash DESC, day DESC
"""

BLOCKS = """
SELECT payload.day, uuid_send(payload.trace_id), payload.block_id, payload.body, payload.message_refs
FROM unnest(%(days)s::date[], %(traces)s::uuid[], %(blocks)s::bigint[]) AS wanted (day, trace_id, block_id)
JOIN span_payload AS payload USING (day, trace_id, block_id)
WHERE payload.project = %(project)s AND payload.day = ANY(%(days)s::date[])
"""

MESSAGES = """
SELECT message.day, uuid_send(message.hash), message.body
FROM unnest(%(days)s::date[], %(hashes)s::uuid[]) AS wanted (day, hash)
JOIN message USING (day, hash)
WHERE message.project = %(project)s AND message.day = ANY(%(days)s::date[])
"""


def read_spans(
    connection: psycopg.Connection, project_id: int, traces: Collection[bytes], first: date, last: date
) -> dict[bytes, list[SpanText]]:
    """The spans of these traces that are stored on these days."""
    parameters = {"project": project_id, "traces": _uuids(traces), "first": first, "last": last}
    found: dict[bytes, list[SpanText]] = {}
    for row in connection.cursor(binary=True).execute(SPANS, parameters):
        found.setdefault(row[0], []).append(SpanText(*row))
    return found


def read_texts(
    connection: psycopg.Connection,
    project_id: int,
    spans: Mapping[bytes, list[SpanText]],
    attrs: Mapping[bytes, Mapping[str, Any]],
) -> dict[bytes, TraceText]:
    """The texts of traces. attrs: of the root and its resource, from the trace's row. What was erased meanwhile is left out."""
    blocks = _read_blocks(connection, project_id, spans)
    return {trace_id: _gather(members, blocks, attrs.get(trace_id, {})) for trace_id, members in spans.items()}


def _read_blocks(
    connection: psycopg.Connection, project_id: int, spans: Mapping[bytes, list[SpanText]]
) -> dict[Block, tuple[bytes, list[bytes]]]:
    keys = sorted({(one.day, one.trace_id, one.block_id) for members in spans.values() for one in members})
    parameters = {
        "project": project_id,
        "days": [day for day, _, _ in keys],
        "traces": _uuids(trace_id for _, trace_id, _ in keys),
        "blocks": [block_id for _, _, block_id in keys],
    }
    rows = connection.cursor(binary=True).execute(BLOCKS, parameters)
    return {(day, trace, block): (body, [ref.bytes for ref in refs or ()]) for day, trace, block, body, refs in rows}


def _gather(
    spans: list[SpanText], blocks: Mapping[Block, tuple[bytes, list[bytes]]], attrs: Mapping[str, Any]
) -> TraceText:
    own = dict.fromkeys(text for value in attrs.values() for text in texts(value))
    places: dict[Block, list[int]] = {}
    for span in spans:
        own |= dict.fromkeys(text for text in span[6:] if text)
        places.setdefault((span.day, span.trace_id, span.block_id), []).append(span.block_index)
    messages: dict[Message, None] = {}
    for place, indexes in places.items():
        body, refs = blocks.get(place, (b"", []))
        found, cited = block_texts(body, indexes, refs) if body else ([], [])
        own |= dict.fromkeys(found)
        messages |= dict.fromkeys((place[0], one) for one in cited)
    return TraceText(list(own), list(messages))


def read_messages(
    connection: psycopg.Connection, project_id: int, wanted: Iterable[Message]
) -> dict[tuple[date, bytes], bytes]:
    """The stored bodies, by day and hash."""
    keys = sorted({(day, cited.hash) for day, cited in wanted})
    if not keys:
        return {}
    parameters = {"project": project_id, "days": [day for day, _ in keys], "hashes": _uuids(key for _, key in keys)}
    rows = connection.cursor(binary=True).execute(MESSAGES, parameters)
    return {(day, key): body for day, key, body in rows}


def texts_said(
    connection: psycopg.Connection, project_id: int, found: Collection[TraceText]
) -> Callable[[TraceText], Iterator[str]]:
    """Reads the messages of these traces; the function gives all texts of one of them, each cut to what is searched."""
    bodies = read_messages(connection, project_id, (one for trace in found for one in trace.messages))

    def of_trace(trace: TraceText) -> Iterator[str]:
        for text in trace.own:
            yield text[:MAX_TEXT]
        for day, cited in trace.messages:
            body = bodies.get((day, cited.hash))
            for text in message_texts(body, cited.code) if body else ():
                yield text[:MAX_TEXT]

    return of_trace


def _uuids(ids: Iterable[bytes]) -> list[UUID]:
    return [UUID(bytes=one) for one in ids]
