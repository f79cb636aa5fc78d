"""What retention takes away stays counted, whatever is marked, rebuilt or read afterwards."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import NOW, span, trace_id
from tests.conftest import Database
from tests.slo.objectives import count, objective, project
from tests.slo.test_counting import NOW_S, ask, count_all, marks, state
from tests.store.test_partitions import keep, steady
from tests.store.test_settle import settle, write
from tracestore import db
from tracestore.analysis.slo.burn import Count
from tracestore.jobs import rebuild
from tracestore.jobs import rollups as fill_job
from tracestore.models import Project
from tracestore.models.slo import Objective
from tracestore.queries.slo import count_windows
from tracestore.queries.slo_series import Point, find_series

DAY = 86_400
LONG = (NOW_S - 40 * DAY, NOW_S + 40 * DAY)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracestore.jobs.slo_history.rest_s", lambda *_: 0.0)


def test_retention_and_a_rebuild_leave_counts_as_they_are_and_late_rows_do_not_reopen_them(database: Database) -> None:
    own_project = project().pk
    own = objective(own_project)
    write([ask(1, at=-5 * DAY, status=2), ask(2, at=-5 * DAY), ask(3)], own_project)
    settle()
    count_all()
    before = find_series(own, *LONG, DAY)
    assert [(point.bad, point.total) for point in before] == [(1, 2), (0, 1)]
    Project.objects.filter(pk=own_project).update(retention_days=2, retention_changed_at=NOW)
    steady(NOW)
    keep(NOW)
    with db.JOBS.connection() as connection:
        assert connection.execute("SELECT count(*) FROM trace").fetchone() == (1,), "retention took the old ones"
    rebuild.run(NOW, own_project)
    count_all()
    assert find_series(own, *LONG, DAY) == before and marks() == 0
    with db.JOBS.connection() as connection:
        connection.execute("INSERT INTO slo_mark (project, start_s) VALUES (%s, %s)", [own_project, NOW_S - 5 * DAY])
    count_all()
    assert find_series(own, *LONG, DAY) == before and marks() == 0


def test_a_rebuild_mends_counts(database: Database) -> None:
    own = objective(project().pk)
    write([ask(1, status=2)], own.project_id)
    settle()
    count_all()
    count(own, NOW_S - 600, 7, 7)
    rebuild.run(NOW, own.project_id)
    count_all()
    assert find_series(own, *LONG, 60) == [Point(NOW_S, 1, 1)]
    assert state(own.id)["history_done"]


def test_old_minutes_are_forgotten_hours_stay_and_a_quarter_is_read_from_its_first_hour(
    database: Database, settings: Any
) -> None:
    settings.ROLLUP_MINUTE_DAYS = 1
    own = objective(project().pk)
    write([span(trace_id(1), operation="agent", at=-20 * DAY), ask(2)], own.project_id)
    settle()
    count_all()
    later = NOW + timedelta(days=20)
    with db.JOBS.connection() as connection:
        connection.execute("UPDATE rollup_state SET frozen_before_s = %s", [NOW_S])
    fill_job.keep(later)
    assert [point.total for point in find_series(own, *LONG, 60)] == [1], "40 days ago"
    assert [point.total for point in find_series(own, NOW_S - 20 * DAY, NOW_S + DAY, 3600)] == [1, 1]
    end_s = int(later.timestamp())
    found = count_windows([own.id], [(NOW_S - 20 * DAY + 60, end_s), (end_s - 30 * DAY, end_s)])
    assert found == {(own.id, 0): {"": Count(0, 2)}, (own.id, 1): {"": Count(0, 1)}}


def test_a_disabled_objective_is_still_counted(database: Database) -> None:
    own = objective(project().pk)
    Objective.objects.filter(pk=own.id).update(enabled=False)
    write([ask(1)], own.project_id)
    settle()
    count_all()
    assert find_series(own, *LONG, 60) == [Point(NOW_S, 0, 1)]
