"""What only the body of a provider's answer says: its id, its usage, its finish reasons. JSON text or native values."""

import re
from typing import Any

import msgspec

from ingest.conventions import fields as f
from ingest.conventions.coerce import BAD, JSON_CHARS, count, nested, text, unjson
from ingest.conventions.vocabulary import finish_reasons

Hits = list[tuple[int, int, Any, str]]


class _Answer(msgspec.Struct):
    """A provider's answer, or what LangChain makes of it: then both lie in `llm_output`, or with the message."""

    id: Any = None
    usage: Any = None
    llm_output: Any = None
    generations: msgspec.Raw = msgspec.Raw()


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


_SAID = re.compile(r"['\"]?\b([a-z_]+)['\"]?\s*[:=]\s*(\d+)\b(?!\.)")
_SAID_CHARS = 4096
_SAID_NAMES = {
    "prompt_tokens": f.INPUT,
    "completion_tokens": f.OUTPUT,
    "total_tokens": f.TOTAL,
    "cached_prompt_tokens": f.CACHE_READ,
    "cache_read_input_tokens": f.CACHE_READ,
    "cached_tokens": f.CACHE_READ,
    "cache_creation_input_tokens": f.CACHE_CREATION,
    "cache_creation_tokens": f.CACHE_CREATION,
    "reasoning_tokens": f.REASONING,
}


def said_usage(value: Any) -> Hits:
    """Token fields out of the text of a Python object (`{'prompt_tokens': 12, ...}`, `prompt_tokens=12 ...`).

    Names and whole numbers are searched, nothing is evaluated (G7); the first of two that mean the same counts. It is
    the last to be asked, and its input is taken as it is: these emitters write the total with the cache.
    """
    if type(value) is not str or len(value) > _SAID_CHARS:
        return []
    found: dict[int, int] = {}
    for name, digits in _SAID.findall(value):
        field = _SAID_NAMES.get(name)
        number = count(digits) if field is not None else None
        if field is not None and number is not None and number is not BAD:
            found.setdefault(field, int(number))
    return [(field, 300, number, "text") for field, number in found.items()]


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
        if answer.id is None and (answer.llm_output is not None or answer.generations):
            return _of_langchain(answer.llm_output, answer.generations)
        return _identifier(answer.id), raw_usage(answer.usage)
    if isinstance(value, dict):
        return _identifier(value.get("id")), raw_usage(value.get("usage"))
    return None, []


def _of_langchain(output: Any, generations: msgspec.Raw) -> tuple[str | None, Hits]:
    """Of LangChain's result of one call: `llm_output`, else (a stream) the first message's `response_metadata`."""
    identifier, usage = nested(output, "id"), nested(output, "token_usage") or nested(output, "usage")
    if identifier is None:
        metadata = _metadata_of_first(msgspec.json.decode(generations)) if generations else None
        identifier, usage = nested(metadata, "id"), usage or nested(metadata, "token_usage")
    return _identifier(identifier), raw_usage(usage)


def _metadata_of_first(generations: Any) -> Any:
    first = generations[0] if isinstance(generations, list) and generations else None
    first = first[0] if isinstance(first, list) and first else first
    return nested(first, "message", "kwargs", "response_metadata") or nested(first, "message", "response_metadata")


def _identifier(value: Any) -> str | None:
    return text(value) if isinstance(value, str) else None


def finish_in_messages(messages: Any) -> tuple[str, ...] | None:
    """Finish reasons inside `gen_ai.output.messages`, JSON text or native list."""
    if type(messages) is str:
        return finish_reasons(_FINISH_IN_TEXT.findall(messages[-65_536:]))
    if not isinstance(messages, list):
        return None
    return finish_reasons([m.get("finish_reason") for m in messages[:64] if isinstance(m, dict)])
