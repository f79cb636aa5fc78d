"""What does a span say of policy, refusals, limits, tools and retrieval? Bits of tracestore.analysis.signals. Pure, no I/O.

Attributes of ours have been read by then (ours.py); here they meet what other conventions say in finish reasons, errors,
guardrail and retrieval spans. Of what is looked for in bodies only guardrail, retrieval and tool spans are asked.
"""

import re
from functools import cache, reduce
from hashlib import blake2b
from operator import or_
from typing import Any

import msgspec

from ingest.conventions import fields as f
from ingest.conventions import ours
from ingest.conventions.coerce import BAD, boolean, count, nested, unjson
from ingest.conventions.plans import Special
from tracestore.analysis import signals as s
from tracestore.records import INVALID_NUMBER, UNKNOWN_WORD, Attributes, RawSpan

Values = list[Any]
_CHATS = frozenset({"chat", "completion"})
LOOKED_INTO = 65_536  # characters of a body
EMPTY_CHARS = 256  # longer messages are not empty

_RATE_LIMIT = re.compile(r"rate_?limit|too_?many_?requests|throttl|resource_?exhausted|^429$", re.IGNORECASE)
_CODE_429 = re.compile(r"\b(?:[Ee]rror code|[Ss]tatus(?: code)?)\D{0,3}429\b")
_BY_POLICY = re.compile(r"content_?filter|content_?policy|responsible_?ai_?policy", re.IGNORECASE)
_TRIPWIRE = re.compile(r"guardrail", re.IGNORECASE)


class Said(msgspec.Struct, frozen=True, gc=False):
    """The attributes of ours, and what other conventions have for the same. sources: (field, source), sorted by field."""

    bits: int = 0
    queue_ns: int | None = None
    token_budget: int | None = None
    idempotency_key: str | None = None
    documents: bool = False
    flags: int = 0
    sources: tuple[tuple[str, str], ...] = ()


NOTHING = Said()


def read(special: Special, attributes: Attributes) -> Said:
    """Of each field the best usable value, as for any other field; flagged where a word or a number is not one."""
    found: dict[int, tuple[int, Any, str]] = {}
    flags = 0
    for key, field, rank, usable_of, source in special.rules:
        usable = usable_of(attributes[key])
        if usable is BAD:
            flags |= INVALID_NUMBER
        elif usable is not None and (field not in found or rank < found[field][0]):
            found[field] = (rank, usable, source)
        elif usable is None and key in ours.CLOSED and _is_said(key, attributes[key]):
            flags |= UNKNOWN_WORD
    values = {field: usable for field, (_, usable, _) in found.items()}
    return Said(
        reduce(or_, (usable for field, usable in values.items() if field < f.QUEUE), 0),
        values.get(f.QUEUE),
        values.get(f.TOKEN_BUDGET),
        values.get(f.IDEMPOTENCY_KEY),
        special.documents,
        flags,
        tuple(sorted((f.NAMES[field], source) for field, (_, _, source) in found.items())),
    )


def _is_said(name: str, value: Any) -> bool:
    """Whether there is anything that could be unknown: an empty value says nothing, and so does a switch that is off."""
    if value is None or value == "":
        return False
    return not (name == "fourline.tool.deduplicated" and boolean(value) is False)


def signals(raw: RawSpan, operation: str, is_failed: bool, said: Said, ranks: list[int], values: Values) -> int | None:
    """All bits of a span; None: nothing is said."""
    bits = said.bits
    if values[f.TIER]:
        bits |= _tier(operation, ranks[f.TIER], values[f.TIER])
    if operation in _CHATS:
        bits = s.united(bits, _of_answer(is_failed, values))
    elif operation == "guardrail":
        bits = s.united(bits, _of_guardrail(raw, is_failed, values))
    elif operation == "retrieval":
        bits = s.united(bits, _HIT if said.documents else _of_retrieval(raw.attributes))
    if is_failed or values[f.HTTP_STATUS] == 429:
        bits |= _of_failure(raw, bits, values)
    if values[f.RESPONSE_CACHE] is not None:
        bits |= s.CACHE_KNOWN
    return bits or None


def _tier(operation: str, rank: int, bits: int) -> int:
    """Its own; that of its resource or scope only on a tool, which is judged by it."""
    if rank < f.SCOPE_LAYER:
        return bits
    return bits | s.TIER_OF_RESOURCE if operation == "tool" else 0


# Calls ----------------------------------------------------------------------------------------------------------------


def _of_answer(is_failed: bool, values: Values) -> int:
    finish: tuple[str, ...] | None = values[f.FINISH]
    bits = _finished(finish) if finish else 0
    messages = values[f.OUTPUT_MESSAGES]
    if (type(messages) is str and len(messages) > EMPTY_CHARS) or is_failed or (finish and "tool_calls" in finish):
        return bits
    return bits | s.EMPTY if _is_empty(messages, values) else bits


@cache  # of six words: a few dozen orders at most, since each is there once
def _finished(finish: tuple[str, ...]) -> int:
    bits = s.REFUSAL_KNOWN
    bits |= s.REFUSED if "content_filter" in finish else 0
    return bits | (s.CUT_OFF if "length" in finish else 0)


def _is_empty(messages: Any, values: Values) -> bool:
    """Messages that hold nothing; or no output tokens, where no answer was captured that could say otherwise."""
    if messages is None:
        return values[f.OUTPUT] == 0 and values[f.OUTPUT_BODY] is None
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
    """Whether documents came back, where that can be seen: a list of them, a count of rows, documents in the result."""
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


def effect_key(attributes: Attributes, bits: int | None, said: Said) -> int | None:
    """What two executions of one side effect share: the idempotency key, else, where an effect is declared, the arguments."""
    if said.idempotency_key is not None:
        return _hash(b"key", said.idempotency_key.encode("utf-8", "surrogatepass"))
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
