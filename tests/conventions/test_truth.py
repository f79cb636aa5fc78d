"""What we make of each recorded export against what really happened while it was recorded.

A difference is allowed only where it is listed here with what the emitter did not send, or sent besides, and where that is
evident in the payload.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from ingest.conventions import normalise
from tests.captures import NAMES, logs, spans, truth, usage
from tracestore.records import RawSpan

Evidence = Callable[[Sequence[RawSpan]], bool]


class Difference(NamedTuple):
    ours: Any
    why: str
    evident: Evidence


def named(*names: str) -> Evidence:
    """So many spans have these names."""
    return lambda sent: all(any(span.name == name for span in sent) for name in names)


def none_has(*fragments: str) -> Evidence:
    """No span has an attribute whose key or value mentions any of these."""
    return lambda sent: (
        not any(
            fragment in f"{key}={value}"
            for span in sent
            for key, value in span.attributes.items()
            for fragment in fragments
        )
    )


def none_named(*fragments: str) -> Evidence:
    return lambda sent: not any(fragment in span.name.lower() for span in sent for fragment in fragments)


def without(key: str, value: Any, *fragments: str) -> Evidence:
    """The spans whose attribute `key` is `value` exist and have no attribute whose key mentions a fragment."""

    def evident(sent: Sequence[RawSpan]) -> bool:
        chosen = [span for span in sent if span.attributes.get(key) == value]
        return bool(chosen) and not any(
            fragment in name for span in chosen for name in span.attributes for fragment in fragments
        )

    return evident


def count(number: int, matches: Callable[[RawSpan], bool]) -> Evidence:
    return lambda sent: sum(map(matches, sent)) == number


NO_TOOL_SPANS = Difference(0, "no span of a tool was sent", none_has("tool.name", "execute_tool", "tool.call.result"))
NO_EMBEDDINGS = {
    "embedding_calls": Difference(0, "LangChain callbacks tell nothing of embeddings", none_named("embedding")),
    "embedding_tokens": Difference(0, "LangChain callbacks tell nothing of embeddings", none_named("embedding")),
}
GENERATED_SESSIONS = "pydantic-ai writes a conversation id of its own where the application gave none"
AI_6_ATTEMPTS = {
    "llm_calls": Difference(
        18,
        "AI SDK 6 sends every attempt as a span of its own: the retried 429 is one",
        count(18, lambda span: span.name.endswith((".doGenerate", ".doStream"))),
    ),
    "llm_errors": Difference(
        2,
        "the retried 429 is a failed span of its own",
        count(2, lambda span: span.name.endswith(".doGenerate") and span.status_code == 2),
    ),
}

DIFFERENCES: dict[str, dict[str, Difference]] = {
    "langfuse-langchain": NO_EMBEDDINGS,
    "langfuse-openai": {
        "llm_calls": Difference(11, "the application made one generation by hand, without a call", named("manual-gen")),
        "input_tokens": Difference(1778, "10 tokens of the generation made by hand", named("manual-gen")),
        "output_tokens": Difference(457, "5 tokens of the generation made by hand", named("manual-gen")),
        "cache_read_tokens": Difference(1028, "4 tokens of the generation made by hand", named("manual-gen")),
    },
    "logfire-pydantic-ai": {"sessions": Difference(4, GENERATED_SESSIONS, none_has("conv-pai-2"))},
    "pydantic-ai": {"sessions": Difference(4, GENERATED_SESSIONS, none_has("conv-pai-2"))},
    "mlflow-openai": {"sessions": Difference([], "the root spans with the session were never sent", none_has("sess-"))},
    "oi-anthropic": {"tool_calls": NO_TOOL_SPANS},
    "oi-js-openai-proto": {
        "llm_calls": Difference(4, "the failing call sent no span", count(0, lambda span: span.status_code == 2)),
        "llm_errors": Difference(0, "the failing call sent no span", count(0, lambda span: span.status_code == 2)),
        "input_tokens": Difference(
            335, "no usage on the streamed call", without("output.mime_type", "text/plain", "token")
        ),
        "output_tokens": Difference(
            75, "no usage on the streamed call", without("output.mime_type", "text/plain", "token")
        ),
        "embedding_tokens": Difference(0, "no usage", without("openinference.span.kind", "EMBEDDING", "token")),
    },
    "oi-langchain-agent": NO_EMBEDDINGS,
    "oi-llamaindex": {
        "embedding_tokens": Difference(0, "no usage", without("openinference.span.kind", "EMBEDDING", "token"))
    },
    "oi-openai-agents": {"sessions": Difference([], "the group id is not sent", none_has("sess-agents"))},
    "oi-smolagents": {
        "tool_calls": Difference(
            12, "smolagents runs its own tool final_answer and sends it like any tool", named("FinalAnswerTool")
        )
    },
    "openlit-openai": {
        "input_tokens": Difference(
            1779, "OpenLIT guesses 11 tokens for the stream without usage", named("chat gpt-4o-mini")
        ),
        "output_tokens": Difference(
            468, "OpenLIT guesses 16 tokens for the stream without usage", named("chat gpt-4o-mini")
        ),
        "reasoning_tokens": Difference(
            11, "not sent for chat completions", without("openai.api.type", "chat_completions", "reasoning")
        ),
        "tool_calls": Difference(
            0, "the application's own spans say nothing but a name", _bare := named("tool get_weather")
        ),
        "tool_errors": Difference(0, "the application's own spans say nothing but a name", _bare),
    },
    "openllmetry-anthropic": {
        "llm_calls": Difference(
            8,
            "the two failing calls are sent twice, in traces of their own and without a response id",
            count(4, lambda span: span.status_code == 2 and "gen_ai.response.id" not in span.attributes),
        ),
        "llm_errors": Difference(4, "see llm_calls", count(4, lambda span: span.status_code == 2)),
        "output_tokens": Difference(
            62,
            "the two spans of the streamed call say 17 and 18; the smaller span id is the one with 18",
            count(1, lambda span: span.attributes.get("gen_ai.usage.output_tokens") == 18),
        ),
        "tool_calls": NO_TOOL_SPANS,
    },
    "otel-openai-v2-default": {
        "llm_calls": Difference(9, "the Responses API is not instrumented", none_has("gpt-4.1")),
        "input_tokens": Difference(1691, "the Responses API is not instrumented", none_has("gpt-4.1")),
        "output_tokens": Difference(419, "the Responses API is not instrumented", none_has("gpt-4.1")),
        "cache_read_tokens": Difference(0, "not sent", none_has("cache")),
        "reasoning_tokens": Difference(0, "not sent", none_has("reasoning")),
    },
    "otel-openai-v2-legacy": {
        "cache_read_tokens": Difference(0, "not sent", none_has("cache")),
        "reasoning_tokens": Difference(0, "not sent", none_has("reasoning")),
        "embedding_calls": Difference(0, "embeddings are not instrumented", none_has("embedding")),
        "embedding_tokens": Difference(0, "embeddings are not instrumented", none_has("embedding")),
    },
    "pydantic-ai-legacy-v2-deflate": {
        "llm_calls": Difference(17, "no span for two requests", count(17, lambda span: span.name.startswith("chat "))),
        "llm_errors": Difference(0, "no failed call was sent", none_has("fake 400")),
        "input_tokens": Difference(3289, "205 of the request without a span", none_has("chatcmpl-0015")),
        "output_tokens": Difference(791, "65 of the request without a span", none_has("chatcmpl-0015")),
        "cache_read_tokens": Difference(0, "not sent", none_has("usage.cache", "cache_read")),
        "sessions": Difference([], "not sent", none_has("conv-pai")),
    },
    "vercel-ai-json": AI_6_ATTEMPTS,
    "vercel-ai-json-gzip": AI_6_ATTEMPTS,
    "vercel-ai-proto": AI_6_ATTEMPTS,
    "vercel-ai7-otel-json": {
        "reasoning_tokens": Difference(0, "not sent", none_has("usage.reasoning", "reasoningTokens")),
        "sessions": Difference([], "the metadata of the application is not sent", none_has("sess-v")),
    },
}


@pytest.mark.parametrize("capture", NAMES)
def test_usage_is_the_truth_as_far_as_it_was_sent(capture: str) -> None:
    ours = usage(normalise(raw) for raw in spans(capture))
    really = truth(capture)
    allowed = DIFFERENCES.get(capture, {})
    assert {name for name in really if ours[name] != really[name]} == set(allowed)
    for name, difference in allowed.items():
        found = len(ours[name]) if isinstance(difference.ours, int) and name == "sessions" else ours[name]
        assert found == difference.ours, difference.why
        assert difference.evident(spans(capture)), f"{name}: not evident that {difference.why}"


@pytest.mark.parametrize("capture", NAMES)
def test_the_order_of_spans_and_sending_them_twice_change_nothing(capture: str) -> None:
    once = [normalise(raw) for raw in spans(capture)]
    shuffled = [*once, *once]
    random.Random(capture).shuffle(shuffled)
    assert usage(shuffled) == usage(once)


@pytest.mark.parametrize("capture", ["pydantic-ai", "logfire-pydantic-ai"])
def test_the_session_that_the_application_gave_is_kept(capture: str) -> None:
    assert "conv-pai-1" in usage(normalise(raw) for raw in spans(capture))["sessions"]


def test_sums_over_all_spans_are_what_we_must_not_show() -> None:
    sent = [normalise(raw) for raw in spans("vercel-ai-proto")]
    assert sum(span.input_tokens or 0 for span in sent) == 2 * 3177 + 2 * 15
    assert usage(sent)["input_tokens"] == 3177


def test_messages_that_come_as_log_records_are_recorded_with_their_span() -> None:
    ids = {raw.span_id for raw in spans("otel-openai-v2-legacy")}
    assert len(logs("otel-openai-v2-legacy")) == 25
    assert all(record.span_id in ids for record in logs("otel-openai-v2-legacy"))
