"""What is judged of tools and requests when a trace is settled, once each, in whatever order its spans come."""

import random
from typing import Any

import pytest

from tests.builders import SECOND, changed, span, trace_id
from tests.captures import settle_span
from tracestore.analysis import signals as s
from tracestore.analysis.outcomes import judged_tool
from tracestore.analysis.settled import Trace, settle
from tracestore.records import RESPONSE_CACHE_HIT, TIMEOUT, TOOL_EXECUTION, Span

IRREVERSIBLE, REVERSIBLE = s.EFFECT_IRREVERSIBLE, s.EFFECT_REVERSIBLE


def settled(*spans: Span) -> Trace:
    """The first trace, which does not depend on the order of its spans."""
    given = [settle_span(one) for one in spans]
    found = settle(list(given))
    random.Random(7).shuffle(given)
    assert [(one.outcome, one.tools) for one in settle(given)] == [(one.outcome, one.tools) for one in found]
    return found[0]


def tool(parent: Span, signals: int = 0, **fields: Any) -> Span:
    flags = TOOL_EXECUTION | fields.pop("flags", 0)
    return span(parent=parent, operation="tool", signals=signals, **{"tool_name": "pay", **fields, "flags": flags})


def chat(parent: Span | None, signals: int = 0, **fields: Any) -> Span:
    return span(parent=parent, model="m", signals=signals, **fields)


@pytest.mark.parametrize(
    ("said", "failed", "unknown"),
    [
        (0, False, False),
        (s.STATE_UNKNOWN, False, True),
        (s.STATE_CONFIRMED, True, False),
        (s.TIMED_OUT, True, True),
        (s.TIMED_OUT | s.STATE_CONFIRMED, True, False),
        (s.TIMED_OUT | s.EFFECT_NONE, True, False),
        (s.TIMED_OUT | REVERSIBLE, True, True),
        (s.TIMED_OUT | IRREVERSIBLE | s.DENIED, True, False),
        (s.STATE_UNKNOWN | IRREVERSIBLE | s.DENIED, True, True),
    ],
)
def test_the_state_of_a_tool_that_timed_out_is_unknown_unless_it_says(said: int, failed: bool, unknown: bool) -> None:
    assert bool(judged_tool(said, failed, None, None) & s.STATE_UNKNOWN) == unknown


@pytest.mark.parametrize(
    ("effect", "tier", "judged", "above"),
    [
        (s.EFFECT_NONE, 0, True, False),
        (REVERSIBLE, 1, True, True),
        (REVERSIBLE, 2, True, False),
        (IRREVERSIBLE, 2, True, True),
        (IRREVERSIBLE, 3, True, False),
        (IRREVERSIBLE, None, False, False),
        (0, 0, False, False),
    ],
)
def test_a_tool_is_above_its_tier_only_where_both_are_known(
    effect: int, tier: int | None, judged: bool, above: bool
) -> None:
    bits = judged_tool(effect, False, tier, None)
    assert (bool(bits & s.TIER_JUDGED), bool(bits & s.ABOVE_TIER)) == (judged, above)


@pytest.mark.parametrize(
    ("said", "failed", "judged"),
    [
        (0, False, True),
        (0, True, False),
        (s.DENIED, False, False),
        (s.DENIED, True, False),
        (s.DENIED | s.TIMED_OUT, True, False),
        (s.TIMED_OUT, True, True),
        (s.TIMED_OUT | s.STATE_CONFIRMED, True, False),
        (s.STATE_UNKNOWN, True, True),
        (s.DENIED | s.STATE_CONFIRMED, False, True),
        (s.DENIED | s.STATE_UNKNOWN, False, True),
    ],
)
def test_only_what_may_have_acted_is_above_its_tier_or_below(said: int, failed: bool, judged: bool) -> None:
    above, below = judged_tool(IRREVERSIBLE | said, failed, 2, None), judged_tool(IRREVERSIBLE | said, failed, 3, None)
    assert above & (s.TIER_JUDGED | s.ABOVE_TIER) == (s.TIER_JUDGED | s.ABOVE_TIER if judged else 0)
    assert below & (s.TIER_JUDGED | s.ABOVE_TIER) == (s.TIER_JUDGED if judged else 0)


@pytest.mark.parametrize(
    ("said", "failed", "needed", "unapproved"),
    [
        (IRREVERSIBLE | s.APPROVED, False, True, False),
        (IRREVERSIBLE | s.DENIED, False, False, False),
        (IRREVERSIBLE | s.DENIED | s.STATE_CONFIRMED, False, True, True),
        (IRREVERSIBLE | s.DENIED | s.STATE_CONFIRMED, True, False, False),
        (IRREVERSIBLE | s.DENIED | s.STATE_UNKNOWN, True, True, True),
        (IRREVERSIBLE | s.APPROVAL_MISSING, False, True, True),
        (IRREVERSIBLE, False, True, True),
        (IRREVERSIBLE | s.APPROVAL_NOT_REQUIRED, False, False, False),
        (IRREVERSIBLE | s.DENIED, True, False, False),
        (IRREVERSIBLE | s.TIMED_OUT, True, True, True),
        (REVERSIBLE | s.APPROVAL_MISSING, False, False, False),
    ],
)
def test_an_executed_irreversible_call_needs_an_approval(
    said: int, failed: bool, needed: bool, unapproved: bool
) -> None:
    bits = judged_tool(said, failed, None, None)
    assert (bool(bits & s.APPROVAL_NEEDED), bool(bits & s.UNAPPROVED)) == (needed, unapproved)


def duplicates(*tools: tuple[int, dict[str, Any]]) -> list[tuple[bool, bool]]:
    """(had an effect, was a duplicate) of tools that ran one after the other."""
    root = span(operation="agent", seconds=100)
    spans = [tool(root, said, at=n, **{"effect_key": 5, **more}) for n, (said, more) in enumerate(tools)]
    found = [one.signals for one, _, _ in settled(root, *spans).tools]
    return [(bool(bits & s.HAD_EFFECT), bool(bits & s.DUPLICATE_EFFECT)) for bits in found]


def test_the_second_success_with_one_key_is_a_duplicate() -> None:
    assert duplicates((0, {}), (0, {}), (0, {})) == [(True, False), (True, True), (True, True)]
    assert duplicates((0, {"status": 2}), (0, {})) == [(False, False), (True, False)]
    assert duplicates((0, {"flags": TIMEOUT}), (0, {})) == [(False, False), (True, False)]
    assert duplicates((0, {}), (0, {"effect_key": 6})) == [(True, False), (True, False)]
    assert duplicates((0, {}), (0, {"tool_name": "book"})) == [(True, False), (True, False)]
    assert duplicates((s.EFFECT_NONE, {}), (s.EFFECT_NONE, {})) == [(False, False), (False, False)]
    assert duplicates((0, {"effect_key": None}), (0, {"effect_key": None})) == [(False, False), (False, False)]


def test_what_was_recognised_as_a_repetition_did_nothing() -> None:
    once = (s.DEDUPLICATED, {})
    assert duplicates((0, {}), once, (0, {})) == [(True, False), (True, False), (True, True)]
    assert duplicates(once, (0, {})) == [(True, False), (True, False)]


def test_equal_keys_in_two_traces_are_two_effects() -> None:
    one = span(operation="agent")
    other = span(trace_id(2), operation="agent")
    spans = [one, other, tool(one, effect_key=5), tool(other, effect_key=5, trace=trace_id(2))]
    for found in settle([settle_span(each) for each in spans]):
        assert [bool(each.signals & s.DUPLICATE_EFFECT) for each, _, _ in found.tools] == [False]


def test_the_tier_is_that_of_the_nearest_span_above_and_last_of_the_resource() -> None:
    root = span(operation="agent", signals=s.tier_bits(3), seconds=50)
    inner = span(parent=root, operation="agent", signals=s.tier_bits(1), at=1, seconds=20)
    said = REVERSIBLE | s.tier_bits(2) | s.TIER_OF_RESOURCE
    found = settled(root, inner, tool(inner, said, at=2), tool(root, said, at=30)).tools
    assert [s.tier_of(one.signals) for one, _, _ in found] == [1, 3]
    assert [bool(one.signals & s.ABOVE_TIER) for one, _, _ in found] == [True, False]
    alone = span(operation="agent")
    assert [s.tier_of(one.signals) for one, _, _ in settled(alone, tool(alone, said)).tools] == [2]


def test_two_reports_of_one_execution_are_judged_as_one() -> None:
    root = span(operation="agent", seconds=10)
    client = tool(root, s.APPROVED, seconds=5, queue_ns=3)
    server = tool(client, IRREVERSIBLE | s.DENIED, effect_key=5, seconds=4, queue_ns=9)
    found = settled(root, client, server)
    ((one, _, _),) = found.tools
    assert one.signals & (s.EFFECT | s.APPROVAL) == IRREVERSIBLE | s.APPROVED, "the outer report goes before"
    assert one.signals & s.HAD_EFFECT
    assert found.outcome.queue_ns == 3, "its time in the queue counts once"


def outcome_of(*calls: Span, root: Span) -> int:
    return settled(root, *calls).outcome.signals & (s.IMPLICIT_ERROR | s.POLICY_ERROR)


@pytest.mark.parametrize(
    ("last", "status", "expected"),
    [
        (s.REFUSAL_KNOWN, 0, 0),
        (s.REFUSAL, 0, s.IMPLICIT_ERROR),
        (s.CUT_OFF, 0, s.IMPLICIT_ERROR),
        (s.EMPTY, 0, s.IMPLICIT_ERROR),
        (s.EMPTY, 2, 0),
    ],
)
def test_a_request_without_a_usable_answer_is_an_implicit_error_unless_it_failed(
    last: int, status: int, expected: int
) -> None:
    root = span(operation="agent", status=status, seconds=60)
    assert outcome_of(chat(root, s.REFUSAL_KNOWN, at=1), chat(root, last, at=5), root=root) == expected
    if not status:
        assert not outcome_of(chat(root, last, at=1), chat(root, s.REFUSAL_KNOWN, at=5), root=root), (
            "it was asked again"
        )


def test_the_answer_of_a_judge_is_not_that_of_the_request() -> None:
    root = span(operation="agent", seconds=60)
    guard = span(parent=root, operation="guardrail", at=10)
    assert not outcome_of(chat(root, s.REFUSAL_KNOWN, at=1), guard, chat(guard, s.CUT_OFF, at=10), root=root)


def test_a_root_that_says_so_was_refused_whatever_its_calls_say() -> None:
    root = span(operation="agent", signals=s.REFUSAL, seconds=60)
    assert outcome_of(chat(root, s.REFUSAL_KNOWN, at=1), root=root) == s.IMPLICIT_ERROR


def test_policy_stopped_a_request_that_no_call_answered_after_the_check() -> None:
    root = span(operation="agent", seconds=60)
    bad = span(parent=root, operation="guardrail", signals=s.POLICY, at=10)
    before, after = chat(root, s.REFUSAL, at=1), chat(root, s.REFUSAL_KNOWN, at=20)
    failed = chat(root, at=20, status=2)
    assert outcome_of(before, bad, root=root) == s.POLICY_ERROR, "and not an implicit error as well"
    assert outcome_of(before, bad, failed, root=root) == s.POLICY_ERROR
    assert outcome_of(before, bad, after, root=root) == 0
    assert outcome_of(before, bad, root=changed(root, status=2)) == 0, "an error already"
    found = span(parent=root, operation="guardrail", signals=s.SENSITIVE, at=30)
    assert outcome_of(after, found, root=root) == 0, "what is sensitive may be masked"


def test_a_request_says_what_any_of_its_spans_does() -> None:
    root = span(operation="agent", seconds=60, signals=s.DEGRADED_KNOWN)
    call = chat(root, s.RATE_LIMITED | s.BREAKER, at=1, flags=TIMEOUT | RESPONSE_CACHE_HIT)
    found = settled(root, call, tool(root, IRREVERSIBLE, at=5)).outcome.signals
    told = s.DEGRADED_KNOWN | s.RATE_LIMITED | s.BREAKER | s.TIMED_OUT | s.CACHE
    assert found == told | s.APPROVAL_NEEDED | s.UNAPPROVED


def test_what_the_user_did_is_the_roots_word_else_the_last() -> None:
    def adoption(*said: int) -> int:
        root = span(operation="agent", signals=said[0], seconds=60)
        steps = [span(parent=root, signals=bits, at=n) for n, bits in enumerate(said[1:], 1)]
        return settled(root, *steps).outcome.signals

    assert adoption(0, s.ADOPTED, s.REJECTED) == s.REJECTED
    assert adoption(s.EDITED, s.ADOPTED, s.REJECTED) == s.EDITED


def test_a_retriever_inside_another_is_one_retrieval() -> None:
    root = span(operation="agent", seconds=60)
    fusion = span(parent=root, operation="retrieval", at=1, seconds=5)
    inner = [
        span(parent=fusion, operation="retrieval", at=1, signals=bits) for bits in (s.RETRIEVAL_KNOWN, s.RETRIEVAL)
    ]
    memory = span(parent=root, operation="memory", at=9, signals=s.RETRIEVAL_KNOWN)
    silent = span(parent=root, operation="retrieval", at=12)
    found = settled(root, fusion, *inner, memory, silent).outcome
    assert (found.retrievals, found.retrieval_hits) == (2, 1)
    assert settled(root, silent).outcome.retrievals is None


def test_the_time_in_queues_is_the_sum_with_twins_once() -> None:
    root = span(operation="agent", seconds=60, queue_ns=SECOND)
    call = chat(root, at=1, response_id="r", queue_ns=5, input_tokens=3)
    twin = chat(root, at=1, response_id="r", queue_ns=5)
    assert settled(root, call, twin, span(parent=root, queue_ns=7)).outcome.queue_ns == SECOND + 12
    assert settled(span(operation="agent")).outcome.queue_ns is None


def test_a_twin_tells_what_its_call_does_not() -> None:
    root = span(operation="agent", seconds=60)
    call = chat(root, s.REFUSAL_KNOWN, at=1, response_id="r", input_tokens=3)
    twin = chat(root, s.REFUSAL | s.CUT_OFF, at=1, response_id="r")
    (told,) = [one.completed.signals for one in settled(root, call, twin).calls if one.decision.billable]
    assert told == s.REFUSAL_KNOWN | s.CUT_OFF


def test_the_budget_is_the_roots_else_the_first_that_is_said() -> None:
    root = span(operation="agent", token_budget=9, seconds=60)
    assert settled(root, chat(root, token_budget=4)).outcome.token_budget == 9
    silent = span(operation="agent", seconds=60)
    assert (
        settled(silent, chat(silent, token_budget=4, at=2), chat(silent, token_budget=3, at=1)).outcome.token_budget
        == 3
    )
