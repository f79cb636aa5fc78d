"""What the values found on a span mean together: operation, outcome, tokens, time to first token. Pure, no I/O."""

import re
from datetime import datetime
from typing import Any

from ingest.conventions import fields as f
from ingest.conventions import litellm, openinference, openlit, pydantic_ai, strands
from ingest.conventions.coerce import JSON_CHARS, unjson
from tracestore.records import CACHE_EXCLUSIVE, TOKENS_DISAGREE, RawSpan

CALLS = frozenset({"chat", "completion", "embedding", "rerank"})
_VECTOR_READS = ("query", "search", "get", "retrieve", "select", "read", "fetch", "scroll", "similarity", "top_k")
_VECTOR_STORES = frozenset(
    [
        "pinecone",
        "chroma",
        "chromadb",
        "qdrant",
        "weaviate",
        "milvus",
        "pgvector",
        "lancedb",
        "vespa",
        "marqo",
        "faiss",
        "astradb",
        "redisvl",
    ]
)
Values = list[Any]
Sources = list[str | None]


def operation(raw: RawSpan, values: Values, sources: Sources) -> str:
    """The kind of the span: what the best rule named, corrected where that rule is known to err."""
    found: str | None = values[f.OPERATION]
    if values[f.PENDING] or raw.name == litellm.RAW_REQUEST:
        return _ruled("other", "not-a-span-of-its-own", sources)
    if found is None:
        return _guess(raw, values, sources)
    if values[f.LOG_RECORD] and found in CALLS:  # what Logfire learns after a streamed call whose span has ended
        return _ruled("task", "log-record-of-a-call", sources)
    if found == "chain":
        return "workflow" if raw.parent_span_id is None else "task"
    if found == "agent" and values[f.INVOCATION]:
        return _ruled("chat", "agent-with-invocation-parameters", sources)
    if found == "chat" and openinference.prepares(raw.scope.name, raw.name) and values[f.INPUT] is None:
        return _ruled("task", "method-that-prepares-a-call", sources)
    if found == "chat" and values[f.COMPLETION_PROMPTS]:
        return _ruled("completion", "llm-prompts", sources)
    if found == "tool" and values[f.TOOL_NAME] is None and raw.name.startswith("handoff to "):
        return _ruled("handoff", "handoff-by-name", sources)
    return found


def _ruled(operation: str, rule: str, sources: Sources) -> str:
    sources[f.OPERATION] = "rule:" + rule
    return operation


_ANSWERED = (f.INPUT, f.OUTPUT, f.FINISH, f.OUTPUT_MESSAGES)


def _guess(raw: RawSpan, values: Values, sources: Sources) -> str:
    """Order 10: what a span is that no emitter's own kind names."""
    model = values[f.REQUEST_MODEL] or values[f.RESPONSE_MODEL]
    if raw.scope.name.startswith(pydantic_ai.SCOPE):
        named = pydantic_ai.operation_by_name(raw.name, values[f.TOOL_NAME] is not None)
        if named is not None:
            return _ruled(named, "pydantic-ai-name", sources)
    if values[f.TOOL_NAME] is not None and model is None:
        return _ruled("tool", "tool-name-without-model", sources)
    if _reads_vectors(values):
        return _ruled("retrieval", "vector-store", sources)
    if model is not None and any(values[field] is not None for field in _ANSWERED):
        embeds = values[f.EMBEDDING_MODEL] or "embed" in model
        return _ruled("embedding" if embeds else "chat", "model-and-tokens", sources)
    named = _named_call(raw, values)
    if named is not None:
        return _ruled(named, "call-by-name", sources)
    if values[f.CREW] and raw.parent_span_id is None:
        return _ruled("workflow", "crew", sources)
    return _ruled("http", "http-method", sources) if values[f.HTTP_METHOD] else "other"


_CALL_NAMES = {"chat": "chat", "generate_content": "chat", "text_completion": "completion", "embeddings": "embedding"}


def _named_call(raw: RawSpan, values: Values) -> str | None:
    """`{operation} {model}`, as OTel names a call's CLIENT span: some emitters write no attribute when it fails."""
    if raw.kind != 3 or values[f.HTTP_METHOD] or values[f.DB_SYSTEM] is not None:
        return None
    first, _, model = raw.name.partition(" ")
    return _CALL_NAMES.get(first) if model and " " not in model else None


def _reads_vectors(values: Values) -> bool:
    system, verb = values[f.DB_SYSTEM], values[f.DB_OPERATION]
    if system is None or verb is None or system.lower() not in _VECTOR_STORES:
        return False
    lowered = verb.lower()
    return any(word in lowered for word in _VECTOR_READS)


# Outcome --------------------------------------------------------------------------------------------------------------

_FAILED = frozenset({"error", "failed", "failure"})
_PREFIX = re.compile(r"([A-Za-z_][\w.]{2,80}?)(?::\s|$)")
_CODE = re.compile(r"\b(?:[Ee]rror code|[Ss]tatus(?: code)?)\D{0,3}([45]\d\d)\b")
_TIMEOUTS = ("timeout", "timed out", "timedout", "deadline_exceeded", "deadline exceeded")


def failed(raw: RawSpan, operation: str, values: Values, exception: str | None) -> bool:
    """Whether the span failed: by its status, or evidently although nobody set the status (handled tool errors)."""
    if raw.status_code == 2 or (values[f.LEVEL] or "").upper() == "ERROR":
        return True
    if operation == "tool":
        return _tool_failed(values, exception)
    if raw.status_code == 1:
        return False
    if values[f.ERROR_TYPE] is not None:
        return True
    code = values[f.HTTP_STATUS]
    return code is not None and code >= (500 if raw.kind == 2 else 400)


def _tool_failed(values: Values, exception: str | None) -> bool:
    if exception is not None or values[f.ERROR_TYPE] is not None:
        return True
    if (values[f.TOOL_STATUS] or "").lower() in _FAILED:
        return True
    return _result_failed(values[f.TOOL_RESULT])


# A LangChain tool message as text, as Python shows it: the status is its last field.
_MESSAGE_FAILED = re.compile(r"\btool_call_id='[^']*'.{0,200}\bstatus='error'\)?\s*$", re.DOTALL)


def _result_failed(result: Any) -> bool:
    """A tool's result that says it failed: {"status": "error"} or MCP's {"isError": true}, at most two levels down."""
    if type(result) is str:
        if "status='error'" in result[-64:]:
            return _MESSAGE_FAILED.search(result[-1024:]) is not None
        if not ('"error"' in result or '"failed"' in result or '"failure"' in result or "isError" in result):
            return False
        if len(result) > JSON_CHARS or result.lstrip()[:1] not in "{[":
            return False
        result = unjson(result)
    return _says_error(result, 3)


def _says_error(result: Any, depth: int) -> bool:
    if not isinstance(result, dict):
        return False
    status = result.get("status")
    if (isinstance(status, str) and status.lower() in _FAILED) or result.get("isError") is True:
        return True
    inner = (
        result.get(key) for key in ("data", "kwargs", "output", "outputs", "result", "response", "content", "update")
    )
    return depth > 0 and any(_says_error(value, depth - 1) for value in inner)


def error_type(raw: RawSpan, values: Values, sources: Sources, exception: str | None) -> str | None:
    """A short name of the failure: error.type, the exception's class, an HTTP status, the status message's start."""
    found: str | None = values[f.ERROR_TYPE]
    if found is None and exception is not None:
        found, sources[f.ERROR_TYPE] = exception, "event:exception"
    code = values[f.HTTP_STATUS]
    if found is None and code is not None and code >= 400:
        found, sources[f.ERROR_TYPE] = str(code), "rule:http-status"
    if found is None:
        found = _from_message(raw.status_message[:512])
        sources[f.ERROR_TYPE] = "rule:status-message" if found else None
    return found.rsplit(".", 1)[-1] or found if found else None


def _from_message(message: str) -> str | None:
    code = _CODE.search(message)
    named = _PREFIX.match(message)
    if named is not None and named[1] != message:
        return named[1]
    return code[1] if code is not None else None


def timed_out(raw: RawSpan, kind: str | None, exception: str | None) -> bool:
    if kind in ("408", "504"):
        return True
    said = f"{kind} {exception} {raw.status_message[:512]}".lower()
    return any(word in said for word in _TIMEOUTS)


# Tokens ---------------------------------------------------------------------------------------------------------------


def settle_tokens(scope: str, operation: str, values: Values, sources: Sources) -> int:
    """Make input tokens include the cache and fill the total; the flags that this earns (conventions section 4.1)."""
    flags = 0
    if values[f.INPUT] == 0 and not values[f.OUTPUT] and operation in CALLS:
        _nobody_counted(values, sources)
    given_in, given_out, total = values[f.INPUT], values[f.OUTPUT], values[f.TOTAL]
    if values[f.CACHE_CREATION] is None:
        _sum_creation(values, sources)
    cached = (values[f.CACHE_READ] or 0) + (values[f.CACHE_CREATION] or 0)
    if cached and given_in is not None and _leaves_cache_out(scope, given_in, given_out or 0, total, cached):
        if total == given_in + (given_out or 0):
            values[f.TOTAL] = total = total + cached
        values[f.INPUT] = given_in = given_in + cached
        flags |= CACHE_EXCLUSIVE
    elif values[f.EXCLUSIVE_USAGE] and cached:
        flags |= CACHE_EXCLUSIVE
    if given_in is None and given_out is None:
        return flags
    summed = (given_in or 0) + (given_out or 0)
    if total is None:
        values[f.TOTAL], sources[f.TOTAL] = summed, "rule:sum"
    elif given_in is not None and given_out is not None and total != summed:
        flags |= TOKENS_DISAGREE
    return flags


def _nobody_counted(values: Values, sources: Sources) -> None:
    """No model is called with nothing: 0 tokens of a call (a stream without usage, a failure) are unknown tokens."""
    for field in (f.INPUT, f.OUTPUT, f.TOTAL):
        if not values[field]:
            values[field] = sources[field] = None


def _sum_creation(values: Values, sources: Sources) -> None:
    short, long = values[f.CACHE_CREATION_5M], values[f.CACHE_CREATION_1H]
    if short is not None or long is not None:
        values[f.CACHE_CREATION], sources[f.CACHE_CREATION] = (short or 0) + (long or 0), "rule:sum-of-lifetimes"


def _leaves_cache_out(scope: str, given_in: int, given_out: int, total: int | None, cached: int) -> bool:
    if cached > given_in or scope in openlit.CACHE_APART:
        return True
    return total is not None and given_in + given_out + cached == total


def reported_cost(values: Values, sources: Sources) -> int | None:
    """nano-USD as the emitter said; 0 means that it knows no price or no tokens, unless no tokens were used."""
    found: int | None = values[f.COST]
    if found is None and (values[f.INPUT_COST] is not None or values[f.OUTPUT_COST] is not None):
        found = (values[f.INPUT_COST] or 0) + (values[f.OUTPUT_COST] or 0)
        sources[f.COST] = "rule:sum-of-parts"
    if found == 0 and values[f.TOTAL] != 0:
        sources[f.COST] = None
        return None
    return found


# Time to first token --------------------------------------------------------------------------------------------------


def first_token(raw: RawSpan, values: Values, sources: Sources, first_chunk: tuple[int, str] | None) -> int | None:
    """Nanoseconds from the start of the call to its first token, where somebody measured it."""
    if values[f.TTFT] is not None:
        return int(values[f.TTFT])
    given = values[f.SERVER_TTFT]
    if given is not None:
        found = _server_ttft(raw, given, values[f.STREAMS])
        sources[f.TTFT] = "attr:gen_ai.server.time_to_first_token" if found is not None else None
        if found is not None:
            return found
    if values[f.COMPLETION_START] is not None:
        started = _unix_ns(values[f.COMPLETION_START])
        if started is not None and started >= raw.start_ns:
            sources[f.TTFT] = "attr:langfuse.observation.completion_start_time"
            return started - raw.start_ns
    if first_chunk is not None and first_chunk[0] >= raw.start_ns:
        sources[f.TTFT] = "event:" + first_chunk[1]
        return first_chunk[0] - raw.start_ns
    return None


def _server_ttft(raw: RawSpan, given: float, streams: bool | None) -> int | None:
    """Its unit varies: Strands writes milliseconds, OpenLIT seconds (and the latency itself when nothing streamed)."""
    if raw.scope.name.startswith(strands.SCOPE):
        return round(given * 1e6)
    if not streams:
        return None
    in_seconds = given <= max(raw.end_ns - raw.start_ns, 0) / 1e9
    nanoseconds = round(given * (1e9 if in_seconds else 1e6))
    return nanoseconds if nanoseconds < 2**62 else None


def _unix_ns(moment: str) -> int | None:
    try:
        at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
        return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1000
    except (ValueError, OverflowError, OSError):
        return None
