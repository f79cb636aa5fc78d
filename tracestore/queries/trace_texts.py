"""What was said in some traces? All their texts, each message once: what the index is made of and phrases are looked up in."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tracestore.analysis.texts import MAX_TEXT, attribute_texts, texts
from tracestore.payload import decode_value
from tracestore.payload_texts import Cited, block_texts, message_texts, readable


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


class LogText(NamedTuple):
    """A log record that names a span of the trace: some emitters say their messages so. The columns of LOGS."""

    trace_id: bytes
    hash: bytes
    event_name: str | None
    packed: bytes


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

# Days of the spans, and one on either side: a log lies under its own day.
LOGS = """
SELECT uuid_send(trace_id), uuid_send(hash), event_name, body
FROM (
  SELECT trace_id, hash, event_name, body, row_number() OVER (PARTITION BY trace_id ORDER BY time_ns, hash) AS number
  FROM log_record
  WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[]) AND span_id IS NOT NULL
    AND day BETWEEN %(first)s::date - 1 AND %(last)s::date + 1
) AS named
WHERE number <= %(limit)s
"""
LOGS_OF_A_TRACE = 5_000  # the first ones

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


def read_logs(
    connection: psycopg.Connection, project_id: int, traces: Collection[bytes], first: date, last: date
) -> dict[bytes, list[LogText]]:
    """The log records that name spans of these traces, at most LOGS_OF_A_TRACE of each."""
    parameters = {
        "project": project_id,
        "traces": _uuids(traces),
        "first": first,
        "last": last,
        "limit": LOGS_OF_A_TRACE,
    }
    found: dict[bytes, list[LogText]] = {}
    for row in connection.cursor(binary=True).execute(LOGS, parameters):
        found.setdefault(row[0], []).append(LogText(*row))
    return found


def read_texts(
    connection: psycopg.Connection,
    project_id: int,
    spans: Mapping[bytes, list[SpanText]],
    logs: Mapping[bytes, list[LogText]],
    attrs: Mapping[bytes, Mapping[str, Any]],
) -> dict[bytes, TraceText]:
    """The texts of traces. attrs: of the root and its resource, from the trace's row. What was erased meanwhile is left out."""
    blocks = _read_blocks(connection, project_id, spans)
    found = {trace_id: _gather(members, blocks, attrs.get(trace_id, {})) for trace_id, members in spans.items()}
    for trace_id, of_trace in logs.items():
        if trace_id in found:
            found[trace_id].own.extend(dict.fromkeys(text for log in of_trace for text in readable(_log_texts, log)))
    return found


def _log_texts(log: LogText) -> Iterator[str]:
    body, attributes, *_ = decode_value(log.packed)
    yield from texts(body)
    yield from attribute_texts(attributes)
    yield from [log.event_name] if log.event_name else []


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
        cited: list[Cited] = []
        own |= dict.fromkeys(readable(block_texts, body, indexes, refs, cited) if body else ())
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
            for text in readable(message_texts, body, cited.code) if body else ():
                yield text[:MAX_TEXT]

    return of_trace


def _uuids(ids: Iterable[bytes]) -> list[UUID]:
    return [UUID(bytes=one) for one in ids]
