"""Vercel AI SDK up to 6 (scope `ai`): `ai.*`, `operation.name`. Version 7 speaks OTel GenAI (scope `gen_ai`)."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import BAD, count, milliseconds, money, nested, text, unjson, whole
from ingest.conventions.fields import Blob, Row
from ingest.conventions.vocabulary import finish_reasons, provider

_WRAPPERS = {
    **dict.fromkeys(("ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject"), "agent"),
    **dict.fromkeys(("ai.embed", "ai.embedMany"), "task"),
    "ai.toolCall": "tool",
}
_SUFFIXES = {".doGenerate": "chat", ".doStream": "chat", ".doEmbed": "embedding", ".doRerank": "rerank"}
Hits = list[tuple[int, int, Any, str]]


def operation(value: Any) -> str | None:
    """`ai.operationId`, or `operation.name` up to its first space (the SDK appends the function's id)."""
    if type(value) is not str or not value.startswith("ai."):
        return None
    name = value.split(" ", 1)[0]
    for suffix, meaning in _SUFFIXES.items():
        if name.endswith(suffix):
            return meaning
    return _WRAPPERS.get(name)


def streams(value: Any) -> bool | None:
    return True if type(value) is str and "stream" in value.split(" ", 1)[0].lower() else None


def provider_metadata(value: Any) -> Hits:
    """Cache tokens that only the provider's own metadata names."""
    found = unjson(value)
    reads = (
        ("openai", "cachedPromptTokens"),
        ("anthropic", "usage", "cache_read_input_tokens"),
        ("bedrock", "usage", "cacheReadInputTokens"),
    )
    writes = (("anthropic", "cacheCreationInputTokens"), ("bedrock", "usage", "cacheWriteInputTokens"))
    return [*_counts(found, f.CACHE_READ, reads), *_counts(found, f.CACHE_CREATION, writes)]


def _counts(found: Any, field: int, paths: tuple[tuple[str, ...], ...]) -> Hits:
    counts = ((count(nested(found, *path)), ".".join(path)) for path in paths)
    return [(field, 120, number, name) for number, name in counts if number is not None and number is not BAD]


_METADATA = "ai.telemetry.metadata."

ROWS = [
    Row(f.OPERATION, 70, "ai.operationId", operation),
    Row(f.OPERATION, 72, "operation.name", operation),
    Row(f.PROVIDER, 80, "ai.model.provider", provider),
    Row(f.REQUEST_MODEL, 40, "ai.model.id", text),
    Row(f.RESPONSE_MODEL, 30, "ai.response.model", text),
    Row(f.INPUT, 50, "ai.usage.inputTokens", count),
    Row(f.INPUT, 52, "ai.usage.promptTokens", count),
    Row(f.INPUT, 54, "ai.usage.tokens", count),
    Row(f.OUTPUT, 50, "ai.usage.outputTokens", count),
    Row(f.OUTPUT, 52, "ai.usage.completionTokens", count),
    Row(f.TOTAL, 40, "ai.usage.totalTokens", count),
    Row(f.CACHE_READ, 60, "ai.usage.cachedInputTokens", count),
    Row(f.CACHE_READ, 62, "ai.usage.inputTokenDetails.cacheReadTokens", count),
    Row(f.CACHE_CREATION, 90, "ai.usage.inputTokenDetails.cacheWriteTokens", count),
    Row(f.REASONING, 50, "ai.usage.reasoningTokens", count),
    Row(f.REASONING, 52, "ai.usage.outputTokenDetails.reasoningTokens", count),
    Row(f.COST, 70, "ai.usage.cost", money),
    Row(f.TTFT, 30, "ai.response.msToFirstChunk", milliseconds),
    Row(f.TTFT, 32, "ai.stream.msToFirstChunk", milliseconds),
    Row(f.STREAMS, 70, "ai.operationId", streams),
    Row(f.STREAMS, 72, "operation.name", streams),
    Row(f.FINISH, 60, "ai.response.finishReason", finish_reasons),
    Row(f.FINISH, 62, "ai.finishReason", finish_reasons),
    Row(f.TOOL_NAME, 30, "ai.toolCall.name", text),
    Row(f.TOOL_CALL_ID, 40, "ai.toolCall.id", text),
    Row(f.TOOL_RESULT, 30, "ai.toolCall.output", whole),
    Row(f.TOOL_RESULT, 32, "ai.toolCall.result", whole),
    Row(f.TOOLS, 40, "ai.prompt.tools", whole),
    Row(f.AGENT_NAME, 70, "ai.telemetry.functionId", text),
    Row(f.SESSION, 13, _METADATA + "sessionId", text),
    Row(f.SESSION, 52, _METADATA + "conversationId", text),
    Row(f.SESSION, 14, _METADATA + "session_id", text),
    Row(f.SESSION, 56, _METADATA + "threadId", text),
    Row(f.USER, 50, _METADATA + "userId", text),
    Row(f.USER, 52, _METADATA + "user_id", text),
    Row(f.TENANT, 24, _METADATA + "tenant", text),
    Row(f.TENANT, 25, _METADATA + "tenantId", text),
    Row(f.TENANT, 26, _METADATA + "tenant_id", text),
    Row(f.RAG_INDEX, 22, _METADATA + "indexVersion", text),
    Row(f.RAG_INDEX, 24, _METADATA + "index_version", text),
    Row(f.PROMPT_NAME, 60, _METADATA + "promptName", text),
    Row(f.PROMPT_VERSION, 60, _METADATA + "promptVersion", text),
    Row(f.RESPONSE_ID, 20, "ai.response.id", text),
]
BLOBS = [Blob("ai.response.providerMetadata", provider_metadata)]
