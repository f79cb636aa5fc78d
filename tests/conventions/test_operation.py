"""Operation kind, conventions section 1, in its order; the spellings of emitters beyond those recorded."""

from typing import Any

import pytest

from ingest.conventions import normalise
from tests.conventions.build import raw

CASES: list[tuple[dict[str, Any], str]] = [
    ({"langfuse.observation.type": "generation"}, "chat"),
    ({"langfuse.observation.type": "chain"}, "task"),
    ({"langfuse.observation.type": "retriever"}, "retrieval"),
    ({"langfuse.observation.type": "span"}, "other"),
    ({"langfuse.observation.type": "span", "langfuse.observation.model.name": "gpt-4o"}, "chat"),  # SDK <= 3.3.0
    ({"langfuse.observation.type": "span", "langfuse.observation.usage_details": '{"input":1}'}, "chat"),
    ({"langfuse.observation.type": "embedding", "langfuse.observation.model.name": "e"}, "embedding"),
    ({"openinference.span.kind": "LLM"}, "chat"),
    ({"openinference.span.kind": "LLM", "llm.prompts.0.prompt.text": "Once"}, "completion"),
    ({"openinference.span.kind": "RERANKER"}, "rerank"),
    ({"openinference.span.kind": "UNKNOWN", "gen_ai.operation.name": "chat"}, "chat"),
    ({"openinference.span.kind": "AGENT"}, "agent"),
    (
        {
            "openinference.span.kind": "AGENT",
            "llm.invocation_parameters": "{}",
            "llm.output_messages.0.message.role": "a",
        },
        "chat",
    ),
    ({"openinference.span.kind": "AGENT", "gen_ai.operation.name": "chat"}, "agent"),
    ({"langsmith.span.kind": "retriever", "gen_ai.operation.name": "embeddings"}, "retrieval"),
    ({"langsmith.span.kind": "parser", "gen_ai.operation.name": "parser"}, "task"),
    ({"mlflow.spanType": '"CHAT_MODEL"'}, "chat"),
    ({"mlflow.spanType": '"UNKNOWN"'}, "other"),
    ({"mlflow.spanType": "MEMORY"}, "memory"),
    ({"gen_ai.operation.name": "generate_content"}, "chat"),
    ({"gen_ai.operation.name": "text_completion"}, "completion"),
    ({"gen_ai.operation.name": "create_agent"}, "agent"),
    ({"gen_ai.operation.name": "invoke_workflow"}, "workflow"),
    ({"gen_ai.operation.name": "execute_event_loop_cycle"}, "task"),
    ({"gen_ai.operation.name": "vector_db_retrieve"}, "retrieval"),
    ({"gen_ai.operation.name": "guardrail_check"}, "guardrail"),
    ({"gen_ai.operation.name": "agent_handoff"}, "handoff"),
    ({"gen_ai.operation.name": "search_memory"}, "memory"),
    ({"gen_ai.operation.name": "unknown", "traceloop.span.kind": "tool"}, "tool"),
    ({"gen_ai.operation.name": "chat", "traceloop.span.kind": "task"}, "chat"),
    ({"traceloop.span.kind": "workflow"}, "workflow"),
    ({"ai.operationId": "ai.streamText.doStream"}, "chat"),
    ({"operation.name": "ai.generateText agent-fn"}, "agent"),
    ({"ai.operationId": "ai.embed"}, "task"),
    ({"ai.operationId": "ai.embed.doEmbed"}, "embedding"),
    ({"ai.operationId": "ai.toolCall"}, "tool"),
    ({"mcp.method.name": "tools/call"}, "tool"),
    ({"mcp.method.name": "resources/read"}, "retrieval"),
    ({"mcp.method.name": "initialize"}, "other"),
    ({"llm.request.type": "rerank"}, "rerank"),
    ({"llm.request.type": "acompletion"}, "completion"),
    ({"gen_ai.tool.name": "f"}, "tool"),
    ({"gen_ai.tool.name": "f", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1}, "chat"),
    ({"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1}, "chat"),
    ({"gen_ai.request.model": "m"}, "other"),
    ({"db.system.name": "qdrant", "db.operation.name": "query_points"}, "retrieval"),
    ({"db.system.name": "postgresql", "db.operation.name": "SELECT"}, "other"),
    ({"crew_key": "abc"}, "workflow"),
    ({"http.request.method": "POST"}, "http"),
    ({}, "other"),
    # Agent Development Kit: a call without an operation name, and one more span over merged tool calls
    ({"gcp.vertex.agent.llm_request": '{"model":"gemini-2.5-pro"}', "gen_ai.request.model": "gemini-2.5-pro"}, "chat"),
    ({"gcp.vertex.agent.llm_request": "{}", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}, "tool"),
    ({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "(merged tools)"}, "task"),
    # values of a wrong type never match and never raise
    ({"gen_ai.operation.name": ["chat"]}, "other"),
    ({"openinference.span.kind": 7}, "other"),
]


@pytest.mark.parametrize(("attributes", "operation"), CASES)
def test_the_first_rule_that_knows_names_the_operation(attributes: dict[str, Any], operation: str) -> None:
    assert normalise(raw(attributes)).operation == operation


@pytest.mark.parametrize(
    ("name", "scope", "attributes", "operation"),
    [
        ("agent run", "pydantic-ai", {}, "agent"),
        ("running tool", "pydantic-ai", {"gen_ai.tool.name": "f"}, "tool"),
        ("running tools", "pydantic-ai", {}, "task"),
        ("raw_gen_ai_request", "litellm", {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1}, "other"),
        (
            "handoff to Booker",
            "openinference.instrumentation.openai_agents",
            {"openinference.span.kind": "TOOL"},
            "handoff",
        ),
        ("lookup", "mine", {"openinference.span.kind": "TOOL"}, "tool"),
        ("chat", "logfire", {"logfire.pending_parent_id": "00", "gen_ai.operation.name": "chat"}, "other"),
    ],
)
def test_names_help_where_an_emitter_says_nothing_else(
    name: str, scope: str, attributes: dict[str, Any], operation: str
) -> None:
    assert normalise(raw(attributes, name=name, scope=scope)).operation == operation


def test_a_chain_at_the_root_is_a_workflow() -> None:
    chain = {"openinference.span.kind": "CHAIN"}
    assert normalise(raw(chain)).operation == "workflow"
    assert normalise(raw(chain, parent_span_id=5)).operation == "task"


def test_the_span_says_which_rule_won() -> None:
    span = normalise(raw({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "llm.model_name": "x"}))
    sources = dict(span.provenance.sources) if span.provenance else {}
    assert sources["operation"] == "attr:gen_ai.operation.name"
    assert sources["request_model"] == "attr:gen_ai.request.model"
    assert sources["service"] == "resource:service.name"
