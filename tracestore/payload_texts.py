"""Which texts does a block of payloads hold, and which messages does it cite? Each message named once, however often it is said.

Agents repeat the whole history in every call: putting every span together again would read the same messages over and over.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from tracestore.analysis.texts import attribute_texts, texts, texts_of_json
from tracestore.payload import decompress
from tracestore.payload_cut import FAMILY, JSON, TEXT

log = logging.getLogger(__name__)

_members = msgspec.msgpack.Decoder(list[tuple[bytes, list[int]]]).decode
_HOLE = b"null"  # stands for a message in JSON: what is around it is read without it
ATTRIBUTES, EVENTS, NAME, STATUS_MESSAGE = 3, 4, 11, 12  # places in a payload: tracestore.payload.encode


class Cited(NamedTuple):
    """A message and how its bytes are to be read: a code of tracestore.payload_cut."""

    hash: bytes
    code: int


UNREADABLE = (ValueError, LookupError, msgspec.MsgspecError)


def readable(read: Callable[..., Iterable[str]], *given: Any) -> list[str]:
    """What read(*given) gives; nothing where bytes are damaged: one bad body must not keep all others from being found."""
    try:
        return list(read(*given))
    except UNREADABLE as error:
        log.warning("a stored text cannot be read: %s", type(error).__name__)
        return []


def block_texts(
    body: bytes, indexes: Iterable[int], message_refs: Sequence[bytes], cited: list[Cited]
) -> Iterator[str]:
    """The texts that stand in the payloads at these places. cited: gets the messages they cite. Raises UNREADABLE."""
    members = _members(decompress(body))
    for index in indexes:
        packed, numbers = members[index]
        hook = _Holes([message_refs[number] for number in numbers], cited)
        yield from _payload_texts(msgspec.msgpack.decode(packed, ext_hook=hook))


class _Holes:
    """The extension hook of msgpack: notes what is cited, and leaves what stood around it."""

    __slots__ = ("cited", "refs")

    def __init__(self, refs: Sequence[bytes], cited: list[Cited]) -> None:
        self.refs, self.cited = iter(refs), cited

    def __call__(self, code: int, data: memoryview) -> Any:
        literals = bytes(data).split(b"\0") if code == JSON else [b"", b""]
        for _ in literals[1:]:
            self.cited.append(Cited(next(self.refs), code))
        return _HOLE.join(literals).decode() if code == JSON else None


def _payload_texts(fields: list[Any]) -> Iterator[str]:
    yield from attribute_texts(fields[ATTRIBUTES])
    for name, _, attributes, *_ in fields[EVENTS] if len(fields) > EVENTS else ():
        yield name
        yield from attribute_texts(attributes)
    yield from (fields[at] for at in (NAME, STATUS_MESSAGE) if len(fields) > at and fields[at])


def message_texts(body: bytes, code: int) -> Iterator[str]:
    """The texts of a stored message. Raises UNREADABLE for damaged bytes."""
    data = decompress(body)
    if code == TEXT:
        yield from texts(data.decode())
    elif code == JSON:
        yield from texts_of_json(data)
    elif code == FAMILY:
        pairs = msgspec.msgpack.decode(data)
        for at in range(0, len(pairs), 2):
            yield from texts(pairs[at + 1], pairs[at])
    else:
        yield from texts(msgspec.msgpack.decode(data))
