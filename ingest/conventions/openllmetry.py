"""OpenLLMetry and the Traceloop SDK: `traceloop.*`, old `llm.usage.*` and `llm.request.type`."""

from ingest.conventions import fields as f
from ingest.conventions.answer import said_usage
from ingest.conventions.coerce import boolean, count, one_of, text, whole
from ingest.conventions.fields import Blob, Row
from ingest.conventions.otel_genai import operation
from ingest.conventions.vocabulary import finish_reasons

SPAN_KINDS = {"workflow": "workflow", "task": "task", "agent": "agent", "tool": "tool", "handoff": "handoff"}
_PROPERTIES = "traceloop.association.properties."

ROWS = [
    Row(f.OPERATION, 60, "traceloop.span.kind", one_of(SPAN_KINDS)),
    Row(f.OPERATION, 90, "llm.request.type", operation),
    Row(f.INPUT, 30, "llm.usage.prompt_tokens", count),
    Row(f.OUTPUT, 30, "llm.usage.completion_tokens", count),
    Row(f.TOTAL, 20, "llm.usage.total_tokens", count),
    Row(f.CACHE_READ, 50, "llm.usage.cache_read_input_tokens", count),
    Row(f.CACHE_CREATION, 80, "llm.usage.cache_creation_input_tokens", count),
    Row(f.STREAMS, 20, "gen_ai.is_streaming", boolean),
    Row(f.FINISH, 50, "llm.response.finish_reason", finish_reasons),
    Row(f.FINISH, 80, "gen_ai.completion.0.finish_reason", finish_reasons),
    Row(f.TOOL_RESULT, 60, "traceloop.entity.output", whole),
    Row(f.TOOLS, 30, "llm.request.functions", whole),
    *(
        Row(f.TOOLS, 30, f"llm.request.functions.{n}.{part}", whole)
        for n in range(64)
        for part in ("name", "parameters")
    ),
    Row(f.AGENT_VERSION, 40, "traceloop.entity.version", text),
    Row(f.SESSION, 12, _PROPERTIES + "session_id", text),
    Row(f.SESSION, 42, _PROPERTIES + "thread_id", text),
    Row(f.SESSION, 44, _PROPERTIES + "conversation_id", text),
    Row(f.USER, 40, _PROPERTIES + "user_id", text),
    Row(f.TENANT, 20, _PROPERTIES + "tenant", text),
    Row(f.TENANT, 22, _PROPERTIES + "tenant_id", text),
    Row(f.ENVIRONMENT, 40, _PROPERTIES + "environment", text),
    Row(f.RAG_INDEX, 20, _PROPERTIES + "index_version", text),
    Row(f.PROMPT_NAME, 30, "traceloop.prompt.key", text),
    Row(f.PROMPT_VERSION, 30, "traceloop.prompt.version", text),
    Row(f.PROMPT_VERSION, 32, "traceloop.prompt.version_name", text),
    Row(f.PROMPT_VERSION, 34, "traceloop.prompt.version_hash", text),
]
BLOBS = [Blob("crewai.crew.token_usage", said_usage)]
