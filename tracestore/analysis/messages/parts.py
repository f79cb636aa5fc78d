"""What is one piece of a message, in whatever block its emitter put it? Never raises; what is not known stays generic."""

import json
from typing import Any

import msgspec

JSON_CHARS = 8_000_000


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of a message.

    type: text | tool_call | tool_call_response | reasoning | image | audio | file | blob | uri | generic.
    content: the text of text and reasoning, the bytes or value of the others. id: the tool call's. name: the tool's or
    file's. truncated: it began like JSON and did not parse, so that its emitter probably cut it.
    """

    type: str
    content: Any = None
    id: str | None = None
    name: str | None = None
    arguments: Any = None
    result: Any = None
    mime_type: str | None = None
    uri: str | None = None
    truncated: bool = False


def loads(value: Any) -> tuple[Any, bool]:
    """(value, truncated): one JSON layer off a text that looks like JSON; truncated when it looks so and does not parse."""
    if not isinstance(value, str):
        return value, False
    trimmed = value.strip()
    if trimmed[:1] not in ("{", "[", '"') or len(trimmed) > JSON_CHARS:
        return value, False
    try:
        return msgspec.json.decode(trimmed), False
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return value, trimmed[0] != '"' and trimmed[-1] not in "]}"


def plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
_THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
_CALLS = frozenset({"tool_call", "tool-call", "tool_use", "function_call", "function"})
RESPONSES = frozenset({"tool_call_response", "tool-result", "tool_result", "function_call_output"})
_CALL_KEYS = ("functionCall", "function_call", "toolUse", "function", "args", "toolCallId")
_MEDIA = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "audio": "audio",
    "input_audio": "audio",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "blob": "blob",
    "uri": "uri",
}


def part(value: Any) -> Part:
    """One block in any of the known spellings."""
    if not isinstance(value, dict):
        return Part("text", plain(value))
    value = value.get("message_content") or value.get("tool_call") or value
    if not isinstance(value, dict):
        return Part("text", plain(value))
    kind = str(value.get("type") or "").lower()
    if kind in _TEXTS or (not kind and isinstance(value.get("text"), str)):
        found = next((value[key] for key in ("content", "text", "refusal") if value.get(key) is not None), "")
        return Part("text", plain(found))
    if kind in _THOUGHTS or "reasoningContent" in value:
        return Part("reasoning", _thought(value))
    if kind in RESPONSES or "functionResponse" in value or "function_response" in value or "toolResult" in value:
        return _response(value)
    if kind in _CALLS or any(key in value for key in _CALL_KEYS):
        return call(value)
    if kind in _MEDIA:
        return _media(_MEDIA[kind], value)
    return Part("generic", value)


def _thought(value: dict[str, Any]) -> str:
    inner = value.get("reasoningContent")
    if isinstance(inner, dict):
        told = inner.get("reasoningText")
        value = told if isinstance(told, dict) else inner
    for key in ("content", "thinking", "text", "reasoning", "summary", "data"):
        if value.get(key):
            found = value[key]
            if isinstance(found, list):
                return "\n".join(plain(one.get("text", one)) if isinstance(one, dict) else plain(one) for one in found)
            return plain(found)
    return ""


def call(value: dict[str, Any]) -> Part:
    """A call of a tool, whatever says so."""
    inner = next((value[k] for k in ("functionCall", "toolUse") if isinstance(value.get(k), dict)), value)
    for key in ("function_call", "function"):
        if isinstance(value.get(key), dict):
            inner = value[key]
    both = {**value, **inner}
    ids = ("id", "call_id", "toolCallId", "toolUseId", "tool_call_id")
    call_id = next((both[key] for key in ("call_id", *ids) if both.get(key)), None)
    name = next((both[key] for key in ("name", "toolName", "tool_name") if both.get(key)), None)
    given = next((both[key] for key in ("arguments", "args", "input", "parameters") if both.get(key) is not None), None)
    arguments, truncated = loads(given)
    return Part("tool_call", id=string(call_id), name=string(name), arguments=arguments, truncated=truncated)


def _response(value: dict[str, Any]) -> Part:
    keys = ("functionResponse", "function_response", "toolResult")
    inner = next((value[key] for key in keys if isinstance(value.get(key), dict)), value)
    ids = ("id", "call_id", "tool_use_id", "toolCallId", "toolUseId", "tool_call_id")
    call_id = next((inner[key] for key in ("call_id", *ids) if inner.get(key)), None)
    name = next((inner[key] for key in ("name", "toolName", "tool_name") if inner.get(key)), None)
    given = next((inner[k] for k in ("result", "response", "output", "content") if inner.get(k) is not None), None)
    result, truncated = loads(given)
    return Part("tool_call_response", id=string(call_id), name=string(name), result=result, truncated=truncated)


def _media(kind: str, value: dict[str, Any]) -> Part:
    inner = next((value[k] for k in (kind, "image_url", "source", "file", "input_audio") if value.get(k)), value)
    fields = inner if isinstance(inner, dict) else {"url": inner}
    if isinstance(fields.get("image"), dict):
        fields = fields["image"]
    uri = next(
        (fields[key] for key in ("url", "uri", "image_url", "file_id") if isinstance(fields.get(key), str)), None
    )
    mime = next((m[k] for m in (value, fields) for k in ("mime_type", "media_type", "mediaType") if m.get(k)), None)
    content = next((m[k] for m in (fields, value) for k in ("data", "content", "file_data") if m.get(k)), None)
    return Part(kind, content, name=string(fields.get("filename")), mime_type=string(mime), uri=string(uri))


def string(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
