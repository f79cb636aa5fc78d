"""Langfuse SDK (scope langfuse-sdk): `langfuse.observation.*`, `langfuse.trace.*`; metadata values are JSON-encoded."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import BAD, constant, count, json_text, money, nested, one_of, text, unjson, whole
from ingest.conventions.fields import AMBIGUOUS_MODEL, WEAK, Blob, Row
from ingest.conventions.vocabulary import finish_reasons, provider

# span, event: fall through. An SDK up to 3.3.0 calls a generation `span`: see the two rows of rank 15 below.
TYPES = {
    "generation": "chat",
    "embedding": "embedding",
    "agent": "agent",
    "tool": "tool",
    "chain": "task",
    "retriever": "retrieval",
    "guardrail": "guardrail",
    "evaluator": "evaluator",
}
Hits = list[tuple[int, int, Any, str]]


def _first(usage: dict[str, Any], *names: str) -> Any:
    for name in names:
        found = count(nested(usage, *name.split(".")))
        if found is not None and found is not BAD:
            return found
    return None


def usage_details(value: Any) -> Hits:
    """JSON `usage_details`: the provider's own usage (inclusive), or Langfuse's own keys, where details are apart.

    With Langfuse's keys (`input`, `output`, `total`) the LangChain handler takes every detail out of `input` and
    `output`; that is told by the total, since others write the same keys inclusively.
    """
    usage = unjson(value)
    if not isinstance(usage, dict):
        return []
    found = {
        f.INPUT: _first(usage, "prompt_tokens", "input_tokens", "input"),
        f.OUTPUT: _first(usage, "completion_tokens", "output_tokens", "output"),
        f.TOTAL: _first(usage, "total_tokens", "total"),
        f.CACHE_READ: _first(
            usage,
            "input_cache_read",
            "input_cached_tokens",
            "cache_read_input_tokens",
            "prompt_tokens_details.cached_tokens",
            "input_tokens_details.cached_tokens",
        ),
        f.CACHE_CREATION: _first(usage, "input_cache_creation", "cache_creation_input_tokens"),
        f.CACHE_CREATION_5M: _first(usage, "input_cache_creation_5m"),
        f.CACHE_CREATION_1H: _first(usage, "input_cache_creation_1h"),
        f.REASONING: _first(
            usage,
            "output_reasoning",
            "output_reasoning_tokens",
            "completion_tokens_details.reasoning_tokens",
            "output_tokens_details.reasoning_tokens",
        ),
        f.AUDIO_INPUT: _first(usage, "input_audio", "prompt_tokens_details.audio_tokens"),
        f.AUDIO_OUTPUT: _first(usage, "output_audio", "completion_tokens_details.audio_tokens"),
    }
    if "input" in usage and "output" in usage:
        found |= _apart(usage, found)
    return [(field, 80, number, f.NAMES[field]) for field, number in found.items() if number is not None]


def _apart(usage: dict[str, Any], found: dict[int, Any]) -> dict[int, Any]:
    """Input and output with their details added, when only that agrees with the total."""
    details_in = sum(_first(usage, key) or 0 for key in usage if key.startswith("input_"))
    details_out = sum(_first(usage, key) or 0 for key in usage if key.startswith("output_"))
    given_in, given_out, total = found[f.INPUT], found[f.OUTPUT], found[f.TOTAL]
    if None in (given_in, given_out, total) or given_in + given_out == total:
        return {}
    if given_in + given_out + details_in + details_out != total:
        return {}
    return {f.INPUT: given_in + details_in, f.OUTPUT: given_out + details_out, f.EXCLUSIVE_USAGE: True}


def cost_details(value: Any) -> Hits:
    """JSON `cost_details`: the total, else the sum of its parts (nano-USD)."""
    costs = unjson(value)
    if not isinstance(costs, dict):
        return []
    amounts = {key: got for key, raw in costs.items() if isinstance(got := money(raw), int)}
    total = amounts.get("total", sum(amounts.values()) if amounts else None)
    return [] if total is None else [(f.COST, 10, total, "total" if "total" in amounts else "sum of parts")]


def _metadata(prefix: str, rank: int) -> list[Row]:
    return [
        Row(f.SESSION, 18 + rank, prefix + "session_id", json_text),
        Row(f.SESSION, 92 + rank, prefix + "thread_id", json_text),
        Row(f.SESSION, 94 + rank, prefix + "conversation_id", json_text),
        Row(f.USER, 120 + rank, prefix + "user_id", json_text),
        Row(f.TENANT, 30 + rank, prefix + "tenant", json_text),
        Row(f.TENANT, 32 + rank, prefix + "tenant_id", json_text),
        Row(f.RAG_INDEX, 40 + rank, prefix + "index_version", json_text),
        Row(f.DATA_SOURCE, 70 + rank, prefix + "ls_vector_store_provider", json_text),
        Row(f.AGENT_NAME, 52 + rank, prefix + "lc_agent_name", json_text),
    ]


ROWS = [
    Row(f.OPERATION, 10, "langfuse.observation.type", one_of(TYPES)),
    Row(f.OPERATION, 15, "langfuse.observation.model.name", constant("chat")),
    Row(f.OPERATION, 15, "langfuse.observation.usage_details", constant("chat")),
    Row(f.PROVIDER, 50, "langfuse.observation.metadata.ls_provider", lambda value: provider(unjson(value))),
    Row(f.REQUEST_MODEL, 82, "langfuse.observation.model.name", text),
    Row(f.RESPONSE_MODEL, AMBIGUOUS_MODEL + 2, "langfuse.observation.model.name", text),
    Row(f.REQUEST_MODEL, 78, "langfuse.observation.metadata.ls_model_name", json_text),
    Row(f.COMPLETION_START, 10, "langfuse.observation.completion_start_time", json_text),
    Row(f.FINISH, 70, "langfuse.observation.metadata.finish_reason", lambda value: finish_reasons(unjson(value))),
    Row(f.LEVEL, 10, "langfuse.observation.level", text),
    Row(f.TOOL_CALL_ID, 50, "langfuse.observation.metadata.tool_call_id", json_text),
    Row(f.TOOL_RESULT, 50, "langfuse.observation.output", whole),
    Row(f.SESSION, 11, "langfuse.session.id", text),
    Row(f.USER, 30, "langfuse.user.id", text),
    Row(f.ENVIRONMENT, 30, "langfuse.environment", text),
    Row(f.SERVICE_VERSION, 20 + WEAK, "langfuse.release", text),
    Row(f.SERVICE_VERSION, 40 + WEAK, "langfuse.version", text),
    Row(f.PROMPT_NAME, 20, "langfuse.observation.prompt.name", text),
    Row(f.PROMPT_VERSION, 20, "langfuse.observation.prompt.version", text),
    *_metadata("langfuse.observation.metadata.", 0),
    *_metadata("langfuse.trace.metadata.", 1),
]
BLOBS = [
    Blob("langfuse.observation.usage_details", usage_details),
    Blob("langfuse.observation.cost_details", cost_details),
]
