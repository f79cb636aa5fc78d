"""What did a message say, in whatever shape its emitter wrote it? Values in, roles and parts out; never raises.

Shapes known: OTel GenAI parts, OpenAI chat and responses items, Anthropic blocks, AI SDK, LangChain (plain, `data`,
constructor), Gemini, Bedrock Converse. What is not known is kept as a generic part, what is no JSON stays text.
"""

import hashlib
import json
from typing import Any

import msgspec

from tracestore.analysis.messages.parts import RESPONSES, Part, call, loads, part, plain, string

MESSAGES_MAX = 10_000


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
    """A message with its content hash (none for one that is nested too deep to be written out)."""
    try:
        content = json.dumps([role, msgspec.to_builtins(parts)], sort_keys=True, default=str, separators=(",", ":"))
    except RecursionError:
        return Message(role, tuple(parts), "", name, finish_reason)
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return Message(role, tuple(parts), digest, name, finish_reason)


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
    return message(role, _message_parts(value, role), string(value.get("name")), string(value.get("finish_reason")))


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
        return [part(one) for one in value["parts"]]
    kind = str(value.get("type") or "").lower()
    if kind in ("function_call", "function_call_output", "reasoning", "tool_use", "tool_result"):
        return [part(value)]
    if role == "tool" and (value.get("tool_call_id") is not None or value.get("content") is not None):
        return _tool_parts(value)
    parts = [] if value.get("content") in (None, "") else _parts(value["content"], False)
    calls = value.get("tool_calls")
    known = {part.id for part in parts if part.type == "tool_call" and part.id is not None}
    parts += [one for one in map(call, _dicts(calls)) if one.id is None or one.id not in known]
    if isinstance(value.get("function_call"), dict):
        parts.append(part({"type": "function_call", **value["function_call"]}))
    return parts


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _tool_parts(value: dict[str, Any]) -> list[Part]:
    blocks = _dicts(value.get("content"))
    if blocks and all(str(one.get("type")).lower() in RESPONSES for one in blocks):
        return [part(one) for one in blocks]
    return [_tool_content(value)]


def _tool_content(value: dict[str, Any]) -> Part:
    """What a tool answered; some emitters (Langfuse) put the definition of a tool in a message of this role."""
    result, truncated = loads(value.get("content"))
    if isinstance(result, dict) and result.get("type") == "function" and isinstance(result.get("function"), dict):
        return Part("generic", result)
    call_id, name = string(value.get("tool_call_id")), string(value.get("name"))
    return Part("tool_call_response", id=call_id, name=name, result=result, truncated=truncated)


def _parts(content: Any, truncated: bool) -> list[Part]:
    """The parts of a content: text, a list of blocks (perhaps as JSON text), or any value."""
    if isinstance(content, str):
        decoded, cut = loads(content) if content[:2] in ("[{", "[ ") else (content, truncated)
        if isinstance(decoded, list) and decoded and all(isinstance(one, dict) for one in decoded):
            return [part(one) for one in decoded]
        return [Part("text", content, truncated=cut)]
    if isinstance(content, list):
        return [part(one) for one in content]
    return [part(content)] if isinstance(content, dict) else [Part("text", plain(content))]
