"""What do the spans of a batch become? Rows of span and blocks of span_payload in COPY BINARY, and messages.

Per span of the load generator (2,465 B, 19.5 attributes; one core of an EPYC): see docs/performance.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b, sha256
from itertools import groupby
from struct import Struct

import msgspec

from tracestore import payload
from tracestore.partitions import DAY_NS, FUTURE_NS
from tracestore.records import CLOCK_SUSPECT, Batch, Evaluation, Span
from tracestore.writer_cells import CELLS, EPOCH_DAY, GROUPS, NULL, bigint, binary, uuids

TEXT_MAX = 256

# Columns in the order of COPY: what is always there, then cells. The slices are fields of records.Span in their order.
_FIXED = (
    "project day trace_id span_id start_ns end_ns received_ns flags attribute_count kind status mapping_version"
    " record_hash"
).split()
_CELLS = "parent_span_id version_part_id name operation status_message finish_reasons".split()
_SLICES = (
    "service service_version environment provider request_model response_model input_tokens output_tokens total_tokens"
    " cache_read_tokens cache_creation_tokens cache_creation_1h_tokens reasoning_tokens audio_input_tokens"
    " audio_output_tokens cost_nanousd price_id reported_cost_nanousd ttft_ns"
    " tool_name tool_call_id agent_name session_id user_id tenant_id error_type prompt_name prompt_version"
    " rag_index_version response_id retry_count signals queue_ns token_budget effect_key"
).split()
_BLOCK = ("block_id", "block_index")
SPAN_COLUMNS = (*_FIXED, *_CELLS, *_SLICES, *_BLOCK)
BLOCK_COLUMNS = ("project", "day", "trace_id", "block_id", "body", "message_refs")
BLOCK_SPANS, BLOCK_BYTES = 64, 1 << 18

# How the fields of records.Span are packed: those that repeat from span to span as one group of cells.
_FIELDS = Span.__struct_fields__
_SERVICE = slice(_FIELDS.index("service"), _FIELDS.index("input_tokens"))
_COUNTS = slice(_FIELDS.index("input_tokens"), _FIELDS.index("finish_reasons"))
_TOOL = slice(_FIELDS.index("tool_name"), _FIELDS.index("error_type"))
_PROMPT = slice(_FIELDS.index("error_type"), _FIELDS.index("response_id"))
_RESPONSE = slice(_FIELDS.index("response_id"), _FIELDS.index("signals"))
_SAID = slice(_FIELDS.index("signals"), _FIELDS.index("version_part"))
_NO_COUNTS = (None,) * (_COUNTS.stop - _COUNTS.start)
_SAYS_NOTHING = (None,) * 4
_NOTHING_SAID = NULL * len(_SAYS_NOTHING)
_ALL_NULL, _NO_SPECIAL = NULL * len(_NO_COUNTS), [None] * 6
_usual_counts = Struct(">iq iq iq 6i iq iq 2i").pack
_values, _cell = msgspec.structs.astuple, CELLS.__getitem__

_span_head = Struct(">h ii ii i16s iq iq iq iq ii ii ih ih ih iq").pack
_block_head = Struct(">h ii ii i16s iq").pack
_place = Struct(">iq ih").pack
_identity = Struct(">qqqqqhh").pack


class PackedSpan(msgspec.Struct, frozen=True, gc=False):
    """One span before it has a block. key: (day, trace_id, span_id). order: the merge order, larger wins whole.

    row: its cells in COPY BINARY, all but those of the block. evaluations: that it carries, with their days as of Days.of.
    """

    key: tuple[int, bytes, int]
    order: tuple[int, int, int]
    row: bytes
    encoded: payload.Encoded
    evaluations: tuple[tuple[int, Evaluation], ...]


class Rows(msgspec.Struct, frozen=True, gc=False):
    """What is copied into span and span_payload."""

    spans: list[bytes]
    blocks: list[bytes]


class Days:
    """Which day a span is stored under, as days since 1970: tracestore.partitions.storage_day for many spans.

    days: the days that have a partition, not empty. A day without one is replaced by the day of receipt (and is suspect).
    Where that has none either our own clock is far off: then the start's day if it has one, else the newest.
    """

    __slots__ = ("_days", "_first_ns", "_last_ns", "receipt")

    def __init__(self, received_ns: int, retention_days: int, days: frozenset[int]) -> None:
        self.receipt = received_ns // DAY_NS
        self._first_ns, self._last_ns = received_ns - retention_days * DAY_NS, received_ns + FUTURE_NS
        self._days = days

    def of(self, start_ns: int) -> int:
        """The start's day, or the day of receipt negated: not plausible."""
        day = start_ns // DAY_NS
        return day if self._first_ns <= start_ns <= self._last_ns and day in self._days else -self._other(day)

    def _other(self, day: int) -> int:
        if self.receipt in self._days:
            return self.receipt
        return day if day in self._days else max(self._days)


def pack_span(batch: Batch, span: Span, days: Days) -> PackedSpan:
    """Raises UnicodeEncodeError, struct.error or TypeError for what Postgres cannot hold; decode lets none through."""
    raw, values = span.raw, _values(span)
    encoded = payload.encode(span, TEXT_MAX)
    start_ns, end_ns, attribute_count = raw.start_ns, raw.end_ns, len(raw.attributes)
    day, flags = days.of(start_ns), span.flags | raw.flags
    if day < 0:
        day, flags = -day, flags | CLOCK_SUSPECT
    own_hash = record_hash(span, encoded)
    part, provenance = span.version_part, span.provenance
    head = _span_head(
        len(SPAN_COLUMNS), 4, batch.project_id, 4, day - EPOCH_DAY, 16, raw.trace_id, 8, raw.span_id,
        8, start_ns, 8, end_ns, 8, batch.received_ns, 4, flags, 4, attribute_count,
        2, raw.kind, 2, span.status, 2, provenance.mapping_version if provenance else 0, 8, own_hash,
    )  # fmt: skip
    what = (
        part.id if part else None,
        raw.name[:TEXT_MAX],
        span.operation,
        raw.status_message[:TEXT_MAX] or None,
        ",".join(span.finish_reasons) or None if span.finish_reasons else None,
        *values[_SERVICE],
    )
    counts = values[_COUNTS]
    row = b"".join(
        (
            head,
            bigint(raw.parent_span_id),
            GROUPS[what],
            _ALL_NULL if counts == _NO_COUNTS else _counts(counts),
            *map(_cell, values[_TOOL]),
            GROUPS[values[_PROMPT]],
            *map(_cell, values[_RESPONSE]),
            _NOTHING_SAID if values[_SAID] == _SAYS_NOTHING else _said(*values[_SAID]),
        )
    )
    key, order = (day, raw.trace_id, raw.span_id), (end_ns, attribute_count, own_hash)
    evaluations = tuple([(days.of(one.time_ns), one) for one in span.evaluations]) if span.evaluations else ()
    return PackedSpan(key, order, row, encoded, evaluations)


def _said(signals: int | None, *numbers: int | None) -> bytes:
    """Bits repeat from span to span, the numbers beside them do not."""
    if numbers == _SAYS_NOTHING[1:]:
        return GROUPS[signals, *numbers]
    return b"".join(map(_cell, (signals, *numbers)))


def _counts(values: tuple[int | None, ...]) -> bytes:
    """The cells of tokens, cost and time to first token. Most calls have the usual ones alone: 0.6 us instead of 3."""
    given_in, given_out, total, *special, cost, price_id, reported, ttft = values
    is_usual = special == _NO_SPECIAL and reported is None and ttft is None
    if not is_usual or given_in is None or given_out is None or total is None or cost is None or price_id is None:
        return b"".join(map(_cell, values))
    return _usual_counts(
        8, given_in, 8, given_out, 8, total, -1, -1, -1, -1, -1, -1, 8, cost, 8, price_id, -1, -1
    )  # fmt: skip


def record_hash(span: Span, encoded: payload.Encoded) -> int:
    """First 8 bytes of sha256 over what the emitter sent, as a signed integer; nothing that depends on when we got it."""
    raw = span.raw
    identity = _identity(
        raw.parent_span_id or 0, raw.start_ns, raw.end_ns, raw.resource.id, raw.scope.id, raw.kind, raw.status_code
    )
    record = b"".join((encoded.packed, *encoded.refs, identity, raw.name.encode(), raw.status_message.encode()))
    return int.from_bytes(sha256(record).digest()[:8], "big", signed=True)


def unique(spans: Iterable[PackedSpan]) -> list[PackedSpan]:
    """Sorted by key, one span a key: of several records of one span the largest in merge order."""
    best: dict[tuple[int, bytes, int], PackedSpan] = {}
    for span in spans:
        other = best.get(span.key)
        if other is None or span.order > other.order:
            best[span.key] = span
    return [best[key] for key in sorted(best)]


def lay_out(project_id: int, spans: Sequence[PackedSpan]) -> Rows:
    """The rows of spans that are sorted by key: the neighbours of one trace and day share blocks."""
    rows = Rows([], [])
    for (day, trace_id), members in groupby(spans, key=_trace_of):
        for block in _blocks(members):
            _add_block(rows, project_id, day, trace_id, block)
    return rows


def _trace_of(span: PackedSpan) -> tuple[int, bytes]:
    return span.key[:2]


def _blocks(members: Iterable[PackedSpan]) -> Iterator[list[PackedSpan]]:
    block: list[PackedSpan] = []
    size = 0
    for span in members:
        if block and (len(block) == BLOCK_SPANS or size > BLOCK_BYTES):
            yield block
            block, size = [], 0
        block.append(span)
        size += len(span.encoded.packed)
    yield block


def _add_block(rows: Rows, project_id: int, day: int, trace_id: bytes, block: list[PackedSpan]) -> None:
    records = b"".join([span.order[2].to_bytes(8, "big", signed=True) for span in block])
    block_id = int.from_bytes(blake2b(records, digest_size=8).digest(), "big", signed=True)
    body, refs = payload.encode_block([span.encoded for span in block])
    head = _block_head(len(BLOCK_COLUMNS), 4, project_id, 4, day - EPOCH_DAY, 16, trace_id, 8, block_id)
    rows.blocks.append(head + binary(body) + (uuids(refs) if refs else NULL))
    rows.spans.extend([span.row + _place(8, block_id, 2, index) for index, span in enumerate(block)])
