"""What does a span say of policy, refusals, limits, tools and retrieval? Bits of tracestore.analysis.signals. Pure, no I/O.

Attributes of ours have been read by then (ours.py); here they meet what other conventions say in finish reasons, errors,
guardrail and retrieval spans. Of what is looked for in bodies only guardrail, retrieval and tool spans are asked.
"""

import re
from hashlib import blake2b
from typing import Any

import msgspec

from ingest.conventions import fields as f
from ingest.conventions import ours
from ingest.conventions.coerce import boolean, count, nested, unjson
from tracestore.analysis import signals as s
from tracestore.records import UNKNOWN_WORD, Attributes, RawSpan

Values = list[Any]
_CHATS = frozenset({"chat", "completion"})
LOOKED_INTO = 65_536  # characters of a body
EMPTY_CHARS = 256  # longer messages are not empty

_RATE_LIMIT = re.compile(r"rate_?limit|too_?many_?requests|throttl|resource_?exhausted|^429$", re.IGNORECASE)
_CODE_429 = re.compile(r"\b(?:[Ee]rror code|[Ss]tatus(?: code)?)\D{0,3}429\b")
_BY_POLICY = re.compile(r"content_?filter|content_?policy|responsible_?ai_?policy", re.IGNORECASE)
_TRIPWIRE = re.compile(r"guardrail", re.IGNORECASE)


def signals(raw: RawSpan, operation: str, is_failed: bool, says: bool, ranks: list[int], values: Values) -> int | None:
    """says: one of its attributes may fill a field of f.SAID. None: nothing is said."""
    bits = _said(values, ranks) if says else 0
    if operation in _CHATS:
        bits = s.united(bits, _of_answer(is_failed, values))
    elif operation == "guardrail":
        bits = s.united(bits, _of_guardrail(raw, is_failed, values))
    elif operation == "retrieval":
        bits = s.united(bits, _of_retrieval(raw.attributes))
    elif operation == "tool" and values[f.TIER] and ranks[f.TIER] >= f.SCOPE_LAYER:
        bits |= values[f.TIER] | s.TIER_OF_RESOURCE
    if is_failed or values[f.HTTP_STATUS] == 429:
        bits |= _of_failure(raw, bits, values)
    if values[f.RESPONSE_CACHE] is not None:
        bits |= s.CACHE_KNOWN
    return bits or None


def _said(values: Values, ranks: list[int]) -> int:
    """All of it but a tier that only the resource names."""
    bits = 0
    for field in range(f.POLICY, f.QUEUE):
        if values[field] is not None and ranks[field] < f.SCOPE_LAYER:
            bits |= values[field]
    return bits


def flags(attributes: Attributes, values: Values) -> int:
    """Whether a word or switch of ours is not one that we know."""
    for name, field in ours.CLOSED:
        if name in attributes and values[field] is None and _is_said(name, attributes[name]):
            return UNKNOWN_WORD
    return 0


def _is_said(name: str, value: Any) -> bool:
    """Whether there is anything that could be unknown: an empty value says nothing, and so does a switch that is off."""
    if value is None or value == "":
        return False
    return not (name == "fourline.tool.deduplicated" and boolean(value) is False)


# Calls ----------------------------------------------------------------------------------------------------------------


def _of_answer(is_failed: bool, values: Values) -> int:
    finish: tuple[str, ...] | None = values[f.FINISH]
    bits = 0
    if finish:
        bits = s.REFUSAL_KNOWN
        if finish != ("stop",):
            bits |= (s.REFUSED if "content_filter" in finish else 0) | (s.CUT_OFF if "length" in finish else 0)
    if not is_failed and (not finish or "tool_calls" not in finish) and _is_empty(values):
        bits |= s.EMPTY
    return bits


def _is_empty(values: Values) -> bool:
    """Messages that hold nothing; or no output tokens, where no answer was captured that could say otherwise."""
    messages = values[f.OUTPUT_MESSAGES]
    if messages is None:
        return values[f.OUTPUT] == 0 and values[f.OUTPUT_BODY] is None
    if type(messages) is str:
        if len(messages) > EMPTY_CHARS:
            return False
        messages = unjson(messages)
    return isinstance(messages, list) and len(messages) <= 8 and not any(map(_has_content, messages))


def _has_content(message: Any) -> bool:
    """Anything but blank text. What is no message in a form that we know may have some."""
    if not isinstance(message, dict):
        return True
    parts = message.get("parts", message.get("content"))
    if not isinstance(parts, list):
        return parts is not None and (type(parts) is not str or bool(parts.strip()))
    return any(not _is_blank(part) for part in parts)


def _is_blank(part: Any) -> bool:
    if type(part) is str:
        return not part.strip()
    if not isinstance(part, dict) or part.get("type", "text") != "text":
        return False
    content = part.get("content", part.get("text", ""))
    return content is None or (type(content) is str and not content.strip())


def _of_failure(raw: RawSpan, bits: int, values: Values) -> int:
    """A limit that was hit, by status or by the error's name; an answer that the provider's own policy stopped."""
    kind = values[f.ERROR_TYPE] or ""
    found = 0
    if values[f.HTTP_STATUS] == 429 or _RATE_LIMIT.search(kind) or _CODE_429.search(raw.status_message[:512]):
        found = s.RATE_LIMITED
    if _BY_POLICY.search(kind) and not bits & s.REFUSAL_KNOWN:
        found |= s.REFUSAL
    return found


# Guardrails -----------------------------------------------------------------------------------------------------------

_BODIES = (
    "output.value", "langfuse.observation.output", "gen_ai.tool.call.result", "traceloop.entity.output",
    "mlflow.spanOutputs", "gen_ai.completion",
)  # fmt: skip
_VERDICTS = {
    **dict.fromkeys(("pass", "passed", "allow", "allowed", "safe", "ok"), s.POLICY_CHECKED),
    **dict.fromkeys(
        ("fail", "failed", "block", "blocked", "deny", "denied", "unsafe", "flagged", "violated"), s.POLICY
    ),
}
_GOOD, _BAD = (
    ("passed", "allowed", "valid", "safe"),
    ("triggered", "tripwire_triggered", "flagged", "blocked", "violated"),
)


def _of_guardrail(raw: RawSpan, is_failed: bool, values: Values) -> int:
    """The verdict in its result: one word, or a boolean behind a name that says which way it is meant. Else unknown."""
    if is_failed and _TRIPWIRE.search(values[f.ERROR_TYPE] or ""):
        return s.POLICY
    for key in _BODIES:
        found = _verdict(raw.attributes.get(key))
        if found:
            return found
    return 0


def _verdict(body: Any) -> int:
    if type(body) is str:
        if len(body) > LOOKED_INTO:
            return 0
        word = body.strip().strip('"').partition(":")[0].strip().lower()
        if word in _VERDICTS:
            return _VERDICTS[word]
        body = unjson(body)
    if not isinstance(body, dict):
        return 0
    for name in (*_BAD, *_GOOD):
        if type(body.get(name)) is bool:
            return s.POLICY if body[name] == (name in _BAD) else s.POLICY_CHECKED
    return 0


# Retrieval ------------------------------------------------------------------------------------------------------------

_HIT, _MISS = s.RETRIEVAL, s.RETRIEVAL_KNOWN


def _of_retrieval(attributes: Attributes) -> int:
    """Whether documents came back, where that can be seen: lists of documents, a count of rows, documents in the result."""
    if any(key.startswith(("retrieval.documents.", "db.query.result.")) for key in attributes):
        return _HIT
    found = _any(attributes.get("gen_ai.retrieval.documents")) or _rows(attributes.get("db.response.returned_rows"))
    if found:
        return found
    return next((seen for key in _BODIES if (seen := _any(attributes.get(key)))), 0)


def _rows(value: Any) -> int:
    found = count(value)
    return (_HIT if found else _MISS) if type(found) is int else 0


def _any(body: Any) -> int:
    """Whether a list, or the list `documents` in an object, has anything in it; 0 where there is no such list."""
    if type(body) is str:
        start = body[:64].lstrip()
        if start[:1] == "[" and start[1:].lstrip()[:1] not in ("", "]"):
            return _HIT  # however long it is, and cut off or not
        body = unjson(body) if len(body) <= LOOKED_INTO and start[:1] in ("[", "{") else None
    if isinstance(body, dict):
        body = nested(body, "documents")
    return (_HIT if body else _MISS) if isinstance(body, list) else 0


# Tools ----------------------------------------------------------------------------------------------------------------

_ARGUMENTS = (
    "gen_ai.tool.call.arguments", "tool_arguments", "gen_ai.tool.args", "gcp.vertex.agent.tool_call_args",
    "ai.toolCall.input", "ai.toolCall.args", "input.value", "langfuse.observation.input", "traceloop.entity.input",
    "mlflow.spanInputs",
)  # fmt: skip
_EFFECTIVE = s.EFFECT_REVERSIBLE | s.EFFECT_IRREVERSIBLE


def effect_key(attributes: Attributes, bits: int | None, values: Values) -> int | None:
    """What two executions of one side effect share: the idempotency key, else, where an effect is declared, the arguments."""
    if values[f.IDEMPOTENCY_KEY] is not None:
        return _hash(b"key", values[f.IDEMPOTENCY_KEY].encode("utf-8", "surrogatepass"))
    if not (bits or 0) & _EFFECTIVE:
        return None
    given = next((value for key in _ARGUMENTS if (value := attributes.get(key)) not in (None, "")), None)
    return None if given is None else _hash(b"arguments", _canonical(given))


def _canonical(arguments: Any) -> bytes:
    """Equal arguments, equal bytes: as JSON with sorted keys, whether they came as text or as values."""
    try:
        return msgspec.json.encode(unjson(arguments), order="deterministic")
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return str(arguments).encode("utf-8", "surrogatepass")


def _hash(kind: bytes, content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=8, person=kind).digest(), "big", signed=True)
