"""What of a model call's messages is new in this call, and what is history that every call repeats? Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from dashboard.templatetags.units import in_bytes
from dashboard.values import CUT, LONGEST, Shown, pretty, shown
from tracestore.analysis.messages import Message, Part

EARLIER_CUT = 600  # characters of a message that was folded away
EARLIER_SHOWN = 60  # messages of the history, the latest; "show all" gives the rest
KINDS = {"text": "text", "reasoning": "thought", "tool_call": "call", "tool_call_response": "result"}


@dataclass(frozen=True, slots=True)
class PartView:
    """kind: text | thought | call | result | other. head: the tool's name, or what kind of part this is."""

    kind: str
    head: str
    id: str
    text: Shown


@dataclass(frozen=True, slots=True)
class MessageView:
    """tone: user | assistant | tool, "" for any other role; what an emitter wrote is never a class of ours."""

    role: str
    tone: str
    parts: list[PartView]


@dataclass(frozen=True, slots=True)
class Talk:
    """fresh: what this call adds; answer: what the model said now; earlier: repeated history, earlier_hidden more not shown.

    earlier_size: bytes of the history's text. exact: fresh is what the call before did not hold; else, for want of such a
    call, what came after the model's last words.
    """

    system: list[MessageView]
    fresh: list[MessageView]
    answer: list[MessageView]
    earlier: list[MessageView]
    earlier_count: int
    earlier_hidden: int
    earlier_size: int
    exact: bool
    cut: bool = False


def talk(
    system: Sequence[Part] | None,
    sent: Sequence[Message] | None,
    received: Sequence[Message] | None,
    whole: bool,
    known: Collection[str] | None = None,
) -> Talk:
    """system: instructions that came apart from the messages. whole: cut nothing below LONGEST.

    known: hashes of what the call before this one held; None where there is none.
    """
    limit, earlier_limit = (LONGEST, LONGEST) if whole else (CUT, EARLIER_CUT)
    given = list(sent or [])
    first = list(takewhile(lambda one: one.role in ("system", "developer"), given))
    instructions = first or ([Message("system", tuple(system))] if system else [])
    rest = given[len(first) :]
    earlier, fresh = parted(rest, known)
    kept = earlier if whole else earlier[-EARLIER_SHOWN:]
    tools = tool_names([*rest, *(received or [])])
    views = Talk(
        system=[message_view(one, limit, tools) for one in instructions],
        fresh=[message_view(one, limit, tools) for one in fresh],
        answer=[message_view(one, limit, tools) for one in received or []],
        earlier=[message_view(one, earlier_limit, tools) for one in kept],
        earlier_count=len(earlier),
        earlier_hidden=len(earlier) - len(kept),
        earlier_size=sum(size_of(one) for one in earlier),
        exact=known is not None,
    )
    return replace(views, cut=is_cut(views))


def is_cut(views: Talk) -> bool:
    every = [*views.system, *views.fresh, *views.answer, *views.earlier]
    return views.earlier_hidden > 0 or any(part.text.more for message in every for part in message.parts)


def parted(messages: list[Message], known: Collection[str] | None) -> tuple[list[Message], list[Message]]:
    """Repeated history, and what is new."""
    if known is None:
        split = fresh_from(messages)
        return messages[:split], messages[split:]
    return [one for one in messages if one.hash in known], [one for one in messages if one.hash not in known]


def fresh_from(messages: Sequence[Message]) -> int:
    """Where the new part begins: after the last thing the model said, whose call reported it already.

    Where it never spoke all is new; where its words come last (a prefill) they are what is new.
    """
    spoken = [index for index, one in enumerate(messages) if one.role == "assistant"]
    if not spoken:
        return 0
    return min(spoken[-1] + 1, len(messages) - 1)


def size_of(message: Message) -> int:
    return sum(len(pretty(value).encode(errors="replace")) for part in message.parts for value in said_by(part))


def said_by(part: Part) -> list[Any]:
    return [value for value in (part.content, part.arguments, part.result) if value is not None]


def tool_names(messages: Sequence[Message]) -> dict[str, str]:
    """Which tool each call asked for, by the call's id: a result rarely repeats the name."""
    parts = [part for one in messages for part in one.parts]
    return {part.id: part.name for part in parts if part.type == "tool_call" and part.id and part.name}


def message_view(message: Message, limit: int, tools: Mapping[str, str]) -> MessageView:
    role = f"{message.role} {message.name}" if message.name else message.role
    tone = message.role if message.role in ("user", "assistant", "tool") else ""
    return MessageView(role, tone, [part_view(part, limit, tools) for part in message.parts])


def part_view(part: Part, limit: int, tools: Mapping[str, str]) -> PartView:
    kind = KINDS.get(part.type, "other")
    head = "" if kind == "text" else part.type
    if kind in ("call", "result"):
        head = part.name or tools.get(part.id or "", "")
    return PartView(kind, head, part.id or "", shown(body_of(part, kind), limit))


def body_of(part: Part, kind: str) -> Any:
    """The text of a part; of an image, a sound or a file what it is and how large, not its bytes."""
    if kind == "call":
        return "" if part.arguments is None else part.arguments
    if kind == "result":
        return part.result if part.result is not None else part.content or ""
    if kind in ("text", "thought") or part.type == "generic":
        return "" if part.content is None else part.content
    size = in_bytes(len(part.content)) if isinstance(part.content, (str, bytes)) else ""
    return ", ".join(word for word in (part.name, part.mime_type, part.uri, size) if word)
