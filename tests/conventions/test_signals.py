"""What spans say of policy, refusals, limits, tools and retrieval is read as docs/attributes.md says; nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.conventions import normalise, ours
from tests.conventions.build import raw, resource
from tracestore.analysis import signals as s
from tracestore.records import INVALID_NUMBER, UNKNOWN_WORD

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 5}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "pay"}
GUARD = {"openinference.span.kind": "GUARDRAIL"}
RETRIEVAL = {"gen_ai.operation.name": "retrieval"}


def bits(attributes: dict[str, Any], **fields: Any) -> int:
    return normalise(raw(attributes, **fields)).signals or 0


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("fourline.policy.outcome", "passed", s.POLICY_CHECKED),
        ("fourline.policy.outcome", " VIOLATED ", s.POLICY),
        ("fourline.injection.outcome", "clean", s.INJECTION_CHECKED),
        ("fourline.injection.outcome", "Detected", s.INJECTION),
        ("fourline.sensitive.outcome", "clean", s.SENSITIVE_CHECKED),
        ("fourline.sensitive.outcome", "found", s.SENSITIVE),
        ("fourline.refusal", True, s.REFUSAL),
        ("fourline.refusal", "false", s.REFUSAL_KNOWN),
        ("fourline.tool.state", "confirmed", s.STATE_CONFIRMED),
        ("fourline.tool.state", "unknown", s.STATE_UNKNOWN),
        ("fourline.tool.effect", "none", s.EFFECT_NONE),
        ("fourline.tool.effect", "reversible", s.EFFECT_REVERSIBLE),
        ("fourline.tool.effect", "irreversible", s.EFFECT_IRREVERSIBLE),
        ("fourline.autonomy.tier", 0, s.TIER_KNOWN),
        ("fourline.autonomy.tier", "3", s.TIER_KNOWN | s.TIER),
        ("fourline.tool.approval", "approved", s.APPROVED),
        ("fourline.tool.approval", "denied", s.DENIED),
        ("fourline.tool.approval", "missing", s.APPROVAL_MISSING),
        ("fourline.tool.approval", "NOT_REQUIRED", s.APPROVAL_NOT_REQUIRED),
        ("fourline.tool.deduplicated", True, s.DEDUPLICATED),
        ("fourline.tool.deduplicated", False, 0),
        ("fourline.degraded", True, s.DEGRADATION),
        ("fourline.degraded", False, s.DEGRADED_KNOWN),
        ("fourline.breaker.state", "closed", s.BREAKER_KNOWN),
        ("fourline.breaker.state", "half_open", s.BREAKER_KNOWN),
        ("fourline.breaker.state", "open", s.BREAKER),
        ("fourline.cache.hit", False, s.CACHE_KNOWN),
        ("fourline.adoption", "adopted", s.ADOPTED),
        ("fourline.adoption", "edited", s.EDITED),
        ("fourline.adoption", "rejected", s.REJECTED),
        ("fourline.retrieval.hit", True, s.RETRIEVAL),
        ("fourline.retrieval.hit", False, s.RETRIEVAL_KNOWN),
        ("gen_ai.guardrail.triggered", True, s.POLICY),
        ("gen_ai.guardrail.triggered", False, s.POLICY_CHECKED),
        ("gen_ai.security.decision.type", "deny", s.POLICY),
        ("gen_ai.security.decision.type", "allow", s.POLICY_CHECKED),
        ("microsoft.security.decision.type", "modify", s.POLICY),
        ("guardrail_status", "guardrail_intervened", s.POLICY),
        ("guardrail_status", "guardrail_failed_to_respond", 0),
    ],
)
def test_each_attribute_says_what_it_means_on_any_span(attribute: str, value: Any, expected: int) -> None:
    span = normalise(raw({attribute: value}))
    assert (span.signals or 0, span.flags & (UNKNOWN_WORD | INVALID_NUMBER)) == (expected, 0)


@pytest.mark.parametrize("attribute", sorted(ours.CLOSED))
@pytest.mark.parametrize("value", ["perhaps", 7, ["violated"], {"a": 1}, b"open", "x" * 10_000])
def test_an_unknown_word_is_unknown_and_flagged(attribute: str, value: Any) -> None:
    span = normalise(raw({attribute: value}))
    assert (span.signals, span.flags & UNKNOWN_WORD) == (None, UNKNOWN_WORD)


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_value_says_nothing_and_is_not_flagged(value: Any) -> None:
    span = normalise(raw(dict.fromkeys(ours.CLOSED, value)))
    assert (span.signals, span.flags & UNKNOWN_WORD) == (None, 0)


@pytest.mark.parametrize("value", [4, -1, True, "high", 1.5])
def test_a_tier_that_is_none_is_unknown_and_flagged(value: Any) -> None:
    span = normalise(raw({"fourline.autonomy.tier": value}))
    assert (span.signals, span.flags & INVALID_NUMBER) == (None, INVALID_NUMBER)


def test_only_tools_take_the_tier_of_their_resource() -> None:
    of = resource(service__name="bot", fourline__autonomy__tier=1)
    assert bits(TOOL, resource=of) == s.tier_bits(1) | s.TIER_OF_RESOURCE
    assert bits({**TOOL, "fourline.autonomy.tier": 2}, resource=of) == s.tier_bits(2)
    assert bits(CHAT, resource=of) == 0


def test_numbers_are_read_with_their_units_and_bad_ones_are_unknown() -> None:
    span = normalise(raw({"fourline.queue.duration": 0.25, "fourline.token_budget": "4000"}))
    assert (span.queue_ns, span.token_budget) == (250_000_000, 4000)
    assert normalise(raw({"gen_ai.latency.time_in_queue": 2})).queue_ns == 2_000_000_000
    for bad in (-1, float("nan"), True, "soon"):
        span = normalise(raw({"fourline.queue.duration": bad, "fourline.token_budget": bad}))
        assert (span.queue_ns, span.token_budget, span.flags & INVALID_NUMBER) == (None, None, INVALID_NUMBER)


def test_sources_say_where_it_came_from() -> None:
    provenance = normalise(raw({"fourline.policy.outcome": "passed", "fourline.autonomy.tier": 1})).provenance
    assert provenance is not None
    assert dict(provenance.sources) | {
        "policy_outcome": "attr:fourline.policy.outcome",
        "autonomy_tier": "attr:fourline.autonomy.tier",
    } == dict(provenance.sources)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, 0),
        ({"gen_ai.response.finish_reasons": ["stop"]}, s.REFUSAL_KNOWN),
        ({"gen_ai.response.finish_reasons": ["content_filter"]}, s.REFUSAL),
        ({"gen_ai.response.finish_reasons": ["refusal"]}, s.REFUSAL),
        ({"gen_ai.response.finish_reasons": ["SAFETY"]}, s.REFUSAL),
        ({"gen_ai.response.finish_reasons": ["max_tokens"]}, s.REFUSAL_KNOWN | s.CUT_OFF),
        ({"gen_ai.response.finish_reasons": ["content_filter"], "fourline.refusal": False}, s.REFUSAL_KNOWN),
        ({"gen_ai.usage.output_tokens": 0}, s.EMPTY),
        ({"gen_ai.usage.output_tokens": 0, "output.value": "said"}, 0),
        ({"gen_ai.usage.output_tokens": 0, "gen_ai.response.finish_reasons": ["tool_calls"]}, s.REFUSAL_KNOWN),
        ({"gen_ai.output.messages": "[]"}, s.EMPTY),
        ({"gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": " "}]}]}, s.EMPTY),
        ({"gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "tool_call", "name": "f"}]}]}, 0),
        ({"gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"hi"}]}]'}, 0),
        ({"gen_ai.output.messages": "not JSON"}, 0),
        ({"error.type": "RateLimitError"}, s.RATE_LIMITED),
        ({"error.type": "429"}, s.RATE_LIMITED),
        ({"http.response.status_code": 429}, s.RATE_LIMITED),
        ({"error.type": "openai.ContentPolicyViolationError"}, s.REFUSAL),
        ({"error.type": "ValueError"}, 0),
    ],
)
def test_finish_reasons_answers_and_errors_of_a_call(more: dict[str, Any], expected: int) -> None:
    assert bits({**CHAT, **more}) == expected


def test_a_limit_is_read_from_the_message_of_a_failed_call() -> None:
    failed = {"status_code": 2, "status_message": "Error code: 429 - slow down"}
    assert bits({**CHAT, "error.type": "APIStatusError"}, **failed) == s.RATE_LIMITED
    assert bits(CHAT, status_code=2, status_message="room 429 is taken") == 0


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, 0),
        ({"output.value": "PASS"}, s.POLICY_CHECKED),
        ({"output.value": "FAIL: asks for a password"}, s.POLICY),
        ({"output.value": '{"tripwire_triggered": true}'}, s.POLICY),
        ({"output.value": '{"passed": true, "score": 0.1}'}, s.POLICY_CHECKED),
        ({"langfuse.observation.output": '{"flagged": false}'}, s.POLICY_CHECKED),
        ({"output.value": '{"passed": "maybe"}'}, 0),
        ({"output.value": "I would say that this passed"}, 0),
        ({"output.value": "FAIL", "fourline.policy.outcome": "passed"}, s.POLICY_CHECKED),
        ({"error.type": "InputGuardrailTripwireTriggered"}, s.POLICY),
        ({"error.type": "ConnectionError"}, 0),
    ],
)
def test_guardrail_spans_say_their_verdict_where_it_is_plain(more: dict[str, Any], expected: int) -> None:
    assert bits({**GUARD, **more}) == expected
    assert not bits({"output.value": "FAIL"}), "only guardrail spans are looked into"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, 0),
        ({"retrieval.documents.0.document.content": "x"}, s.RETRIEVAL),
        ({"gen_ai.retrieval.documents": '[{"id": 1}'}, s.RETRIEVAL),
        ({"gen_ai.retrieval.documents": "[ ]"}, s.RETRIEVAL_KNOWN),
        ({"gen_ai.retrieval.documents": [{"id": "a"}]}, s.RETRIEVAL),
        ({"output.value": '{"documents": []}'}, s.RETRIEVAL_KNOWN),
        ({"output.value": "found nothing"}, 0),
        ({"db.response.returned_rows": 0}, s.RETRIEVAL_KNOWN),
        ({"db.response.returned_rows": 3}, s.RETRIEVAL),
        ({"retrieval.documents.0.document.id": 1, "fourline.retrieval.hit": False}, s.RETRIEVAL_KNOWN),
    ],
)
def test_retrievals_say_whether_they_found_something(more: dict[str, Any], expected: int) -> None:
    assert bits({**RETRIEVAL, **more}) == expected


def effect_key(attributes: dict[str, Any]) -> int | None:
    return normalise(raw({**TOOL, **attributes})).effect_key


def test_an_effect_has_the_key_that_is_given_else_that_of_its_arguments() -> None:
    given = effect_key({"fourline.tool.idempotency_key": "order-1"})
    assert given is not None
    assert given == effect_key({"http.request.header.idempotency-key": ["order-1"]})
    assert given != effect_key({"fourline.tool.idempotency_key": "order-2"})
    booked = {"fourline.tool.effect": "irreversible"}
    one = effect_key({**booked, "gen_ai.tool.call.arguments": '{"b": 1, "a": [2]}'})
    assert one is not None
    assert one == effect_key({**booked, "gen_ai.tool.call.arguments": {"a": [2], "b": 1}})
    assert one != effect_key({**booked, "gen_ai.tool.call.arguments": '{"b": 2, "a": [2]}'})
    assert one == effect_key({**booked, "tool_arguments": '{"a":[2],"b":1}'})


def test_without_a_declared_effect_equal_arguments_mean_nothing() -> None:
    arguments = {"gen_ai.tool.call.arguments": '{"a": 1}'}
    assert effect_key(arguments) is None
    assert effect_key({**arguments, "fourline.tool.effect": "none"}) is None
    assert effect_key({"fourline.tool.effect": "reversible"}) is None
    assert normalise(raw({**CHAT, "fourline.tool.idempotency_key": "k"})).effect_key is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = sorted(
    {row.key for row in ours.ROWS}
    | {
        "output.value",
        "gen_ai.output.messages",
        "gen_ai.retrieval.documents",
        "gen_ai.tool.call.arguments",
        "error.type",
    }
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([CHAT, TOOL, GUARD, RETRIEVAL, {}]), st.dictionaries(st.sampled_from(KEYS), anything, max_size=6)
)
def test_whatever_stands_there_nothing_raises_and_all_of_it_fits_a_bigint(
    kind: dict[str, Any], more: dict[str, Any]
) -> None:
    span = normalise(raw({**more, **kind}))
    assert span.signals is None or 0 < span.signals < 1 << 40
    for number in (span.queue_ns, span.token_budget, span.effect_key):
        assert number is None or -(2**63) <= number < 2**63
