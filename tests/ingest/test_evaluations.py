"""Evaluations that spans and logs carry are understood, whoever sent them; what says nothing is none."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import evaluations
from ingest.auth import ProjectContext
from ingest.receive import receive
from ingest.redact import Redactor
from tests.builders import NOW_NS, SECOND, span, trace_id
from tests.conftest import Database
from tests.store.state import count, ledger
from tests.store.test_other import log
from tracestore.analysis.evaluations import COMMENT_BYTES, SCORE_MAX, SOURCES, passed_of, score_of
from tracestore.analysis.pricing import PriceBook
from tracestore.queries.access import RuleRow
from tracestore.queries.evaluations import evaluations_of_trace
from tracestore.records import Event, RawSpan

TRACE = bytes.fromhex(trace_id(1))
EVENT = {
    "gen_ai.evaluation.name": "relevance",
    "gen_ai.evaluation.score.value": 0.75,
    "gen_ai.evaluation.score.label": "relevant",
    "gen_ai.evaluation.explanation": "on topic",
    "gen_ai.response.id": "r1",
    "user.id": "u1",
}
RESULT = "gen_ai.evaluation.result"


def raw(attributes: dict[str, Any] | None = None, *events: Event, **fields: Any) -> RawSpan:
    return span(attributes=attributes or {}, events=list(events), span_id=7, **fields).raw


def told(found: Any) -> list[tuple[Any, ...]]:
    return [(one.name, one.source, one.score, one.label, one.passed, one.comment, one.span_id) for one in found]


def test_an_event_of_a_span_is_an_evaluation_of_it() -> None:
    (one,) = evaluations.of_span(raw({}, Event(RESULT, NOW_NS + 5, EVENT), Event("other", NOW_NS, EVENT)), "chat")
    assert told([one]) == [("relevance", "otlp", 0.75, "relevant", True, "on topic", 7)]
    assert (one.time_ns, one.response_id, one.user_id, one.trace_id) == (NOW_NS + 5, "r1", "u1", TRACE)


def test_an_event_may_say_who_judged() -> None:
    said = [EVENT | {evaluations.SOURCE: word} for word in ("judge", "HUMAN", "code", "nobody", 7)]
    found = evaluations.of_span(raw({}, *(Event(RESULT, NOW_NS, one) for one in said)), "chat")
    assert [one.source for one in found] == ["judge", "people", "code", "otlp", "otlp"]


def test_a_span_that_is_nothing_but_an_evaluation_judges_the_one_above() -> None:
    below = raw(EVENT, name=RESULT, parent_span_id=3)
    assert [one.span_id for one in evaluations.of_span(below, "other")] == [3]
    assert [one.span_id for one in evaluations.of_span(raw(EVENT), "chat")] == [7]


@pytest.mark.parametrize("old", [False, True])
def test_a_log_record_is_one_by_its_field_or_its_attribute(old: bool) -> None:
    how: dict[str, Any] = (
        {"attributes": EVENT | {"event.name": RESULT}} if old else {"event_name": RESULT, "attributes": EVENT}
    )
    record = log(trace_id=TRACE, span_id=7, **how)
    one = evaluations.of_log(record)
    assert one is not None
    assert told([one]) == [("relevance", "otlp", 0.75, "relevant", True, "on topic", 7)]
    assert (one.hash, one.time_ns) == (record.hash, record.time_ns)


def test_what_a_log_says_may_stand_in_its_body() -> None:
    record = log(EVENT, event_name=RESULT, attributes={})
    one = evaluations.of_log(record)
    assert one is not None
    assert (one.score, one.trace_id) == (0.75, None)


@pytest.mark.parametrize(
    "said",
    [
        {"gen_ai.evaluation.name": "relevance"},
        {"gen_ai.evaluation.name": "relevance", "error.type": "timeout"},
        {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.explanation": "why"},
        {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": float("inf")},
    ],
)
def test_an_evaluation_without_a_verdict_says_nothing_of_the_answer(said: dict[str, Any]) -> None:
    assert evaluations.of_span(raw({}, Event(RESULT, NOW_NS, said)), "chat") == ()
    assert evaluations.of_log(log(event_name=RESULT, attributes=said)) is None


def test_lists_of_openinference_are_evaluations_of_the_span_or_its_trace() -> None:
    attributes = {
        "evaluations.0.evaluation.name": "toxicity",
        "evaluations.0.evaluation.label": "non-toxic",
        "evaluations.0.evaluation.annotator_kind": "LLM",
        "evaluations.1.evaluation.name": "length",
        "evaluations.1.evaluation.score": 3,
        "evaluations.1.evaluation.annotator_kind": "CODE",
        "evaluations.3.evaluation.name": "behind a gap",
        "trace.annotations.0.annotation.name": "overall",
        "trace.annotations.0.annotation.score": "0.5",
        "trace.annotations.0.annotation.annotator_kind": "HUMAN",
        "trace.annotations.0.annotation.explanation": "so so",
    }
    assert told(evaluations.of_span(raw(attributes), "chat")) == [
        ("toxicity", "judge", None, "non-toxic", True, None, 7),
        ("length", "code", 3.0, None, None, None, 7),
        ("overall", "people", 0.5, None, None, "so so", None),
    ]


def test_the_verdict_of_an_evaluator_span_is_about_what_it_stands_below() -> None:
    verdict = json.dumps({"score": 0, "label": "hallucinated", "explanation": "made up"})
    one = raw({"output.value": verdict}, name="Hallucination", parent_span_id=3)
    assert told(evaluations.of_span(one, "evaluator")) == [
        ("Hallucination", "otlp", 0.0, "hallucinated", False, "made up", 3)
    ]
    assert evaluations.of_span(one, "chat") == ()
    for output in ("{", "[1]", '{"a": 1}', "text", 7):
        assert evaluations.of_span(raw({"output.value": output}), "evaluator") == ()


def test_labels_say_whether_it_passed_only_where_the_word_does() -> None:
    assert [passed_of(word) for word in ("Pass", "thumbs-up", "Not relevant", "yes", "positive", "", None)] == [
        True, True, False, None, None, None, None,
    ]  # fmt: skip


def test_scores_are_finite_numbers_of_a_sane_size() -> None:
    assert [score_of(value) for value in (1, -0.5, "0.25", True, "x", float("nan"), 1e7, None, [1])] == [
        1.0, -0.5, 0.25, None, None, None, None, None, None,
    ]  # fmt: skip


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from([*EVENT, "error.type", "event.name", "output.value", evaluations.SOURCE]) | st.builds(
    "{}.{}.{}.{}".format,
    st.sampled_from([prefix for prefix, _, _ in evaluations.LISTS]),
    st.integers(0, 2),
    st.sampled_from(["evaluation", "annotation"]),
    st.sampled_from(["name", "score", "label", "explanation", "annotator_kind"]),
)


@settings(max_examples=200, deadline=None)
@given(said=st.dictionaries(KEYS, VALUES), body=VALUES, nested=st.integers(0, 2_000))
def test_whatever_an_emitter_sends_is_an_evaluation_or_none(said: dict[str, Any], body: Any, nested: int) -> None:
    deep = '{"score":' + "[" * nested
    found = list(evaluations.of_span(raw(said | {"output.value": deep}, Event(RESULT, 0, said)), "evaluator"))
    found += filter(None, [evaluations.of_log(log(body, event_name=RESULT, attributes=said))])
    for one in found:
        assert one.score is None or abs(one.score) <= SCORE_MAX
        assert all(len(text or "") <= 256 for text in (one.name, one.label, one.user_id, one.response_id))
        assert len((one.comment or "").encode()) <= COMMENT_BYTES
        assert one.source in SOURCES


# ---- through the whole of ingest


def otlp(signal: str, record: dict[str, Any]) -> bytes:
    outer, inner, leaf = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[signal]
    return json.dumps({outer: [{inner: [{leaf: [record]}]}]}).encode()


def attributes(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": k, "value": {"stringValue" if isinstance(v, str) else "doubleValue": v}} for k, v in said.items()]


def test_both_ways_are_stored_once_redacted_and_counted_as_what_they_are(database: Database) -> None:
    rules = Redactor.from_rules([RuleRow(1, "detector", "email", "mask", "[email]")])
    context = ProjectContext(1, None, rules, PriceBook.for_project([]))
    said = EVENT | {"gen_ai.evaluation.explanation": "ask ann@example.org"}
    event = {"name": RESULT, "timeUnixNano": str(NOW_NS), "attributes": attributes(said)}
    times = {"startTimeUnixNano": str(NOW_NS), "endTimeUnixNano": str(NOW_NS + SECOND)}
    one = {"traceId": trace_id(1), "spanId": "0" * 15 + "7", "name": "chat", "events": [event], **times}
    record = {"traceId": trace_id(1), "spanId": "0" * 15 + "7", "timeUnixNano": str(NOW_NS), "eventName": RESULT}
    for _ in range(2):
        receive("traces", context, otlp("traces", one), "application/json", NOW_NS)
        receive("logs", context, otlp("logs", record | {"attributes": attributes(said)}), "application/json", NOW_NS)
    rows = evaluations_of_trace(1, trace_id(1))
    assert [(row.name, row.score, row.comment, row.span_id) for row in rows] == [
        ("relevance", 0.75, "ask [email]", "0" * 15 + "7")
    ] * 2
    assert (count("log_record"), count("span"), ledger()) == (1, 1, (4, 2, 2, 0))
