"""What was said, read out of every dialect: shapes, sources in their order, and what cannot be read."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.conventions import normalise
from tests.captures import NAMES, logs, spans
from tracestore.analysis.messages import Conversation, Message, conversation
from tracestore.analysis.messages.flat import unflatten


def said(*messages: Message) -> list[tuple[str, list[tuple[str, Any]]]]:
    """(role, [(type, what it says), ...]) of each message."""
    return [(one.role, [(part.type, _says(part)) for part in one.parts]) for one in messages]


def _says(part: Any) -> Any:
    if part.type == "tool_call":
        return (part.id, part.name, part.arguments)
    if part.type == "tool_call_response":
        return (part.id, part.result)
    return part.uri if part.uri is not None else part.content


def read(value: Any, key: str = "gen_ai.input.messages") -> list[tuple[str, list[tuple[str, Any]]]]:
    return said(*(conversation({key: value}).input_messages or ()))


HELLO = [("user", [("text", "hello")])]
CALL = ("tool_call", ("c1", "search", {"q": "x"}))

SHAPES: list[tuple[str, Any, list[Any]]] = [
    ("otel", [{"role": "user", "parts": [{"type": "text", "content": "hello"}]}], HELLO),
    ("otel call", [{"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "x"}}]}],
     [("assistant", [CALL])]),
    ("otel response", [{"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "r"}]}],
     [("tool", [("tool_call_response", ("c1", "r"))])]),
    ("openai", [{"role": "user", "content": "hello"}], HELLO),
    ("openai developer", [{"role": "developer", "content": "be nice"}], [("system", [("text", "be nice")])]),
    ("openai call", [{"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": "x"}'}}]}], [("assistant", [CALL])]),
    ("openai broken arguments", [{"role": "assistant", "tool_calls": [
        {"id": "c1", "function": {"name": "search", "arguments": '{"q": '}}]}],
     [("assistant", [("tool_call", ("c1", "search", '{"q": '))])]),
    ("openai tool", [{"role": "tool", "tool_call_id": "c1", "content": '{"t": 14}'}],
     [("tool", [("tool_call_response", ("c1", {"t": 14}))])]),
    ("openai image", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}],
     [("user", [("image", "http://x/y.png")])]),
    ("responses items", [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
                         {"type": "function_call", "call_id": "c1", "name": "search", "arguments": '{"q":"x"}'},
                         {"type": "function_call_output", "call_id": "c1", "output": "r"},
                         {"type": "reasoning", "summary": [{"text": "hm"}]}],
     [*HELLO, ("assistant", [CALL]), ("tool", [("tool_call_response", ("c1", "r"))]), ("assistant", [("reasoning", "hm")])]),
    ("anthropic", [{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hello"},
                                                     {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "x"}}]},
                   {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "r"}]}],
     [("assistant", [("reasoning", "hm"), ("text", "hello"), CALL]), ("user", [("tool_call_response", ("c1", "r"))])]),
    ("ai sdk", [{"role": "assistant", "content": [
        {"type": "tool-call", "toolCallId": "c1", "toolName": "search", "input": {"q": "x"}}]},
                {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "search", "output": "r"}]}],
     [("assistant", [CALL]), ("tool", [("tool_call_response", ("c1", "r"))])]),
    ("langchain data", [{"type": "human", "data": {"content": "hello"}}], HELLO),
    ("langchain constructor", [[{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"],
                                "kwargs": {"content": "hello", "type": "human"}}]], HELLO),
    ("langchain call", [{"type": "ai", "content": "", "tool_calls": [{"name": "search", "args": {"q": "x"}, "id": "c1"}]}],
     [("assistant", [CALL])]),
    ("gemini", {"contents": [{"role": "user", "parts": [{"text": "hello"}]},
                             {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "search", "args": {"q": "x"}}}]}]},
     [*HELLO, ("assistant", [CALL])]),
    ("bedrock", [{"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "search", "input": {"q": "x"}}}]},
                 {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": "r"}}]}],
     [("assistant", [CALL]), ("user", [("tool_call_response", ("c1", "r"))])]),
    ("request", {"model": "m", "system": "be nice", "messages": [{"role": "user", "content": "hello"}]},
     [("system", [("text", "be nice")]), *HELLO]),
    ("text", "hello", HELLO),
    ("python repr", "[ChatMessage(role=<MessageRole.USER>)]", [("user", [("text", "[ChatMessage(role=<MessageRole.USER>)]")])]),
    ("unknown part", [{"role": "user", "parts": [{"type": "hologram", "x": 1}]}],
     [("user", [("generic", {"type": "hologram", "x": 1})])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "expected"), SHAPES, ids=[name for name, _, _ in SHAPES])
def test_a_message_in_any_shape_native_or_as_json(name: str, value: Any, expected: list[Any]) -> None:
    if name != "ai sdk":  # a tool's content is one response there
        assert read(value) == expected
    assert read(value if isinstance(value, str) else json.dumps(value)) == (
        expected if name != "ai sdk" else read(value)
    )


def test_json_that_was_cut_stays_text_and_says_so() -> None:
    (one,) = conversation({"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"te'}).input_messages or ()
    assert one.parts[0].truncated
    assert one.parts[0].content.startswith('[{"role"')


OI = {
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.content": "hello",
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "be nice",
    "llm.input_messages.10.message.role": "tool",
    "llm.input_messages.10.message.tool_call_id": "c1",
    "llm.input_messages.10.message.content": "r",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.contents.0.message_content.type": "text",
    "llm.output_messages.0.message.contents.0.message_content.text": "let me see",
    "llm.output_messages.0.message.contents.1.message_content.type": "tool_use",
    "llm.output_messages.0.message.contents.1.tool_call.id": "c1",
    "llm.output_messages.0.message.contents.1.tool_call.function.name": "search",
    "llm.output_messages.0.message.contents.1.tool_call.function.arguments": '{"q":"x"}',
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "search",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"q":"x"}',
    "input.value": "not this one",
}


def test_flattened_families_are_put_together_in_numeric_order_and_once() -> None:
    found = conversation(OI)
    assert said(*(found.input_messages or ())) == [
        ("system", [("text", "be nice")]),
        ("user", [("text", "hello")]),
        ("tool", [("tool_call_response", ("c1", "r"))]),
    ]
    assert said(*(found.output_messages or ())) == [("assistant", [("text", "let me see"), CALL])]
    assert [part.content for part in found.system_instructions or ()] == ["be nice"]
    assert found.sources["input_messages"] == "llm.input_messages"


def test_old_traceloop_families() -> None:
    found = conversation(
        {
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "hello",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.finish_reason": "tool_calls",
            "gen_ai.completion.0.tool_calls.0.id": "c1",
            "gen_ai.completion.0.tool_calls.0.name": "search",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"q":"x"}',
        }
    )
    assert said(*(found.input_messages or ())) == HELLO
    assert said(*(found.output_messages or ())) == [("assistant", [CALL])]
    assert (found.output_messages or ())[0].finish_reason == "tool_calls"


def test_indexes_beyond_the_cap_are_left_out() -> None:
    assert unflatten({"p.99999999999.a": 1, "p.-1.a": 2, "p.x.a": 3, "p.3.a": 4}, "p") == [{"a": 4}]


def event(name: str, attributes: dict[str, Any], body: Any = None) -> SimpleNamespace:
    return SimpleNamespace(name=name, event_name=name, attributes=attributes, body=body)


def test_messages_as_span_events() -> None:
    events = [
        event("gen_ai.user.message", {"content": '[{"text": "hello"}]'}),
        event("gen_ai.choice", {"message": '[{"text": "hi"}]', "finish_reason": "end_turn"}),
    ]
    found = conversation({}, events)
    assert said(*(found.input_messages or ())) == HELLO
    assert said(*(found.output_messages or ())) == [("assistant", [("text", "hi")])]


@pytest.mark.parametrize("old", [False, True])
def test_messages_as_log_records_by_new_and_old_name(old: bool) -> None:
    def log(name: str, body: Any) -> SimpleNamespace:
        attributes = {"event.name": name} if old else {}
        return SimpleNamespace(event_name="" if old else name, attributes=attributes, body=body)

    records = [
        log("gen_ai.system.message", {"content": "be nice"}),
        log("gen_ai.user.message", {"content": "hello"}),
        log("gen_ai.tool.message", {"id": "c1", "content": "r"}),
        log("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}),
    ]
    found = conversation({}, (), records)
    assert said(*(found.input_messages or ())) == [
        ("system", [("text", "be nice")]),
        *HELLO,
        ("tool", [("tool_call_response", ("c1", "r"))]),
    ]
    assert said(*(found.output_messages or ())) == [("assistant", [("text", "hi")])]
    assert found.sources["input_messages"] == "log events"


def test_a_message_whose_content_was_not_captured_still_says_who_spoke() -> None:
    found = conversation({}, (), [event("gen_ai.user.message", {}, None)])
    assert said(*(found.input_messages or ())) == [("user", [])]
    found = conversation({"input.value": "hello"}, (), [event("gen_ai.user.message", {}, None)])
    assert said(*(found.input_messages or ())) == HELLO


def test_the_event_with_the_details_of_a_call() -> None:
    given = {"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]}
    found = conversation({}, (), [event("gen_ai.client.inference.operation.details", given)])
    assert said(*(found.input_messages or ())) == HELLO


def test_one_source_a_side() -> None:
    both = {"gen_ai.input.messages": "hello", "input.value": "hello", "ai.prompt.messages": "hello"}
    found = conversation(both)
    assert len(found.input_messages or ()) == 1
    assert found.sources["input_messages"] == "gen_ai.input.messages"


def test_system_instructions_as_parts_or_text() -> None:
    for value in ('[{"type":"text","content":"be nice"}]', "be nice", [{"type": "text", "content": "be nice"}]):
        assert [
            part.content for part in conversation({"gen_ai.system_instructions": value}).system_instructions or ()
        ] == ["be nice"]


@pytest.mark.parametrize(
    ("attributes", "arguments", "result"),
    [
        ({"gen_ai.tool.call.arguments": '{"q":"x"}', "gen_ai.tool.call.result": "r"}, {"q": "x"}, "r"),
        ({"ai.toolCall.args": '{"q":"x"}', "ai.toolCall.result": '{"t":1}'}, {"q": "x"}, {"t": 1}),
        ({"traceloop.entity.input": '{"args":[],"kwargs":{"q":"x"}}'}, {"args": [], "kwargs": {"q": "x"}}, None),
        ({"input.value": "bare text", "tool.parameters": '{"type":"object"}'}, "bare text", None),
        ({"input.value": "{'a': 1}"}, "{'a': 1}", None),
    ],
)
def test_arguments_and_result_of_a_tool(attributes: dict[str, Any], arguments: Any, result: Any) -> None:
    found = conversation(attributes, operation="tool")
    assert (found.tool_arguments, found.tool_result) == (arguments, result)
    assert found.input_messages is None


def test_a_tool_that_speaks_in_events() -> None:
    events = [
        event("gen_ai.tool.message", {"content": '{"q":"x"}'}),
        event("gen_ai.choice", {"message": '[{"text":"r"}]'}),
    ]
    found = conversation({}, events, operation="tool")
    assert (found.tool_arguments, found.tool_result) == ({"q": "x"}, [{"text": "r"}])


def test_repeated_history_has_equal_hashes() -> None:
    history = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    one = conversation({"gen_ai.input.messages": json.dumps(history)}).input_messages or ()
    two = (
        conversation(
            {"gen_ai.input.messages": json.dumps([*history, {"role": "user", "content": "more"}])}
        ).input_messages
        or ()
    )
    assert [m.hash for m in one] == [m.hash for m in two[:2]]
    assert len({m.hash for m in two}) == 3


def _conversations(capture: str) -> list[tuple[str, Conversation]]:
    by_span: dict[Any, list[Any]] = {}
    for record in logs(capture):
        by_span.setdefault((record.trace_id, record.span_id), []).append(record)
    found = []
    for raw in spans(capture):
        operation = normalise(raw).operation
        own = by_span.get((raw.trace_id, raw.span_id), [])
        found.append((operation, conversation(raw.attributes, raw.events, own, operation)))
    return found


WITHOUT_CONTENT = {
    "otel-sdk-edge-js-json",
    "otel-sdk-edge-python",
    "otel-sdk-edge-python-grpc",
    "otel-sdk-edge-python-json",
}


@pytest.mark.parametrize("capture", [name for name in NAMES if name not in WITHOUT_CONTENT])
def test_every_recorded_emitter_is_understood(capture: str) -> None:
    found = _conversations(capture)
    chats = [one for operation, one in found if operation == "chat"]
    assert any(one.input_messages and one.input_messages[-1].role in ("user", "tool") for one in chats)
    assert any(one.output_messages and one.output_messages[0].role == "assistant" for one in chats)
    parts = [p for one in chats for m in (*(one.input_messages or ()), *(one.output_messages or ())) for p in m.parts]
    odd = [part for part in parts if part.type == "generic" and "function" not in str(part.content)]
    assert not odd
    for operation, one in found:
        if operation == "tool":
            assert one.tool_arguments is not None


value = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["[{", '{"role":1}', "[[1]]"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["role", "content", "parts", "type", "tool_calls", "data", "kwargs", "lc", "text", "id"]),
            inner,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(value=value, as_json=st.booleans(), operation=st.sampled_from(["chat", "tool"]))
def test_nothing_that_is_sent_breaks_the_reader(value: Any, as_json: bool, operation: str) -> None:
    sent = json.dumps(value) if as_json else value
    keys = [
        "gen_ai.input.messages",
        "ai.prompt",
        "gen_ai.completion",
        "input.value",
        "llm.output_messages.0.message.content",
    ]
    events = [event("gen_ai.choice", {"message": sent}, sent), event("gen_ai.user.message", {"content": sent}, sent)]
    for key in keys:
        conversation({key: sent}, events, events, operation)


def test_json_nested_without_end_is_shown_as_text() -> None:
    for depth in (500, 900, 100_000):
        (one,) = conversation({"gen_ai.input.messages": "[" * depth + "]" * depth}).input_messages or ()
        assert one.parts[0].type == "text"
