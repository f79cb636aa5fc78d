"""What of a model call's messages is new in this call, and what is history that every call repeats? Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.values import CUT, LONGEST, Shown, pretty, shown

EARLIER_CUT = 600  # characters of a message that was folded away
EARLIER_SHOWN = 60  # messages of the history, the latest; "show all" gives the rest


@dataclass(frozen=True, slots=True)
class PartView:
    """kind: text | thought | call | result | other. head: the tool's name, or what kind of part this is."""

    kind: str
    head: str
    id: str
    text: Shown


@dataclass(frozen=True, slots=True)
class MessageView:
    role: str
    parts: list[PartView]


@dataclass(frozen=True, slots=True)
class Conversation:
    """fresh: since the model spoke last; answer: what it said now; earlier: before that (earlier_hidden more not shown).

    earlier_size: bytes of the history's text.
    """

    system: list[MessageView]
    fresh: list[MessageView]
    answer: list[MessageView]
    earlier: list[MessageView]
    earlier_count: int
    earlier_hidden: int
    earlier_size: int
    cut: bool = False


def converse(system: Any, sent: Sequence[Any] | None, received: Sequence[Any] | None, whole: bool) -> Conversation:
    """system: instructions in any shape. sent, received: messages with role and parts. whole: cut nothing (but LONGEST)."""
    limit, earlier_limit = (LONGEST, LONGEST) if whole else (CUT, EARLIER_CUT)
    messages = list(sent or [])
    split = fresh_from(messages)
    earlier, fresh = messages[:split], messages[split:]
    kept = earlier if whole else earlier[-EARLIER_SHOWN:]
    views = Conversation(
        system=[MessageView("system", [PartView("text", "", "", shown(system_text(system), limit))])] if system else [],
        fresh=[message_view(one, limit) for one in fresh],
        answer=[message_view(one, limit) for one in received or []],
        earlier=[message_view(one, earlier_limit) for one in kept],
        earlier_count=len(earlier),
        earlier_hidden=len(earlier) - len(kept),
        earlier_size=sum(size_of(one) for one in earlier),
    )
    return replace(views, cut=is_cut(views))


def is_cut(views: Conversation) -> bool:
    every = [*views.system, *views.fresh, *views.answer, *views.earlier]
    return views.earlier_hidden > 0 or any(part.text.more for message in every for part in message.parts)


def fresh_from(messages: Sequence[Any]) -> int:
    """Where the new part begins: after the last thing the model said, whose call reported it already.

    Where it never spoke all is new; where its words come last (a prefill) they are what is new.
    """
    spoken = [index for index, one in enumerate(messages) if role_of(one) in ("assistant", "model", "ai")]
    if not spoken:
        return 0
    return min(spoken[-1] + 1, len(messages) - 1)


def system_text(system: Any) -> Any:
    """Instructions come as text, as parts, or as messages."""
    if isinstance(system, (list, tuple)):
        return "\n\n".join(str(text_of(part)) for one in system for part in (field(one, "parts") or [one]))
    return system


def text_of(part: Any) -> Any:
    return part if isinstance(part, str) else next((found for found in _texts(part) if found is not None), pretty(part))


def _texts(part: Any) -> list[Any]:
    return [field(part, name) for name in ("content", "text", "arguments", "result", "response")]


def role_of(message: Any) -> str:
    return str(field(message, "role") or "unknown").lower()


def size_of(message: Any) -> int:
    return sum(len(str(text_of(part)).encode(errors="replace")) for part in parts_of(message))


def parts_of(message: Any) -> Sequence[Any]:
    return field(message, "parts") or []


def message_view(message: Any, limit: int) -> MessageView:
    return MessageView(role_of(message), [part_view(part, limit) for part in parts_of(message)])


def part_view(part: Any, limit: int) -> PartView:
    kind = str(field(part, "type") or "text")
    name, id = str(field(part, "name") or ""), str(field(part, "id") or "")
    if kind in ("tool_call", "tool_use", "function_call"):
        return PartView("call", name, id, shown(field(part, "arguments"), limit))
    if kind in ("tool_call_response", "tool_result", "tool_response"):
        result = field(part, "result") if field(part, "result") is not None else field(part, "response")
        return PartView("result", name, id, shown(result, limit))
    if kind in ("reasoning", "thinking"):
        return PartView("thought", "reasoning", "", shown(text_of(part), limit))
    if kind == "text":
        return PartView("text", "", "", shown(text_of(part), limit))
    return PartView("other", kind, id, shown(_rest(part), limit))


def _rest(part: Any) -> Any:
    return {name: value for name, value in part.items() if name != "type"} if isinstance(part, dict) else text_of(part)


def field(value: Any, name: str) -> Any:
    """Of a mapping or of an object; None when it has no such thing."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
