"""Several instrumentations, frameworks and logs over the same calls, as their emitters write them."""

from typing import Any

import pytest

from ingest.conventions import normalise
from tests.captures import settle_span
from tests.conventions.build import raw
from tests.conventions.test_emitters import Story, op, used
from tracestore.analysis.settled import settle
from tracestore.records import SESSION_IS_THREAD

LANGCHAIN = '{"generations": [[{"text": "hi", "message": {"kwargs": {"response_metadata": %s}}}]], "llm_output": %s, "run": null}'
PROVIDERS = (
    '{"id": "chatcmpl-1", "token_usage": {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960,'
    ' "prompt_tokens_details": {"cached_tokens": 512}}}'
)


def test_an_agent_that_knows_the_thread_and_calls_that_know_the_session() -> None:
    """Traceloop's LangChain: the root span has only a conversation id, the spans below have both."""
    story = Story("opentelemetry.instrumentation.langchain")
    own = {"traceloop.association.properties.session_id": "sess-1", "gen_ai.conversation.id": "th-1"}
    agent = story.span("invoke_agent a", op("invoke_agent", gen_ai__conversation__id="th-1"))
    story.span("ChatOpenAI.chat", {**op("chat"), **used(10, 2), **own}, agent)
    story.span("execute_tool f", op("execute_tool", gen_ai__tool__name="f", gen_ai__conversation__id="th-1"), agent)
    story.came_to(sessions=["sess-1"])
    assert [bool(span.flags & SESSION_IS_THREAD) for span in story.spans] == [True, False, True]
    (trace,) = settle([settle_span(span) for span in story.spans])
    assert trace.identity.session_id == "sess-1"
    assert [identity.session_id for _, identity, _ in trace.tools] == ["sess-1"]


def test_a_thread_before_the_sessions_of_a_trace_is_not_the_traces() -> None:
    story = Story("any")
    flow = story.span("flow", {})
    story.span("chat m", {**op("chat", gen_ai__conversation__id="th-1"), **used(1, 1)}, flow)
    for session in ("sess-1", "sess-2"):
        story.span("chat m", {**op("chat"), **used(1, 1), "session.id": session}, flow)
    story.came_to(sessions=["sess-1", "sess-2"])


def test_a_thread_is_the_session_where_nobody_names_another() -> None:
    story = Story("any")
    agent = story.span("invoke_agent a", op("invoke_agent", gen_ai__conversation__id="th-1"))
    story.span("chat m", {**op("chat"), **used(10, 2)}, agent)
    story.came_to(sessions=["th-1"])


def test_the_id_of_the_previous_answer_is_no_conversation() -> None:
    """Agent Framework over OpenAI's Responses API names the answer before as the conversation."""
    story = Story("agent_framework")
    story.span("chat m", {**op("chat"), **used(10, 2), "gen_ai.conversation.id": "resp_0a1"})
    story.span("chat m", {**op("chat"), **used(10, 2), "gen_ai.conversation.id": "conv_0a1"})
    story.came_to(sessions=["conv_0a1"])


@pytest.mark.parametrize(
    "result", [LANGCHAIN % ('{"finish_reason": "stop"}', PROVIDERS), LANGCHAIN % (PROVIDERS, "null")]
)
def test_the_id_inside_a_langchain_result_finds_the_client_in_another_trace(result: str) -> None:
    """OpenInference for LangChain opens no context: the instrumented client starts a trace of its own."""
    handler, client = Story("openinference.instrumentation.langchain", 1), Story("traceloop", 2)
    kind = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-mini-2024-07-18"}
    tokens = {"llm.token_count.prompt": 900, "llm.token_count.completion": 60}
    handler.span("ChatOpenAI", {**kind, **tokens, "output.value": result})
    client.span("openai.chat", {**op("chat"), **used(900, 60), "gen_ai.response.id": "chatcmpl-1"}, seconds=40)
    handler.spans += client.spans
    handler.came_to(llm_calls=1, input_tokens=900, output_tokens=60, cache_read_tokens=512)
    alone = Story("openinference.instrumentation.langchain", 3)
    alone.span("ChatOpenAI", {**kind, "output.value": result})
    alone.came_to(llm_calls=1, input_tokens=900, output_tokens=60, cache_read_tokens=512)


def test_logfire_writes_what_a_stream_used_into_a_log_record() -> None:
    story = Story("logfire.openai")
    story.span("Chat Completion", {**op("chat"), "gen_ai.request.model": "m", "logfire.span_type": "span"}, seconds=0.1)
    log = {**op("chat"), **used(107, 23, "m"), "logfire.span_type": "log"}
    story.span("streaming response from m", log, seconds=0)
    story.came_to(llm_calls=1, llm_errors=0, input_tokens=107, output_tokens=23)


def test_a_log_record_below_a_call_that_says_the_same_adds_nothing() -> None:
    story = Story("logfire.openai")
    call = story.span("chat m", {**op("chat"), **used(107, 23, "m")})
    story.span("streaming response", {**op("chat"), **used(107, 23, "m"), "logfire.span_type": "log"}, call, seconds=0)
    story.came_to(llm_calls=1, input_tokens=107, output_tokens=23)


def test_a_crew_says_its_usage_in_words() -> None:
    story = Story("opentelemetry.instrumentation.crewai")
    said = "total_tokens=1380 prompt_tokens=1284 cached_prompt_tokens=512 completion_tokens=96 successful_requests=3"
    crew = story.span("crewai.workflow", {**op("invoke_agent"), "crewai.crew.token_usage": said})
    story.span("r.agent", op("invoke_agent"), crew)
    story.came_to(llm_calls=0, input_tokens=1284, output_tokens=96, cache_read_tokens=512)


def test_litellm_says_the_details_of_its_usage_as_python_text() -> None:
    said = (
        "{'completion_tokens': 39, 'prompt_tokens': 1007, 'completion_tokens_details': {'reasoning_tokens': 16},"
        " 'prompt_tokens_details': {'audio_tokens': None, 'cached_tokens': 512}, 'cost': 3.5}"
    )
    span = normalise(raw({**op("chat"), **used(1007, 39), "metadata.usage_object": said}, scope="litellm"))
    assert (span.input_tokens, span.cache_read_tokens, span.reasoning_tokens) == (1007, 512, 16)


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ({"gen_ai.usage.input_tokens": 495, "gen_ai.usage.cache_read.input_tokens": 512}, 1007),
        ({"gen_ai.usage.input_tokens": 3000, "gen_ai.usage.cache_read.input_tokens": 512}, 3512),
        ({"gen_ai.usage.input_tokens": 107, "gen_ai.usage.cache_read.input_tokens": 0}, 107),
    ],
)
def test_openlit_leaves_the_cache_of_anthropic_out_of_input_and_total(given: dict[str, Any], whole: int) -> None:
    total = given["gen_ai.usage.input_tokens"] + 23
    said = {**op("chat"), **given, "gen_ai.usage.output_tokens": 23, "gen_ai.client.token.usage": total}
    span = normalise(raw(said, scope="openlit.instrumentation.anthropic"))
    assert (span.input_tokens, span.total_tokens) == (whole, whole + 23)


def test_more_cache_than_input_means_that_it_was_left_out_whatever_the_total() -> None:
    said = {**used(95, 5), "gen_ai.usage.total_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 500}
    assert normalise(raw({**op("chat"), **said})).input_tokens == 595


@pytest.mark.parametrize(
    ("name", "kind", "operation"),
    [
        ("chat claude-3-5-haiku", 3, "chat"),
        ("embeddings text-embedding-3-small", 3, "embedding"),
        ("chat with support", 3, "other"),
        ("chat room", 1, "other"),
        ("chat", 3, "other"),
    ],
)
def test_a_client_span_that_says_nothing_but_its_name(name: str, kind: int, operation: str) -> None:
    """OpenLIT's failing Anthropic calls have no attribute at all."""
    assert normalise(raw({}, name=name, kind=kind, status_code=2)).operation == operation


def test_a_stream_without_usage_is_not_free() -> None:
    """LiteLLM writes 0 tokens and a cost of 0 where nobody counted."""
    said = {**op("chat"), **used(0, 0), "gen_ai.usage.total_tokens": 0, "gen_ai.cost.total_cost": 0.0}
    span = normalise(raw(said, scope="litellm"))
    assert (span.input_tokens, span.output_tokens, span.total_tokens, span.reported_cost_nanousd) == (None,) * 4


@pytest.mark.parametrize(("attempts", "errors"), [([2], 1), ([2, 1], 0), ([1, 2], 1), ([1], 0)])
def test_a_tool_that_raised_inside_a_span_that_handled_it(attempts: list[int], errors: int) -> None:
    """AutoGen: the agent's tool span is OK, the one inside it failed. A retry that worked is no failure."""
    story = Story("autogen")
    outer = story.span("helper.boom", {"openinference.span.kind": "TOOL", "tool.name": "boom"}, status_code=1)
    for status in attempts:
        inner = op("execute_tool", gen_ai__tool__name="boom")
        story.span("execute_tool boom", inner, outer, seconds=0.5, status_code=status)
    story.came_to(tool_calls=1, tool_errors=errors)


@pytest.mark.parametrize(
    ("result", "errors"),
    [
        ("content='handled' name='flaky' tool_call_id='call_1' status='error'", 1),
        ("content=\"status='error'\" name='flaky' tool_call_id='call_1'", 0),
        ("status='error'", 0),
    ],
)
def test_a_langchain_tool_message_as_text(result: str, errors: int) -> None:
    story = Story("openlit.instrumentation.langchain")
    story.span("execute_tool flaky", op("execute_tool", gen_ai__tool__name="flaky", gen_ai__tool__call__result=result))
    story.came_to(tool_calls=1, tool_errors=errors)


def _model(attributes: dict[str, Any], **fields: Any) -> str | None:
    part = normalise(raw({**op("chat"), **attributes}, **fields)).version_part
    return dict(part.parts).get("model") if part is not None else None


def test_a_failed_call_is_of_the_same_version_as_one_that_was_answered() -> None:
    asked = {"gen_ai.request.model": "gpt-4o-mini"}
    assert _model({**asked, "gen_ai.response.model": "gpt-4o-mini-2024-07-18"}) == "gpt-4o-mini"
    assert _model(asked, status_code=2) == "gpt-4o-mini"
    assert _model({"gen_ai.request.model": "gpt-4o-2024-08-06"}) == "gpt-4o-2024-08-06"


@pytest.mark.parametrize("key", ["llm.model_name", "langfuse.observation.model.name"])
def test_a_name_of_either_model_is_taken_without_its_date(key: str) -> None:
    assert _model({key: "gpt-4o-mini-2024-07-18"}) == _model({key: "gpt-4o-mini"}, status_code=2) == "gpt-4o-mini"
