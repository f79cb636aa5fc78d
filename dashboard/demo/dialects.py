"""How is one model call written down? As OTel GenAI, as OpenInference, or as the Vercel AI SDK would."""

import json
from dataclasses import dataclass, field
from typing import Any

from dashboard.demo.plan import Attributes

Message = dict[str, Any]  # {"role", "parts": [{"type", ...}]}, the form of the GenAI conventions


def text(role: str, content: str) -> Message:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def asks(call_id: str, tool: str, arguments: dict[str, Any], thought: str = "") -> Message:
    """An assistant's message that asks for a tool."""
    said = [{"type": "text", "content": thought}] if thought else []
    return {
        "role": "assistant",
        "parts": [*said, {"type": "tool_call", "id": call_id, "name": tool, "arguments": arguments}],
    }


def answers(call_id: str, result: str) -> Message:
    """What a tool gave back."""
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "response": result}]}


@dataclass(slots=True)
class Call:
    """A model call that ended, free of any dialect. Tokens are counts; ttft_s None = not streamed; input includes the cached."""

    provider: str
    model: str
    response_id: str
    messages: list[Message]
    answer: Message | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_created_tokens: int = 0
    reasoning_tokens: int = 0
    ttft_s: float | None = None
    finish: str = "stop"
    temperature: float = 0.2
    max_tokens: int = 2048
    tools: list[dict[str, Any]] = field(default_factory=list)
    extra: Attributes = field(default_factory=dict)


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def genai(call: Call) -> Attributes:
    """OTel GenAI semantic conventions, messages as attributes."""
    own: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": call.provider,
        "gen_ai.request.model": call.model,
        "gen_ai.request.temperature": call.temperature,
        "gen_ai.request.max_tokens": call.max_tokens,
        "gen_ai.input.messages": compact([m for m in call.messages if m["role"] != "system"]),
    }
    system = [part for m in call.messages if m["role"] == "system" for part in m["parts"]]
    if system:
        own["gen_ai.system_instructions"] = compact(system)
    if call.tools:
        own["gen_ai.tool.definitions"] = compact(call.tools)
    if call.ttft_s is not None:
        own["gen_ai.request.stream"] = True
    own |= _genai_answer(call) if call.answer else {}
    return own | call.extra


def _genai_answer(call: Call) -> Attributes:
    own: Attributes = {
        "gen_ai.response.model": call.model,
        "gen_ai.response.id": call.response_id,
        "gen_ai.response.finish_reasons": [call.finish],
        "gen_ai.usage.input_tokens": call.input_tokens,
        "gen_ai.usage.output_tokens": call.output_tokens,
        "gen_ai.output.messages": compact([call.answer]),
    }
    if call.cached_tokens:
        own["gen_ai.usage.cache_read.input_tokens"] = call.cached_tokens
    if call.reasoning_tokens:
        own["gen_ai.usage.reasoning.output_tokens"] = call.reasoning_tokens
    if call.ttft_s is not None:
        own["gen_ai.response.time_to_first_chunk"] = round(call.ttft_s, 3)
    return own


def openinference(call: Call) -> Attributes:
    """OpenInference: flattened messages, llm.token_count.*."""
    parameters = {"model": call.model, "temperature": call.temperature, "max_tokens": call.max_tokens}
    own: Attributes = {
        "openinference.span.kind": "LLM",
        "llm.provider": call.provider,
        "llm.system": call.provider,
        "llm.model_name": call.model,
        "llm.invocation_parameters": compact(parameters),
    }
    for n, message in enumerate(call.messages):
        own |= _flattened(f"llm.input_messages.{n}.message", message)
    if call.answer:
        own |= _flattened("llm.output_messages.0.message", call.answer)
        own |= {
            "llm.token_count.prompt": call.input_tokens,
            "llm.token_count.completion": call.output_tokens,
            "llm.token_count.total": call.input_tokens + call.output_tokens,
            "llm.token_count.prompt_details.cache_read": call.cached_tokens,
            "llm.token_count.prompt_details.cache_write": call.cache_created_tokens,
            "llm.finish_reason": call.finish,
        }
    return own | call.extra


def _flattened(prefix: str, message: Message) -> Attributes:
    own: Attributes = {f"{prefix}.role": message["role"]}
    calls = 0
    for part in message["parts"]:
        if part["type"] == "tool_call":
            base = f"{prefix}.tool_calls.{calls}.tool_call"
            own |= {f"{base}.id": part["id"], f"{base}.function.name": part["name"]}
            own[f"{base}.function.arguments"] = compact(part["arguments"])
            calls += 1
        elif part["type"] == "tool_call_response":
            own |= {f"{prefix}.content": part["response"], f"{prefix}.tool_call_id": part["id"]}
        else:
            own[f"{prefix}.content"] = part["content"]
    return own


def vercel(call: Call) -> Attributes:
    """Vercel AI SDK: ai.* beside a few gen_ai.*, both usages on one span."""
    own: Attributes = {
        "operation.name": "ai.generateText.doGenerate",
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": f"{call.provider}.responses",
        "ai.model.id": call.model,
        "ai.settings.maxRetries": 2,
        "ai.prompt.messages": compact([_vercel_message(m) for m in call.messages]),
        "gen_ai.system": f"{call.provider}.responses",
        "gen_ai.request.model": call.model,
        "gen_ai.request.temperature": call.temperature,
    }
    if call.answer:
        own |= {
            "ai.response.text": "".join(p.get("content", "") for p in call.answer["parts"]),
            "ai.response.finishReason": call.finish,
            "ai.response.id": call.response_id,
            "ai.response.model": call.model,
            "ai.usage.inputTokens": call.input_tokens,
            "ai.usage.outputTokens": call.output_tokens,
            "ai.usage.cachedInputTokens": call.cached_tokens,
            "gen_ai.usage.input_tokens": call.input_tokens,
            "gen_ai.usage.output_tokens": call.output_tokens,
            "gen_ai.response.id": call.response_id,
            "gen_ai.response.model": call.model,
            "gen_ai.response.finish_reasons": [call.finish],
        }
    return own | call.extra


def _vercel_message(message: Message) -> dict[str, Any]:
    said = "".join(part.get("content", "") for part in message["parts"])
    return {
        "role": message["role"],
        "content": said if message["role"] == "system" else [{"type": "text", "text": said}],
    }
