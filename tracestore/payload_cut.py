"""Which parts of an attribute are messages that other spans repeat, and how is the attribute put together again?

A value is cut into literal text and references to messages, in order; decoding fills the holes in the same order, so the
original comes back byte for byte. A reference is the blake2b-16 hash of the message's bytes. Thresholds were chosen on 200
real agent runs (docs/performance.md): smaller ones cost more in rows than they save in bytes.
"""

from collections.abc import Callable, Iterator
from hashlib import blake2b

import msgspec

from tracestore.payload_families import ELEMENT_MIN, FOLDING, Folded, Steps, spread
from tracestore.records import Attributes, Value

TEXT_MIN = 512  # plain text from this length on is one message
JSON_MIN = 256  # shorter JSON is not looked into
DEPTH = 3

# Codes of msgpack extensions: what a hole is filled with.
TEXT, JSON, NATIVE, FAMILY = 1, 2, 3, 4

MessageOf = Callable[[], bytes]
_pack = msgspec.msgpack.Encoder().encode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Cutter:
    """Collects the messages of one span. refs: their hashes in order. messages: each distinct one by its hash."""

    __slots__ = ("messages", "refs")

    def __init__(self) -> None:
        self.refs: list[bytes] = []
        self.messages: dict[bytes, bytes] = {}

    def refer(self, message: bytes) -> None:
        key = blake2b(message, digest_size=16).digest()
        self.refs.append(key)
        self.messages[key] = message

    def cut(self, attributes: Attributes) -> Attributes:
        """The attributes with holes where messages stood; the same object when there were none."""
        steps = FOLDING[tuple(attributes)]
        if steps is not None:
            return self._cut_families(attributes, steps)
        holes: Attributes = {}
        for key, value in attributes.items():
            kind = type(value)
            if kind is str:
                if len(value) >= JSON_MIN:
                    hole = self._cut_text(value)
                    if hole is not None:
                        holes[key] = hole
            elif kind is list or kind is dict or kind is bytes:
                hole = self._cut_native(value)
                if hole is not value:
                    holes[key] = hole
        return attributes | holes if holes else attributes

    def _cut_families(self, attributes: Attributes, steps: Steps) -> Attributes:
        out: Attributes = {}
        for name, members in steps:
            if members is None:
                value = attributes[name]
                is_short = type(value) is str and len(value) < JSON_MIN  # nearly all of them
                out[name] = value if is_short else self._cut_value(value)
                continue
            pairs: list[Value] = []
            for key, rest in members:
                pairs += (rest, attributes[key])
            message = _pack(pairs)
            if len(message) >= ELEMENT_MIN:
                self.refer(message)
                out[name] = msgspec.msgpack.Ext(FAMILY, b"")
            else:  # too short for a message
                for key, _ in members:
                    out[key] = self._cut_value(attributes[key])
        return out

    def _cut_value(self, value: Value) -> Value:
        kind = type(value)
        if kind is str:
            hole = self._cut_text(value) if len(value) >= JSON_MIN else None
            return value if hole is None else hole
        return self._cut_native(value) if kind is list or kind is dict or kind is bytes else value

    def _cut_text(self, value: str) -> msgspec.msgpack.Ext | None:
        data, ends = value.encode(), value[0] + value[-1]
        is_object = ends == "{}"
        if is_object and len(data) < TEXT_MIN and b"[" not in data:
            return None  # neither an array nor a long text is in it: 2 us not spent on reading it
        literals = self._cut_json(data) if is_object or ends == "[]" else None
        if literals is not None:
            return msgspec.msgpack.Ext(JSON, literals)
        if len(data) < TEXT_MIN:
            return None
        self.refer(data)
        return msgspec.msgpack.Ext(TEXT, b"")

    def _cut_json(self, data: bytes) -> bytes | None:
        """The literal text between messages, joined by NUL (which JSON cannot hold); None when there is no message."""
        literals: list[bytes] = []
        end = 0
        if b"\0" in data:
            return None
        for start, stop in _messages_in(data, 0, len(data), DEPTH):
            literals.append(data[end:start])
            self.refer(data[start:stop])
            end = stop
        if not literals:
            return None
        literals.append(data[end:])
        return b"\0".join(literals)

    def _cut_native(self, value: Value, depth: int = DEPTH) -> Value:
        """The value with holes for the large elements of its arrays; the same object when there are none."""
        data = _pack(value)
        if len(data) < JSON_MIN:
            return value
        if type(value) is bytes and len(data) >= TEXT_MIN:
            self.refer(data)
            return msgspec.msgpack.Ext(NATIVE, b"")
        return self._cut_nested(value, depth)

    def _cut_nested(self, value: Value, depth: int) -> Value:
        if depth == 0:
            return value
        if type(value) is list:
            new = [self._cut_element(item, depth - 1) for item in value]
            return new if any(map(_differ, new, value)) else value
        if type(value) is dict:
            members = {key: self._cut_member(item, depth - 1) for key, item in value.items()}
            return members if any(map(_differ, members.values(), value.values())) else value
        return value

    def _cut_element(self, item: Value, depth: int) -> Value:
        if type(item) is dict:
            data = _pack(item)
            if len(data) >= ELEMENT_MIN:
                self.refer(data)
                return msgspec.msgpack.Ext(NATIVE, b"")
        return self._cut_member(item, depth)

    def _cut_member(self, item: Value, depth: int) -> Value:
        if type(item) is str and len(item) >= TEXT_MIN:
            self.refer(item.encode())
            return msgspec.msgpack.Ext(TEXT, b"")
        return self._cut_nested(item, depth)


def _differ(new: Value, old: Value) -> bool:
    return new is not old


def _messages_in(data: bytes, start: int, stop: int, depth: int) -> Iterator[tuple[int, int]]:
    """Where messages stand in JSON text, in order: objects in arrays, and long strings.

    Parts are found by searching for their bytes behind the part before: whatever is found equals the part, so the cut is
    exact even for JSON with odd repetitions.
    """
    try:
        decode = _elements if data[start] == 0x5B else _members
        parts = decode(memoryview(data)[start:stop])
    except (msgspec.DecodeError, RecursionError):
        return
    within_array = isinstance(parts, list)
    for raw in parts if isinstance(parts, list) else parts.values():
        part = bytes(raw)
        size = len(part)
        if size < ELEMENT_MIN:
            continue
        begin = data.find(part, start, stop)
        if begin < 0:
            continue  # a key came twice: its first value is behind us
        start = begin + size
        first = part[0]
        if (first == 0x7B and within_array) or (first == 0x22 and size >= TEXT_MIN):
            yield begin, start
        elif first in b"[{" and depth > 1 and size >= JSON_MIN:
            yield from _messages_in(data, begin, start, depth - 1)


def fill(attributes: Attributes) -> Attributes:
    """The attributes with their folded families spread out again."""
    folded = any(type(value) is Folded for value in attributes.values())
    return spread(attributes) if folded else dict(attributes)


def filler(message_of: MessageOf) -> Callable[[int, memoryview], Value]:
    """The msgpack extension hook that fills holes with what message_of returns, called once a hole, in order."""

    def fill_hole(code: int, data: memoryview) -> Value:
        if code == TEXT:
            return message_of().decode()
        if code == JSON:
            first, *rest = bytes(data).split(b"\0")
            return (first + b"".join(message_of() + literal for literal in rest)).decode()
        value = msgspec.msgpack.decode(message_of())
        return Folded(value) if code == FAMILY else value

    return fill_hole
