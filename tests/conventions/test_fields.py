"""The mapping table, conventions section 2: which source wins and how its value is read."""

import json
from typing import Any

import pytest

from ingest.conventions import identity, normalise
from tests.conventions.build import raw, resource
from tracestore.records import (
    CACHE_EXCLUSIVE,
    IDENTITY_INHERITED,
    INVALID_NUMBER,
    RESPONSE_CACHE_HIT,
    STREAMING,
    TIMEOUT,
    TOKENS_DISAGREE,
    TOOL_EXECUTION,
)

CHAT = {"gen_ai.operation.name": "chat"}
MS = 1_000_000

FIELDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # provider: aliases, frameworks are none, the part before the dot or the slash
    ({"gen_ai.system": "openai.chat"}, {"provider": "openai"}),
    ({"gen_ai.system": "az.ai.openai"}, {"provider": "azure.ai.openai"}),
    ({"gen_ai.provider.name": "strands-agents", "llm.system": "Bedrock"}, {"provider": "aws.bedrock"}),
    ({"gen_ai.system": "langchain", "langsmith.metadata.ls_provider": "mistralai"}, {"provider": "mistral_ai"}),
    ({"ai.model.provider": "google.generative-ai"}, {"provider": "gcp.gen_ai"}),
    ({"ai.model.provider": "amazon-bedrock"}, {"provider": "aws.bedrock"}),
    ({"gen_ai.request.model": "openai/gpt-4o-mini"}, {"provider": "openai", "request_model": "openai/gpt-4o-mini"}),
    ({"gen_ai.request.model": "acme/own-model"}, {"provider": None}),
    # models
    ({"llm.model_name": "m-2024"}, {"request_model": "m-2024", "response_model": "m-2024"}),
    ({"llm.model_name": "m-2024", "llm.invocation_parameters": '{"model":"m"}'}, {"request_model": "m"}),
    ({"mlflow.spanInputs": '{"model":"m"}', "mlflow.llm.model": '"m-1"'}, {"request_model": "m", "response_model": "m-1"}),
    ({"gen_ai.request.model": "", "model": "m"}, {"request_model": "m"}),
    ({"gen_ai.request.model": "None", "model_name": "m"}, {"request_model": "m"}),
    # tokens: every spelling; the best usable one
    ({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.prompt_tokens": 9}, {"input_tokens": 5}),
    ({"gen_ai.usage.input_tokens": "12", "gen_ai.usage.output_tokens": 3.0}, {"input_tokens": 12, "output_tokens": 3}),
    ({"gen_ai.usage.input_tokens": -1, "llm.usage.prompt_tokens": 7}, {"input_tokens": 7}),
    ({"ai.usage.tokens": 15}, {"input_tokens": 15, "output_tokens": None, "total_tokens": 15}),
    ({"gen_ai.client.token.usage": 120}, {"total_tokens": 120, "input_tokens": None}),
    ({"langsmith.metadata.usage_metadata": '{"input_tokens":9,"output_tokens":4,"input_token_details":{"cache_read":3}}'},
     {"input_tokens": 9, "output_tokens": 4, "cache_read_tokens": 3}),
    ({"gen_ai.usage.cache_read_input_tokens": 4, "gen_ai.usage.cache_write_input_tokens": 2, "gen_ai.usage.input_tokens": 9},
     {"cache_read_tokens": 4, "cache_creation_tokens": 2, "input_tokens": 9}),
    ({"ai.response.providerMetadata": '{"bedrock":{"usage":{"cacheReadInputTokens":8}}}', "ai.usage.inputTokens": 20},
     {"cache_read_tokens": 8}),
    ({"langfuse.observation.usage_details": '{"input":10,"output":5,"input_cache_creation_5m":2,"input_cache_creation_1h":3}'},
     {"cache_creation_tokens": 5, "cache_creation_1h_tokens": 3}),
    # cost as reported: exact from the shortest text; zero beside tokens is unknown
    ({"gen_ai.usage.cost": 1.4999999999999999e-05}, {"reported_cost_nanousd": 15_000}),
    ({"gen_ai.usage.cost": 0, "gen_ai.usage.input_tokens": 5}, {"reported_cost_nanousd": None}),
    ({"llm.cost.prompt": 0.00012, "llm.cost.completion": "0.0003"}, {"reported_cost_nanousd": 420_000}),
    ({"langfuse.observation.cost_details": '{"input":0.1,"output":0.2}'}, {"reported_cost_nanousd": 300_000_000}),
    ({"mlflow.llm.cost": '{"total_cost": 0.5}'}, {"reported_cost_nanousd": 500_000_000}),
    # finish reasons
    ({"gen_ai.response.finish_reasons": '["tool_use"]'}, {"finish_reasons": ("tool_calls",)}),
    ({"gen_ai.response.finish_reasons": ["STOP", "MAX_TOKENS"]}, {"finish_reasons": ("stop", "length")}),
    ({"ai.response.finishReason": "content-filter"}, {"finish_reasons": ("content_filter",)}),
    ({"gen_ai.response.finish_reason": "odd"}, {"finish_reasons": ("other",)}),
    ({**CHAT, "gen_ai.output.messages": '[{"role":"assistant","parts":[],"finish_reason":"end_turn"}]'},
     {"finish_reasons": ("stop",)}),
    ({**CHAT, "gen_ai.output.messages": [{"role": "assistant", "finish_reason": "refusal"}]},
     {"finish_reasons": ("content_filter",)}),
    # identity
    ({"session.id": "s", "gen_ai.conversation.id": "c"}, {"session_id": "s"}),
    ({"langsmith.trace.session_name": "project", "langsmith.trace.session_id": "p"}, {"session_id": None}),
    ({"traceloop.association.properties.session_id": "s", "gen_ai.conversation.id": "th-1"}, {"session_id": "s"}),
    ({"gen_ai.conversation.id": "c", "traceloop.association.properties.thread_id": "t"}, {"session_id": "c"}),
    ({"langfuse.trace.metadata.session_id": '"s"'}, {"session_id": "s"}),
    ({"metadata": '{"thread_id": 7, "user_id": "u", "tenant": "acme"}'}, {"session_id": "7", "user_id": "u", "tenant_id": "acme"}),
    ({"mcp.session.id": "m"}, {"session_id": "m"}),
    ({"ai.telemetry.metadata.threadId": "t", "ai.telemetry.metadata.userId": "u"}, {"session_id": "t", "user_id": "u"}),
    ({"metadata.user_api_key_team_id": "team", "metadata.user_api_key_user_id": "u"}, {"tenant_id": "team", "user_id": "u"}),
    # names and versions
    ({"gen_ai.operation.name": "invoke_agent"}, {"agent_name": None}),
    ({"metadata": '{"lc_agent_name":"researcher"}'}, {"agent_name": "researcher"}),
    ({**CHAT, "gen_ai.agent.name": "OpenAI Agent"}, {"agent_name": None}),
    ({"langfuse.observation.prompt.name": "p", "langfuse.observation.prompt.version": 3},
     {"prompt_name": "p", "prompt_version": "3"}),
    ({"mlflow.linkedPrompts": '[{"name":"p","version":"2"}]'}, {"prompt_name": "p", "prompt_version": "2"}),
    ({**CHAT, "llm.prompt_template.version": "v7"}, {"prompt_version": "v7"}),
    ({"gen_ai.operation.name": "execute_tool", "llm.prompt_template.version": "v7"}, {"prompt_version": None}),
    ({"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "kb"}, {"rag_index_version": "kb"}),
    ({"db.collection.name": "orders"}, {"rag_index_version": None}),
    ({"rag.index.version": "2026-11"}, {"rag_index_version": "2026-11"}),
    ({"pydantic_ai.tool.retry.attempt": 2}, {"retry_count": 2}),
    # ids
    ({**CHAT, "output.value": '{"object":"chat.completion","id":"chatcmpl-1"}'}, {"response_id": "chatcmpl-1"}),
    ({**CHAT, "output.value": '{"id": 5}'}, {"response_id": None}),
    ({**CHAT, "output.value": '{"id":"m","usage":{"input_tokens":25,"output_tokens":2,"cache_read_input_tokens":2000}}'},
     {"input_tokens": 2025, "output_tokens": 2, "cache_read_tokens": 2000}),
    ({"gen_ai.response.id": "r" * 400}, {"response_id": "r" * 256}),
]  # fmt: skip


@pytest.mark.parametrize(("attributes", "expected"), FIELDS)
def test_the_best_usable_source_wins(attributes: dict[str, Any], expected: dict[str, Any]) -> None:
    span = normalise(raw(attributes))
    assert {name: getattr(span, name) for name in expected} == expected


@pytest.mark.parametrize("value", [True, -3, float("nan"), float("inf"), 2**53 + 1, 1.5, "many", [1]])
def test_a_number_that_cannot_be_believed_is_unknown_and_flagged(value: Any) -> None:
    span = normalise(raw({"gen_ai.usage.input_tokens": value}))
    assert span.input_tokens is None
    assert span.flags & INVALID_NUMBER


@pytest.mark.parametrize(
    ("usage", "input_tokens", "exclusive"),
    [
        ({"input": 388, "output": 60, "total": 960, "input_cache_read": 512}, 900, True),  # LangChain handler of Langfuse
        ({"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960, "prompt_tokens_details": {"cached_tokens": 512}},
         900, False),
        ({"input": 900, "output": 60, "total": 960, "input_cache_read": 512}, 900, False),
        ({"input": 40, "output": 5, "input_cache_read": 2000}, 2040, True),  # more from the cache than there was
        ({"input": 2040, "output": 5, "input_cache_read": 2000}, 2040, False),
    ],
)  # fmt: skip
def test_input_tokens_include_the_cache_whoever_counted(
    usage: dict[str, Any], input_tokens: int, exclusive: bool
) -> None:
    span = normalise(
        raw({"langfuse.observation.type": "generation", "langfuse.observation.usage_details": json.dumps(usage)})
    )
    assert span.input_tokens == input_tokens
    assert bool(span.flags & CACHE_EXCLUSIVE) is exclusive


def test_reasoning_that_langfuse_counts_apart_is_part_of_the_output() -> None:
    usage = {"input": 10, "output": 20, "total": 60, "output_reasoning": 30}
    span = normalise(raw({"langfuse.observation.usage_details": json.dumps(usage)}))
    assert (span.output_tokens, span.reasoning_tokens) == (50, 30)


def test_totals_that_do_not_add_up_are_kept_and_flagged() -> None:
    given = {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 5, "gen_ai.usage.total_tokens": 12}
    span = normalise(raw(given))
    assert (span.total_tokens, bool(span.flags & TOKENS_DISAGREE)) == (12, True)


TTFT: list[tuple[dict[str, Any], str, list[Any], int | None]] = [
    ({"gen_ai.response.time_to_first_chunk": 0.5}, "x", [], 500 * MS),
    ({"ai.response.msToFirstChunk": 30.5}, "ai", [], 30_500_000),
    ({"gen_ai.server.time_to_first_token": 1989}, "strands.telemetry.tracer", [], 1989 * MS),
    ({"gen_ai.server.time_to_first_token": 0.2, "gen_ai.request.stream": True}, "openlit.x", [], 200 * MS),
    ({"gen_ai.server.time_to_first_token": 450, "gen_ai.request.stream": True}, "x", [], 450 * MS),
    ({"gen_ai.server.time_to_first_token": 1.9, "gen_ai.request.stream": False}, "openlit.x", [], None),
    ({}, "x", [("First Token Stream Event", 0.4, {})], 400 * MS),
    ({}, "x", [("gen_ai.content.completion.chunk", 0.9, {}), ("gen_ai.content.completion.chunk", 0.3, {})], 300 * MS),
    ({"langfuse.observation.completion_start_time": '"2026-11-18T11:06:41.250000Z"'}, "langfuse-sdk", [], 1_250 * MS),
    ({}, "x", [], None),
]


@pytest.mark.parametrize(("attributes", "scope", "events", "ttft_ns"), TTFT)
def test_time_to_first_token_in_whatever_unit(
    attributes: dict[str, Any], scope: str, events: Any, ttft_ns: int | None
) -> None:
    assert normalise(raw({**CHAT, **attributes}, scope=scope, events=events)).ttft_ns == ttft_ns


ERRORS: list[tuple[dict[str, Any], dict[str, Any], int, str | None]] = [
    ({}, {"status_code": 2, "status_message": "RateLimitError: Error code: 429"}, 2, "RateLimitError"),
    ({}, {"status_code": 2, "status_message": "Error code: 429 - slow down"}, 2, "429"),
    (
        {},
        {"status_code": 2, "events": [("exception", 1, {"exception.type": "openai.BadRequestError"})]},
        2,
        "BadRequestError",
    ),
    ({"error.type": "rate_limit_error"}, {}, 2, "rate_limit_error"),
    ({"error.type": "x"}, {"status_code": 1}, 1, None),
    ({"langfuse.observation.level": "ERROR"}, {}, 2, None),
    ({"http.response.status_code": 400}, {}, 2, "400"),
    ({"http.response.status_code": 404}, {"kind": 2}, 0, None),
    ({}, {"events": [("exception", 1, {"exception.type": "E"})]}, 0, None),
    ({}, {"status_code": 2}, 2, None),
]


@pytest.mark.parametrize(("attributes", "fields", "status", "error_type"), ERRORS)
def test_an_evident_failure_is_one_whatever_the_status_says(
    attributes: dict[str, Any], fields: dict[str, Any], status: int, error_type: str | None
) -> None:
    span = normalise(raw({**CHAT, **attributes}, **fields))
    assert (span.status, span.error_type) == (status, error_type)


TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f"}
HANDLED: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"output.value": '{"type":"tool","data":{"content":"no","status":"error"}}'}, {"status_code": 1}, True),
    ({"output.value": '{"type":"tool","data":{"content":"ok","status":"success"}}'}, {"status_code": 1}, False),
    ({"traceloop.entity.output": '{"output":{"lc":1,"kwargs":{"status":"error"}}}'}, {}, True),
    ({"langfuse.observation.output": '{"content":"x","status":"error"}'}, {}, True),
    ({"gen_ai.tool.call.result": {"isError": True, "content": []}}, {}, True),
    ({"gen_ai.tool.call.result": "an error occurred"}, {}, False),
    ({"gen_ai.tool.status": "error"}, {}, True),
    ({"error.type": "tool_error"}, {"status_code": 1}, True),
    ({}, {"status_code": 1, "events": [("exception", 1, {"exception.type": "ValueError"})]}, True),
    ({"gen_ai.tool.call.result": '{"status":"error"'}, {}, False),
    ({}, {}, False),
]


@pytest.mark.parametrize(("attributes", "fields", "is_failed"), HANDLED)
def test_a_tool_error_that_was_handled_is_still_one(
    attributes: dict[str, Any], fields: dict[str, Any], is_failed: bool
) -> None:
    span = normalise(raw({**TOOL, **attributes}, **fields))
    assert (span.status == 2) is is_failed
    assert span.flags & TOOL_EXECUTION


@pytest.mark.parametrize(
    ("attributes", "fields"),
    [
        ({}, {"status_code": 2, "events": [("exception", 1, {"exception.type": "openai.APITimeoutError"})]}),
        ({}, {"status_code": 2, "status_message": "Request timed out."}),
        ({"http.response.status_code": 504}, {}),
        ({"error.type": "TimeoutError"}, {}),
    ],
)
def test_timeouts_are_flagged(attributes: dict[str, Any], fields: dict[str, Any]) -> None:
    assert normalise(raw({**CHAT, **attributes}, **fields)).flags & TIMEOUT


@pytest.mark.parametrize(
    ("attributes", "flag"),
    [
        ({"llm.is_streaming": "True"}, STREAMING),
        ({"llm.invocation_parameters": '{"stream":true}'}, STREAMING),
        ({"ai.operationId": "ai.streamText.doStream"}, STREAMING),
        ({"metadata": '{"cache_hit":true}'}, RESPONSE_CACHE_HIT),
        ({"hidden_params": '{"cache_hit":"True"}'}, RESPONSE_CACHE_HIT),
    ],
)
def test_flags_that_attributes_earn(attributes: dict[str, Any], flag: int) -> None:
    assert normalise(raw(attributes)).flags & flag
    assert not normalise(raw({"llm.is_streaming": "False"})).flags & flag


def test_a_model_name_after_a_failure_is_what_was_asked_for() -> None:
    span = normalise(raw({"openinference.span.kind": "LLM", "llm.model_name": "m"}, status_code=2))
    assert (span.request_model, span.response_model) == ("m", None)


def test_tool_names_on_a_chat_span_are_none_of_its_own() -> None:
    span = normalise(raw({**CHAT, "gen_ai.tool.name": "a, b", "gen_ai.tool.call.id": "1, 2"}))
    assert (span.tool_name, span.tool_call_id) == (None, None)


@pytest.mark.parametrize(
    ("name", "attributes", "tool"),
    [
        ("search", {"langfuse.observation.type": "tool"}, "search"),
        ("execute_tool search", {"gen_ai.operation.name": "execute_tool"}, "search"),
        ("search.tool", {"traceloop.span.kind": "tool", "traceloop.entity.name": "search"}, "search"),
        ("SimpleTool", {"openinference.span.kind": "TOOL", "tool.name": "get_weather"}, "get_weather"),
    ],
)
def test_a_tool_has_a_name(name: str, attributes: dict[str, Any], tool: str) -> None:
    assert normalise(raw(attributes, name=name)).tool_name == tool


def test_resource_says_who_and_where_and_the_span_may_say_otherwise() -> None:
    there = resource(
        service__name="bot", service__version="1.4", deployment__environment="old", vcs__ref__head__revision="0a1b"
    )
    span = normalise(raw({}, resource=there))
    assert (span.service, span.service_version, span.environment) == ("bot", "1.4", "old")
    assert span.flags & IDENTITY_INHERITED
    assert dict(span.version_part.parts) == {"service_version": "1.4", "revision": "0a1b"}
    both = resource(service__name="bot", deployment__environment="old", deployment__environment__name="new")
    assert normalise(raw({}, resource=both)).environment == "new"
    assert normalise(raw({"deployment.environment": "mine"}, resource=both)).environment == "mine"
    assert identity(both) == ("bot", None, "new")
    assert identity(resource()) == ("unknown_service", None, None)


def test_a_release_name_is_the_version_where_the_service_has_none() -> None:
    assert normalise(raw({}, resource=resource(langfuse__release="rel-1"))).service_version == "rel-1"
    both = resource(langfuse__release="rel-1", service__version="2")
    assert normalise(raw({"langfuse.release": "rel-1"}, resource=both)).service_version == "2"


def test_the_same_tools_have_one_hash_in_every_spelling() -> None:
    openai = '[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}]'
    otel = '[ {"type":"function","name":"f","description":"d","parameters":{"type": "object"}} ]'
    vercel = ['{"type":"function","name":"f","description":"d","inputSchema":{"type":"object"}}']
    flat = {"llm.tools.0.tool.json_schema": json.loads(openai)[0] and json.dumps(json.loads(openai)[0])}
    spans = [{"gen_ai.tool.definitions": openai}, {"gen_ai.tool.definitions": otel}, {"ai.prompt.tools": vercel}, flat]
    assert len({dict(normalise(raw(one)).version_part.parts)["tools"] for one in spans}) == 1


def test_equal_content_is_one_object() -> None:
    one, two = (normalise(raw({**CHAT, "gen_ai.usage.input_tokens": n})) for n in (1, 2))
    assert one.provenance is two.provenance
    assert one.version_part is two.version_part
