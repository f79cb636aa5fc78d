"""Which texts stand in a value that an emitter sent? Every string and number in it, JSON within strings read; keys are none."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

MAX_TEXT = 65_536  # characters of one text that are searched
DEPTH = 12

# What only says which kind of thing a part of a message is: nearly every trace would hold these words.
KINDS = frozenset(
    "system user assistant tool developer function model human ai text tool_call tool_call_response tool_use tool_result"
    " function_call function_call_output input_text output_text message reasoning thinking image_url".split()
)
_decode = msgspec.json.Decoder(float_hook=str).decode


def texts(value: Any, key: str = "", depth: int = DEPTH) -> Iterator[str]:
    """key: the name under which the value stands; `role` and `type` of messages are no text."""
    if isinstance(value, str):
        yield from _texts_of_string(value, key, depth)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int | float):
        yield str(value)
    elif depth > 0 and isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts(inner, str(name), depth - 1)
    elif depth > 0 and isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner, key, depth - 1)


def attribute_texts(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Of the attributes of a span or event. Numbers that are attributes themselves are measures (tokens, temperature), no texts."""
    for key, value in attributes.items():
        if not isinstance(value, bool | int | float):
            yield from texts(value, key)


def _texts_of_string(value: str, key: str, depth: int) -> Iterator[str]:
    if value in KINDS and key.rpartition(".")[2] in ("role", "type"):
        return
    if value[:1] in ("{", "[") and value[-1:] in ("}", "]") and depth > 0:
        try:
            inner = _decode(value)
        except (msgspec.DecodeError, RecursionError):
            yield value
            return
        yield from texts(inner, key, depth - 1)
    elif value:
        yield value


def texts_of_json(data: bytes) -> Iterator[str]:
    """The texts of JSON; what is none is one text."""
    try:
        yield from texts(_decode(data))
    except (msgspec.DecodeError, RecursionError):
        yield data.decode(errors="replace")
