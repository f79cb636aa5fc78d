"""LangSmith over OpenTelemetry (scope langsmith). Its own kind goes before its `gen_ai.operation.name`, which errs."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import BAD, count, nested, one_of, text, unjson, whole
from ingest.conventions.fields import Blob, Row
from ingest.conventions.vocabulary import provider

KINDS = {
    "llm": "chat",
    "tool": "tool",
    "retriever": "retrieval",
    "embedding": "embedding",
    "chain": "task",
    "prompt": "task",
    "parser": "task",
}
_METADATA = "langsmith.metadata."


def usage_metadata(value: Any) -> list[tuple[int, int, Any, str]]:
    """JSON `usage_metadata` of LangChain: inclusive counts with details."""
    usage = unjson(value)
    paths = (
        (f.INPUT, "input_tokens"),
        (f.OUTPUT, "output_tokens"),
        (f.TOTAL, "total_tokens"),
        (f.CACHE_READ, "input_token_details.cache_read"),
        (f.CACHE_CREATION, "input_token_details.cache_creation"),
        (f.REASONING, "output_token_details.reasoning"),
        (f.AUDIO_INPUT, "input_token_details.audio"),
        (f.AUDIO_OUTPUT, "output_token_details.audio"),
    )
    found = ((field, count(nested(usage, *path.split("."))), path) for field, path in paths)
    return [(field, 100, number, path) for field, number, path in found if number is not None and number is not BAD]


# `langsmith.trace.session_name` and `.session_id` are the LangSmith project, never a session.
ROWS = [
    Row(f.OPERATION, 30, "langsmith.span.kind", one_of(KINDS)),
    Row(f.PROVIDER, 55, _METADATA + "ls_provider", provider),
    Row(f.REQUEST_MODEL, 50, _METADATA + "ls_model_name", text),
    Row(f.SESSION, 15, _METADATA + "session_id", text),
    Row(f.SESSION, 62, _METADATA + "thread_id", text),
    Row(f.SESSION, 64, _METADATA + "conversation_id", text),
    Row(f.USER, 60, _METADATA + "user_id", text),
    Row(f.TENANT, 27, _METADATA + "tenant", text),
    Row(f.TENANT, 28, _METADATA + "tenant_id", text),
    Row(f.RAG_INDEX, 26, _METADATA + "index_version", text),
    Row(f.DATA_SOURCE, 75, _METADATA + "ls_vector_store_provider", text),
    Row(f.AGENT_NAME, 54, _METADATA + "lc_agent_name", text),
    Row(f.PROMPT_NAME, 70, _METADATA + "lc_hub_repo", text),
    Row(f.PROMPT_VERSION, 70, _METADATA + "lc_hub_commit_hash", text),
    Row(f.TOOL_RESULT, 80, "gen_ai.completion", whole),
    Row(f.OUTPUT_BODY, 30, "gen_ai.completion", whole),
    Row(f.TOOL_CALL_ID, 55, _METADATA + "tool_call_id", text),
]
BLOBS = [Blob(_METADATA + "usage_metadata", usage_metadata)]
