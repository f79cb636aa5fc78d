"""Scores are those of the evaluations that were sent and the traces they are about, whatever came first, twice or late."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, NOW_NS, SECOND, span, trace_id
from tests.conftest import Database
from tests.store import oracle, oracle_scores
from tests.store.histories import history
from tests.store.state import count
from tests.store.test_other import log, write_logs
from tests.store.test_partitions import keep, project
from tests.store.test_rollups import ALL, EXAMPLES, LATER, fill_all, lives, rolled_up, settle_all, step
from tests.store.test_settle import changed, settle, write
from tracestore import db, writer
from tracestore.actions.access import Actor
from tracestore.actions.traces import delete_trace, erase_user
from tracestore.analysis import signals
from tracestore.analysis.evaluations import evaluation, hash_of
from tracestore.facts import GRAINS, SCORES
from tracestore.jobs import rebuild
from tracestore.jobs import rollups as fill_job
from tracestore.queries.rollups import find_sums
from tracestore.records import Batch, Evaluation, Span

ACTOR = Actor(None, "key fl_test")


def judged(trace: int | None = 1, span_id: int | None = None, at: float = 0, **said: Any) -> Evaluation:
    """Feedback as POST /feedback makes it: said of a trace, or of none."""
    about = (bytes.fromhex(trace_id(trace)) if trace else None, span_id)
    name, source = said.pop("name", "quality"), said.pop("source", "people")
    hash = hash_of(trace, said.pop("id", None) or (about, at, sorted(said.items())))
    return evaluation(name, source, NOW_NS + int(at * SECOND), about, hash, **said)


def send(*evaluations: Evaluation, project: int = 1, received_ns: int = NOW_NS) -> Any:
    return writer.write(Batch(project, "feedback", received_ns, len(evaluations), evaluations=list(evaluations)))


def sums(by: tuple[str, ...] = (), project: int = 1) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(one.key): one.measures for one in find_sums(SCORES, project, *ALL, by=by)}


def carrying(one: Span, *said: Evaluation) -> Span:
    own = tuple(msgspec.structs.replace(each, trace_id=one.raw.trace_id) for each in said)
    return msgspec.structs.replace(one, evaluations=own)


@pytest.mark.parametrize("first", ["feedback", "trace"])
def test_the_word_of_a_trace_on_its_adoption_goes_before_that_of_feedback(database: Database, first: str) -> None:
    adopting, silent = span(signals=signals.REJECTED), span(trace_id(2))
    said = (judged(adoption="adopted", passed=True), judged(2, adoption="edited"))
    for sent in ("feedback", "trace") if first == "feedback" else ("trace", "feedback"):
        send(*said) if sent == "feedback" else write([adopting, silent])
        settle()
    (found,) = sums().values()
    assert [found[name] for name in ("scores", "passed", "adopted", "edited", "rejected")] == [2, 1, 0, 1, 0]


def test_feedback_counts_under_the_version_and_model_of_what_it_is_about(database: Database) -> None:
    root = span(operation="agent", service_version="v2", environment="prod")
    call = span(parent=root, model="gpt-4o", response_id="r1")
    write([root, call])
    send(judged(passed=True), judged(span_id=call.raw.span_id, score=0.25), judged(response_id="r1", score=0.5))
    settle()
    found = sums(("service", "service_version", "environment", "operation", "model"))
    own = ("shop", "v2", "prod", "agent")
    assert {key: measures["scores"] for key, measures in found.items()} == {(*own, None): 1, (*own, "gpt-4o"): 2}
    assert found[*own, "gpt-4o"]["score_sum_millionths"] == 750_000
    assert found[*own, "gpt-4o"]["score_squares_millionths"] == 312_500
    assert (found[*own, None]["passed"], found[*own, None]["failed"], found[*own, None]["scored"]) == (1, 0, 0)


def test_feedback_waits_for_a_trace_that_has_not_come(database: Database) -> None:
    send(judged(passed=False))
    settle()
    assert sums(("service", "name"))[None, "quality"]["failed"] == 1
    write([span(operation="agent")])
    settle()
    assert {key: one["failed"] for key, one in sums(("service", "name")).items()} == {("shop", "quality"): 1}


def test_what_is_said_of_no_trace_counts_in_the_total(database: Database) -> None:
    send(judged(None, score=1.0), judged(None, score=0.0, at=1))
    settle()
    assert sums(("service",)) == {(None,): oracle_scores.measures(oracle_scores.scores(1, ([], [], [])))}
    assert sums()[()]["scores"] == 2


def test_the_same_id_again_is_the_same_score_and_the_later_word_counts(database: Database) -> None:
    assert send(judged(id="a", passed=True), judged(id="a", passed=True)).accepted == 1
    assert send(judged(id="a", passed=True)).accepted == 0
    settle()
    assert sums()[()]["passed"] == 1
    send(judged(id="a", passed=False, at=5))
    send(judged(id="a", passed=True, at=3))  # comes late, and was said before
    settle()
    assert (count("evaluation"), sums()[()]["scores"], sums()[()]["failed"]) == (1, 1, 1)


def test_a_retry_after_midnight_is_the_same_score(database: Database) -> None:
    send(judged(id="a", passed=True))
    send(judged(id="a", passed=True, at=-86_400))
    settle()
    assert (count("evaluation"), sums()[()]["scores"]) == (2, 1)


def test_a_log_record_that_is_an_evaluation_stays_a_log_record(database: Database) -> None:
    write([span(operation="agent")])
    said = judged(label="pass", source="otlp")
    record = log("text", trace_id=bytes.fromhex(trace_id(1)), evaluation=said)
    assert [write_logs(record).accepted, write_logs(record).accepted] == [1, 0]
    settle()
    assert (count("log_record"), count("evaluation")) == (1, 1)
    assert sums(("service", "source")) == {("shop", "otlp"): sums()[()]}


def test_what_a_span_carries_counts_once_and_only_while_its_record_does(database: Database) -> None:
    half = carrying(span(operation="agent"), judged(score=0.1))
    whole = carrying(changed(half, {"end_ns": half.raw.end_ns + 5}), judged(score=0.2), judged(score=0.4))
    for sent in ([half], [half], [whole], [half, whole]):
        write(sent)
        settle()
    assert sums()[()]["score_sum_millionths"] == 600_000
    assert count("evaluation") == 3
    assert count("score") == 2


def test_a_deleted_trace_takes_what_was_said_of_it(database: Database) -> None:
    write([span(trace_id(1)), span(trace_id(2))])
    send(judged(1, comment="one"), judged(2, comment="two"), judged(3, comment="of a trace that never came"))
    settle()
    for number in (1, 3):
        assert delete_trace(1, trace_id(number), NOW, ACTOR)
    assert (count("evaluation"), count("score"), sums()[()]["scores"]) == (1, 1, 1)


def test_an_erased_user_takes_what_they_said_and_what_was_said_of_their_spans(database: Database) -> None:
    ann = span(trace_id(1), user_id="ann", operation="agent")
    bob = span(trace_id(1), user_id="bob", at=1)
    carried = carrying(span(trace_id(1), parent=ann, at=2), judged(1, comment="carried"))
    write([ann, bob, carried, span(trace_id(2), user_id="bob")])
    send(
        judged(1, ann.raw.span_id, comment="of Ann's span"),
        judged(1, bob.raw.span_id, comment="of Bob's span"),
        judged(2, comment="by Ann", user_id="ann"),
        judged(2, comment="by Bob", user_id="bob"),
    )
    settle()
    assert erase_user(1, "ann", NOW, ACTOR).evaluations == 3
    settle()
    with db.JOBS.connection() as connection:
        left = {row[0] for row in connection.execute("SELECT comment FROM evaluation")}
    assert left == {"of Bob's span", "by Bob"}
    assert sums()[()]["scores"] == count("score") == 2


def test_a_score_keeps_its_version_when_retention_removed_its_trace(database: Database) -> None:
    write([span(operation="agent", service_version="v1", at=-86_400)])
    send(judged(passed=True))
    settle()
    with db.JOBS.connection() as connection:
        connection.execute("DELETE FROM span")
        connection.execute("DELETE FROM trace")
    send(judged(passed=True, at=1))
    settle()
    assert {key: one["scores"] for key, one in sums(("service_version",)).items()} == {("v1",): 1, (None,): 1}


def test_evaluations_are_kept_as_long_as_traces(database: Database) -> None:
    for number, days in ((1, 30), (2, 7)):
        project(number, retention_days=days)
        send(judged(comment="old", at=-10 * 86_400), judged(2, comment="new"), project=number)
    settle()
    assert keep(NOW).held == 0
    tables = ("evaluation", "evaluation_day", "score")
    assert [[count(table, number) for table in tables] for number in (1, 2)] == [[2, 2, 2], [1, 1, 1]]


def test_rebuild_makes_scores_and_their_sums_again(database: Database) -> None:
    write([span(operation="agent")])
    send(judged(passed=True), judged(None, score=0.5))
    settle()
    fill_job.run(LATER)
    before = {grain: rolled_up(1, "score_rollup", grain) for grain in GRAINS}
    with db.JOBS.connection() as connection:
        connection.execute("DELETE FROM score")
        connection.execute("UPDATE score_rollup SET scores = 9")
    rebuild.run(LATER)
    assert {grain: rolled_up(1, "score_rollup", grain) for grain in GRAINS} == before


def said_of(r: random.Random, batches: list[list[Span]]) -> list[Evaluation]:
    """Random things said of the spans of a history, of traces that never come, and of nothing."""
    spans = [one for batch in batches for one in batch]
    found = []
    for n in range(r.randrange(2, 9)):
        one = r.choice(spans)
        trace = r.choice([int(one.raw.trace_id.hex(), 16), int(one.raw.trace_id.hex(), 16), 77, None])
        said: dict[str, Any] = {
            "score": r.choice([None, r.random(), -3, 4.5]),
            "label": r.choice([None, "pass", "fail", "blue"]),
            "passed": r.choice([None, None, True, False]),
            "adoption": r.choice([None, "adopted", "edited", "rejected"]),
            "response_id": r.choice([None, one.response_id]),
        }
        at = r.choice([0, 3, -86_400, -40 * 86_400])
        found.append(
            judged(trace, r.choice([None, one.raw.span_id]), at, id=r.choice([n, n, "same"]), name=f"n{n % 2}", **said)
        )
    return found


@pytest.mark.timeout(60 + 20 * EXAMPLES)
@lives
@given(seed=st.integers(0, 10**9))
def test_scores_equal_a_naive_count_whatever_happened(database: Database, seed: int) -> None:
    r, project = random.Random(seed), seed + 10
    batches = history(seed)
    said = said_of(r, batches)
    events: list[Any] = [[carrying(one, *r.sample(said, r.choice([0, 0, 1, 2]))) for one in batch] for batch in batches]
    events += [r.sample(said, r.randrange(1, len(said) + 1)) for _ in range(3)]
    r.shuffle(events)
    for event in events:
        received_ns = NOW_NS + r.choice([0, 0, 86_400 * SECOND])
        if isinstance(event[0], Evaluation):
            send(*event, project=project, received_ns=received_ns)
        else:
            write(event, project, received_ns)
        step(r, project)
    with db.JOBS.connection() as connection:
        settle_all(connection, project)
        expected = oracle_scores.scores(project, oracle.derive(project))
        assert sums(project=project) == ({(): oracle_scores.measures(expected)} if expected else {})
        fill_all(connection, project)
    for grain_s in GRAINS:
        assert rolled_up(project, "score_rollup", grain_s) == oracle_scores.rollup(expected, grain_s), grain_s
    assert sums(project=project) == ({(): oracle_scores.measures(expected)} if expected else {})
