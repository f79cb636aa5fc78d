"""Which canonical fields the rules fill, and what one rule is.

A field is an index into the lists that `normalise` fills; those up to `PUBLIC` are shown on the span with their source,
the later ones are evidence that the meaning is derived from. From `COUNT` on they have no place there (see signals.py).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

_PUBLIC = [
    "operation",
    "provider",
    "request_model",
    "response_model",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "cache_creation_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "reported_cost_nanousd",
    "ttft_ns",
    "finish_reasons",
    "tool_name",
    "tool_call_id",
    "agent_name",
    "agent_version",
    "session_id",
    "user_id",
    "tenant_id",
    "error_type",
    "prompt_name",
    "prompt_version",
    "rag_index_version",
    "response_id",
    "retry_count",
    "service",
    "service_version",
    "environment",
    "revision",
    "config",
    "tools",
    "streaming",
    "response_cache_hit",
    "autonomy_tier",
]
# What few spans say, of policy, tools and service: bits of tracestore.analysis.signals, then other values. They have no place
# in the lists, which with 64 places or fewer are allocated in half the time.
_SAID = [
    "policy_outcome",
    "injection_outcome",
    "sensitive_outcome",
    "refusal",
    "tool_state",
    "tool_effect",
    "approval",
    "deduplicated",
    "degraded",
    "breaker_state",
    "adoption",
    "retrieval_hit",
    "queue_ns",
    "token_budget",
    "idempotency_key",
]
_EVIDENCE = [
    "cache_creation_5m",
    "input_cost",
    "output_cost",
    "server_ttft",
    "completion_start",
    "level",
    "tool_status",
    "http_status",
    "tool_result",
    "output_body",
    "output_messages",
    "template_version",
    "data_source",
    "completion_prompts",
    "invocation",
    "embedding_model",
    "crew",
    "db_system",
    "db_operation",
    "http_method",
    "pending",
    "exclusive_usage",
    "log_record",
]
NAMES = (*_PUBLIC, *_EVIDENCE, *_SAID)
PUBLIC = len(_PUBLIC)
COUNT = PUBLIC + len(_EVIDENCE)

(
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    INPUT,
    OUTPUT,
    TOTAL,
    CACHE_READ,
    CACHE_CREATION,
    CACHE_CREATION_1H,
    REASONING,
    AUDIO_INPUT,
    AUDIO_OUTPUT,
    COST,
    TTFT,
    FINISH,
    TOOL_NAME,
    TOOL_CALL_ID,
    AGENT_NAME,
    AGENT_VERSION,
    SESSION,
    USER,
    TENANT,
    ERROR_TYPE,
    PROMPT_NAME,
    PROMPT_VERSION,
    RAG_INDEX,
    RESPONSE_ID,
    RETRIES,
    SERVICE,
    SERVICE_VERSION,
    ENVIRONMENT,
    REVISION,
    CONFIG,
    TOOLS,
    STREAMS,
    RESPONSE_CACHE,
    TIER,
    CACHE_CREATION_5M,
    INPUT_COST,
    OUTPUT_COST,
    SERVER_TTFT,
    COMPLETION_START,
    LEVEL,
    TOOL_STATUS,
    HTTP_STATUS,
    TOOL_RESULT,
    OUTPUT_BODY,
    OUTPUT_MESSAGES,
    TEMPLATE_VERSION,
    DATA_SOURCE,
    COMPLETION_PROMPTS,
    INVOCATION,
    EMBEDDING_MODEL,
    CREW,
    DB_SYSTEM,
    DB_OPERATION,
    HTTP_METHOD,
    PENDING,
    EXCLUSIVE_USAGE,
    LOG_RECORD,
    POLICY,
    INJECTION,
    SENSITIVE,
    REFUSAL,
    TOOL_STATE,
    TOOL_EFFECT,
    APPROVAL,
    DEDUPLICATED,
    DEGRADED,
    BREAKER,
    ADOPTION,
    RETRIEVAL_HIT,
    QUEUE,
    TOKEN_BUDGET,
    IDEMPOTENCY_KEY,
) = range(len(NAMES))

# Fields that may also come from the scope or the resource of a span (conventions G2).
IDENTITY = frozenset(
    {SESSION, USER, TENANT, SERVICE, SERVICE_VERSION, ENVIRONMENT, REVISION, CONFIG, AGENT_NAME, AGENT_VERSION, TIER}
)

# Ranks: smaller wins. A rule of a lower layer loses to every rule of a higher one.
SCOPE_LAYER = 1_000
RESOURCE_LAYER = 2_000
WEAK = 5_000  # added to a rank that must lose to any layer (a release name against the resource's service.version)
NO_RANK = 1_000_000

# From this rank on a model name is "the response's after success, the request's after a failure" (conventions 2); of a
# request model these ranks are.
AMBIGUOUS_MODEL = 50
AMBIGUOUS_REQUEST = range(80, 90)

# Ranks of a session: below it what an application calls its session, from it on conversations and threads.
THREAD = 20


class Row(NamedTuple):
    """One rule: attribute `key` may fill `field`; the smallest rank whose value `read` finds usable wins.

    read: value -> usable value, None (not usable) or coerce.BAD (a number out of range).
    """

    field: int
    rank: int
    key: str
    read: Callable[[Any], Any]


class Blob(NamedTuple):
    """A rule for an attribute that holds several fields (JSON): `read` yields (field, rank, value, part's name)."""

    key: str
    read: Callable[[Any], list[tuple[int, int, Any, str]]]
