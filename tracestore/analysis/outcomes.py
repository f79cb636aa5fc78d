"""What came of a request, its calls and its tools? Policy, refusals, state, tier, approval, duplicates; pure, in any order.

Asked by settled.py for each trace. Every judgement is a bit of signals.py; docs/attributes.md says what each counts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from tracestore.analysis import signals as s
from tracestore.analysis.ancestry import Ancestry, Key
from tracestore.analysis.calls import CallDecision
from tracestore.analysis.settle_span import SettleSpan
from tracestore.records import RESPONSE_CACHE_HIT, TIMEOUT

T = TypeVar("T")
ERROR = 2
CHECKS = frozenset({"guardrail", "evaluator"})
CHATS = frozenset({"chat", "completion"})
# What a trace says because some span of it does; the rest is judged.
_OF_ANY = s.POLICY | s.INJECTION | s.SENSITIVE | s.REFUSAL | s.DEGRADATION | s.BREAKER | s.RATE_LIMITED | s.CACHE_KNOWN
_OF_TOOLS = (
    s.STATE_UNKNOWN | s.HAD_EFFECT | s.DUPLICATE_EFFECT | s.TIER_JUDGED | s.ABOVE_TIER | s.APPROVAL_NEEDED | s.UNAPPROVED
)  # fmt: skip
_NO_ANSWER = s.REFUSED | s.CUT_OFF | s.EMPTY
_STOPS = s.POLICY_VIOLATED | s.INJECTION_DETECTED


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """signals: bits. retrievals: those of which it is known whether they found something; None without any."""

    signals: int = 0
    queue_ns: int | None = None
    retrievals: int | None = None
    retrieval_hits: int | None = None
    token_budget: int | None = None


class Climb(Generic[T]):
    """What a span, or one above it, is found to be; walked when asked, each span once, so linear however deep they lie."""

    def __init__(self, tree: Ancestry[SettleSpan], own: Callable[[SettleSpan], T | None], *, nearest: bool) -> None:
        """own: what a span alone is found to be. nearest: that of the nearest span counts, else that of the outermost."""
        self._tree, self._own, self._nearest = tree, own, nearest
        self._found: dict[Key, T | None] = {}

    def of(self, key: Key) -> T | None:
        found, path = self._found, []
        at: Key | None = key
        while at is not None and at not in found:
            path.append(at)
            at = self._tree.parent.get(at)
        value = None if at is None else found[at]
        for step in reversed(path):
            if value is None or self._nearest:
                own = self._own(self._tree.spans[step])
                value = value if own is None else own
            found[step] = value
        return value


class Surroundings:
    """What lies above spans. tiers: the tier that is named there. checks: a guardrail or evaluator. retrievals: the
    outermost report of a retrieval."""

    __slots__ = ("checks", "retrievals", "tiers")

    def __init__(self, tree: Ancestry[SettleSpan]) -> None:
        self.tiers = Climb(tree, _own_tier, nearest=True)
        self.checks = Climb(tree, lambda span: span.key if span.operation in CHECKS else None, nearest=False)
        self.retrievals = Climb(tree, lambda span: span.key if reports_retrieval(span) else None, nearest=False)


def reports_retrieval(span: SettleSpan) -> bool:
    return span.operation == "retrieval" or bool(span.signals & s.RETRIEVAL_KNOWN)


def _own_tier(span: SettleSpan) -> int | None:
    return None if span.signals & s.TIER_OF_RESOURCE else s.tier_of(span.signals)


def said(span: SettleSpan) -> int:
    """What a span says, its flags included."""
    bits = span.signals
    if span.flags & (TIMEOUT | RESPONSE_CACHE_HIT):
        bits |= s.TIMED_OUT if span.flags & TIMEOUT else 0
        bits |= s.CACHE if span.flags & RESPONSE_CACHE_HIT else 0
    return bits


# Tools ----------------------------------------------------------------------------------------------------------------


def judged_tool(bits: int, is_failed: bool, tier: int | None, effect_key: int | None) -> int:
    """What one execution says, with what follows from it; duplicates aside.

    Its state is unknown where it says so, or timed out, says nothing and may have had an effect. Only what may have acted is
    judged by tier and approval. Nothing said of an approval is none.
    """
    if bits & s.TIMED_OUT and not bits & (s.STATE | s.EFFECT_NONE | s.DENIED):
        bits |= s.STATE_UNKNOWN
    if tier is not None:
        bits = bits & ~s.TIERS | s.tier_bits(tier)
    if not _may_have_acted(bits, is_failed):
        return bits
    if tier is not None and bits & s.EFFECT:
        bits |= s.TIER_JUDGED | (s.ABOVE_TIER if _needed_tier(bits) > tier else 0)
    if bits & s.EFFECT_IRREVERSIBLE and not bits & s.APPROVAL_NOT_REQUIRED:
        bits |= s.APPROVAL_NEEDED | (0 if bits & s.APPROVED else s.UNAPPROVED)
    if effect_key is not None and not bits & (s.STATE_UNKNOWN | s.EFFECT_NONE):
        bits |= s.HAD_EFFECT
    return bits


def _may_have_acted(bits: int, is_failed: bool) -> bool:
    """Not what failed, nor what was denied, unless nobody knows. A denied one that confirms its state acted all the same:
    frameworks hand a denial back as a result that did not fail, and have no state to tell of it."""
    if bits & s.STATE_UNKNOWN:
        return True
    return not is_failed and (not bits & s.DENIED or bool(bits & s.STATE_CONFIRMED))


def _needed_tier(bits: int) -> int:
    return 3 if bits & s.EFFECT_IRREVERSIBLE else 2 if bits & s.EFFECT_REVERSIBLE else 0


def judged_tools(
    tools: Sequence[SettleSpan], inside: Mapping[Key, Sequence[SettleSpan]], around: Surroundings
) -> list[SettleSpan]:
    """Executions of one trace in reading order, with the bits that follow. inside: other reports of an execution.

    Of several successful executions of one tool with one effect key all but the first are duplicates; those whose repetition
    was recognised (deduplicated) did nothing and are neither.
    """
    seen: set[tuple[str, int | None]] = set()
    found: list[SettleSpan] = []
    for span in tools:
        if not (said(span) or span.effect_key is not None or span.key in inside):
            found.append(span)  # nothing to judge: whatever tier stands above it
            continue
        told, tier = _of_reports(span, inside.get(span.key, ()), around)
        effect = told.effect_key
        bits = judged_tool(told.signals, span.status == ERROR, tier, effect)
        if bits & s.HAD_EFFECT and not bits & s.DEDUPLICATED:
            done = (span.tool_name or span.name, effect)
            bits |= s.DUPLICATE_EFFECT if done in seen else 0
            seen.add(done)
        found.append(told if bits == told.signals else msgspec.structs.replace(told, signals=bits))
    return found


def _of_reports(span: SettleSpan, others: Sequence[SettleSpan], around: Surroundings) -> tuple[SettleSpan, int | None]:
    """An execution with all that its reports say, and its tier: the outermost goes before those inside it."""
    bits, effect, queue_ns, tier = said(span), span.effect_key, span.queue_ns, around.tiers.of(span.key)
    for other in others:
        bits = s.united(bits, said(other))
        effect = other.effect_key if effect is None else effect
        queue_ns = other.queue_ns if queue_ns is None else queue_ns
        tier = around.tiers.of(other.key) if tier is None else tier
    tier = s.tier_of(bits) if tier is None else tier
    if (bits, effect, queue_ns) == (span.signals, span.effect_key, span.queue_ns):
        return span, tier
    return msgspec.structs.replace(span, signals=bits, effect_key=effect, queue_ns=queue_ns), tier


# Requests -------------------------------------------------------------------------------------------------------------


def outcome(
    root: SettleSpan,
    is_failed: bool,
    spans: Sequence[SettleSpan],
    calls: Sequence[tuple[CallDecision, SettleSpan]],
    tools: Sequence[SettleSpan],
    stands: Mapping[Key, Key | None],
    around: Surroundings,
) -> Outcome:
    """What one request came to. calls: decisions with the spans, completed by their twins. tools: judged executions."""
    bits, budgets = 0, []
    waits = False
    for span in spans:
        bits |= said(span)
        waits = waits or span.queue_ns is not None
        if span.token_budget is not None:
            budgets.append(span.token_budget)
    for made, call in calls:
        if len(made.group) > 1:  # a twin of another trace may know what no span of this one says
            bits |= said(call)
            waits = waits or call.queue_ns is not None
    adopted, retrieval = bits & s.ADOPTION, bits & s.RETRIEVAL_KNOWN
    stopped = _STOPS | _NO_ANSWER
    kept = bits & (_OF_ANY | s.TIMED_OUT | s.CACHE_HIT)
    for tool in tools:
        kept |= tool.signals & _OF_TOOLS
    if adopted:
        kept |= _adoption(root, spans)
    if bits & stopped and not is_failed:
        kept |= _error(root, spans, calls, around)
    counts = _retrievals(spans, around) if retrieval else (None, None)
    return Outcome(
        kept,
        _queue_ns(spans, calls, tools, stands) if waits else None,
        *counts,
        root.token_budget if root.token_budget is not None else budgets[0] if budgets else None,
    )


def _adoption(root: SettleSpan, spans: Sequence[SettleSpan]) -> int:
    """The root's word; else the last that was said: what the user did in the end."""
    return next((bits for span in (root, *reversed(spans)) if (bits := span.signals & s.ADOPTION)), 0)


def _error(
    root: SettleSpan,
    spans: Sequence[SettleSpan],
    calls: Sequence[tuple[CallDecision, SettleSpan]],
    around: Surroundings,
) -> int:
    """Of a request that did not fail: was it stopped by policy, else, did it end without an answer that is of use?

    By policy: no call that succeeded began after the last check that found something. Without an answer: the last call
    that did not just fail was refused, cut off at the token limit or empty; or the root says that the model refused.
    Calls of guardrails and evaluators are no answers.
    """
    chats = [
        call
        for made, call in calls
        if made.billable and made.call and call.operation in CHATS and around.checks.of(call.key) is None
    ]
    found = [span.plausible_end_ns for span in spans if span.signals & _STOPS]
    if found and not any(call.status != ERROR and call.start_ns >= max(found) for call in chats):
        return s.POLICY_ERROR
    answers = [call for call in chats if call.status != ERROR or call.signals & s.REFUSED]
    last = max(answers, key=_end_order, default=None)
    refused = root.signals & s.REFUSED and root.operation not in CHATS
    return s.IMPLICIT_ERROR if refused or (last is not None and last.signals & _NO_ANSWER) else 0


def _end_order(span: SettleSpan) -> tuple[int, int, int]:
    return (span.plausible_end_ns, span.start_ns, span.span_id % (1 << 64))


def _retrievals(spans: Sequence[SettleSpan], around: Surroundings) -> tuple[int | None, int | None]:
    """(retrievals whose outcome is known, those that found something). Reports inside one another are one retrieval."""
    known: dict[Key, int] = {}
    by_key = {span.key: bits for span in spans if (bits := span.signals & s.RETRIEVAL)}
    for key, bits in by_key.items():
        top = around.retrievals.of(key)
        if top is not None:
            known[top] = by_key.get(top) or known.get(top, 0) | bits
    return (len(known), sum(bool(bits & s.RETRIEVAL_HIT) for bits in known.values())) if known else (None, None)


def _queue_ns(
    spans: Sequence[SettleSpan],
    calls: Sequence[tuple[CallDecision, SettleSpan]],
    tools: Sequence[SettleSpan],
    stands: Mapping[Key, Key | None],
) -> int | None:
    """All the time that a request waited in queues; what two instrumentations report of one call or tool, once."""
    reported = {call.key: call.queue_ns if made.billable else None for made, call in calls}
    reported |= {tool.key: tool.queue_ns for tool in tools}
    waited = [
        reported.get(span.key, span.queue_ns)
        for span in spans
        if stands.get(span.key) is None
    ]  # fmt: skip
    known = [queue_ns for queue_ns in waited if queue_ns is not None]
    return min(sum(known), 1 << 61) if known else None
