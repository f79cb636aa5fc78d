"""One word for what many emitters spell differently: providers, finish reasons."""

from typing import Any, Final

from ingest.conventions.coerce import text, texts

# Frameworks that write their own name where the provider belongs (conventions 2, provider).
_FRAMEWORKS: Final = frozenset(
    [
        "langchain",
        "langgraph",
        "langsmith",
        "strands",
        "strands-agents",
        "strands_agents",
        "microsoft.agent_framework",
        "agent_framework",
        "crewai",
        "llama_index",
        "llamaindex",
        "haystack",
        "dspy",
        "smolagents",
        "autogen",
        "ag2",
        "agno",
        "pydantic-ai",
        "pydantic_ai",
        "openai_agents",
        "openai-agents",
        "gcp.vertex.agent",
        "semantic_kernel",
        "litellm",
        "mlflow",
        "langfuse",
        "vercel",
        "_other",
        "other",
        "unknown",
        "custom",
        "mcp",
    ]
)
_ALIASES: Final = {
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "google.vertex": "gcp.vertex_ai",
    "google_vertexai": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "google": "gcp.gen_ai",
    "google_genai": "gcp.gen_ai",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "az.ai.inference": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
    "aws": "aws.bedrock",
    "aws_bedrock": "aws.bedrock",
    "amazon": "aws.bedrock",
    "xai": "x_ai",
    "x-ai": "x_ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "moonshotai": "moonshot_ai",
    "watsonx": "ibm.watsonx.ai",
}
_PROVIDERS: Final = frozenset(_ALIASES.values()) | frozenset(
    [
        "openai",
        "anthropic",
        "cohere",
        "groq",
        "deepseek",
        "perplexity",
        "together",
        "fireworks",
        "openrouter",
        "ollama",
        "vllm",
        "cerebras",
        "replicate",
        "huggingface",
        "novita",
        "nvidia",
        "databricks",
        "cloudflare",
        "meta",
        "minimax",
        "voyageai",
        "jina",
    ]
)
_UNSEEN: Final[Any] = object()
_seen_providers: dict[str, str | None] = {}


def provider(value: Any) -> str | None:
    """A provider's canonical name: lower case, alias resolved, `openai.chat` cut at its dot, frameworks ignored."""
    if type(value) is not str:
        return None
    found: str | None = _seen_providers.get(value, _UNSEEN)
    if found is _UNSEEN:
        if len(_seen_providers) > 4096:
            _seen_providers.clear()
        found = _seen_providers[value] = _provider(value)
    return found  # type: ignore[no-any-return]


def _provider(value: str) -> str | None:
    name = (text(value) or "").strip('"').lower()
    if not name or name in _FRAMEWORKS:
        return None
    if name in _ALIASES or name in _PROVIDERS:
        return _ALIASES.get(name, name)
    for parts in range(name.count("."), 0, -1):
        prefix = ".".join(name.split(".")[:parts])
        if prefix in _ALIASES or prefix in _PROVIDERS:
            return _ALIASES.get(prefix, prefix)
    return name


def provider_of_model(model: str | None) -> str | None:
    """The provider in front of `provider/model`, when it is one that is known."""
    if not model or "/" not in model:
        return None
    name = provider(model.split("/", 1)[0])
    return name if name in _PROVIDERS else None


_REASONS: Final = {
    **dict.fromkeys(["stop", "end_turn", "stop_sequence", "completed", "complete", "eos", "finish", "stopped"], "stop"),
    **dict.fromkeys(["length", "max_tokens", "max_output_tokens", "model_length", "incomplete"], "length"),
    **dict.fromkeys(["tool_calls", "tool_call", "tool-calls", "tool_use", "function_call", "tool-call"], "tool_calls"),
    **dict.fromkeys(
        [
            "content_filter",
            "content-filter",
            "safety",
            "refusal",
            "recitation",
            "blocklist",
            "prohibited_content",
            "guardrail_intervened",
        ],
        "content_filter",
    ),
    **dict.fromkeys(["error", "failed", "malformed_function_call"], "error"),
}
_seen_reasons: dict[str, str] = {}
_lone_reasons: dict[str, tuple[str, ...] | None] = {}  # nearly every answer has one: ["stop"]


def finish_reasons(value: Any) -> tuple[str, ...] | None:
    """Canonical: stop, length, tool_calls, content_filter, error, other; each once, in order."""
    if type(value) is list and len(value) == 1 and type(value[0]) is str and len(value[0]) <= 64:
        lone = value[0]
        known = _lone_reasons.get(lone)
        if known is None:
            known = _finish_reasons(value)
            if len(_lone_reasons) < 256:
                _lone_reasons[lone] = known
        return known
    return _finish_reasons(value)


def _finish_reasons(value: Any) -> tuple[str, ...] | None:
    found = texts(value)
    return None if found is None else tuple(dict.fromkeys(_reason(reason) for reason in found))


def _reason(raw: str) -> str:
    known = _seen_reasons.get(raw)
    if known is None:
        word = raw.strip('"').rsplit(".", 1)[-1].lower()
        known = _REASONS.get(word) or _REASONS.get(word.removeprefix("finish_reason_")) or "other"
        if len(_seen_reasons) < 4096:
            _seen_reasons[raw] = known
    return known
