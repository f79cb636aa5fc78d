"""OpenTelemetry GenAI semantic conventions, every revision seen: attributes of spans, resources and old spellings."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import boolean, count, number, one_of, present, seconds, text, whole
from ingest.conventions.fields import Row
from ingest.conventions.vocabulary import finish_reasons, provider

OPERATIONS = {
    **dict.fromkeys(("chat", "generate_content", "responses", "aresponses", "converse", "converse_stream"), "chat"),
    **dict.fromkeys(("text_completion", "completion", "generate", "acompletion", "atext_completion"), "completion"),
    **dict.fromkeys(("chat.completions", "chat.streaming_completions"), "chat"),  # Semantic Kernel
    **dict.fromkeys(("text.completions", "text.streaming_completions"), "completion"),
    **dict.fromkeys(("embeddings", "embedding", "aembedding"), "embedding"),
    **dict.fromkeys(("invoke_agent", "create_agent"), "agent"),
    "invoke_workflow": "workflow",
    **dict.fromkeys(("plan", "execute_task", "agent_step", "execute_event_loop_cycle"), "task"),
    "execute_tool": "tool",
    **dict.fromkeys(("retrieval", "vector_db_retrieve"), "retrieval"),
    **dict.fromkeys(("rerank", "arerank"), "rerank"),
    **dict.fromkeys(("guardrail_check", "apply_guardrail"), "guardrail"),
    **dict.fromkeys(("agent_handoff", "handoff"), "handoff"),
}
CONSTANT_AGENT = "OpenAI Agent"  # what opentelemetry openai-agents-v2 calls the agent on every span but the agent's own
_named_operation = one_of(OPERATIONS)


def operation(value: Any) -> str | None:
    """`gen_ai.operation.name`; any name of a memory operation; unknown names leave the question to the next rule."""
    known = _named_operation(value)
    if known is None and type(value) is str and value.endswith(("_memory", "_memory_store")):
        return "memory"
    return known


def conversation(value: Any) -> str | None:
    """`gen_ai.conversation.id`, unless it is the id of OpenAI's previous answer, which changes with every call."""
    found = text(value)
    return None if found is not None and found.startswith("resp_") else found


# Session: what an application calls its session (ranks 10 to 19, each dialect its own) goes before conversation and
# thread ids: an emitter may send both, and then the conversation is a thread of its framework.
ROWS = [
    Row(f.OPERATION, 50, "gen_ai.operation.name", operation),
    Row(f.PROVIDER, 10, "gen_ai.provider.name", provider),
    Row(f.PROVIDER, 20, "gen_ai.system", provider),
    Row(f.REQUEST_MODEL, 10, "gen_ai.request.model", text),
    Row(f.RESPONSE_MODEL, 10, "gen_ai.response.model", text),
    Row(f.INPUT, 10, "gen_ai.usage.input_tokens", count),
    Row(f.INPUT, 20, "gen_ai.usage.prompt_tokens", count),
    Row(f.OUTPUT, 10, "gen_ai.usage.output_tokens", count),
    Row(f.OUTPUT, 20, "gen_ai.usage.completion_tokens", count),
    Row(f.TOTAL, 10, "gen_ai.usage.total_tokens", count),
    Row(f.CACHE_READ, 10, "gen_ai.usage.cache_read.input_tokens", count),
    Row(f.CACHE_READ, 20, "gen_ai.usage.cache_read_input_tokens", count),
    Row(f.CACHE_READ, 30, "gen_ai.usage.details.cache_read_tokens", count),
    Row(f.CACHE_READ, 31, "gen_ai.usage.details.cache_read_input_tokens", count),
    Row(f.CACHE_READ, 32, "gen_ai.usage.details.cached_tokens", count),
    Row(f.CACHE_CREATION, 10, "gen_ai.usage.cache_creation.input_tokens", count),
    Row(f.CACHE_CREATION, 20, "gen_ai.usage.cache_write.input_tokens", count),
    Row(f.CACHE_CREATION, 30, "gen_ai.usage.cache_creation_input_tokens", count),
    Row(f.CACHE_CREATION, 40, "gen_ai.usage.cache_write_input_tokens", count),
    Row(f.CACHE_CREATION, 50, "gen_ai.usage.cache_write_tokens", count),
    Row(f.CACHE_CREATION, 60, "gen_ai.usage.details.cache_write_tokens", count),
    Row(f.CACHE_CREATION, 61, "gen_ai.usage.details.cache_creation_input_tokens", count),
    Row(f.CACHE_CREATION_5M, 10, "gen_ai.usage.cache_creation.ephemeral_5m_input_tokens", count),
    Row(f.CACHE_CREATION_1H, 10, "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens", count),
    Row(f.CACHE_CREATION_5M, 20, "gen_ai.usage.details.ephemeral_5m_input_tokens", count),
    Row(f.CACHE_CREATION_1H, 20, "gen_ai.usage.details.ephemeral_1h_input_tokens", count),
    Row(f.REASONING, 10, "gen_ai.usage.reasoning.output_tokens", count),
    Row(f.REASONING, 20, "gen_ai.usage.reasoning_tokens", count),
    Row(f.REASONING, 30, "gen_ai.usage.details.reasoning_tokens", count),
    Row(f.AUDIO_INPUT, 10, "gen_ai.usage.audio.input_tokens", count),
    Row(f.AUDIO_OUTPUT, 10, "gen_ai.usage.audio.output_tokens", count),
    Row(f.TTFT, 10, "gen_ai.response.time_to_first_chunk", seconds),
    Row(f.TTFT, 20, "gen_ai.client.operation.time_to_first_chunk", seconds),
    Row(f.SERVER_TTFT, 10, "gen_ai.server.time_to_first_token", number),
    Row(f.STREAMS, 10, "gen_ai.request.stream", boolean),
    Row(f.FINISH, 10, "gen_ai.response.finish_reasons", finish_reasons),
    Row(f.FINISH, 20, "gen_ai.response.finish_reason", finish_reasons),
    Row(f.FINISH, 30, "gen_ai.response.stop_reason", finish_reasons),
    Row(f.OUTPUT_MESSAGES, 10, "gen_ai.output.messages", whole),
    Row(f.TOOL_NAME, 10, "gen_ai.tool.name", text),
    Row(f.TOOL_CALL_ID, 10, "gen_ai.tool.call.id", text),
    Row(f.TOOL_RESULT, 10, "gen_ai.tool.call.result", whole),
    Row(f.TOOLS, 10, "gen_ai.tool.definitions", whole),
    Row(f.TOOLS, 80, "gen_ai.agent.tools", whole),
    Row(f.AGENT_NAME, 10, "gen_ai.agent.name", text),
    Row(f.AGENT_VERSION, 10, "gen_ai.agent.version", text),
    Row(f.SESSION, f.THREAD, "gen_ai.conversation.id", conversation),
    Row(f.SESSION, 100, "gen_ai.thread.id", text),
    Row(f.USER, 80, "gen_ai.user", text),
    Row(f.USER, 90, "gen_ai.request.user", text),
    Row(f.RESPONSE_ID, 10, "gen_ai.response.id", text),
    Row(f.PROMPT_NAME, 10, "gen_ai.prompt.name", text),
    Row(f.PROMPT_VERSION, 10, "gen_ai.prompt.version", text),
    Row(f.DATA_SOURCE, 10, "gen_ai.data_source.id", text),
    Row(f.RETRIES, 10, "gen_ai.request.retry_count", count),
    Row(f.RESPONSE_CACHE, 10, "gen_ai.cache.hit", boolean),
    Row(f.ERROR_TYPE, 10, "error.type", text),
    Row(f.HTTP_STATUS, 10, "http.response.status_code", count),
    Row(f.HTTP_STATUS, 20, "http.status_code", count),
    Row(f.HTTP_METHOD, 10, "http.request.method", present),
    Row(f.HTTP_METHOD, 20, "http.method", present),
    Row(f.DB_SYSTEM, 10, "db.system.name", text),
    Row(f.DB_SYSTEM, 20, "db.system", text),
    Row(f.DB_OPERATION, 10, "db.operation.name", text),
    Row(f.DB_OPERATION, 20, "db.operation", text),
    Row(f.DATA_SOURCE, 20, "db.collection.name", text),
    Row(f.DATA_SOURCE, 30, "db.namespace", text),
]
