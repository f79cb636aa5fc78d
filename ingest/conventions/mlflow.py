"""MLflow tracing (scope mlflow.*): every attribute of its spans is JSON-encoded once (G3)."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import BAD, boolean, count, json_text, money, nested, one_of, text, unjson, whole
from ingest.conventions.fields import AMBIGUOUS_MODEL, Blob, Row
from ingest.conventions.vocabulary import provider

SCOPE = "mlflow"
TYPES = {
    "CHAT_MODEL": "chat",
    "LLM": "chat",
    "EMBEDDING": "embedding",
    "AGENT": "agent",
    "TOOL": "tool",
    "RETRIEVER": "retrieval",
    "RERANKER": "rerank",
    "CHAIN": "chain",
    "WORKFLOW": "workflow",
    "TASK": "task",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "MEMORY": "memory",
    "PARSER": "task",
}
Hits = list[tuple[int, int, Any, str]]


def token_usage(value: Any) -> Hits:
    """`mlflow.chat.tokenUsage` of one call (`mlflow.trace.tokenUsage` is a roll-up and is never read)."""
    usage = unjson(value)
    names = {
        "input_tokens": f.INPUT,
        "output_tokens": f.OUTPUT,
        "total_tokens": f.TOTAL,
        "cache_read_input_tokens": f.CACHE_READ,
        "cache_creation_input_tokens": f.CACHE_CREATION,
    }
    found = ((field, count(nested(usage, name)), name) for name, field in names.items())
    return [(field, 90, number, name) for field, number, name in found if number is not None and number is not BAD]


def cost(value: Any) -> Hits:
    total = money(nested(value, "total_cost"))
    return [(f.COST, 60, total, "total_cost")] if isinstance(total, int) else []


def inputs(value: Any) -> Hits:
    """`mlflow.spanInputs`: the model that was asked for."""
    model = text(nested(value, "model"))
    return [] if model is None else [(f.REQUEST_MODEL, 60, model, "model")]


def linked_prompts(value: Any) -> Hits:
    prompts = unjson(value)
    first = prompts[0] if isinstance(prompts, list) and prompts else None
    name, version = text(nested(first, "name")), text(nested(first, "version"))
    found = ((f.PROMPT_NAME, name, "name"), (f.PROMPT_VERSION, version, "version"))
    return [(field, 40, value, part) for field, value, part in found if value is not None]


ROWS = [
    Row(f.OPERATION, 40, "mlflow.spanType", one_of({**TYPES, **{k.lower(): v for k, v in TYPES.items()}})),
    Row(f.PROVIDER, 70, "mlflow.llm.provider", lambda value: provider(unjson(value))),
    Row(f.RESPONSE_MODEL, AMBIGUOUS_MODEL + 4, "mlflow.llm.model", json_text),
    Row(f.REQUEST_MODEL, 84, "mlflow.llm.model", json_text),
    Row(f.STREAMS, 80, "stream", boolean),
    Row(f.TOOL_RESULT, 70, "mlflow.spanOutputs", whole),
    Row(f.OUTPUT_BODY, 20, "mlflow.spanOutputs", whole),
    Row(f.TOOLS, 50, "mlflow.chat.tools", whole),
    Row(f.SESSION, 16, "mlflow.trace.session", json_text),
    Row(f.USER, 70, "mlflow.trace.user", json_text),
]
BLOBS = [
    Blob("mlflow.chat.tokenUsage", token_usage),
    Blob("mlflow.llm.cost", cost),
    Blob("mlflow.spanInputs", inputs),
    Blob("mlflow.linkedPrompts", linked_prompts),
]
