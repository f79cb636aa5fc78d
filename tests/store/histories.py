"""Random lives of a project: agents of several kinds around midnight, sent late, twice, in any order, half finished first."""

import random
from typing import Any
from zlib import crc32

import msgspec

from tests.builders import NOW, SECOND, span, trace_id
from tracestore.analysis import signals as s
from tracestore.records import RESPONSE_CACHE_HIT, TIMEOUT, TOOL_EXECUTION, Span, VersionPart

DAY_S = 86_400
MIDNIGHT = -NOW.hour * 3600  # the one before NOW, in seconds from it


def changed(one: Span, raw: dict[str, Any], **fields: Any) -> Span:
    return msgspec.structs.replace(one, raw=msgspec.structs.replace(one.raw, **raw), **fields)


def said(r: random.Random, *topics: tuple[int, ...]) -> int | None:
    """Of some topics one of their values each."""
    bits = 0
    for values in topics:
        bits |= r.choice(values) if r.random() < 0.3 else 0
    return bits or None


CHECKED = (
    (s.POLICY_CHECKED, s.POLICY),
    (s.INJECTION_CHECKED, s.INJECTION),
    (s.SENSITIVE_CHECKED, s.SENSITIVE),
)
OF_SERVICE = ((s.DEGRADED_KNOWN, s.DEGRADATION), (s.BREAKER_KNOWN, s.BREAKER), (s.ADOPTED, s.EDITED, s.REJECTED))
OF_CALL = ((s.REFUSAL_KNOWN, s.REFUSAL_KNOWN, s.REFUSAL), (s.CUT_OFF,), (s.EMPTY,), (s.RATE_LIMITED,), (s.CACHE_KNOWN,))
OF_TOOL = (
    (s.STATE_CONFIRMED, s.STATE_UNKNOWN),
    (s.EFFECT_NONE, s.EFFECT_REVERSIBLE, s.EFFECT_IRREVERSIBLE, s.EFFECT_IRREVERSIBLE),
    (s.APPROVED, s.DENIED, s.APPROVAL_MISSING, s.APPROVAL_NOT_REQUIRED),
    (s.DEDUPLICATED,),
    (s.RATE_LIMITED,),
    (s.ADOPTED, s.EDITED, s.REJECTED),
)
TIERS = tuple(map(s.tier_bits, range(4)))
OF_RESOURCE = tuple(tier | s.TIER_OF_RESOURCE for tier in TIERS)
RETRIEVED = (s.RETRIEVAL_KNOWN, s.RETRIEVAL)


def history(seed: int, traces: int = 6) -> list[list[Span]]:
    """Batches, as they arrive."""
    r = random.Random(seed)
    final = [one for number in range(1, r.randrange(2, traces + 1)) for one in _run(r, number)]
    for one in [one for one in final if one.response_id and r.random() < 0.4]:
        final.append(_twin(r, one))
    sent = final + [_half(r, one) for one in final if r.random() < 0.3]
    sent += r.sample(sent, len(sent) // 3)
    r.shuffle(sent)
    batches = []
    while sent:
        size = r.randrange(1, 10)
        batches.append(sent[:size])
        sent = sent[size:]
    return batches


def _run(r: random.Random, number: int) -> list[Span]:
    """One agent run: calls, tools, some embeddings; sometimes a wrapper around a call, a mirrored tool, or no call at all."""
    trace, version, service = trace_id(number), r.choice(["v1", "v2"]), r.choice(["shop", "mail"])
    at = r.choice([MIDNIGHT - 20, MIDNIGHT - DAY_S, -3 * DAY_S, -40, 0]) + r.randrange(20)
    known = {
        "service": service,
        "service_version": version,
        "environment": r.choice([None, "prod"]),
        "version_part": VersionPart(crc32(f"{service} {version}".encode()), service, (("service_version", version),)),
    }
    who = {"user_id": r.choice([None, "ann", "bob"]), "tenant_id": r.choice([None, "acme"]), "session_id": f"s{number}"}
    spent = {"input_tokens": 5, "output_tokens": 2} if r.random() < 0.3 else {}
    root = span(
        trace, operation="agent", at=at, seconds=r.choice([9, 70, 90_000]), status=r.choice([0, 2]), **known, **who, **spent,
        signals=said(r, *CHECKED, *OF_SERVICE, TIERS, (s.REFUSAL,)), queue_ns=r.choice([None, SECOND]),
        token_budget=r.choice([None, 20]),
    )  # fmt: skip
    spans = [root]
    for n in range(r.randrange(4)):
        spans += _turn(r, trace, root, at + 20 * n, known)
        spans += _checks_and_finds(r, trace, r.choice(spans), at + 20 * n, known)
    return spans


def _checks_and_finds(r: random.Random, trace: str, parent: Span, at: float, known: dict[str, Any]) -> list[Span]:
    """Sometimes a guardrail that asks a model itself; sometimes a retrieval that reports another inside it."""
    spans = []
    if r.random() < 0.3:
        guard = span(trace, parent, operation="guardrail", at=at, signals=said(r, *CHECKED), **known)
        judge = {"model": "judge", "at": at, "signals": said(r, *OF_CALL), "input_tokens": 1}
        spans += [guard, span(trace, guard, **judge, **known)]
    if r.random() < 0.3:
        outer = span(trace, parent, operation="retrieval", at=at, signals=said(r, RETRIEVED), **known)
        inner = [span(trace, outer, operation="retrieval", at=at, signals=said(r, RETRIEVED)) for _ in range(2)]
        spans += [outer, *inner]
    return spans


def _turn(r: random.Random, trace: str, root: Span, at: float, known: dict[str, Any]) -> list[Span]:
    model, name = r.choice(["gpt-4o", "haiku"]), r.choice(["search", "book"])
    tokens = {"input_tokens": r.randrange(9), "output_tokens": r.randrange(9), "cache_read_tokens": r.choice([None, 3])}
    call = span(
        trace, root, model=model, at=at, seconds=r.choice([1, 30]), provider=r.choice([None, "openai"]),
        status=r.choice([0, 0, 2]), cost_nanousd=r.choice([None, 7]), ttft_ns=r.choice([None, SECOND // 3]),
        retry_count=r.choice([None, 1]), response_id=r.choice([None, f"{trace} {at}"]), **tokens, **known,
        signals=said(r, *OF_CALL, *CHECKED), queue_ns=r.choice([None, 5]), flags=r.choice([0, RESPONSE_CACHE_HIT, TIMEOUT]),
    )  # fmt: skip
    tool = span(
        trace, root, operation="tool", tool_name=name, at=at + 5, seconds=4,
        flags=TOOL_EXECUTION | r.choice([0, TIMEOUT]), status=r.choice([0, 2]), retry_count=r.choice([None, 2]), **known,
        **_effect(r), token_budget=r.choice([None, None, 3]),
    )  # fmt: skip
    spans = [call, tool]
    if r.random() < 0.3:
        inside = {"start_ns": tool.raw.start_ns + 1, "end_ns": tool.raw.end_ns - 1, "flags": TOOL_EXECUTION}
        spans.append(
            span(
                trace, tool, operation="tool", tool_name=name, status=r.choice([0, 2]), **inside, **known, **_effect(r)
            )
        )
    if r.random() < 0.3:
        spans.append(span(trace, call, model=model, at=at, status=0, **tokens, **known))
    if r.random() < 0.3:
        spans.append(span(trace, root, operation="embedding", response_model="embed-3", input_tokens=8, at=at, **known))
    return spans


def _effect(r: random.Random) -> dict[str, Any]:
    """Of a tool."""
    tier = r.choice([TIERS, OF_RESOURCE])
    return {
        "signals": said(r, *OF_TOOL, tier),
        "effect_key": r.choice([None, 1, 1]),
        "queue_ns": r.choice([None, 7]),
    }


def _twin(r: random.Random, one: Span) -> Span:
    """The same answer, reported by another instrumentation in a trace of its own or of somebody else."""
    return span(
        trace_id(r.randrange(1, 9)), model=one.response_model, start_ns=one.raw.start_ns, end_ns=one.raw.end_ns,
        response_id=one.response_id, input_tokens=r.choice([None, one.input_tokens]), user_id=r.choice([None, "cem"]),
        cache_read_tokens=r.choice([None, 1]), signals=said(r, *OF_CALL, *CHECKED, TIERS), queue_ns=r.choice([None, 9]),
    )  # fmt: skip


def _half(r: random.Random, one: Span) -> Span:
    """A record of the span that came before it was final, perhaps under another day, and loses."""
    raw = {
        "start_ns": one.raw.start_ns - r.choice([0, 0, DAY_S * SECOND]),
        "end_ns": one.raw.end_ns - r.randrange(1, 10),
    }
    return changed(one, raw | {"parent_span_id": None}, status=2, response_id=r.choice([one.response_id, "half"]))
