"""What does a trace's row in the index of texts say? The words of all its texts, each message read once."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from hashlib import blake2b
from struct import Struct, pack
from typing import Any, NamedTuple

import psycopg

from tracestore.analysis.texts import MAX_TEXT
from tracestore.analysis.words import words
from tracestore.partitions import EPOCH
from tracestore.payload_texts import Cited, message_texts, readable
from tracestore.queries.trace_texts import LogText, SpanText, TraceText, read_messages, read_texts
from tracestore.writer_cells import EPOCH_DAY, binary, boolean

VERSION = 1  # of what a text is found by: raise it, and `manage.py index_texts` makes every row again
MAX_WORDS, MAX_BYTES = 20_000, 500_000  # of one trace; a tsvector holds 1 MB
CACHED_WORDS = 300_000  # of messages that traces share, such as system prompts

COLUMNS = ("project", "day", "trace_id", "signature", "cut", "words")


class Row(NamedTuple):
    trace_id: bytes
    cut: bool
    words: frozenset[str]


Words = tuple[frozenset[str], bool]  # of some texts; was one of them cut?


def signature(spans: Collection[SpanText], logs: Collection[LogText], attrs: Mapping[str, Any]) -> int:
    """Of all that the row is made of: a record's hash stands for all that its emitter sent.

    attrs: as settle left them, perhaps from fewer spans than these.
    """
    record = b"".join(sorted(pack(">qq", span.span_id, span.record_hash) for span in spans))
    record += b"".join(sorted(log.hash for log in logs))
    record += repr(sorted(attrs.items())).encode(errors="replace")
    digest = blake2b(record, digest_size=8, salt=VERSION.to_bytes(2, "big")).digest()
    return int.from_bytes(digest, "big", signed=True)


_known: dict[Cited, Words] = {}  # of messages that traces share; a hash always means the same words


def read_rows(
    connection: psycopg.Connection,
    project_id: int,
    spans: Mapping[bytes, list[SpanText]],
    logs: Mapping[bytes, list[LogText]],
    attrs: Mapping[bytes, Mapping[str, Any]],
) -> list[Row]:
    said = read_texts(connection, project_id, spans, logs, attrs)
    unknown = {one for trace in said.values() for one in trace.messages if one[1] not in _known}
    bodies = read_messages(connection, project_id, unknown)
    fresh = {
        cited: words_of(readable(message_texts, bodies[day, cited.hash], cited.code))
        for day, cited in unknown
        if (day, cited.hash) in bodies
    }
    found = [_row(trace_id, text, fresh) for trace_id, text in said.items()]
    _remember(fresh)
    return found


def words_of(texts: Iterable[str]) -> Words:
    found: set[str] = set()
    cut = False
    for text in texts:
        found |= words(text[:MAX_TEXT])
        cut = cut or len(text) > MAX_TEXT
    return frozenset(found), cut


def _row(trace_id: bytes, text: TraceText, fresh: Mapping[Cited, Words]) -> Row:
    own, cut = words_of(text.own)
    parts = [part for _, cited in text.messages if (part := fresh.get(cited) or _known.get(cited))]
    every = own.union(*(part for part, _ in parts))
    kept = _bounded(every)
    return Row(trace_id, cut or any(part for _, part in parts) or len(kept) < len(every), kept)


def _bounded(found: frozenset[str]) -> frozenset[str]:
    """The first words in the order of the alphabet that fit into a row."""
    if len(found) <= MAX_WORDS and sum(map(len, found)) * 4 <= MAX_BYTES:
        return found
    kept: list[str] = []
    size = 0
    for word in sorted(found)[:MAX_WORDS]:
        size += len(word.encode())
        if size > MAX_BYTES:
            break
        kept.append(word)
    return frozenset(kept)


def _remember(fresh: Mapping[Cited, Words]) -> None:
    _known.update(fresh)
    if sum(len(found) for found, _ in _known.values()) > CACHED_WORDS:
        _known.clear()


_head = Struct(">h ii ii i16s iq").pack


def pack_row(project_id: int, day: date, hash_: int, row: Row) -> bytes:
    """A row of trace_text in COPY BINARY. A tsvector: the number of its words; each ends with NUL and no positions."""
    head = _head(len(COLUMNS), 4, project_id, 4, (day - EPOCH).days - EPOCH_DAY, 16, row.trace_id, 8, hash_)
    vector = ("\0\0\0".join(row.words) + "\0\0\0").encode() if row.words else b""
    return head + boolean(row.cut) + binary(len(row.words).to_bytes(4, "big") + vector)
