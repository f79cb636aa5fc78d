"""Which bits do `span.signals`, `trace.signals`, `llm_call.signals` and `tool_call.signals` have, and what does each say?

"Known" and "bad" are bits of their own: a span that says nothing is not a span that says all is well, so every share has
its own n. Bits that a span says come from ingest; bits of the last block are derived when its trace is settled.
"""

from typing import Final

# Checks and what the model did.
POLICY_CHECKED: Final = 1 << 0
POLICY_VIOLATED: Final = 1 << 1
INJECTION_CHECKED: Final = 1 << 2
INJECTION_DETECTED: Final = 1 << 3
SENSITIVE_CHECKED: Final = 1 << 4
SENSITIVE_FOUND: Final = 1 << 5
REFUSAL_KNOWN: Final = 1 << 6
REFUSED: Final = 1 << 7
CUT_OFF: Final = 1 << 8  # a call's answer ended at the token limit
EMPTY: Final = 1 << 9  # a call's answer had nothing in it
RATE_LIMITED: Final = 1 << 10
CACHE_KNOWN: Final = 1 << 11  # whether the application's own cache answered; that it did is CACHE_HIT

# Tools.
STATE_CONFIRMED: Final = 1 << 12  # whether the effect happened is known
STATE_UNKNOWN: Final = 1 << 13
EFFECT_NONE: Final = 1 << 14
EFFECT_REVERSIBLE: Final = 1 << 15
EFFECT_IRREVERSIBLE: Final = 1 << 16
TIER_KNOWN: Final = 1 << 17
TIER_SHIFT: Final = 18  # two bits: 0 to 3
TIER: Final = 3 << TIER_SHIFT
TIER_OF_RESOURCE: Final = 1 << 20  # only its resource or scope names the tier: that of an ancestor goes before it
APPROVED: Final = 1 << 21
DENIED: Final = 1 << 22
APPROVAL_MISSING: Final = 1 << 23
APPROVAL_NOT_REQUIRED: Final = 1 << 24
DEDUPLICATED: Final = 1 << 25

# The service, and the user.
DEGRADED_KNOWN: Final = 1 << 26
DEGRADED: Final = 1 << 27
BREAKER_KNOWN: Final = 1 << 28
BREAKER_OPEN: Final = 1 << 29
ADOPTED: Final = 1 << 30
EDITED: Final = 1 << 31
REJECTED: Final = 1 << 32
RETRIEVAL_KNOWN: Final = 1 << 33
RETRIEVAL_HIT: Final = 1 << 34

# Derived when the trace is settled.
TIMED_OUT: Final = 1 << 40
CACHE_HIT: Final = 1 << 41
HAD_EFFECT: Final = 1 << 42  # a tool that succeeded, with an effect that can be told from another: n of duplicates
DUPLICATE_EFFECT: Final = 1 << 43
TIER_JUDGED: Final = 1 << 44  # tier and effect are known
ABOVE_TIER: Final = 1 << 45
APPROVAL_NEEDED: Final = 1 << 46
UNAPPROVED: Final = 1 << 47
IMPLICIT_ERROR: Final = 1 << 48
POLICY_ERROR: Final = 1 << 49

# What belongs together: of two reports of one thing, the better one is believed in all of a group that it says anything of.
POLICY: Final = POLICY_CHECKED | POLICY_VIOLATED
INJECTION: Final = INJECTION_CHECKED | INJECTION_DETECTED
SENSITIVE: Final = SENSITIVE_CHECKED | SENSITIVE_FOUND
REFUSAL: Final = REFUSAL_KNOWN | REFUSED
STATE: Final = STATE_CONFIRMED | STATE_UNKNOWN
EFFECT: Final = EFFECT_NONE | EFFECT_REVERSIBLE | EFFECT_IRREVERSIBLE
TIERS: Final = TIER_KNOWN | TIER | TIER_OF_RESOURCE
APPROVAL: Final = APPROVED | DENIED | APPROVAL_MISSING | APPROVAL_NOT_REQUIRED
DEGRADATION: Final = DEGRADED_KNOWN | DEGRADED
BREAKER: Final = BREAKER_KNOWN | BREAKER_OPEN
ADOPTION: Final = ADOPTED | EDITED | REJECTED
RETRIEVAL: Final = RETRIEVAL_KNOWN | RETRIEVAL_HIT
CACHE: Final = CACHE_KNOWN | CACHE_HIT
GROUPS: Final = (
    POLICY, INJECTION, SENSITIVE, REFUSAL, STATE, EFFECT, TIERS, APPROVAL, DEGRADATION, BREAKER, ADOPTION, RETRIEVAL, CACHE,
)  # fmt: skip
_ALONE: Final = CUT_OFF | EMPTY | RATE_LIMITED | DEDUPLICATED | TIMED_OUT  # bits that no other bit contradicts


def united(own: int, other: int) -> int:
    """What two reports of one call or tool execution say together: `own` goes before `other`, group by group."""
    if not own or not other:
        return own or other
    both = own | other & _ALONE
    for group in GROUPS:
        if not own & group:
            both |= other & group
    return both


def tier_bits(tier: int) -> int:
    """tier: 0 to 3."""
    return TIER_KNOWN | tier << TIER_SHIFT


def tier_of(bits: int) -> int | None:
    return (bits & TIER) >> TIER_SHIFT if bits & TIER_KNOWN else None


# What a filter may ask for by name (signal:policy_violated).
WORDS: Final[dict[str, int]] = {
    name.lower(): bit
    for name, bit in list(globals().items())
    if name.isupper() and isinstance(bit, int) and bit.bit_count() == 1 and not name.startswith(("_", "TIER_SHIFT"))
}
