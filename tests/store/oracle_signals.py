"""What the signals of requests, calls and tools ought to be, told naively from stored spans: words first, bits last.

Written from docs/attributes.md. A span says words here (a set of names of bits, and its tier); what follows is a word again.
"""

from collections.abc import Iterable
from types import SimpleNamespace as Row
from typing import Any

from tracestore.analysis import signals as s
from tracestore.records import RESPONSE_CACHE_HIT, TIMEOUT

NAMES = (
    "POLICY_CHECKED POLICY_VIOLATED INJECTION_CHECKED INJECTION_DETECTED SENSITIVE_CHECKED SENSITIVE_FOUND REFUSAL_KNOWN"
    " REFUSED CUT_OFF EMPTY RATE_LIMITED CACHE_KNOWN STATE_CONFIRMED STATE_UNKNOWN EFFECT_NONE EFFECT_REVERSIBLE"
    " EFFECT_IRREVERSIBLE TIER_KNOWN TIER_OF_RESOURCE APPROVED DENIED APPROVAL_MISSING APPROVAL_NOT_REQUIRED DEDUPLICATED"
    " DEGRADED_KNOWN DEGRADED BREAKER_KNOWN BREAKER_OPEN ADOPTED EDITED REJECTED RETRIEVAL_KNOWN RETRIEVAL_HIT"
    " TIMED_OUT CACHE_HIT HAD_EFFECT DUPLICATE_EFFECT TIER_JUDGED ABOVE_TIER APPROVAL_NEEDED UNAPPROVED IMPLICIT_ERROR"
    " POLICY_ERROR"
).split()
TOPICS = (
    "POLICY INJECTION SENSITIVE REFUS STATE EFFECT TIER APPROVAL DEGRADED BREAKER ADOPTION RETRIEVAL CACHE".split()
)  # the words of a topic begin with it, but for these:
OF_TOPIC = {"REFUSED": "REFUS", "APPROVED": "APPROVAL", "DENIED": "APPROVAL"} | dict.fromkeys(
    ("ADOPTED", "EDITED", "REJECTED"), "ADOPTION"
)
REQUEST_WORDS = {
    name
    for name in NAMES
    if name.startswith(("POLICY_C", "POLICY_V", "INJECTION", "SENSITIVE", "REFUS", "DEGRADED", "BREAKER", "RATE", "CACHE"))
} | {"TIMED_OUT"}  # fmt: skip
TOOL_WORDS = {
    "STATE_UNKNOWN", "HAD_EFFECT", "DUPLICATE_EFFECT", "TIER_JUDGED", "ABOVE_TIER", "APPROVAL_NEEDED", "UNAPPROVED"
}  # fmt: skip


def words_of(bits: int | None) -> set[str]:
    return {name for name in NAMES if (bits or 0) & getattr(s, name)}


def read(span: Row) -> None:
    """Gives a stored span its words and its own tier."""
    span.words = words_of(span.signals)
    span.own_tier = ((span.signals or 0) & s.TIER) >> s.TIER_SHIFT if "TIER_KNOWN" in span.words else None
    if span.flags & TIMEOUT:
        span.words.add("TIMED_OUT")
    if span.flags & RESPONSE_CACHE_HIT:
        span.words |= {"CACHE_KNOWN", "CACHE_HIT"}


def topic(word: str) -> str:
    return OF_TOPIC.get(word) or next((name for name in TOPICS if word.startswith(name)), word)


def together(reports: Iterable[Row]) -> set[str]:
    """What reports of one thing say: of each topic what the first says that says anything."""
    words: set[str] = set()
    for report in reports:
        known = {topic(word) for word in words}
        words |= {word for word in report.words if topic(word) not in known}
    return words


def first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def judge_tools(executions: list[tuple[Row, Row, list[Row]]]) -> None:
    """executions: (row to fill, its span, other reports inside it), of all traces in reading order."""
    done: set[Any] = set()
    for row, span, inside in executions:
        reports = [span, *inside]
        words = together(reports)
        tier = first(map(_tier, reports))
        if tier is None and "TIER_KNOWN" in words:
            tier = first(report.own_tier for report in reports)
        key = first(report.effect_key for report in reports)
        if not words and key is None and not inside:
            tier = None  # it says nothing that a tier could be held against
        if "TIMED_OUT" in words and not words & {"STATE_CONFIRMED", "EFFECT_NONE", "DENIED"}:
            words.add("STATE_UNKNOWN")
        unknown, ran = "STATE_UNKNOWN" in words, row.status != 2
        acted = unknown or (ran and "DENIED" not in words) or (ran and "STATE_CONFIRMED" in words)
        needs = 3 if "EFFECT_IRREVERSIBLE" in words else 2 if "EFFECT_REVERSIBLE" in words else 0
        if acted and tier is not None and any(word.startswith("EFFECT_") for word in words):
            words |= {"TIER_JUDGED", "ABOVE_TIER"} if needs > tier else {"TIER_JUDGED"}
        if needs == 3 and acted and "APPROVAL_NOT_REQUIRED" not in words:
            words |= {"APPROVAL_NEEDED"} if "APPROVED" in words else {"APPROVAL_NEEDED", "UNAPPROVED"}
        if key is not None and acted and not words & {"STATE_UNKNOWN", "EFFECT_NONE"}:
            words.add("HAD_EFFECT")
            if "DEDUPLICATED" not in words:
                effect = (span.trace_id, row.tool_name, key)
                words |= {"DUPLICATE_EFFECT"} if effect in done else set()
                done.add(effect)
        words -= {"TIER_KNOWN", "TIER_OF_RESOURCE"}
        row.words = words if tier is None else words | {"TIER_KNOWN"}
        row.queue_ns, row.signals = first(report.queue_ns for report in reports), bits_of(row.words, tier)


def _tier(span: Row) -> int | None:
    """Its own, else that of the nearest span above that names one; a resource's does not count here."""
    return first(
        one.own_tier for one in [span, *span.above] if "TIER_OF_RESOURCE" not in one.words and one.own_tier is not None
    )


def judge_request(trace: Row, calls: list[Row], tools: list[Row]) -> None:
    """calls: billable calls of the trace, each with its span and words. tools: its executions."""
    words = {word for span in trace.spans for word in span.words} | {word for call in calls for word in call.words}
    trace.words = words & REQUEST_WORDS | {word for tool in tools for word in tool.words} & TOOL_WORDS
    root = next((span for span in trace.spans if span.parent_span_id is None), trace.spans[0])
    for span in (root, *reversed(trace.spans)):
        said = span.words & {"ADOPTED", "EDITED", "REJECTED"}
        if said:
            trace.words |= said
            break
    if trace.status != 2:
        trace.words |= _error(root, trace.spans, calls)
    trace.retrievals, trace.retrieval_hits = _retrievals(trace.spans)
    trace.token_budget = first(span.token_budget for span in (root, *trace.spans))


def _error(root: Row, spans: list[Row], calls: list[Row]) -> set[str]:
    chats = [
        call
        for call in calls
        if call.call
        and call.operation in ("chat", "completion")
        and not any(above.operation in ("guardrail", "evaluator") for above in call.span.above)
    ]
    bad = [span.ended for span in spans if span.words & {"POLICY_VIOLATED", "INJECTION_DETECTED"}]
    if bad and not any(call.status != 2 and call.start_ns >= max(bad) for call in chats):
        return {"POLICY_ERROR"}
    answers = [call for call in chats if call.status != 2 or "REFUSED" in call.words]
    answers.sort(key=lambda call: (call.end_ns, call.start_ns, call.span_id % 2**64))
    useless = bool(answers) and bool(answers[-1].words & {"REFUSED", "CUT_OFF", "EMPTY"})
    if useless or ("REFUSED" in root.words and root.operation not in ("chat", "completion")):
        return {"IMPLICIT_ERROR"}
    return set()


def _reports(span: Row) -> bool:
    return span.operation == "retrieval" or "RETRIEVAL_KNOWN" in span.words


def _retrievals(spans: list[Row]) -> tuple[int | None, int | None]:
    """Outermost reports; one that does not know is asked for those inside it."""
    if not any("RETRIEVAL_KNOWN" in span.words for span in spans):
        return None, None
    known, hits = 0, 0
    for span in spans:
        if _reports(span) and not any(map(_reports, span.above)):
            inside = [below for below in span.below if _reports(below)]
            asked = [span] if "RETRIEVAL_KNOWN" in span.words else inside
            known += any("RETRIEVAL_KNOWN" in one.words for one in asked)
            hits += any("RETRIEVAL_HIT" in one.words for one in asked)
    return known, hits


def bits_of(words: set[str], tier: int | None = None) -> int | None:
    found = 0
    for word in words:
        found |= getattr(s, word)
    return found | (tier << s.TIER_SHIFT if tier is not None else 0) or None


# Sums -----------------------------------------------------------------------------------------------------------------


def share(rows: list[Row], of_what: str, known: Iterable[str], **parts: str) -> dict[str, int | None]:
    """None where nothing is known."""
    told = [row for row in rows if row.words & {*known}]
    counts = {name: sum(word in row.words for row in told) if told else None for name, word in parts.items()}
    return {of_what: len(told) or None, **counts}


def that(rows: list[Row], word: str) -> int:
    return sum(word in row.words for row in rows)


def request_sums(traces: list[Row]) -> dict[str, Any]:
    used = [(t, known_tokens(t)) for t in traces]
    budgeted = [(t, tokens) for t, tokens in used if t.token_budget is not None and tokens is not None]
    retrievals = [t for t in traces if t.retrievals is not None]
    return {
        **share(traces, "policy_checked", ["POLICY_CHECKED"], policy_violations="POLICY_VIOLATED"),
        **share(traces, "injection_checked", ["INJECTION_CHECKED"], injection_hits="INJECTION_DETECTED"),
        **share(traces, "sensitive_checked", ["SENSITIVE_CHECKED"], sensitive_hits="SENSITIVE_FOUND"),
        **share(traces, "refusal_known", ["REFUSAL_KNOWN"], refusals="REFUSED"),
        **share(traces, "degraded_known", ["DEGRADED_KNOWN"], degraded="DEGRADED"),
        **share(traces, "breaker_known", ["BREAKER_KNOWN"], breaker_open="BREAKER_OPEN"),
        **share(
            traces, "adoption_known", ["ADOPTED", "EDITED", "REJECTED"],
            adopted="ADOPTED", edited="EDITED", rejected="REJECTED",
        ),
        "budgeted": len(budgeted) or None,
        "budget_overruns": sum(tokens > t.token_budget for t, tokens in budgeted) if budgeted else None,
        "retrievals": sum(t.retrievals for t in retrievals) if retrievals else None,
        "retrieval_hits": sum(t.retrieval_hits for t in retrievals) if retrievals else None,
        "timeouts": that(traces, "TIMED_OUT"),
        "rate_limited": that(traces, "RATE_LIMITED"),
        "implicit_errors": that(traces, "IMPLICIT_ERROR"),
        "policy_errors": that(traces, "POLICY_ERROR"),
    }  # fmt: skip


def known_tokens(row: Row) -> int | None:
    return (
        None
        if row.input_tokens is None and row.output_tokens is None
        else (row.input_tokens or 0) + (row.output_tokens or 0)
    )


def call_sums(made: list[Row]) -> dict[str, Any]:
    return {
        "timeouts": that(made, "TIMED_OUT"),
        "rate_limited": that(made, "RATE_LIMITED"),
        **share(made, "refusal_known", ["REFUSAL_KNOWN"], refusals="REFUSED"),
        **share(made, "cache_known", ["CACHE_KNOWN"], cache_hits="CACHE_HIT"),
    }


def tool_sums(tools: list[Row]) -> dict[str, Any]:
    return {
        "timeouts": that(tools, "TIMED_OUT"),
        "unknown_state": that(tools, "STATE_UNKNOWN"),
        **share(tools, "effects", ["HAD_EFFECT"], duplicate_effects="DUPLICATE_EFFECT"),
        **share(tools, "tier_known", ["TIER_JUDGED"], above_tier="ABOVE_TIER"),
        **share(tools, "approval_needed", ["APPROVAL_NEEDED"], unapproved="UNAPPROVED"),
    }
