"""Which parts of an attribute are messages that other spans repeat, and how is the attribute put together again?

A value is cut into literal text and references to messages, in order; decoding fills the holes in the same order, so the
original comes back byte for byte. A reference is the blake2b-16 hash of the message's bytes. Thresholds were chosen on 200
real agent runs (docs/performance.md): smaller ones cost more in rows than they save in bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from tracestore.records import Attributes, Value

TEXT_MIN = 512  # plain text from this length on is one message
JSON_MIN = 256  # shorter JSON is not looked into
ELEMENT_MIN = 256  # objects in arrays from this length on are messages; repeats of shorter ones compress within a block
DEPTH = 3

# Families of flat keys, `PREFIX.N.rest`: everything of one N is one message.
FAMILIES = (
    "llm.input_messages.",
    "llm.output_messages.",
    "gen_ai.prompt.",
    "gen_ai.completion.",
)

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
        places = list(map(_FAMILY_OF.__getitem__, attributes))
        if any(places):
            attributes = fold_families(attributes, places)
        holes: Attributes = {}
        for key, value in attributes.items():
            kind = type(value)
            if kind is str:
                if len(value) >= JSON_MIN:
                    hole = self._cut_text(value)
                    if hole is not None:
                        holes[key] = hole
            elif kind is list or kind is dict or kind is bytes or kind is Folded:
                hole = self._cut_native(value)
                if hole is not value:
                    holes[key] = hole
        return attributes | holes if holes else attributes

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
        if type(value) is Folded:
            self.refer(_pack(value.pairs))
            return msgspec.msgpack.Ext(FAMILY, b"")
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


class Folded:
    """All attributes of one `PREFIX.N.`, as (rest of the key, value), flat."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[Value]) -> None:
        self.pairs = pairs


def _family_of(key: str) -> tuple[str, str] | None:
    """(`PREFIX.N.`, the rest of the key), None outside the families."""
    for family in FAMILIES:
        if key.startswith(family):
            number, dot, rest = key[len(family) :].partition(".")
            return (f"{family}{number}.", rest) if dot and number.isdigit() else None
    return None


class _FamilyOf(dict[str, tuple[str, str] | None]):
    """_family_of, remembered (0.04 us instead of 0.4 us a key)."""

    def __missing__(self, key: str) -> tuple[str, str] | None:
        if len(self) > 20_000:
            self.clear()
        found = self[key] = _family_of(key)
        return found


_FAMILY_OF = _FamilyOf()


def fold_families(attributes: Attributes, places: Iterable[tuple[str, str] | None]) -> Attributes:
    """Each unbroken run of keys of one `PREFIX.N.` becomes one Folded under that prefix. Order is kept.

    places: the _family_of each key.
    """
    folded: Attributes = {}
    runs: dict[str, Folded] = {}
    run: Folded | None = None  # the run that the key before belongs to
    last = ""
    for (key, value), place in zip(attributes.items(), places, strict=True):
        if place is None:
            folded[key], last = value, ""
        elif run is not None and place[0] == last:
            run.pairs += (place[1], value)
        elif place[0] in folded or place[0] in attributes:
            folded[key], last = value, ""  # the run was broken
        else:
            last = place[0]
            run = folded[last] = runs[last] = Folded([place[1], value])
    short = [family for family, run in runs.items() if _size(run.pairs) < ELEMENT_MIN]
    return _unfold_some(folded, short) if short else folded


def _size(pairs: list[Value]) -> int:
    size = 0
    for part in pairs:
        size += len(part) if type(part) is str else 8
    return size


def _unfold_some(folded: Attributes, families: list[str]) -> Attributes:
    """Families that are too short for a message become keys again."""
    spread: Attributes = {}
    for key, value in folded.items():
        spread |= unfold(key, value.pairs) if key in families else {key: value}
    return spread


def unfold(family: str, pairs: list[Value]) -> list[tuple[str, Any]]:
    return [(family + pairs[n], pairs[n + 1]) for n in range(0, len(pairs), 2)]


def fill(attributes: Mapping[str, Value]) -> Attributes:
    """The attributes with their folded families spread out again."""
    if not any(type(value) is Folded for value in attributes.values()):
        return dict(attributes)
    filled: Attributes = {}
    for key, value in attributes.items():
        filled |= unfold(key, value.pairs) if type(value) is Folded else {key: value}
    return filled


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
