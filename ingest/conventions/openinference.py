"""OpenInference (Arize): `openinference.span.kind`, `llm.*`, `tool.*`, `metadata` (openinference.*, @arizeai/*)."""

from collections.abc import Callable
from typing import Any

import msgspec

from ingest.conventions import fields as f
from ingest.conventions.coerce import boolean, count, money, one_of, present, text, texts, unjson, whole
from ingest.conventions.fields import AMBIGUOUS_MODEL, Blob, Row
from ingest.conventions.vocabulary import finish_reasons, provider

# "chain" is settled by `meaning`: a workflow at the root, else a task.
KINDS = {
    "LLM": "chat",
    "EMBEDDING": "embedding",
    "CHAIN": "chain",
    "AGENT": "agent",
    "TOOL": "tool",
    "RETRIEVER": "retrieval",
    "RERANKER": "rerank",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "PROMPT": "prompt",
}
TOOLS_MAX = 128

Hits = list[tuple[int, int, Any, str]]


def prepares(scope: str, name: str) -> bool:
    """LlamaIndex spans say LLM for every method of a model class; its private methods only prepare or wrap a call."""
    return scope.endswith("llama_index") and name.rsplit(".", 1)[-1].startswith("_")


_METADATA_FIELDS: dict[str, tuple[int, int, Callable[[Any], Any]]] = {  # the keys of `metadata` that have a meaning
    "session_id": (f.SESSION, 17, text),
    "thread_id": (f.SESSION, 82, text),
    "conversation_id": (f.SESSION, 84, text),
    "user_id": (f.USER, 110, text),
    "tenant": (f.TENANT, 50, text),
    "tenant_id": (f.TENANT, 52, text),
    "lc_agent_name": (f.AGENT_NAME, 50, text),
    "index_version": (f.RAG_INDEX, 30, text),
    "ls_vector_store_provider": (f.DATA_SOURCE, 80, text),
    "prompt_name": (f.PROMPT_NAME, 90, text),
    "prompt_version": (f.PROMPT_VERSION, 90, text),
    "cache_hit": (f.RESPONSE_CACHE, 60, boolean),
    "ls_provider": (f.PROVIDER, 60, provider),
    "ls_model_name": (f.REQUEST_MODEL, 76, text),
}


def metadata(value: Any) -> Hits:
    """The JSON object `metadata` (or a native one) -> the fields that its keys stand for."""
    found = value if isinstance(value, dict) else unjson(value)
    if not isinstance(found, dict):
        return []
    hits: Hits = []
    for key, got in found.items():
        rule = _METADATA_FIELDS.get(key)
        usable = rule[2](got) if rule is not None else None
        if rule is not None and usable is not None:
            hits.append((rule[0], rule[1], usable, key))
    return hits


class _Invocation(msgspec.Struct):
    model: Any = None
    model_name: Any = None
    stream: Any = None


_decode_invocation = msgspec.json.Decoder(_Invocation).decode
_seen_invocations: dict[str, Hits] = {}  # a program asks with the same few parameters again and again
_SEEN_CHARS, _SEEN_MAX = 512, 1_024


def invocation(value: Any) -> Hits:
    """`llm.invocation_parameters`: the model that was asked for and whether it was to stream."""
    if type(value) is not str or value[:1] != "{":
        return []
    hits = _seen_invocations.get(value)
    if hits is None:
        hits = _invocation(value)
        if len(value) <= _SEEN_CHARS:
            if len(_seen_invocations) >= _SEEN_MAX:
                _seen_invocations.clear()
            _seen_invocations[value] = hits
    return hits


def _invocation(value: str) -> Hits:
    try:
        found = _decode_invocation(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [(f.INVOCATION, 10, True, "")]
    hits: Hits = [(f.INVOCATION, 10, True, "")]
    model = text(found.model) or text(found.model_name)
    if model is not None:
        hits.append((f.REQUEST_MODEL, 30, model, "model"))
    streams = boolean(found.stream)
    if streams is not None:
        hits.append((f.STREAMS, 40, streams, "stream"))
    return hits


ROWS = [
    Row(f.OPERATION, 20, "openinference.span.kind", one_of({**KINDS, **{k.lower(): v for k, v in KINDS.items()}})),
    Row(f.PROVIDER, 30, "llm.provider", provider),
    Row(f.PROVIDER, 40, "llm.system", provider),
    Row(f.REQUEST_MODEL, 15, "llm.request.model_name", text),
    Row(f.REQUEST_MODEL, 20, "llm.request.model", text),
    Row(f.REQUEST_MODEL, 70, "embedding.model_name", text),
    Row(f.EMBEDDING_MODEL, 10, "embedding.model_name", present),
    Row(f.REQUEST_MODEL, 75, "reranker.model_name", text),
    Row(f.REQUEST_MODEL, 80, "llm.model_name", text),
    Row(f.RESPONSE_MODEL, 20, "llm.response.model_name", text),
    Row(f.RESPONSE_MODEL, 25, "llm.response.model", text),
    Row(f.RESPONSE_MODEL, AMBIGUOUS_MODEL, "llm.model_name", text),
    Row(f.INPUT, 40, "llm.token_count.prompt", count),
    Row(f.OUTPUT, 40, "llm.token_count.completion", count),
    Row(f.TOTAL, 30, "llm.token_count.total", count),
    Row(f.CACHE_READ, 40, "llm.token_count.prompt_details.cache_read", count),
    Row(f.CACHE_READ, 41, "llm.token_count.prompt_details.cache_input", count),
    Row(f.CACHE_CREATION, 70, "llm.token_count.prompt_details.cache_write", count),
    Row(f.REASONING, 40, "llm.token_count.completion_details.reasoning", count),
    Row(f.AUDIO_INPUT, 20, "llm.token_count.prompt_details.audio", count),
    Row(f.AUDIO_OUTPUT, 20, "llm.token_count.completion_details.audio", count),
    Row(f.COST, 20, "llm.cost.total", money),
    Row(f.INPUT_COST, 20, "llm.cost.prompt", money),
    Row(f.OUTPUT_COST, 20, "llm.cost.completion", money),
    Row(f.STREAMS, 60, "llm.is_streaming", boolean),
    Row(f.FINISH, 40, "llm.finish_reason", finish_reasons),
    Row(f.TOOL_NAME, 20, "tool.name", text),
    Row(f.TOOL_CALL_ID, 20, "tool.id", text),
    Row(f.TOOL_CALL_ID, 30, "tool_call.id", text),
    Row(f.TOOL_CALL_ID, 60, "message.tool_call_id", text),
    Row(f.TOOL_RESULT, 40, "output.value", whole),
    Row(f.OUTPUT_BODY, 10, "output.value", whole),
    *(Row(f.TOOLS, 20, f"llm.tools.{n}.tool.json_schema", whole) for n in range(TOOLS_MAX)),
    Row(f.AGENT_NAME, 20, "agent.name", text),
    Row(f.AGENT_NAME, 40, "graph.node.name", text),
    Row(f.AGENT_NAME, 42, "graph.node.id", text),
    Row(f.SESSION, 10, "session.id", text),
    Row(f.USER, 10, "user.id", text),
    Row(f.USER, 95, "llm.user", text),
    Row(f.RESPONSE_ID, 30, "llm.response.id", text),
    Row(f.TEMPLATE_VERSION, 10, "llm.prompt_template.version", text),
    Row(f.PROMPT_NAME, 50, "prompt.id", text),
    Row(f.COMPLETION_PROMPTS, 10, "llm.prompts.0.prompt.text", present),
    Row(f.COMPLETION_PROMPTS, 11, "llm.prompts.0", present),
    Row(f.COMPLETION_PROMPTS, 12, "llm.prompts", texts),
    Row(f.RESPONSE_CACHE, 20, "llm.cache.hit", boolean),
]
BLOBS = [Blob("metadata", metadata), Blob("llm.invocation_parameters", invocation)]
