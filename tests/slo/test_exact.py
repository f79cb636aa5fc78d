"""Counts equal those of a naive reader, whatever happened to the rows, in whatever order, and whoever counted meanwhile."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.builders import NOW, NOW_NS, SECOND, span, trace_id
from tests.conftest import Database
from tests.slo.objectives import objective, project
from tests.slo.oracle_counts import WEEK_NS, counts
from tests.slo.test_counting import count_all
from tests.store import oracle, oracle_filters
from tests.store.histories import history
from tests.store.test_rollups import erase_one, settle_all
from tests.store.test_scores import judged, send
from tests.store.test_settle import write
from tracestore import db
from tracestore.actions.access import Actor
from tracestore.actions.traces import delete_trace
from tracestore.jobs import rebuild, slo_counts
from tracestore.models.slo import Objective
from tracestore.queries.slo import ObjectiveRow, find_objectives

LATER = NOW + timedelta(days=2)
UNITS = ("request", "llm_call", "tool_call", "session", "evaluation")
PARTS = {
    "request": ["-outcome:error", "status:error", "duration:<=60s", "cost:>0", "-tool:search OR tokens:>4"],
    "llm_call": ["-status:error", "duration:<5s", "model:gpt*", "tokens:>4"],
    "tool_call": ["-status:error", "tool:search"],
    "session": ["-status:error", "cost:>7", "duration:<60s", "tokens:>9", "model:haiku"],
    "evaluation": ["-outcome:error", "status:ok", "name:quality"],
}


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracestore.jobs.slo_history.rest_s", lambda *_: 0.0)


def counted(of: ObjectiveRow, grain_s: int) -> dict[tuple[int, str], tuple[int, int]]:
    with db.JOBS.connection() as connection:
        rows = connection.execute(
            "SELECT start_s, version_set, bad, total FROM slo_count WHERE objective_id = %s AND grain_s = %s",
            [of.id, grain_s],
        )
        return {(start_s, version_set): (bad, total) for start_s, version_set, bad, total in rows}


def assert_exact(project_id: int) -> None:
    derived = oracle.derive(project_id)
    assert derived[0], "nothing to count"
    for of in find_objectives(project_id):
        for grain_s in (60, 3_600, 86_400):
            assert counted(of, grain_s) == counts(of, derived, grain_s), (
                of.unit,
                of.total_q,
                of.part_q,
                of.part,
                grain_s,
            )


def new_objective(r: random.Random, project_id: int) -> None:
    unit = r.choice(UNITS)
    total_q = oracle_filters.random_filter(r, []) if unit != "evaluation" and r.random() < 0.5 else ""
    objective(project_id, unit=unit, total_q=total_q, part_q=r.choice(PARTS[unit]), part=r.choice(["good", "bad"]))


def same_sessions(batch: list[Any]) -> list[Any]:
    """Histories have a session a trace; here they go on in other traces."""
    return [
        msgspec.structs.replace(one, session_id=f"s{int(one.session_id[1:]) % 2}") if one.session_id else one
        for one in batch
    ]


def live(seed: int, project_id: int) -> None:
    """Objectives come, change and go while batches arrive, are settled, counted and sometimes erased."""
    r = random.Random(seed)
    if r.random() < 0.5:
        new_objective(r, project_id)
    for batch in history(seed):
        write(same_sessions(batch), project_id)
        if r.random() < 0.3:
            send(
                judged(r.randrange(1, 7), at=r.choice([0, -86_400, 30]), passed=r.choice([None, True, False])),
                project=project_id,
            )
        if r.random() < 0.5:
            with db.JOBS.connection() as connection:
                settle_all(connection, project_id)
        if r.random() < 0.3:
            slo_counts.run(r.choice([NOW, LATER]))
        if r.random() < 0.3:
            new_objective(r, project_id)
        if r.random() < 0.15:
            erase_one(r, project_id)
        if r.random() < 0.1:
            change_one(r, project_id)


def change_one(r: random.Random, project_id: int) -> None:
    for of in find_objectives(project_id)[:1]:
        part = "bad" if of.part == "good" else "good"
        Objective.objects.filter(pk=of.id).update(part=part, revision=of.revision + 1)


SEEDS = range(int(os.environ.get("SLO_SEEDS", "6")))


@pytest.mark.timeout(60 + 20 * len(SEEDS))
def test_counts_are_those_of_a_naive_reader(database: Database) -> None:
    for seed in SEEDS:
        print(f"seed {seed}")
        own_project = project().pk
        live(seed, own_project)
        for unit in UNITS:
            objective(own_project, unit=unit, part_q=PARTS[unit][0])
        with db.JOBS.connection() as connection:
            settle_all(connection, own_project)
        count_all(LATER)
        assert_exact(own_project)
        if seed % 3 == 0:
            rebuild.run(NOW, own_project)
            count_all(LATER)
            assert_exact(own_project)


def test_two_counters_a_settler_and_late_spans_leave_the_same(database: Database) -> None:
    """Both counters run while rows change under them."""
    own_project = project().pk
    for unit in UNITS:
        objective(own_project, unit=unit, part_q=PARTS[unit][0])
    batches = [same_sessions(batch) for batch in history(77, traces=14)]

    def settle_on() -> None:
        for batch in batches:
            write(batch, own_project)
            with db.connect(10_000) as connection:
                settle_all(connection, own_project)

    def count_on() -> None:
        for _ in range(12):
            slo_counts.run(LATER)

    with ThreadPoolExecutor(3) as pool:
        for work in [pool.submit(settle_on), pool.submit(count_on), pool.submit(count_on)]:
            work.result()
    count_all(LATER)
    assert_exact(own_project)


def ask(number: int, at: float, session: str = "s", **fields: Any) -> Any:
    return span(trace_id(number), operation="agent", at=at, session_id=session, **fields)


def test_a_session_moves_with_its_last_request_and_back_when_that_is_erased(database: Database) -> None:
    own_project = project().pk
    own = objective(own_project, unit="session", part_q="-status:error")
    steps = [[ask(1, 0)], [ask(2, 600)], [ask(3, -600)], [span(trace_id(3), parent=9, at=-600, status=2)]]
    ends = [0, 600, 600, 600]
    for sent, end in zip(steps, ends, strict=True):
        write(sent, own_project)
        with db.JOBS.connection() as connection:
            settle_all(connection, own_project)
        count_all(LATER)
        assert list(counted(own, 60)) == [(NOW_NS // SECOND + end, "")]
        assert_exact(own_project)
    delete_trace(own_project, trace_id(2), NOW, Actor(None, "key fl_test"))
    count_all(LATER)
    assert counted(own, 60) == {(NOW_NS // SECOND, ""): (1, 1)}
    delete_trace(own_project, trace_id(3), NOW, Actor(None, "key fl_test"))
    count_all(LATER)
    assert counted(own, 60) == {(NOW_NS // SECOND, ""): (0, 1)}


def test_a_session_that_was_silent_for_a_week_is_another_one(database: Database) -> None:
    own_project = project().pk
    own = objective(own_project, unit="session", part_q="-status:error")
    week_s = WEEK_NS // SECOND
    write([ask(1, -2 * week_s, status=2), ask(2, -week_s - 100), ask(3, -50)], own_project)
    with db.JOBS.connection() as connection:
        settle_all(connection, own_project)
    count_all(LATER)
    assert_exact(own_project)
    assert sorted(counted(own, 86_400).values()) == [(0, 1), (1, 1)]
    write([ask(4, -week_s // 2)], own_project)
    with db.JOBS.connection() as connection:
        settle_all(connection, own_project)
    count_all(LATER)
    assert_exact(own_project)
    delete_trace(own_project, trace_id(4), NOW, Actor(None, "key fl_test"))
    count_all(LATER)
    assert_exact(own_project)
