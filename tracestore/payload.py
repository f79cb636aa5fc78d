"""What is a span beyond its narrow row, as bytes and back? Attributes with their types, events, links, the rest.

Spans of one trace that come together are stored as one block, compressed together by zstd with a dictionary
(tracestore/data/compression_1.zdict, trained on recorded exports of 30 emitters; it must never change, a better one gets
a codec of its own). Messages are cut out of them (payload_cut.py) and stored once. 31.9 MB of messages of 200 agent runs:
a body a span takes 0.92 MB and its references 0.67 MB, blocks take 0.40 MB and 0.07 MB.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from tracestore.payload_cut import Cutter, fill, filler
from tracestore.records import Attributes, Event, Link, Span, Value

RAW, ZSTD_1 = b"\x00", b"\x01"  # codecs: as it is; zstd with compression_1.zdict
LEVEL = 1  # 9.6 us a span; level 2 takes 10.9 for messages 2 % smaller, -1 takes 8.4 and stores 29 % more
COMPRESS_MIN = 40
MAX_BODY = 1 << 28

_DICTIONARY = zstandard.ZstdCompressionDict((Path(__file__).parent / "data" / "compression_1.zdict").read_bytes())
_DICTIONARY.precompute_compress(level=LEVEL)
_FORMAT = zstandard.FORMAT_ZSTD1_MAGICLESS  # four bytes less a body
_PARAMETERS = zstandard.ZstdCompressionParameters.from_level(
    LEVEL, write_content_size=True, write_dict_id=False, format=_FORMAT
)
_own = threading.local()  # a compressor serves one thread at a time
_pack = msgspec.msgpack.Encoder().encode
_members = msgspec.msgpack.Decoder(list[tuple[bytes, list[int]]]).decode


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """packed: the body before compression. refs: message hashes in the order of its holes. messages: hash -> bytes."""

    packed: bytes
    refs: list[bytes]
    messages: dict[bytes, bytes]


class Payload(msgspec.Struct, frozen=True):
    """The rest of a span, as its emitter sent it. name, status_message: only where the narrow row had to cut them."""

    resource_id: int
    scope_id: int
    provenance_id: int | None
    attributes: Attributes
    events: list[Event] = []
    links: list[Link] = []
    tracestate: str = ""
    trace_flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    name: str = ""
    status_message: str = ""


def compress(data: bytes) -> bytes:
    """data with its codec in front; 1-5 us for a body of 1 kB, one compressor a thread."""
    if len(data) < COMPRESS_MIN:
        return RAW + data
    compressor = getattr(_own, "compressor", None)
    if compressor is None:
        compressor = _own.compressor = zstandard.ZstdCompressor(compression_params=_PARAMETERS, dict_data=_DICTIONARY)
    smaller = compressor.compress(data)
    return ZSTD_1 + smaller if len(smaller) < len(data) else RAW + data


def decompress(body: bytes) -> bytes:
    """What compress was given. Raises ValueError for bytes that it never returned."""
    codec, data = body[:1], body[1:]
    if codec == RAW:
        return data
    if codec != ZSTD_1:
        raise ValueError(f"unknown codec {codec!r}: stored by a newer version?")
    decompressor = getattr(_own, "decompressor", None)
    if decompressor is None:
        decompressor = _own.decompressor = zstandard.ZstdDecompressor(dict_data=_DICTIONARY, format=_FORMAT)
    try:
        whole: bytes = decompressor.decompress(data, max_output_size=MAX_BODY)
    except zstandard.ZstdError as error:
        raise ValueError("a stored body is damaged") from error
    return whole


def encode(span: Span, text_max: int) -> Encoded:
    """The payload of a span. text_max: longer names and status messages are kept whole here."""
    raw, cutter = span.raw, Cutter()
    fields: list[Value] = [
        raw.resource.id,
        raw.scope.id,
        span.provenance.id if span.provenance else None,
        cutter.cut(raw.attributes),
    ]
    long_name, long_message = len(raw.name) > text_max, len(raw.status_message) > text_max
    if (
        raw.trace_flags
        or raw.events
        or raw.links
        or raw.tracestate
        or raw.dropped_attributes
        or raw.dropped_events
        or raw.dropped_links
        or long_name
        or long_message
    ):
        fields += (
            [_event(event, cutter) for event in raw.events],
            [_link(link, cutter) for link in raw.links],
            raw.tracestate,
            raw.trace_flags,
            raw.dropped_attributes,
            raw.dropped_events,
            raw.dropped_links,
            raw.name if long_name else "",
            raw.status_message if long_message else "",
        )
        while not fields[-1]:
            fields.pop()
    return Encoded(_pack(fields), cutter.refs, cutter.messages)


def _event(event: Event, cutter: Cutter) -> list[Value]:
    return [event.name, event.time_ns, cutter.cut(event.attributes), event.dropped_attributes]


def _link(link: Link, cutter: Cutter) -> list[Value]:
    attributes = cutter.cut(link.attributes)
    return [link.trace_id, link.span_id, link.tracestate, attributes, link.dropped_attributes, link.flags]


def encode_block(members: Sequence[Encoded]) -> tuple[bytes, list[bytes]]:
    """(body, message_refs) of some spans of one trace: each member with the numbers of its refs in message_refs."""
    numbers: dict[bytes, int] = {}
    items = [(one.packed, [numbers.setdefault(ref, len(numbers)) for ref in one.refs]) for one in members]
    return compress(_pack(items)), list(numbers)


def refs_in(body: bytes, index: int, message_refs: Sequence[bytes]) -> list[bytes]:
    """The hashes of the messages that the payload at `index` of a block cites, in the order of its holes."""
    return [message_refs[number] for number in _member(body, index)[1]]


def decode(body: bytes, index: int, message_refs: Sequence[bytes], messages: Mapping[bytes, bytes]) -> Payload:
    """The payload at `index` of a block. messages: hash -> the stored (compressed) body of each message it cites.

    Raises LookupError when a message is missing, ValueError when the bytes are damaged.
    """
    packed, numbers = _member(body, index)
    order = iter(numbers)
    hook = filler(lambda: decompress(messages[message_refs[next(order)]]))
    fields: list[Any] = msgspec.msgpack.decode(packed, ext_hook=hook)
    resource_id, scope_id, provenance_id, attributes = fields[:4]
    events, links, *rest = fields[4:] + [[], []][len(fields) - 4 :] if len(fields) < 6 else fields[4:]
    return Payload(
        resource_id,
        scope_id,
        provenance_id,
        fill(attributes),
        [Event(name, time_ns, fill(its), dropped) for name, time_ns, its, dropped in events],
        [Link(trace, span, state, fill(its), *counts) for trace, span, state, its, *counts in links],
        *rest,
    )


def root_attributes(body: bytes, index: int) -> tuple[int, Attributes]:
    """Resource id and attributes of the payload at `index`, without its messages (None in their place)."""
    fields = msgspec.msgpack.decode(_member(body, index)[0], ext_hook=_no_message)
    return fields[0], fields[3]


def _no_message(_code: int, _data: memoryview) -> None:
    return None


def _member(body: bytes, index: int) -> tuple[bytes, list[int]]:
    members: list[tuple[bytes, list[int]]] = _members(decompress(body))
    return members[index]


def encode_value(value: Value) -> bytes:
    """Any value of ours (a log's body and attributes, a histogram, a resource) as compressed msgpack."""
    return compress(_pack(value))


def decode_value(body: bytes) -> Any:
    return msgspec.msgpack.decode(decompress(body))


def without(body: bytes, message_refs: Sequence[bytes], kept: set[int]) -> tuple[bytes, list[bytes]]:
    """A block with nothing left in it but the members at `kept`, each where it was, and the hashes that those cite."""
    nothing = _pack([0, 0, None, {}])
    numbers: dict[bytes, int] = {}
    items = [
        (packed, [numbers.setdefault(message_refs[old], len(numbers)) for old in cites]) if n in kept else (nothing, [])
        for n, (packed, cites) in enumerate(_members(decompress(body)))
    ]
    return compress(_pack(items)), list(numbers)
