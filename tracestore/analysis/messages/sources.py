"""Where an emitter put what was said: for each side of a span one source, the first in order that holds something."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tracestore.analysis.messages.flat import openinference, unflatten
from tracestore.analysis.messages.parts import Part, loads
from tracestore.analysis.messages.shapes import Message, message, messages

Attributes = Mapping[str, Any]


class Said(NamedTuple):
    """An event of the span or a log record that names it. body: of a log record; None for span events."""

    name: str
    attributes: Attributes
    body: Any = None
    is_log: bool = False


class Found(NamedTuple):
    source: str
    messages: list[Message]


DETAILS = "gen_ai.client.inference.operation.details"
_ROLE_OF_EVENT = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
CHOICE = "gen_ai.choice"
Reader = Callable[[Attributes, Sequence[Said]], Found | None]


def attribute(key: str, role: str) -> Reader:
    """The messages in one attribute: JSON text or native values."""

    def read(attributes: Attributes, said: Sequence[Said]) -> Found | None:
        value = attributes.get(key)
        found = messages(value, role) if value not in (None, "", [], {}) else []
        return Found(key, found) if found else None

    return read


def details(key: str, role: str) -> Reader:
    """The same attribute on the event that carries the details of a call."""

    def read(attributes: Attributes, said: Sequence[Said]) -> Found | None:
        for one in said:
            if one.name != DETAILS:
                continue
            value = one.attributes.get(key)
            if value is None and isinstance(one.body, dict):
                value = one.body.get(key)
            if value not in (None, "", []):
                return Found(f"event:{DETAILS}", messages(value, role))
        return None

    return read


def flat_openinference(prefix: str, role: str) -> Reader:
    def read(attributes: Attributes, said: Sequence[Said]) -> Found | None:
        items = openinference(unflatten(attributes, prefix))
        return (
            Found(prefix, [one for item in items for one in messages([{"role": role, **item}], role)])
            if items
            else None
        )

    return read


def flat_prompts(attributes: Attributes, said: Sequence[Said]) -> Found | None:
    """`llm.prompts.N.prompt.text` of completions."""
    texts = [nested(item, "prompt", "text") for item in unflatten(attributes, "llm.prompts")]
    found = [message("user", [Part("text", text)]) for text in texts if isinstance(text, str)]
    return Found("llm.prompts", found) if found else None


def flat_genai(prefix: str, role: str) -> Reader:
    """`gen_ai.prompt.N.{role,content,tool_calls.M.*}`."""

    def read(attributes: Attributes, said: Sequence[Said]) -> Found | None:
        items = unflatten(attributes, prefix)
        return (
            Found(prefix, [one for item in items for one in messages([{"role": role, **item}], role)])
            if items
            else None
        )

    return read


def nested(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def ai_prompt(attributes: Attributes, said: Sequence[Said]) -> Found | None:
    """`ai.prompt` of the AI SDK: {system, prompt | messages}."""
    value, _ = loads(attributes.get("ai.prompt"))
    if not isinstance(value, dict):
        return Found("ai.prompt", messages(value, "user")) if value else None
    system = [message("system", [Part("text", str(value["system"]))])] if value.get("system") else []
    asked = value.get("messages") if value.get("messages") is not None else value.get("prompt")
    return Found("ai.prompt", [*system, *messages(asked, "user")])


def ai_response(attributes: Attributes, said: Sequence[Said]) -> Found | None:
    """`ai.response.text`, `.object`, `.reasoning` and `.toolCalls` (once `ai.result.*`) make one message."""
    for family in ("ai.response.", "ai.result."):
        parts: list[Part] = []
        for key, kind in (("reasoning", "reasoning"), ("text", "text"), ("object", "text")):
            value = attributes.get(family + key)
            if isinstance(value, str) and value:
                parts.append(Part(kind, value))
        calls, _ = loads(attributes.get(family + "toolCalls"))
        if isinstance(calls, list):
            read = messages([{"role": "assistant", "tool_calls": calls}], "assistant")
            parts.extend(part for one in read for part in one.parts)
        if parts:
            return Found(family + "*", [message("assistant", parts)])
    return None


def events(logs: bool, choices: bool) -> Reader:
    """Messages as events (`gen_ai.user.message`, ...): of the span, or log records; the choices or all the others."""

    def read(attributes: Attributes, said: Sequence[Said]) -> Found | None:
        wanted = [one for one in said if one.is_log == logs and (one.name == CHOICE) == choices]
        found = [_event(one) for one in wanted if one.name == CHOICE or one.name in _ROLE_OF_EVENT]
        return Found("log events" if logs else "span events", found) if found else None

    return read


def event_list(attributes: Attributes, said: Sequence[Said]) -> Found | None:
    """`all_messages_events` of Pydantic AI 1.x: the same events as one JSON list."""
    value, _ = loads(attributes.get("all_messages_events") or attributes.get("events"))
    if not isinstance(value, list):
        return None
    found = [
        _event(Said(str(one["event.name"]), {}, one))
        for one in value
        if isinstance(one, dict) and one.get("event.name") in _ROLE_OF_EVENT
    ]
    return Found("all_messages_events", found) if found else None


def _event(one: Said) -> Message:
    """One event as a message; its content may be missing because capture is off."""
    content: dict[str, Any] = {}
    for layer in (one.attributes, one.attributes.get("gen_ai.event.content"), one.body):
        decoded, _ = loads(layer)
        if isinstance(decoded, Mapping):
            content |= decoded
        elif isinstance(decoded, str) and decoded and "content" not in content:
            content["content"] = decoded
    if one.name == CHOICE:
        inner, _ = loads(content.get("message"))
        inner = dict(inner) if isinstance(inner, Mapping) else {"content": inner}
        content = {**inner, "finish_reason": content.get("finish_reason")}
    role = str(content.get("role") or _ROLE_OF_EVENT.get(one.name, "assistant"))
    names = ("content", "tool_calls", "finish_reason", "name", "parts")
    kept: dict[str, Any] = {name: content[name] for name in names if name in content}
    if role == "tool":
        kept["tool_call_id"] = content.get("tool_call_id") or content.get("id")
    return messages([{**kept, "role": role}], role)[0]


INPUTS: tuple[Reader, ...] = (
    attribute("gen_ai.input.messages", "user"),
    details("gen_ai.input.messages", "user"),
    flat_openinference("llm.input_messages", "user"),
    flat_prompts,
    flat_genai("gen_ai.prompt", "user"),
    attribute("ai.prompt.messages", "user"),
    ai_prompt,
    attribute("langfuse.observation.input", "user"),
    attribute("pydantic_ai.all_messages", "user"),
    event_list,
    attribute("gen_ai.prompt", "user"),
    events(logs=False, choices=False),
    events(logs=True, choices=False),
    attribute("input.value", "user"),
    attribute("mlflow.spanInputs", "user"),
    attribute("traceloop.entity.input", "user"),
    attribute("gcp.vertex.agent.llm_request", "user"),
)
OUTPUTS: tuple[Reader, ...] = (
    attribute("gen_ai.output.messages", "assistant"),
    details("gen_ai.output.messages", "assistant"),
    flat_openinference("llm.output_messages", "assistant"),
    flat_genai("gen_ai.completion", "assistant"),
    ai_response,
    attribute("langfuse.observation.output", "assistant"),
    attribute("gen_ai.completion", "assistant"),
    events(logs=False, choices=True),
    events(logs=True, choices=True),
    attribute("final_result", "assistant"),
    attribute("output.value", "assistant"),
    attribute("mlflow.spanOutputs", "assistant"),
    attribute("traceloop.entity.output", "assistant"),
    attribute("gcp.vertex.agent.llm_response", "assistant"),
)
TOOL_ARGUMENTS = (
    "gen_ai.tool.call.arguments",
    "tool_arguments",
    "gen_ai.tool.args",
    "gcp.vertex.agent.tool_call_args",
    "ai.toolCall.input",
    "ai.toolCall.args",
    "input.value",
    "langfuse.observation.input",
    "traceloop.entity.input",
    "mlflow.spanInputs",
    "gen_ai.prompt",
)
TOOL_RESULT = (
    "gen_ai.tool.call.result",
    "tool_response",
    "gcp.vertex.agent.tool_response",
    "ai.toolCall.output",
    "ai.toolCall.result",
    "output.value",
    "langfuse.observation.output",
    "traceloop.entity.output",
    "mlflow.spanOutputs",
    "gen_ai.completion",
)
