"""What is counted for an objective is what its events say, whenever, however often and by whomever it is counted."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.builders import NOW, span, trace_id
from tests.conftest import Database
from tests.slo.objectives import objective, project
from tests.store.test_settle import settle, write
from tracestore import db
from tracestore.analysis.slo.burn import Count
from tracestore.analysis.slo.indicator import parse_indicator
from tracestore.jobs import slo_counts, slo_history, slo_turn
from tracestore.models.slo import Objective
from tracestore.queries.slo_attribution import draw_events
from tracestore.queries.slo_preview import preview
from tracestore.queries.slo_series import Point, find_series

AFTER = NOW + timedelta(minutes=30)
DAY_S = 86_400
NOW_S = int(NOW.timestamp())
RANGE = (NOW_S - DAY_S, NOW_S + DAY_S)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracestore.jobs.slo_history.rest_s", lambda *_: 0.0)


def count_all(now: datetime = AFTER) -> None:
    while slo_counts.run(now).left:
        pass


def state(objective_id: int) -> dict[str, Any]:
    with db.JOBS.connection() as connection:
        cursor = connection.execute("SELECT * FROM slo_state WHERE objective_id = %s", [objective_id])
        row = cursor.fetchone()
        assert row is not None
        return dict(zip([column.name for column in cursor.description or ()], row, strict=True))


def marks() -> int:
    with db.JOBS.connection() as connection:
        return int(connection.execute("SELECT count(*) FROM slo_mark").fetchone()[0])  # type: ignore[index]


def ask(trace: int, at: float = 0, status: int = 1, **fields: Any) -> Any:
    return span(trace_id(trace), operation="agent", at=at, status=status, **fields)


def test_what_was_there_before_an_objective_is_counted_and_what_comes_after_too(database: Database) -> None:
    own_project = project().pk
    write([ask(1), ask(2, status=2), ask(3, at=-3 * 3600, status=2)], own_project)
    settle()
    own = objective(own_project)
    count_all()
    assert find_series(own, *RANGE, DAY_S * 2) == [Point(RANGE[0], 2, 3)]
    assert state(own.id)["history_done"] and state(own.id)["revision"] == 1
    write([ask(4, at=60, status=2), ask(5, at=-3 * 3600)], own_project)
    settle()
    assert marks() == 2
    count_all()
    assert find_series(own, *RANGE, 3600) == [Point(NOW_S - 3 * 3600, 1, 2), Point(NOW_S, 2, 3)]
    assert marks() == 0


def test_a_minute_is_counted_when_it_is_over(database: Database) -> None:
    own = objective(project().pk)
    count_all(NOW)
    write([ask(1, at=1)], own.project_id)
    settle()
    count_all(NOW + timedelta(seconds=59))
    assert marks() == 1
    count_all(NOW + timedelta(seconds=60 + slo_turn.SETTLED_S))
    assert find_series(own, *RANGE, 60) == [Point(NOW_S, 0, 1)]
    assert marks() == 0


def test_a_late_span_that_fails_makes_its_request_bad(database: Database) -> None:
    own = objective(project().pk, part_q="status:error", part="bad")
    root = ask(1)
    write([root], own.project_id)
    settle()
    count_all()
    assert find_series(own, *RANGE, 60) == [Point(NOW_S, 0, 1)]
    write([span(parent=root, status=2)], own.project_id)
    settle()
    count_all()
    assert find_series(own, *RANGE, 60) == [Point(NOW_S, 1, 1)]


def test_a_changed_objective_is_counted_from_its_beginning(database: Database) -> None:
    own = objective(project().pk)
    write([ask(1, status=2), ask(2, at=-3600, service="other")], own.project_id)
    settle()
    count_all()
    Objective.objects.filter(pk=own.id).update(total_q="service:other", revision=2)
    count_all()
    assert find_series(own, *RANGE, 60) == [Point(NOW_S - 3600, 0, 1)]
    assert state(own.id)["revision"] == 2


def test_a_broken_objective_stops_no_other_rests_and_is_counted_whole_when_it_is_mended(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_project = project().pk
    broken, slow, well = objective(own_project, part_q="nonsense:("), objective(own_project), objective(own_project)
    write([ask(1, status=2)], own_project)
    settle()
    monkeypatch.setattr(slo_turn, "COUNT_TIMEOUT_MS", 300)
    slowly(monkeypatch, slow.id)
    count_all()
    assert find_series(well, *RANGE, 60) == [Point(NOW_S, 1, 1)]
    assert "cannot be read" in state(broken.id)["count_failure"] and state(broken.id)["counted_from_s"] is None
    assert state(slow.id)["count_failures"] == 1 and "longer than" in state(slow.id)["count_failure"]
    assert find_series(slow, *RANGE, 60) == [] and state(well.id)["count_failures"] == 0
    monkeypatch.undo()
    Objective.objects.filter(pk=broken.id).update(part_q="-status:error")
    assert slo_counts.run(AFTER + timedelta(seconds=30)).broken == 0
    assert find_series(slow, *RANGE, 60) == []
    count_all(AFTER + timedelta(seconds=61))
    for one in (broken, slow):
        assert find_series(one, *RANGE, 60) == [Point(NOW_S, 1, 1)]
        assert state(one.id)["count_failures"] == 0 and state(one.id)["history_done"]


def slowly(monkeypatch: pytest.MonkeyPatch, objective_id: int) -> None:
    """Counting this one takes a second."""
    count = slo_turn.slo_counts.count

    def wait(connection: Any, project_id: int, objectives: Any, starts: Any) -> None:
        if any(one.id == objective_id for one in objectives):
            connection.execute("SELECT pg_sleep(1)")
        count(connection, project_id, objectives, starts)

    monkeypatch.setattr(slo_turn.slo_counts, "count", wait)


def test_projects_without_objectives_are_marked_nothing(database: Database) -> None:
    write([ask(1)], project().pk)
    settle()
    assert marks() == 0


def test_counts_of_a_deleted_objective_go(database: Database) -> None:
    own = objective(project().pk)
    write([ask(1)], own.project_id)
    settle()
    count_all()
    Objective.objects.filter(pk=own.id).update(deleted_at=NOW)
    count_all()
    assert find_series(own, *RANGE, 60) == []
    write([ask(2)], own.project_id)
    settle()
    assert marks() == 0


def test_a_preview_counts_what_saving_would(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracestore.queries.slo_preview.PATIENCE_S", 60.0)
    own_project = project().pk
    write([ask(1, status=2), ask(2), ask(3, at=-3600, status=2), ask(4, at=-20 * DAY_S)], own_project)
    settle()
    found = preview(own_project, parse_indicator("request", "", "-outcome:error", "good"), NOW_S + 3600)
    assert found.counts == {NOW_S - 3600: Count(1, 1), NOW_S: Count(1, 2)}
    assert found.whole and (found.start_s, found.end_s) == (NOW_S + 3600 - 14 * DAY_S, NOW_S + 3600)
    own = objective(own_project)
    count_all()
    saved = {point.start_s: Count(point.bad, point.total) for point in find_series(own, found.start_s, found.end_s, 60)}
    assert saved == found.counts


def test_a_preview_shows_what_there_was_time_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    own_project = project().pk
    write([ask(1)], own_project)
    settle()
    monkeypatch.setattr("tracestore.queries.slo_preview.PATIENCE_S", 0.0)
    found = preview(own_project, parse_indicator("request", "", "-outcome:error", "good"), NOW_S + 3600)
    assert (found.counts, found.start_s, found.whole) == ({}, NOW_S + 3600, False)


def test_settling_does_not_wait_for_counting_and_what_changes_meanwhile_is_counted_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = objective(project().pk, part_q="status:error", part="bad")
    root = ask(1)
    write([root], own.project_id)
    settle()
    count_all()
    write([span(parent=root, status=1)], own.project_id)
    settle()
    assert marks() == 1
    count = slo_turn.slo_counts.count

    def change_then(*args: Any) -> None:
        """The count has read its rows when they change."""
        count(*args)
        monkeypatch.undo()
        write([span(parent=root, status=2)], own.project_id)
        settle()

    monkeypatch.setattr(slo_turn.slo_counts, "count", change_then)
    slo_counts.run(AFTER)
    slo_counts.run(AFTER)
    assert find_series(own, *RANGE, 60) == [Point(NOW_S, 1, 1)]
    assert marks() == 0


def test_history_is_bounded_in_a_run_and_waits_for_what_is_new(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = objective(project().pk)
    rests: list[float] = []
    monkeypatch.setattr(slo_history, "rest_s", lambda *args: rests.append(args[-1]) or 0.0)
    monkeypatch.setattr(slo_history, "HISTORY_S", 0.0)
    assert slo_counts.run(AFTER).left
    write([ask(1)], own.project_id)
    settle()
    done = slo_counts.run(AFTER)
    assert (done.minutes, done.history, done.left) == (1, 0, True)
    assert find_series(own, *RANGE, 60) == [Point(NOW_S, 0, 1)]
    monkeypatch.setattr(slo_history, "HISTORY_S", 30.0)
    done = slo_counts.run(AFTER)
    assert done.history > 29 * 1440 and not done.left
    assert len(rests) > 5, "ingest has its turn between the steps"


def test_a_past_that_cannot_be_counted_leaves_what_is_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = objective(project().pk)
    write([ask(1), ask(2, at=-2 * 3600)], own.project_id)
    settle()
    count = slo_turn.slo_counts.count

    def refuse(connection: Any, project_id: int, objectives: Any, starts: Any) -> None:
        if NOW_S - 2 * 3600 in starts:
            connection.execute("SELECT 1 / 0")
        count(connection, project_id, objectives, starts)

    monkeypatch.setattr(slo_turn.slo_counts, "count", refuse)
    count_all()
    found = state(own.id)
    assert find_series(own, *RANGE, 60) == [Point(NOW_S, 0, 1)]
    assert found["counted_from_s"] == NOW_S - 2 * 3600 + 60 and found["count_failures"] == 1
    monkeypatch.undo()
    monkeypatch.setattr(slo_history, "rest_s", lambda *_: 0.0)
    count_all(AFTER + timedelta(seconds=61))
    assert find_series(own, NOW_S - DAY_S, NOW_S + DAY_S, 2 * DAY_S) == [Point(NOW_S - DAY_S, 0, 2)]


@pytest.mark.parametrize("unit", ["request", "session"])
def test_events_are_drawn_as_they_are_counted(database: Database, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracestore.queries.slo_preview.PATIENCE_S", 60.0)
    own_project = project().pk
    write(
        [ask(1, status=2, session_id="a"), ask(2, session_id="b"), ask(3, session_id="c", service="mail")], own_project
    )
    settle()
    indicator = parse_indicator(unit, "service:shop", "-status:error", "good")
    found = draw_events(own_project, indicator, (NOW_S - 60) * 10**9, (NOW_S + 60) * 10**9, of_events=2)
    assert (found.bad_of, found.good_of) == (1, 1)
    assert preview(own_project, indicator, NOW_S + 3600, days=1).count == Count(1, 2)
