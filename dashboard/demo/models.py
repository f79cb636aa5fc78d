"""How do models behave? Speed, tokens, cache, and how they fail: enough to be believed, drawn from the dice given."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboard.demo.chance import around
from dashboard.demo.dialects import Call, Message, compact, openinference
from dashboard.demo.outages import breaker, is_down
from dashboard.demo.plan import CLIENT, SECOND, Attributes, EventPlan, SpanPlan, Story

CACHE_FROM_TOKENS = 1024  # shorter prefixes are not cached
CHARACTERS_A_TOKEN = 3.9


@dataclass(frozen=True, slots=True)
class Model:
    """name as in requests. ttft_s, tokens_a_second: medians. reasons: whether it thinks before it speaks."""

    name: str
    provider: str
    ttft_s: float
    tokens_a_second: float
    reasons: bool = False


MODELS = {
    model.name: model
    for model in (
        Model("gpt-5.4-mini", "openai", 0.42, 118),
        Model("gpt-4.1", "openai", 0.55, 82),
        Model("gpt-5.4-nano", "openai", 0.25, 190),
        Model("gpt-5.3-codex", "openai", 1.6, 96, reasons=True),
        Model("claude-opus-4-8", "anthropic", 1.3, 64, reasons=True),
        Model("claude-sonnet-4-6", "anthropic", 0.9, 76),
        Model("claude-haiku-4-5", "anthropic", 0.45, 142),
        Model("gemini-3.5-flash", "gcp.gemini", 0.4, 160),
        Model("qwen3-32b", "vllm", 0.3, 48),
    )
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a model. overhead_tokens: of the prompt that the messages do not show (tool schemas, templates).

    cached: share of the prompt that an earlier call left in the provider's cache.
    """

    model: str
    messages: list[Message]
    answer: Message
    overhead_tokens: int = 600
    cached: float = 0.0
    streamed: bool = False
    finish: str = "stop"
    refused: bool = False
    slower: float = 1.0
    tools: tuple[dict[str, Any], ...] = ()
    extra: tuple[tuple[str, Any], ...] = ()


Dialect = Callable[[Call], Attributes]


def ask(story: Story, r: random.Random, dialect: Dialect, asked: Asked, name: str = "") -> SpanPlan:
    """One call that succeeds, as a span."""
    model = MODELS[asked.model]
    call = _answered(r, model, asked)
    with story.span(name or f"chat {asked.model}", CLIENT) as span:
        first_s = around(r, model.ttft_s + call.input_tokens / 60_000) * asked.slower
        if asked.streamed:
            call.ttft_s = first_s
        story.spend(first_s + call.output_tokens / around(r, model.tokens_a_second, 0.2))
        span.attributes |= dialect(call) | _about(model, span, refused=asked.refused)
        if asked.streamed and dialect is openinference:  # it has no attribute for the first token
            span.events.append(EventPlan("First Token Stream Event", span.start_ns + int(first_s * SECOND), {}))
        _log_call(story, call, name)
    return span


def ask_cache(story: Story, r: random.Random, dialect: Dialect, asked: Asked, name: str = "") -> SpanPlan:
    """The application's own cache of answers knows this one: no model is asked, nothing is paid."""
    call = _unanswered(asked)
    call.answer, call.finish, call.response_id = asked.answer, asked.finish, f"cached-{r.getrandbits(64):016x}"
    with story.span(name or f"chat {asked.model}", CLIENT) as span:
        story.spend(around(r, 0.004))
        span.attributes |= dialect(call) | {"fourline.cache.hit": True}
    return span


def fails(story: Story, asked: Asked) -> bool:
    """Whether a call would fail now because the provider is down."""
    return is_down(MODELS[asked.model].provider, story.now_ns)


def _about(model: Model, span: SpanPlan, refused: bool | None = None) -> Attributes:
    own: Attributes = {"fourline.breaker.state": breaker(model.provider, span.start_ns)}
    return own if refused is None else own | {"fourline.refusal": refused}


def ask_in_vain(story: Story, r: random.Random, dialect: Dialect, asked: Asked, error: str, name: str = "") -> SpanPlan:
    """One call that fails: rate_limit, timeout or server."""
    error_type, message, seconds, status = FAILURES[error]
    call = _unanswered(asked)
    with story.span(name or f"chat {asked.model}", CLIENT) as span:
        story.spend(around(r, seconds, 0.15))
        span.attributes |= dialect(call) | _about(MODELS[asked.model], span)
        if status:
            span.attributes["http.response.status_code"] = status
        story.fail(span, error_type, message)
        story.log(
            "ERROR", f"model call failed: {message}", {"gen_ai.request.model": asked.model, "error.type": error_type}
        )
    return span


FAILURES = {
    "rate_limit": ("RateLimitError", "429: Rate limit reached for tokens per minute. Try again in 2.1 s.", 0.18, 429),
    "timeout": ("APITimeoutError", "Request timed out after 30 s.", 30.0, 0),
    "server": ("InternalServerError", "503: The model is overloaded.", 1.1, 503),
}


def _unanswered(asked: Asked) -> Call:
    model = MODELS[asked.model]
    return Call(
        model.provider, asked.model, "", asked.messages, None, 0, 0, tools=list(asked.tools), extra=dict(asked.extra)
    )


def _answered(r: random.Random, model: Model, asked: Asked) -> Call:
    size = asked.overhead_tokens + int(sum(len(compact(m)) for m in asked.messages) / CHARACTERS_A_TOKEN)
    call = _unanswered(asked)
    call.answer, call.finish, call.input_tokens = asked.answer, asked.finish, size
    call.response_id = f"{_id_prefix(model)}{r.getrandbits(96):024x}"
    call.output_tokens = max(8, int(len(compact(asked.answer)) / CHARACTERS_A_TOKEN))
    if size >= CACHE_FROM_TOKENS:
        call.cached_tokens = int(size * asked.cached) // 128 * 128
        call.cache_created_tokens = (size - call.cached_tokens) // 2 if model.provider == "anthropic" else 0
    if model.reasons:
        call.reasoning_tokens = int(around(r, 260, 0.8))
        call.output_tokens += call.reasoning_tokens
    return call


def _id_prefix(model: Model) -> str:
    return {"anthropic": "msg_", "openai": "resp_"}.get(model.provider, "chatcmpl-")


def _log_call(story: Story, call: Call, name: str) -> None:
    """What client instrumentations log for a call; the content stays on the span."""
    facts: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": call.provider,
        "gen_ai.request.model": call.model,
        "gen_ai.response.id": call.response_id,
        "gen_ai.usage.input_tokens": call.input_tokens,
        "gen_ai.usage.output_tokens": call.output_tokens,
    }
    story.log("INFO", name or "model call", facts, event_name="gen_ai.client.inference.operation.details")
