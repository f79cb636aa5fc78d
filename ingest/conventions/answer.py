"""What only the body of a provider's answer says: its id, its usage, its finish reasons. JSON text or native values."""

import re
from typing import Any

import msgspec

from ingest.conventions import fields as f
from ingest.conventions.coerce import BAD, JSON_CHARS, count, nested, text, unjson
from ingest.conventions.vocabulary import finish_reasons

Hits = list[tuple[int, int, Any, str]]


class _Answer(msgspec.Struct):
    id: Any = None
    usage: Any = None


_decode = msgspec.json.Decoder(_Answer).decode
_FINISH_IN_TEXT = re.compile(r'"finish_reason"\s*:\s*"([^"\\]{1,64})"')

# Paths in OpenAI's (chat and responses) and Anthropic's usage objects, best first.
_PATHS: dict[int, tuple[str, ...]] = {
    f.INPUT: ("prompt_tokens", "input_tokens"),
    f.OUTPUT: ("completion_tokens", "output_tokens"),
    f.TOTAL: ("total_tokens",),
    f.CACHE_READ: (
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "cache_read_input_tokens",
    ),
    f.CACHE_CREATION: ("cache_creation_input_tokens",),
    f.CACHE_CREATION_5M: ("cache_creation.ephemeral_5m_input_tokens",),
    f.CACHE_CREATION_1H: ("cache_creation.ephemeral_1h_input_tokens",),
    f.REASONING: (
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
    ),
    f.AUDIO_INPUT: ("prompt_tokens_details.audio_tokens",),
    f.AUDIO_OUTPUT: ("completion_tokens_details.audio_tokens",),
}
_APART = ("cache_read_input_tokens", "cache_creation_input_tokens")  # Anthropic: outside its input_tokens


def raw_usage(value: Any) -> Hits:
    """A provider's own usage object -> token fields, input made inclusive where the provider leaves the cache out."""
    usage = unjson(value)
    if not isinstance(usage, dict):
        return []
    found = {field: _first(usage, paths) for field, paths in _PATHS.items()}
    given = found[f.INPUT]
    if given is not None and found[f.TOTAL] is None:
        found[f.INPUT] = given + sum(_first(usage, (name,)) or 0 for name in _APART)
    return [(field, 200, number, "usage") for field, number in found.items() if number is not None]


def _first(usage: dict[str, Any], paths: tuple[str, ...]) -> int | None:
    for path in paths:
        number = count(nested(usage, *path.split(".")))
        if number is not None and number is not BAD:
            return int(number)
    return None


def body(value: Any) -> tuple[str | None, Hits]:
    """(id, token fields) of an answer; (None, []) when it is none."""
    if type(value) is str and value[:1] == "{" and len(value) <= JSON_CHARS:
        try:
            answer = _decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None, []
        return _identifier(answer.id), raw_usage(answer.usage)
    if isinstance(value, dict):
        return _identifier(value.get("id")), raw_usage(value.get("usage"))
    return None, []


def _identifier(value: Any) -> str | None:
    return text(value) if isinstance(value, str) else None


def finish_in_messages(messages: Any) -> tuple[str, ...] | None:
    """Finish reasons inside `gen_ai.output.messages`, JSON text or native list."""
    if type(messages) is str:
        return finish_reasons(_FINISH_IN_TEXT.findall(messages[-65_536:]))
    if not isinstance(messages, list):
        return None
    return finish_reasons([m.get("finish_reason") for m in messages[:64] if isinstance(m, dict)])
