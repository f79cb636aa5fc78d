"""The binding rule of twins as a table, and what must hold whatever the order."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracestore.analysis.calls import CallSpan, decide
from tracestore.analysis.model_names import bare_model, canonical_model

T1, T2 = b"1" * 16, b"2" * 16


def call(
    span_id: int, parent: int | None = None, tokens: tuple[int | None, int | None] = (None, None), **fields: object
) -> CallSpan:
    """A chat span of trace 1 from second 0 to 10, model m."""
    given: dict[str, object] = {
        "trace_id": T1,
        "operation": "chat",
        "start_ns": 0,
        "end_ns": 10,
        "model": "m",
        **fields,
    }
    return CallSpan(span_id=span_id, parent_span_id=parent, input_tokens=tokens[0], output_tokens=tokens[1], **given)  # type: ignore[arg-type]


def billed(*spans: CallSpan) -> set[int]:
    return {key[1] for key, decision in decide(spans).items() if decision.billable and decision.call}


USED = (100, 20)


@pytest.mark.parametrize(
    ("spans", "billable"),
    [
        # one call alone; a call without usage; a failed call
        ([call(1, None, USED)], {1}),
        ([call(1)], {1}),
        ([call(1, status=2)], {1}),
        # (b) wrapper and call, with equal tokens, or with tokens on one side only
        ([call(1, None, USED), call(2, 1, USED)], {2}),
        ([call(1), call(2, 1, USED)], {2}),
        ([call(1, None, USED), call(2, 1)], {1}),
        ([call(1, status=2), call(2, 1, status=2)], {2}),
        # over an agent and over any number of generations
        ([call(1, None, USED), call(5, 1, operation="task"), call(2, 5, USED)], {2}),
        ([call(1), call(2, 1), call(3, 2), call(4, 3, USED)], {4}),
        # different tokens, or a different model: two calls
        ([call(1, None, USED), call(2, 1, (7, 7))], {1, 2}),
        ([call(1, None, USED, model="big"), call(2, 1, USED)], {1, 2}),
        # dated and plain name are one model
        ([call(1, None, USED, model="gpt-4o-mini-2024-07-18"), call(2, 1, USED, model="openai/gpt-4o-mini")], {2}),
        # a wrapper without usage around two calls: two calls
        ([call(1), call(2, 1, USED), call(3, 1, (50, 5))], {2, 3}),
        ([call(1), call(2, 1, USED), call(3, 1, USED)], {2, 3}),
        # a failed attempt below a wrapper with the usage of the second: both were calls
        ([call(1, None, USED), call(2, 1, status=2), call(3, 1, USED)], {2, 3}),
        # a streamed call: the wrapper and a log-like span carry the usage, the client span does not
        ([call(1, None, USED), call(2, 1), call(3, 1, USED)], {3}),
        # a span that names neither model nor tokens stands for the call below it, or is a step of the one above it
        ([call(1, model=None), call(2, 1, USED)], {2}),
        ([call(1, None, USED), call(2, 1, model=None)], {1}),
        ([call(1, None, USED), call(2, 1, model=None, status=2)], {1, 2}),
        # siblings are never twins by the tree
        ([call(5, None, operation="agent"), call(1, 5, USED), call(2, 5, USED)], {1, 2}),
        # (a) the same response id in two traces, overlapping: one; apart in time: two
        ([call(1, None, USED, response_id="r"), call(2, None, USED, response_id="r", trace_id=T2)], {1}),
        (
            [
                call(1, None, USED, response_id="r"),
                call(2, None, USED, response_id="r", trace_id=T2, start_ns=11, end_ns=12),
            ],
            {1, 2},
        ),
        ([call(1, response_id="r"), call(2, None, USED, response_id="r", trace_id=T2)], {2}),
        ([call(1, None, USED, response_id=""), call(2, None, USED, response_id="", trace_id=T2)], {1, 2}),
        ([call(1, None, USED, response_id="r"), call(2, None, (9, 9), response_id="r", trace_id=T2)], {1}),
        # span ids compare unsigned: -1 is the largest
        ([call(-1, None, USED, response_id="r"), call(1, None, USED, response_id="r", trace_id=T2)], {1}),
        # embeddings and rerank are candidates too
        ([call(1, None, (10, None), operation="embedding"), call(2, 1, (10, None), operation="embedding")], {2}),
    ],
)
def test_one_of_a_twin_group_is_billable(spans: list[CallSpan], billable: set[int]) -> None:
    assert billed(*spans) == billable
    assert billed(*reversed(spans)) == billable


def test_duplicates_point_to_the_billable_one() -> None:
    decisions = decide([call(1), call(2, 1), call(3, 2, USED)])
    assert decisions[T1, 1].duplicate_of == decisions[T1, 2].duplicate_of == (T1, 3)
    assert decisions[T1, 3].duplicate_of is None
    assert decisions[T1, 3].group == ((T1, 1), (T1, 2), (T1, 3))


@pytest.mark.parametrize(
    ("spans", "counts"),
    [
        ([call(1, None, USED, operation="agent")], {1}),
        ([call(1, None, USED, operation="agent"), call(2, 1)], set()),
        ([call(1, None, USED, operation="workflow"), call(2, 1, USED, operation="agent")], {2}),
        ([call(1, None, USED, operation="agent"), call(2, 1, operation="tool")], {1}),
        ([call(1, None, USED, operation="tool")], set()),
        ([call(1, operation="agent")], set()),
    ],
)
def test_usage_of_an_agent_counts_only_without_a_call_below(spans: list[CallSpan], counts: set[int]) -> None:
    found = decide(spans)
    assert {key[1] for key, decision in found.items() if not decision.call} == counts


def test_a_cycle_and_a_missing_parent_end_the_walk() -> None:
    assert billed(call(1, 2, USED), call(2, 1, USED), call(3, 99, USED), call(4, 4, USED)) >= {3, 4}


tokens = st.sampled_from([(None, None), (1, 1), (1, 2), (5, None)])
trees = st.lists(
    st.tuples(
        st.integers(-1, 12),
        st.sampled_from(["chat", "chat", "agent", "task", "tool", "embedding"]),
        st.sampled_from(["m", "m-2024-07-18", "n", None]),
        tokens,
        st.sampled_from([None, "r", "q"]),
        st.integers(0, 20),
        st.integers(0, 5),
        st.sampled_from([0, 2]),
        st.sampled_from([T1, T2]),
    ),
    max_size=13,
)


def _tree(rows: list[tuple]) -> list[CallSpan]:
    return [
        CallSpan(
            trace, number, None if parent < 0 else parent, op, start, start + length, status, model, *used, response
        )
        for number, (parent, op, model, used, response, start, length, status, trace) in enumerate(rows)
    ]


@settings(max_examples=300, deadline=None)
@given(rows=trees, seed=st.integers(0, 9))
def test_the_order_and_repetition_of_spans_decide_nothing(rows: list[tuple], seed: int) -> None:
    spans = _tree(rows)
    again = [*spans, *spans]
    random.Random(seed).shuffle(again)
    assert decide(again) == decide(spans)


@settings(max_examples=300, deadline=None)
@given(rows=trees)
def test_every_group_has_exactly_one_billable_span(rows: list[tuple]) -> None:
    spans = {span.key: span for span in _tree(rows)}
    decisions = decide(list(spans.values()))
    calls = {key for key, decision in decisions.items() if decision.call}
    assert calls == {key for key, span in spans.items() if span.operation in ("chat", "embedding")}
    for key in calls:
        group = [decisions[other] for other in decisions[key].group]
        assert [one.billable for one in group].count(True) == 1
        assert key in decisions[key].group
        if any(spans[other].has_usage for other in decisions[key].group):
            first = next(other for other in decisions[key].group if decisions[other].billable)
            assert spans[first].has_usage


def test_fifty_thousand_spans_in_one_chain_are_decided_in_seconds() -> None:
    chain = [
        call(number, number - 1, (number % 7, 1), operation="chat" if number % 3 else "task")
        for number in range(50_000)
    ]
    started = time.process_time()
    assert len(decide(chain)) > 30_000
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", "claude-3-5-haiku"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "claude-3-5-sonnet"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", "llama-v3p1-8b-instruct"),
        ("claude-3-opus-latest", "claude-3-opus"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.amazon.nova-pro-v1:0", "nova-pro"),
        ("GPT-4.1", "gpt-4.1"),
        ("text-embedding-3-small", "text-embedding-3-small"),
        ("", None),
        (None, None),
    ],
)
def test_one_model_has_one_name(name: str | None, canonical: str | None) -> None:
    assert canonical_model(name) == canonical


def test_the_bare_name_keeps_its_date() -> None:
    assert bare_model("eu.anthropic.claude-3-5-haiku-20241022-v1:0") == "claude-3-5-haiku-20241022"
