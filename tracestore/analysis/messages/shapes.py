"""What did a message say, in whatever shape its emitter wrote it? Values in, roles and parts out; never raises.

Shapes known: OTel GenAI parts, OpenAI chat and responses items, Anthropic blocks, AI SDK, LangChain (plain, `data`,
constructor), Gemini, Bedrock Converse. What is not known is kept as a generic part, what is no JSON stays text.
"""

import hashlib
import json
from typing import Any

import msgspec

MESSAGES_MAX = 10_000
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


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """role: system | user | assistant | tool, or what the emitter called it. hash: 32 hex digits over role and parts:
    equal hashes are repeated history."""

    role: str
    parts: tuple[Part, ...]
    hash: str = ""
    name: str | None = None
    finish_reason: str | None = None


_ROLES = {
    "human": "user",
    "humanmessage": "user",
    "user": "user",
    "ai": "assistant",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "system": "system",
    "systemmessage": "system",
    "developer": "system",
    "tool": "tool",
    "toolmessage": "tool",
    "function": "tool",
    "functionmessage": "tool",
}


def message(role: str, parts: list[Part], name: str | None = None, finish_reason: str | None = None) -> Message:
    """A message with its content hash."""
    content = json.dumps([role, msgspec.to_builtins(parts)], sort_keys=True, default=str, separators=(",", ":"))
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return Message(role, tuple(parts), digest, name, finish_reason)


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


def messages(value: Any, default_role: str) -> list[Message]:
    """All messages of a side: a list of messages, an object that holds one, a single message, or plain text."""
    decoded, truncated = loads(value)
    if isinstance(decoded, dict):
        decoded = _unwrapped(decoded)
    if isinstance(decoded, list) and decoded and all(isinstance(one, list) for one in decoded):
        decoded = [inner for one in decoded for inner in one]  # LangChain batches: [[message, ...]]
    if isinstance(decoded, list) and any(_is_message(one) for one in decoded):
        return [_message(one, default_role) for one in decoded[:MESSAGES_MAX]]
    if _is_message(decoded):
        return [_message(decoded, default_role)]
    if decoded is None or decoded == "":
        return []
    return [message(default_role, _parts(decoded, truncated))]


def _unwrapped(value: dict[str, Any]) -> Any:
    """The messages inside of a request, an answer or a state that carries them."""
    for key in ("messages", "input_messages", "contents"):
        if isinstance(value.get(key), list):
            return _with_system(value, value[key])
    if isinstance(value.get("choices"), list):
        return [_choice(one) for one in value["choices"] if isinstance(one, dict)]
    if isinstance(value.get("generations"), list):
        flat = [one for batch in value["generations"] for one in (batch if isinstance(batch, list) else [batch])]
        return [one.get("message") or one for one in flat if isinstance(one, dict)]
    if isinstance(value.get("output"), list) and "role" not in value:
        return value["output"]
    if isinstance(value.get("input"), (str, list)) and "model" in value:
        return _with_system(value, value["input"])
    return value


def _with_system(value: dict[str, Any], found: Any) -> Any:
    system = value.get("system") or value.get("instructions")
    rest = found if isinstance(found, list) else [{"role": "user", "content": found}]
    return [{"role": "system", "content": system}, *rest] if system else rest


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    inner = choice.get("message") or choice.get("delta") or {"role": "assistant", "content": choice.get("text")}
    return {**inner, "finish_reason": choice.get("finish_reason")} if isinstance(inner, dict) else {"content": inner}


_ITEMS = frozenset({"message", "function_call", "function_call_output", "reasoning", "tool_result", "tool_use"})


def _is_message(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    kind = str(value.get("type") or "").lower()
    if kind in _ROLES or kind in _ITEMS:
        return True
    return "role" in value or ("parts" in value and isinstance(value["parts"], list)) or "lc" in value


def _message(value: Any, default_role: str) -> Message:
    if not isinstance(value, dict):
        return message(default_role, _parts(value, False))
    if value.get("lc") is not None and isinstance(value.get("kwargs"), dict):
        names = value.get("id")
        value = {"type": str(names[-1]) if isinstance(names, list) and names else "", **value["kwargs"]}
    elif isinstance(value.get("data"), dict):
        value = {**value["data"], "type": value.get("type")}
    role = _role(value, default_role)
    return message(role, _message_parts(value, role), _string(value.get("name")), _string(value.get("finish_reason")))


def _role(value: dict[str, Any], default_role: str) -> str:
    given = str(value.get("role") or "").lower()
    if given:
        return _ROLES.get(given, given)
    kind = str(value.get("type") or "").lower()
    if kind in ("function_call", "reasoning", "tool_use"):
        return "assistant"
    if kind in ("function_call_output", "tool_result"):
        return "tool"
    return _ROLES.get(kind, default_role)


def _message_parts(value: dict[str, Any], role: str) -> list[Part]:
    if isinstance(value.get("parts"), list):
        return [_part(one) for one in value["parts"]]
    kind = str(value.get("type") or "").lower()
    if kind in ("function_call", "function_call_output", "reasoning", "tool_use", "tool_result"):
        return [_part(value)]
    if role == "tool" and (value.get("tool_call_id") is not None or value.get("content") is not None):
        return [_tool_content(value)]
    parts = [] if value.get("content") in (None, "") else _parts(value["content"], False)
    calls = value.get("tool_calls")
    known = {part.id for part in parts if part.type == "tool_call" and part.id is not None}
    parts += [call for call in map(_part, calls if isinstance(calls, list) else []) if call.id not in known]
    if isinstance(value.get("function_call"), dict):
        parts.append(_part({"type": "function_call", **value["function_call"]}))
    return parts


def _tool_content(value: dict[str, Any]) -> Part:
    """What a tool answered; some emitters (Langfuse) put the definition of a tool in a message of this role."""
    result, truncated = loads(value.get("content"))
    if isinstance(result, dict) and result.get("type") == "function" and isinstance(result.get("function"), dict):
        return Part("generic", result)
    call_id, name = _string(value.get("tool_call_id")), _string(value.get("name"))
    return Part("tool_call_response", id=call_id, name=name, result=result, truncated=truncated)


def _parts(content: Any, truncated: bool) -> list[Part]:
    """The parts of a content: text, a list of blocks (perhaps as JSON text), or any value."""
    if isinstance(content, str):
        decoded, cut = loads(content) if content[:2] in ("[{", "[ ") else (content, truncated)
        if isinstance(decoded, list) and decoded and all(isinstance(one, dict) for one in decoded):
            return [_part(one) for one in decoded]
        return [Part("text", content, truncated=cut)]
    if isinstance(content, list):
        return [_part(one) for one in content]
    return [_part(content)] if isinstance(content, dict) else [Part("text", _plain(content))]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
_THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
_CALLS = frozenset({"tool_call", "tool-call", "tool_use", "function_call", "function"})
_RESPONSES = frozenset({"tool_call_response", "tool-result", "tool_result", "function_call_output"})
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


def _part(value: Any) -> Part:
    """One block in any of the known spellings."""
    if not isinstance(value, dict):
        return Part("text", _plain(value))
    value = value.get("message_content") or value.get("tool_call") or value
    if not isinstance(value, dict):
        return Part("text", _plain(value))
    kind = str(value.get("type") or "").lower()
    if kind in _TEXTS or (not kind and isinstance(value.get("text"), str)):
        found = next((value[key] for key in ("content", "text", "refusal") if value.get(key) is not None), "")
        return Part("text", _plain(found))
    if kind in _THOUGHTS or "reasoningContent" in value:
        return Part("reasoning", _thought(value))
    if kind in _RESPONSES or "functionResponse" in value or "function_response" in value or "toolResult" in value:
        return _response(value)
    if kind in _CALLS or any(key in value for key in _CALL_KEYS):
        return _call(value)
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
                return "\n".join(
                    _plain(one.get("text", one)) if isinstance(one, dict) else _plain(one) for one in found
                )
            return _plain(found)
    return ""


def _call(value: dict[str, Any]) -> Part:
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
    return Part("tool_call", id=_string(call_id), name=_string(name), arguments=arguments, truncated=truncated)


def _response(value: dict[str, Any]) -> Part:
    keys = ("functionResponse", "function_response", "toolResult")
    inner = next((value[key] for key in keys if isinstance(value.get(key), dict)), value)
    ids = ("id", "call_id", "tool_use_id", "toolCallId", "toolUseId", "tool_call_id")
    call_id = next((inner[key] for key in ("call_id", *ids) if inner.get(key)), None)
    name = next((inner[key] for key in ("name", "toolName", "tool_name") if inner.get(key)), None)
    given = next((inner[k] for k in ("result", "response", "output", "content") if inner.get(k) is not None), None)
    result, truncated = loads(given)
    return Part("tool_call_response", id=_string(call_id), name=_string(name), result=result, truncated=truncated)


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
    return Part(kind, content, name=_string(fields.get("filename")), mime_type=_string(mime), uri=_string(uri))


def _string(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
