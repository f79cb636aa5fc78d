"""What is one trace in sum? From its spans to its row, its calls and its tool executions; pure, and in any order.

The rules of calls, tools and identity are in calls.py, tool_calls.py and identity.py; here they meet.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import attrgetter
from typing import Any, cast

import msgspec

from tracestore.analysis.ancestry import Ancestry, Key
from tracestore.analysis.calls import CallDecision, decide
from tracestore.analysis.identity import Identity, inherit
from tracestore.analysis.outcomes import Outcome, Surroundings, judged_tools, outcome, said
from tracestore.analysis.settle_span import DAY_NS, SettleSpan
from tracestore.analysis.signals import united
from tracestore.analysis.tool_calls import executions
from tracestore.records import CLOCK_SUSPECT

QUIET_NS = 10_000_000_000  # a trace is complete when nothing came for so long
ERROR = 2
CHATS = frozenset({"chat", "completion"})
_U64 = 1 << 64


class Call(msgspec.Struct, frozen=True, gc=False):
    """A candidate or the usage of a wrapper: a row of llm_call."""

    span: SettleSpan
    decision: CallDecision
    identity: Identity
    completed: SettleSpan  # the span with what its twins know and it does not


ToolCall = tuple[SettleSpan, Identity, str | None]  # with the model of the call that asked for it


class Trace(msgspec.Struct, frozen=True, gc=False):
    """One trace in sum. whole: a root is there and no parent is missing."""

    trace_id: bytes
    root: SettleSpan
    has_root: bool
    whole: bool
    start_ns: int
    end_ns: int
    identity: Identity
    spans: list[SettleSpan]
    calls: list[Call]
    tools: list[ToolCall]
    outcome: Outcome

    @property
    def day(self) -> int:
        return self.start_ns // DAY_NS


def merge(spans: Iterable[SettleSpan]) -> list[SettleSpan]:
    """One record a span: a span that is stored under two days is the larger of the two in merge order."""
    best: dict[Key, SettleSpan] = {}
    for span in spans:
        other = best.setdefault(span.key, span)
        if other is not span and span.merge_order > other.merge_order:
            best[span.key] = span
    return list(best.values())


def settle(spans: Sequence[SettleSpan]) -> list[Trace]:
    """The traces of whole sets of spans (each span once; twins in other traces included), sorted by trace id."""
    # The rules take their own small structs; a SettleSpan has all their fields, so nothing is copied (4 us a span less).
    by_key = {span.key: span for span in spans}
    tree = cast(Any, Ancestry(by_key))
    decisions = decide(cast(Any, spans), tree)
    stands = executions(cast(Any, spans), tree)
    identities = inherit(cast(Any, spans), tree)
    around = Surroundings(cast(Any, tree))
    traces: dict[bytes, list[SettleSpan]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return [
        _settle_one(members, decisions, stands, identities, by_key, around)
        for _, members in sorted(traces.items(), key=_first)
    ]


def _first(item: tuple[bytes, Any]) -> bytes:
    return item[0]


def _settle_one(
    spans: list[SettleSpan],
    decisions: Mapping[Key, CallDecision],
    stands: Mapping[Key, Key | None],
    identities: Mapping[Key, Identity],
    by_key: Mapping[Key, SettleSpan],
    around: Surroundings,
) -> Trace:
    spans.sort(key=_reading_order)
    ids = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_span_id is None]
    missing = any(span.parent_span_id is not None and span.parent_span_id not in ids for span in spans)
    root = roots[0] if roots else spans[0]
    start_ns = _start(spans)
    calls = [
        Call(span, made, _whose(span.key, made, identities), completed(span, made, by_key))
        for span in spans
        if (made := decisions.get(span.key)) is not None
    ]
    tools = _tools(spans, stands, identities, around)
    executed = [tool for tool, _, _ in tools]
    is_failed = (root.status if roots else max(span.status for span in spans)) == ERROR
    called = [(call.decision, call.completed) for call in calls]
    return Trace(
        trace_id=root.trace_id,
        root=root,
        has_root=bool(roots),
        whole=bool(roots) and not missing,
        start_ns=start_ns,
        end_ns=max(start_ns, max(span.plausible_end_ns for span in spans)),
        identity=_identity(root, spans, identities),
        spans=spans,
        calls=calls,
        tools=tools,
        outcome=outcome(root, is_failed, spans, called, executed, stands, around),
    )


def _reading_order(span: SettleSpan) -> tuple[int, int]:
    return (span.start_ns, span.span_id % _U64)


def _start(spans: Sequence[SettleSpan]) -> int:
    """The first plausible start; without any, the first receipt."""
    starts = [span.start_ns for span in spans if not span.flags & CLOCK_SUSPECT]
    return min(starts) if starts else min(span.received_ns for span in spans)


def _identity(root: SettleSpan, spans: Sequence[SettleSpan], identities: Mapping[Key, Identity]) -> Identity:
    """The root's, and where it names none, the first span's that does."""

    own = identities[root.key]
    return Identity(
        own.session_id or next((found for span in spans if (found := identities[span.key].session_id)), None),
        own.user_id or next(filter(None, map(_USER, spans)), None),
        own.tenant_id or next(filter(None, map(_TENANT, spans)), None),
        root.environment,
    )


_USER, _TENANT = attrgetter("user_id"), attrgetter("tenant_id")


def _tools(
    spans: Sequence[SettleSpan],
    stands: Mapping[Key, Key | None],
    identities: Mapping[Key, Identity],
    around: Surroundings,
) -> list[ToolCall]:
    found: list[ToolCall] = []
    inside = _inside(spans, stands)
    model: str | None = None
    for span in spans:  # in start order: the call before a tool asked for it
        if span.operation in CHATS and span.model:
            model = span.model
        if span.key in stands and stands[span.key] is None:
            found.append((_as_reported(span, inside.get(span.key, [])), identities[span.key], model))
    judged = judged_tools([tool for tool, _, _ in found], inside, around)
    return [(tool, who, asked) for tool, (_, who, asked) in zip(judged, found, strict=True)]


def _inside(spans: Sequence[SettleSpan], stands: Mapping[Key, Key | None]) -> dict[Key, list[SettleSpan]]:
    """For each execution that several spans report: those inside it, in reading order."""
    inside: dict[Key, list[SettleSpan]] = {}
    for span in spans:
        outer = stands.get(span.key)
        if outer is not None:
            inside.setdefault(outer, []).append(span)
    return inside


def _end_order(span: SettleSpan) -> tuple[int, int, int]:
    return (span.end_ns, span.start_ns, span.span_id % _U64)


def _as_reported(span: SettleSpan, inside: Sequence[SettleSpan]) -> SettleSpan:
    """The execution failed as well where the last report inside it did: frameworks handle what a tool raises."""
    inner = max(inside, key=_end_order, default=None)
    if inner is None or inner.status != ERROR or span.status == ERROR:
        return span
    return msgspec.structs.replace(span, status=ERROR, error_type=inner.error_type)


def _whose(key: Key, made: CallDecision, identities: Mapping[Key, Identity]) -> Identity:
    """The identity of a call, with what only a twin of it names: a provider SDK's own span knows no session."""
    own = identities[key]
    if not made.billable or len(made.group) == 1:
        return own
    twins = [own, *(identities[twin] for twin in made.group if twin in identities)]
    return Identity(
        *(next(filter(None, values), None) for values in zip(*map(msgspec.structs.astuple, twins), strict=True))
    )


def completed(span: SettleSpan, made: CallDecision, by_key: Mapping[Key, SettleSpan]) -> SettleSpan:
    """A billable span with what its twins know and it does not: cache and reasoning tokens, ttft, whose request it was."""
    if not made.billable or len(made.group) == 1:
        return span
    twins = [by_key[key] for key in made.group if key != span.key and key in by_key]
    known: dict[str, Any] = {}
    for name in _SHARED:
        if getattr(span, name) is None:
            known[name] = next((value for twin in twins if (value := getattr(twin, name)) is not None), None)
    known["signals"] = reduce(united, map(said, twins), said(span))
    return msgspec.structs.replace(span, **known)


SUM_MAX = 1 << 61  # the queries' sums end there as well
_SHARED = (
    *("cache_read_tokens", "cache_creation_tokens", "reasoning_tokens", "ttft_ns", "queue_ns"),
    *("prompt_name", "prompt_version"),
)


def total(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None when nothing is. It ends at SUM_MAX: a bigint holds it, and the sum of two."""
    known = [value for value in values if value is not None]
    return min(sum(known), SUM_MAX) if known else None


class Sums(msgspec.Struct, frozen=True, gc=False):
    """Counts and sums of the billable calls of a trace."""

    llm_calls: int
    llm_errors: int
    embedding_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    embedding_tokens: int | None
    cost_nanousd: int | None
    unpriced_calls: int
    ttft_ns: int | None


def sums(calls: Sequence[Call]) -> Sums:
    """Tokens are those of chat and completion calls and of wrappers without a call below; embeddings apart."""
    billable = [call for call in calls if call.decision.billable]
    chats = [call.completed for call in billable if call.decision.call and call.span.operation in CHATS]
    embeddings = [call.completed for call in billable if call.decision.call and call.span.operation == "embedding"]
    counted = chats + [call.completed for call in billable if not call.decision.call]
    return Sums(
        llm_calls=len(chats),
        llm_errors=sum(span.status == ERROR for span in chats),
        embedding_calls=len(embeddings),
        input_tokens=total(span.input_tokens for span in counted),
        output_tokens=total(span.output_tokens for span in counted),
        cache_read_tokens=total(span.cache_read_tokens for span in counted),
        cache_creation_tokens=total(span.cache_creation_tokens for span in counted),
        reasoning_tokens=total(span.reasoning_tokens for span in counted),
        embedding_tokens=total(span.input_tokens for span in embeddings),
        cost_nanousd=total(call.span.cost_nanousd for call in billable),
        unpriced_calls=sum(
            call.decision.call and call.span.has_usage and call.span.cost_nanousd is None for call in billable
        ),
        ttft_ns=next((span.ttft_ns for span in chats if span.ttft_ns is not None), None),
    )
