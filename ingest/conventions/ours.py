"""Attributes of our own, `fourline.*`, for what no convention says; and the few that other conventions have for the same.

docs/attributes.md says what each means. Words are read whatever their case; a word that is not one of them is unknown.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import BAD, boolean, count, seconds, text
from ingest.conventions.fields import Row
from tracestore.analysis import signals as s

Reader = Callable[[Any], Any]


def words(meanings: Mapping[str, int]) -> Reader:
    """A word -> bits."""

    def read(value: Any) -> int | None:
        return meanings.get(value.strip().strip('"').lower()) if type(value) is str and len(value) <= 64 else None

    return read


def switch(known: int, bad: int) -> Reader:
    """A boolean -> bits: what is known, and with it what is true. known 0: false says nothing."""

    def read(value: Any) -> int | None:
        found = boolean(value)
        return None if found is None else known | bad if found else known or None

    return read


def tier(value: Any) -> Any:
    """0 to 3."""
    found = count(value)
    if type(found) is not int:
        return found
    return s.tier_bits(found) if found <= 3 else BAD


def key(value: Any) -> str | None:
    """An idempotency key; captured headers are lists."""
    return text(value[0] if isinstance(value, list) and value else value)


_PASSED, _VIOLATED = s.POLICY_CHECKED, s.POLICY
_DECISIONS = words(  # of a guardian; what it lets pass with a remark it has still found
    {"allow": _PASSED, "audit": _PASSED, "deny": _VIOLATED, "modify": _VIOLATED, "warn": _VIOLATED}
)

WORDS = {
    "fourline.policy.outcome": (f.POLICY, {"passed": _PASSED, "violated": _VIOLATED}),
    "fourline.injection.outcome": (f.INJECTION, {"clean": s.INJECTION_CHECKED, "detected": s.INJECTION}),
    "fourline.sensitive.outcome": (f.SENSITIVE, {"clean": s.SENSITIVE_CHECKED, "found": s.SENSITIVE}),
    "fourline.tool.state": (f.TOOL_STATE, {"confirmed": s.STATE_CONFIRMED, "unknown": s.STATE_UNKNOWN}),
    "fourline.tool.effect": (
        f.TOOL_EFFECT,
        {"none": s.EFFECT_NONE, "reversible": s.EFFECT_REVERSIBLE, "irreversible": s.EFFECT_IRREVERSIBLE},
    ),
    "fourline.tool.approval": (
        f.APPROVAL,
        {
            "approved": s.APPROVED,
            "denied": s.DENIED,
            "missing": s.APPROVAL_MISSING,
            "not_required": s.APPROVAL_NOT_REQUIRED,
        },
    ),
    "fourline.breaker.state": (
        f.BREAKER,
        {"closed": s.BREAKER_KNOWN, "half_open": s.BREAKER_KNOWN, "open": s.BREAKER},
    ),
    "fourline.adoption": (f.ADOPTION, {"adopted": s.ADOPTED, "edited": s.EDITED, "rejected": s.REJECTED}),
}
SWITCHES = {
    "fourline.refusal": (f.REFUSAL, s.REFUSAL_KNOWN, s.REFUSED),
    "fourline.tool.deduplicated": (f.DEDUPLICATED, 0, s.DEDUPLICATED),
    "fourline.degraded": (f.DEGRADED, s.DEGRADED_KNOWN, s.DEGRADED),
    "fourline.retrieval.hit": (f.RETRIEVAL_HIT, s.RETRIEVAL_KNOWN, s.RETRIEVAL_HIT),
}
# Attributes with a few values, and no others.
CLOSED = frozenset(WORDS) | frozenset(SWITCHES)


ROWS = [
    *(Row(field, 10, name, words(meanings)) for name, (field, meanings) in WORDS.items()),
    *(Row(field, 10, name, switch(known, bad)) for name, (field, known, bad) in SWITCHES.items()),
    Row(f.TIER, 10, "fourline.autonomy.tier", tier),
    Row(f.QUEUE, 10, "fourline.queue.duration", seconds),
    Row(f.QUEUE, 20, "gen_ai.latency.time_in_queue", seconds),
    Row(f.TOKEN_BUDGET, 10, "fourline.token_budget", count),
    Row(f.IDEMPOTENCY_KEY, 10, "fourline.tool.idempotency_key", key),
    Row(f.IDEMPOTENCY_KEY, 20, "http.request.header.idempotency-key", key),
    Row(f.RESPONSE_CACHE, 5, "fourline.cache.hit", boolean),
    # Guardrails of other conventions.
    Row(f.POLICY, 20, "gen_ai.guardrail.triggered", switch(_PASSED, s.POLICY_VIOLATED)),
    Row(f.POLICY, 30, "gen_ai.security.decision.type", _DECISIONS),
    Row(f.POLICY, 31, "microsoft.security.decision.type", _DECISIONS),
    Row(f.POLICY, 40, "guardrail_status", words({"success": _PASSED, "guardrail_intervened": _VIOLATED})),  # LiteLLM
]
