"""What may Postgres hold? The one sanitiser, at the decode edge: texts, keys and numbers. Pure.

Postgres refuses NUL in text and jsonb, no UTF-8 holds a lone surrogate, and a NaN poisons every sum: one such value
would abort the COPY of its whole batch. Nothing is stripped, since that could make two keys one; it is replaced.
"""

import hashlib
import math
import re
from collections.abc import Iterable

import msgspec

from ingest import limits
from tracestore.records import TRUNCATED, Attributes, Value

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
FAMILY = re.compile(r"\.\d+\.")
_to_json = msgspec.json.Encoder().encode


class Allowance:
    """What one request may still use up, and what was done to the record at hand.

    nodes: values inside arrays and maps. items: events and links. flags: bits of RawSpan.flags, taken by `take_flags`.
    """

    __slots__ = ("flags", "items", "nodes")

    def __init__(self) -> None:
        self.nodes = limits.NODES
        self.items = limits.EVENTS_AND_LINKS
        self.flags = 0

    def take_flags(self) -> int:
        flags, self.flags = self.flags, 0
        return flags


def clean_text(text: str) -> str:
    """The text with NUL and lone surrogates replaced by U+FFFD. Total and idempotent; the same length."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    return LONE_SURROGATE.sub("\ufffd", text)


def clean_key(key: str) -> str:
    return clean_text(key[: limits.KEY_CHARS])


def number(value: float) -> float | str:
    """A double, or its name where it is not finite: "NaN", "Infinity", "-Infinity"."""
    if math.isfinite(value):
        return value
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def cut_text(text: str, limit: int) -> str:
    """The text, or what fits into `limit` bytes of UTF-8 with a visible mark of what was lost. Idempotent."""
    if len(text) * 4 <= limit:
        return text
    encoded = text.encode(errors="replace")
    if len(encoded) <= limit:
        return text
    return _marked(encoded, limit).decode(errors="ignore")


def cut_bytes(value: bytes, limit: int) -> bytes:
    return value if len(value) <= limit else _marked(value, limit)


def _marked(encoded: bytes, limit: int) -> bytes:
    sha256 = hashlib.sha256(encoded).hexdigest()
    room = max(0, limit - len(f"…[truncated {len(encoded)} bytes, sha256 {sha256}]".encode()))
    while room and encoded[room] & 0xC0 == 0x80:  # never in the middle of a character
        room -= 1
    return encoded[:room] + f"…[truncated {len(encoded) - room} bytes, sha256 {sha256}]".encode()


def cut_name(text: str, chars: int, allowance: Allowance) -> str:
    """A name, cleaned and cut to `chars`; a cut is flagged."""
    if len(text) > chars:
        allowance.flags |= TRUNCATED
        text = text[:chars]
    return clean_text(text)


def cut_value(value: Value, limit: int, allowance: Allowance) -> Value:
    """The value with each text in it cut to `limit` bytes; a JSON text is cut inside, text by text, and stays JSON."""
    if isinstance(value, str):
        cut: Value = _cut_json(value, limit) if value[:1] in ("{", "[") else None
        cut = cut_text(value, limit) if cut is None else cut
    elif isinstance(value, bytes):
        cut = cut_bytes(value, limit)
    elif isinstance(value, list):
        return [cut_value(item, limit, allowance) for item in value]
    elif isinstance(value, dict):
        return {key: cut_value(item, limit, allowance) for key, item in value.items()}
    else:
        return value
    if cut is not value:
        allowance.flags |= TRUNCATED
    return cut


def _cut_json(text: str, limit: int) -> str | None:
    """None when the text is no JSON, or too long to be looked into."""
    if len(text) <= limit // 4:
        return text
    if len(text) > limits.JSON_TEXT_BYTES or text.count("{") + text.count("[") > limits.JSON_TEXT_CONTAINERS:
        return None
    try:
        parsed = msgspec.json.decode(text)
        inner = Allowance()
        cut = _cut_leaves(parsed, limit, inner)
        return _to_json(cut).decode() if inner.flags else text
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _cut_leaves(value: Value, limit: int, allowance: Allowance) -> Value:
    if isinstance(value, str):
        cut = cut_text(value, limit)
        if cut is not value:
            allowance.flags |= TRUNCATED
        return cut
    if isinstance(value, list):
        return [_cut_leaves(item, limit, allowance) for item in value]
    if isinstance(value, dict):
        return {key: _cut_leaves(item, limit, allowance) for key, item in value.items()}
    return value


def stringify(value: Value) -> str:
    """The JSON text of what lies too deep to be kept as it is."""
    return clean_text(_to_json(value).decode())


def place(into: Attributes, changed: dict[str, Value]) -> None:
    """Adds attributes whose keys had to be changed; a key that is taken gets the suffix #2, #3, ..."""
    taken: dict[str, int] = {}
    for key, value in changed.items():
        name = key = clean_key(key)
        while name in into:
            taken[key] = taken.get(key, 1) + 1
            suffix = f"#{taken[key]}"
            name = key[: limits.KEY_CHARS - len(suffix)] + suffix
        into[name] = value


def keep(keys: Iterable[str]) -> list[int]:
    """Positions of the attributes that stay when there are too many: the first ones, and indexed families."""
    kept, plain, family = [], limits.ATTRIBUTES, limits.FAMILY_ATTRIBUTES
    for position, key in enumerate(keys):
        if FAMILY.search(key):
            family -= 1
            if family >= 0:
                kept.append(position)
        elif plain > 0:
            plain -= 1
            kept.append(position)
    return kept


def fit(attributes: Attributes, allowance: Allowance) -> Attributes:
    """The attributes of a large record, each text within its cap and all of them within the record's.

    JSON texts count with their own cap only: their elements are stored once each, however often they repeat.
    """
    limit = limits.VALUE_BYTES
    attributes = {key: cut_value(value, limit, allowance) for key, value in attributes.items()}
    while limit > 256 and sum(map(_plain_bytes, attributes.values())) > limits.RECORD_BYTES:
        limit //= 4
        attributes = {key: cut_value(value, limit, allowance) for key, value in attributes.items()}
    return attributes


def _plain_bytes(value: Value) -> int:
    if isinstance(value, str):
        return 0 if value[:1] in ("{", "[") else len(value)
    if isinstance(value, bytes):
        return len(value)
    return 0
