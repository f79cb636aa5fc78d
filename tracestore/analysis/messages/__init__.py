"""What was said in a span? System instructions, messages in and out, a tool's arguments and result; read for one span."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tracestore.analysis.messages.parts import Part, loads
from tracestore.analysis.messages.shapes import Message, messages
from tracestore.analysis.messages.sources import INPUTS, OUTPUTS, TOOL_ARGUMENTS, TOOL_RESULT, Found, Reader, Said

__all__ = ["Conversation", "Message", "Part", "Said", "conversation"]


class Conversation(msgspec.Struct, frozen=True):
    """None = the span does not say. sources: side (field name) -> the attribute, family or events it was read from.

    system_instructions: its parts; they are also left in input_messages where the emitter had them there.
    """

    system_instructions: tuple[Part, ...] | None = None
    input_messages: tuple[Message, ...] | None = None
    output_messages: tuple[Message, ...] | None = None
    tool_arguments: Any = None
    tool_result: Any = None
    sources: dict[str, str] = {}


def conversation(
    attributes: Mapping[str, Any], events: Iterable[Any] = (), logs: Iterable[Any] = (), operation: str = "chat"
) -> Conversation:
    """Pure. attributes: the span's own, with their types. operation: its canonical kind; a tool's sides are its own.

    events: the span's, objects with name and attributes. logs: log records that name the span, in time order: objects
    with body, attributes and event_name (or name); the name may also be in the attribute `event.name`.
    One source a side: never two, or the same message would stand twice.
    """
    said = [Said(one.name, one.attributes) for one in events]
    said += [_log(one) for one in logs]
    if operation == "tool":
        return _tool(attributes, said)
    given, answered = _first(INPUTS, attributes, said), _first(OUTPUTS, attributes, said)
    sources = {"input_messages": given.source if given else "", "output_messages": answered.source if answered else ""}
    system, sources["system_instructions"] = _system(attributes, said, given)
    return Conversation(
        system,
        tuple(given.messages) if given else None,
        tuple(answered.messages) if answered else None,
        sources={side: source for side, source in sources.items() if source},
    )


def _log(record: Any) -> Said:
    name = getattr(record, "event_name", "") or getattr(record, "name", "") or record.attributes.get("event.name") or ""
    return Said(str(name), record.attributes, getattr(record, "body", None), is_log=True)


def _first(readers: Sequence[Reader], attributes: Mapping[str, Any], said: Sequence[Said]) -> Found | None:
    """The first source that says something; else the first that at least says who spoke (its content was not captured)."""
    silent: Found | None = None
    for read in readers:
        found = read(attributes, said)
        if found is None or not found.messages:
            continue
        if any(one.parts for one in found.messages):
            return found
        silent = silent or found
    return silent


def _system(
    attributes: Mapping[str, Any], said: Sequence[Said], given: Found | None
) -> tuple[tuple[Part, ...] | None, str]:
    """`gen_ai.system_instructions` (parts or text), else the system messages that the input begins with."""
    value = attributes.get("gen_ai.system_instructions")
    source = "gen_ai.system_instructions"
    if value in (None, "", []):
        value = next((v for one in said if (v := one.attributes.get(source)) not in (None, "", [])), None)
    if value is not None:
        parts = tuple(part for one in messages(value, "system") for part in one.parts)
        return (parts, source) if parts else (None, "")
    spoken = [one for one in (given.messages if given else []) if one.role == "system"]
    if not spoken or given is None:
        return None, ""
    return tuple(part for one in spoken for part in one.parts), given.source


def _tool(attributes: Mapping[str, Any], said: Sequence[Said]) -> Conversation:
    arguments, from_arguments = _value(attributes, TOOL_ARGUMENTS)
    result, from_result = _value(attributes, TOOL_RESULT)
    for one in said:
        if one.name == "gen_ai.tool.message" and not from_arguments:
            arguments, from_arguments = loads(one.attributes.get("content"))[0], f"event:{one.name}"
        if one.name == "gen_ai.choice" and not from_result:
            result, from_result = loads(one.attributes.get("message"))[0], f"event:{one.name}"
    sources = {"tool_arguments": from_arguments, "tool_result": from_result}
    return Conversation(
        tool_arguments=arguments, tool_result=result, sources={side: name for side, name in sources.items() if name}
    )


def _value(attributes: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, str]:
    for key in keys:
        value = attributes.get(key)
        if value not in (None, ""):
            return loads(value)[0], key
    return None, ""
