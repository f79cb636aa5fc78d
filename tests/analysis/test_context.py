"""What a prompt is made of, on hand-made messages and on what real SDKs sent; and how prompts grow."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.conventions import normalise
from tests.captures import logs, spans
from tracestore.analysis.context import (
    PARTS,
    Composition,
    compose,
    documents_found,
    in_tokens,
    prompt_of,
    tool_definitions,
)
from tracestore.analysis.context_growth import Measured, bucket_of, by_turn, growth, nearest_rank, slope
from tracestore.analysis.context_windows import context_window
from tracestore.analysis.messages import conversation

DOCUMENT = "The rate of the savings account was raised to 2.1 percent."


def composed(messages: list[Any], documents: tuple[str, ...] = (), **attributes: Any) -> Composition:
    own = {"gen_ai.input.messages": messages, **attributes}
    found = compose(conversation(own), own, documents)
    assert found is not None
    return found


def said(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def result(content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "c1", "content": content}


def test_each_part_of_a_prompt_is_counted_once():
    asks = {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": "{1234}"}]}
    found = composed(
        [
            said("system", "12345"),
            said("user", "123"),
            asks,
            result("1234567"),
            said("assistant", "12"),
            said("user", "1234"),
        ],
        **{"gen_ai.tool.definitions": "12345678901"},
    )
    assert found.chars == {"system": 5, "tools": 11, "history": 3 + 6 + 2, "retrieved": 0, "user": 4, "tool_results": 7}
    assert (found.turn, found.result_chars, found.old_history) == (3, (7,), 0)
    assert found.share("tools") == 11 / 38


def test_a_document_that_the_prompt_quotes_is_retrieved_and_not_the_users():
    asked = f"Passages:\n{DOCUMENT}\n\nQuestion: how high?"
    found = composed([said("user", asked)], (DOCUMENT, DOCUMENT[:45], "short"))
    assert found.chars["retrieved"] == len(DOCUMENT)
    assert found.chars["user"] == len(asked) - len(DOCUMENT)
    assert composed([said("user", asked)]).chars["retrieved"] == 0


def test_what_stands_before_the_last_four_turns_is_old():
    turns = [said(role, text) for n in range(6) for role, text in (("user", f"question{n}"), ("assistant", "answer"))]
    assert composed([said("system", "s"), *turns]).old_history == 2 * (len("question0") + len("answer"))


def test_a_result_in_a_message_of_the_user_is_not_what_the_user_asked():
    block = {"type": "tool_result", "tool_use_id": "c1", "content": "12345"}
    found = composed([said("user", "ask"), said("assistant", "hm"), {"role": "user", "content": [block]}])
    assert (found.chars["user"], found.chars["tool_results"], found.chars["history"]) == (3, 5, 2)


def test_an_image_has_no_size_in_characters():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "x" * 9_000}}
    found = composed([{"role": "user", "content": [{"type": "text", "text": "what?"}, image]}])
    assert (found.total, found.media) == (5, 1)


def test_a_call_without_messages_has_no_composition():
    assert compose(conversation({}), {}) is None
    assert prompt_of(conversation({"gen_ai.tool.definitions": "[{}]"}), {}) is None


def test_prompts_that_begin_alike_have_equal_first_blocks():
    first, second = (
        {"gen_ai.tool.definitions": "[1]", "gen_ai.system_instructions": "be nice", "gen_ai.input.messages": messages}
        for messages in ([said("user", "a")], [said("user", "a"), said("assistant", "b")])
    )
    blocks = [one.blocks for own in (first, second) if (one := prompt_of(conversation(own), own))]
    assert blocks[0] == blocks[1][:3]
    assert len(blocks[1]) == 4


# capture, number of the call among those with messages -> turn and parts
REAL = [
    ("traceloop-openai", 1, 2, {"system": 23, "tools": 339, "history": 36, "user": 39}),
    ("vercel-ai-proto", 10, 11, {"system": 7, "tools": 536, "history": 134, "user": 4, "tool_results": 497}),
    ("vercel-ai7-otel-json", 1, 2, {"system": 7, "tools": 459, "history": 14, "user": 4, "tool_results": 23}),
]


def real(capture: str) -> list[Composition]:
    found: list[Composition] = []
    for raw in spans(capture):
        span = normalise(raw)
        own = [one for one in logs(capture) if (one.trace_id, one.span_id) == (raw.trace_id, raw.span_id)]
        if span.operation in ("chat", "completion"):
            composition = compose(conversation(raw.attributes, raw.events, own, span.operation), raw.attributes)
            found += [composition] if composition else []
    return found


@pytest.mark.parametrize(("capture", "number", "turn", "parts"), REAL, ids=[one[0] for one in REAL])
def test_recorded_prompts(capture, number, turn, parts):
    found = real(capture)[number]
    assert found.turn == turn
    assert {name: chars for name, chars in found.chars.items() if chars} == parts


# All emitters were recorded with the same scenario, whose first part is a conversation with two tools.
DIALECTS = (
    "langfuse-openai", "logfire-pydantic-ai", "mlflow-openai", "oi-anthropic", "oi-langchain-agent", "oi-openai-http-proto",
    "openllmetry-anthropic", "otel-openai-v2-legacy", "pydantic-ai", "traceloop-openai", "vercel-ai-json",
)  # fmt: skip


@pytest.mark.parametrize("capture", DIALECTS)
def test_every_dialect_tells_user_system_and_tool_results_apart(capture):
    found = real(capture)
    assert any(one.chars["user"] for one in found)
    assert any(one.chars["system"] for one in found)
    assert any(one.chars["tool_results"] and one.turn > 1 for one in found)


def test_tool_definitions_are_found_where_each_dialect_puts_them():
    assert list(tool_definitions({"llm.tools.1.tool.json_schema": "b", "llm.tools.0.tool.json_schema": "a"})) == [
        "a",
        "b",
    ]
    assert list(tool_definitions({"ai.prompt.tools": ["x"]})) == ['["x"]']
    assert list(tool_definitions({"model_request_parameters": '{"function_tools": [1]}'})) == ["[1]"]
    assert list(tool_definitions({"gen_ai.tool.name": "find"})) == []


def test_documents_of_retrieval_and_rerank():
    own = {
        "retrieval.documents.0.document.content": "a",
        "reranker.output_documents.1.document.content": "b",
        "retrieval.documents.0.document.id": "c",
    }
    assert documents_found(own) == ["a", "b"]


chars = st.fixed_dictionaries({name: st.integers(0, 10_000) for name in PARTS})


@given(chars, st.integers(0, 2_000_000))
def test_tokens_are_shared_out_to_the_last_one(sizes, tokens):
    parts = in_tokens(Composition(sizes, 1, 0, (), 0), tokens)
    total = sum(sizes.values())
    assert sum(parts.values()) == (tokens if total else 0)
    assert all(abs(parts[name] - tokens * size / total) < 1 for name, size in sizes.items() if total)


def measured(turn: int, tokens: int | None, **sizes: int) -> Measured:
    return Measured(Composition(dict.fromkeys(PARTS, 0) | sizes, turn, 0, (), 0), tokens)


def test_turns_fall_into_buckets():
    assert [bucket_of(turn)[0] for turn in (1, 2, 3, 4, 7, 8, 15, 16, 400)] == [1, 2, 2, 4, 4, 8, 8, 16, 16]
    found = by_turn([measured(1, 10, user=4), measured(3, 30, user=1, history=3), measured(2, None, history=4)])
    assert [(one.low, one.n, one.n_tokens, one.p50, one.p95) for one in found] == [(1, 1, 1, 10, 10), (2, 2, 1, 30, 30)]
    assert found[1].shares is not None
    assert (found[1].shares["user"], found[1].shares["history"]) == (1 / 8, 7 / 8)


def test_a_bucket_without_text_has_no_shares():
    assert by_turn([measured(1, 10)])[0].shares is None


def test_nearest_rank():
    assert [nearest_rank(range(1, 101), q) for q in (0.5, 0.95, 1)] == [50, 95, 100]
    assert nearest_rank([7], 0.5) == 7
    assert nearest_rank([], 0.5) is None


def test_theil_sen_is_not_moved_by_one_outlier():
    assert slope([100, 200, 300, 400, 9_000]) == 100
    assert slope([5, 5, 5]) == 0
    assert slope([1, 2]) is None


def test_growth_is_the_middle_of_the_conversations_of_a_version():
    talks = [("v1", [0, step, 2 * step]) for step in (10, 20, 30, 40, 50)] + [("v2", [0, 1])]
    (found,) = growth(talks)
    assert (found.key, found.n, found.median, found.low, found.high) == ("v1", 5, 30, 20, 40)


def test_windows_come_from_the_price_list_and_what_it_does_not_say_is_unknown():
    assert context_window("openai", "gpt-4o-2024-08-06") == 128_000
    assert context_window("anthropic", "claude-haiku-4-5") == 200_000
    assert context_window("openai", "no-such-model") is None
    assert context_window("vllm", "gpt-4o") is None


def test_events_of_a_span_hold_messages_too():
    event = SimpleNamespace(name="gen_ai.user.message", attributes={"content": "hello"})
    found = compose(conversation({}, [event]), {})
    assert found is not None
    assert found.chars["user"] == 5
