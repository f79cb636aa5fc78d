"""Traces as emitters beyond the recorded ones write them, span by span, and what they must come to."""

import itertools
from typing import Any

import pytest

from ingest.conventions import normalise
from tests.captures import settle_span, usage
from tests.conventions.build import SECOND, START_NS, raw
from tracestore.analysis.settled import settle
from tracestore.records import Span


class Story:
    """A trace in the making: each span starts a second after the one before, children end with their parents."""

    def __init__(self, scope: str, number: int = 1) -> None:
        self.scope, self.trace_id, self.spans = scope, number.to_bytes(16, "big"), list[Span]()
        self.ids = itertools.count(1000 * number)

    def span(
        self, name: str, attributes: dict[str, Any], parent: int | None = None, seconds: float = 50, **fields: Any
    ) -> int:
        span_id = next(self.ids)
        start_ns = START_NS + len(self.spans) * SECOND
        given = {"trace_id": self.trace_id, "span_id": span_id, "parent_span_id": parent, "start_ns": start_ns}
        given |= {"end_ns": start_ns + round(seconds * SECOND), "scope": self.scope, "name": name}
        self.spans.append(normalise(raw(attributes, **{**given, **fields})))
        return span_id

    def came_to(self, **expected: Any) -> None:
        found = usage(self.spans)
        assert {name: found[name] for name in expected} == expected


def op(name: str, **attributes: Any) -> dict[str, Any]:
    return {"gen_ai.operation.name": name, **{key.replace("__", "."): value for key, value in attributes.items()}}


def used(given: int, answered: int, model: str = "gpt-4o-mini") -> dict[str, Any]:
    return {"gen_ai.request.model": model, "gen_ai.usage.input_tokens": given, "gen_ai.usage.output_tokens": answered}


def test_strands_sums_on_the_agent_and_says_it_twice() -> None:
    story = Story("strands.telemetry.tracer")
    twice = {"gen_ai.usage.prompt_tokens": 300, "gen_ai.usage.completion_tokens": 30}
    agent = story.span(
        "invoke_agent planner", {**op("invoke_agent"), **used(300, 30), **twice, "gen_ai.system": "strands-agents"}
    )
    cycle = story.span("execute_event_loop_cycle", op("execute_event_loop_cycle"), agent)
    for tokens in (100, 200):
        story.span("chat", {**op("chat"), **used(tokens, tokens // 10), "gen_ai.usage.prompt_tokens": tokens}, cycle)
    story.span("execute_tool f", op("execute_tool", gen_ai__tool__name="f", gen_ai__tool__status="error"), cycle)
    story.came_to(llm_calls=2, input_tokens=300, output_tokens=30, tool_calls=1, tool_errors=1)
    assert {span.provider for span in story.spans} == {None}


def test_adk_calls_inside_calls_and_merged_tools() -> None:
    story = Story("gcp.vertex.agent")
    agent = story.span(
        "invoke_agent root", op("invoke_agent", gen_ai__conversation__id="s-1"), story.span("invocation", {})
    )
    request = {"gcp.vertex.agent.llm_request": '{"model":"x"}', "gen_ai.system": "gcp.vertex.agent"}
    outer = story.span("call_llm", {**request, **used(100, 10, "openai/gpt-4o-mini")}, agent)
    story.span(
        "generate_content openai/gpt-4o-mini", {**op("generate_content"), **used(100, 10, "openai/gpt-4o-mini")}, outer
    )
    for tool in ("f", "g", "(merged tools)"):
        quiet = {"gcp.vertex.agent.llm_request": "{}", "gen_ai.tool.name": tool}
        story.span(f"execute_tool {tool}", {**op("execute_tool"), **quiet}, agent, seconds=0.5)
    story.came_to(llm_calls=1, input_tokens=100, tool_calls=2, sessions=["s-1"])
    assert story.spans[2].provider == "openai"


def test_langsmith_chains_retrievers_and_handled_tool_errors() -> None:
    story = Story("langsmith")
    session = {"langsmith.metadata.session_id": "s-1", "langsmith.trace.session_name": "project"}
    chain = story.span("agent", {"langsmith.span.kind": "chain", **session})
    story.span(
        "ChatOpenAI", {"langsmith.span.kind": "llm", "gen_ai.system": "langchain", **used(10, 2), **session}, chain
    )
    story.span(
        "VectorStore", {"langsmith.span.kind": "retriever", "gen_ai.operation.name": "embeddings", **session}, chain
    )
    failed = '{"output": {"content": "no", "type": "tool", "status": "error"}}'
    story.span("search", {"langsmith.span.kind": "tool", "gen_ai.completion": failed, **session}, chain)
    story.came_to(llm_calls=1, embedding_calls=0, tool_calls=1, tool_errors=1, sessions=["s-1"])


def test_litellm_sends_the_raw_request_beside_the_call() -> None:
    story = Story("litellm")
    call = {
        "llm.request.type": "acompletion",
        "llm.is_streaming": "False",
        "gen_ai.cost.total_cost": 1.5e-05,
        **used(10, 2),
    }
    outer = story.span(
        "litellm_request", {**call, "metadata.user_api_key_team_id": "team-1", "gen_ai.response.id": "r1"}
    )
    story.span("raw_gen_ai_request", {"llm.openai.model": "gpt-4o-mini", "llm.openai.messages": "[]"}, outer)
    story.came_to(llm_calls=1, input_tokens=10)
    assert (story.spans[0].reported_cost_nanousd, story.spans[0].tenant_id) == (15_000, "team-1")


def test_agent_framework_repeats_usage_on_the_agent() -> None:
    story = Story("agent_framework")
    agent = story.span(
        "invoke_agent a", {**op("invoke_agent"), **used(30, 3), "gen_ai.provider.name": "microsoft.agent_framework"}
    )
    story.span(
        "chat gpt-4o-mini", {**op("chat"), **used(30, 3), "gen_ai.response.finish_reasons": '["tool_calls"]'}, agent
    )
    story.span("execute_tool f", op("execute_tool", gen_ai__tool__name="f"), agent)
    story.came_to(llm_calls=1, input_tokens=30, tool_calls=1)
    assert story.spans[1].finish_reasons == ("tool_calls",)


@pytest.mark.parametrize("cached", [0, 512])
def test_a_wrapped_client_inside_a_wrapped_framework(cached: int) -> None:
    """Langfuse twice: the handler leaves the cache out of `input`, the client wrapper does not; no response id."""
    story = Story("langfuse-sdk")
    handler = f'{{"input": {900 - cached}, "output": 60, "total": 960, "input_cache_read": {cached}}}'
    details = f'"prompt_tokens_details": {{"cached_tokens": {cached}}}'
    client = f'{{"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960, {details}}}'
    kind = {"langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-4o-mini-2024-07-18"}
    outer = story.span("ChatOpenAI", {**kind, "langfuse.observation.usage_details": handler})
    story.span("OpenAI-generation", {**kind, "langfuse.observation.usage_details": client}, outer)
    story.came_to(llm_calls=1, input_tokens=900, output_tokens=60, cache_read_tokens=cached)


def test_both_ends_of_an_mcp_call_are_one_execution() -> None:
    story = Story("mcp")
    tool = op("execute_tool", gen_ai__tool__name="f", gen_ai__tool__call__id="c1")
    outer = story.span("execute_tool f", tool)
    client = story.span("tools/call f", {"mcp.method.name": "tools/call", "gen_ai.tool.name": "f"}, outer, kind=3)
    http = story.span("POST", {"http.request.method": "POST"}, client, kind=3)
    server = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "f", "error.type": "tool_error"}
    story.span("tools/call f", server, http, kind=2)
    story.came_to(tool_calls=1, llm_calls=0)


def test_traceloop_langchain_has_a_thread_and_a_session() -> None:
    story = Story("opentelemetry.instrumentation.langchain")
    own = {"traceloop.association.properties.session_id": "sess-1", "gen_ai.conversation.id": "th-1"}
    flow = story.span("LangGraph.workflow", {"traceloop.span.kind": "workflow", **own})
    task = story.span("model.task", {**op("execute_task"), "traceloop.span.kind": "task", **own}, flow)
    story.span("ChatOpenAI.chat", {**op("chat"), **used(10, 2), "gen_ai.system": "langchain", **own}, task)
    named = {"traceloop.span.kind": "tool", "traceloop.entity.name": "search", **own}
    outer = story.span(
        "search.tool", {**named, "traceloop.entity.output": '{"output":{"lc":1,"kwargs":{"status":"error"}}}'}, flow
    )
    story.span("execute_tool search", op("execute_tool", gen_ai__tool__name="search"), outer)
    story.came_to(llm_calls=1, tool_calls=1, tool_errors=1, sessions=["sess-1"])


def test_openai_agents_v2_names_a_constant_agent_below_the_real_one() -> None:
    story = Story("opentelemetry.instrumentation.openai_agents")
    agent = story.span("invoke_agent Triage", op("invoke_agent", gen_ai__agent__name="Triage"))
    story.span("chat gpt-4.1", {**op("chat", gen_ai__agent__name="OpenAI Agent"), **used(10, 2)}, agent)
    story.span("handoff", op("agent_handoff"), agent)
    story.span("guardrail", op("guardrail_check"), agent)
    story.came_to(llm_calls=1, tool_calls=0)
    assert [span.agent_name for span in story.spans] == ["Triage", None, None, None]
    assert [span.operation for span in story.spans] == ["agent", "chat", "handoff", "guardrail"]


def test_dspy_and_crewai_calls_without_usage_are_calls() -> None:
    story = Story("openinference.instrumentation.dspy")
    chain = story.span("Predict.forward", {"openinference.span.kind": "CHAIN"})
    story.span("LM.__call__", {"openinference.span.kind": "LLM", "llm.model_name": "openai/gpt-4o-mini"}, chain)
    story.came_to(llm_calls=1, input_tokens=0)
    crew = Story("crewai.telemetry", 2)
    crew.span("Crew Created", {"crew_key": "k"})
    assert crew.spans[0].operation == "workflow"


def test_the_usage_of_an_agent_counts_where_nobody_reports_its_calls() -> None:
    story = Story("any")
    outer = story.span("invoke_workflow w", {**op("invoke_workflow"), **used(30, 3)})
    story.span("invoke_agent a", {**op("invoke_agent"), **used(30, 3)}, outer)
    story.came_to(llm_calls=0, input_tokens=30, output_tokens=3)


def test_attempts_of_a_framework_are_calls_of_their_own() -> None:
    story = Story("ai")
    agent = story.span(
        "ai.generateText", {"ai.operationId": "ai.generateText", "ai.usage.inputTokens": 10, "ai.model.id": "m"}
    )
    attempt = {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "m"}
    story.span("ai.generateText.doGenerate", attempt, agent, seconds=0.5, status_code=2)
    story.span(
        "ai.generateText.doGenerate",
        {**attempt, "ai.usage.inputTokens": 10, "ai.usage.outputTokens": 1},
        agent,
        seconds=0.5,
    )
    story.came_to(llm_calls=2, llm_errors=1, input_tokens=10)


def test_an_aborted_stream_is_a_call_without_tokens() -> None:
    story = Story("openinference.instrumentation.openai")
    for _ in range(4):
        story.span("ChatCompletion", {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-mini"}, seconds=0.5)
    story.came_to(llm_calls=4, llm_errors=0, input_tokens=0)


@pytest.mark.parametrize("sdk_first", [True, False])
def test_the_session_of_a_twin_in_another_trace_is_the_calls(sdk_first: bool) -> None:
    """The Anthropic SDK's own span of a streamed call is a root of its own; whichever is billed, the session is known."""
    mine, theirs = (
        Story("openinference.instrumentation.anthropic", 1 + sdk_first),
        Story("com.anthropic.sdk.python", 2 - sdk_first),
    )
    mine.span("messages.stream", {**op("chat"), **used(95, 17, "m"), "gen_ai.response.id": "r", "session.id": "s-1"})
    theirs.span("anthropic.messages.create", {**op("chat"), **used(95, 17, "m"), "gen_ai.response.id": "r"})
    traces = settle([settle_span(span) for span in (*mine.spans, *theirs.spans)])
    (billed,) = [call for trace in traces for call in trace.calls if call.decision.billable]
    assert billed.identity.session_id == "s-1"
