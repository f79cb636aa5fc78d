"""The doorbell: a ring runs what is due in its lane, and nothing depends on any single ring."""

from datetime import UTC, datetime, timedelta

import pytest

from tracestore import db, tasks, timetable
from tracestore.queries.background import find_job_states
from tracestore.timetable import Entry

NOW = datetime.now(UTC)
ran: list[str] = []


def first(now):
    ran.append("first")


def second(now):
    ran.append("second")


def broken(now):
    ran.append("broken")
    raise ValueError("a secret of a customer")


FREQUENT = Entry("frequent", 5, f"{__name__}.first", lane="test")
RARE = Entry("rare", 600, f"{__name__}.second", lane="test")
BROKEN = Entry("broken", 5, f"{__name__}.broken", lane="test")


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()
    tasks._noted.clear()


def states(*entries):
    return {
        state.name: state for state in find_job_states(datetime.now(UTC), {e.name: e.stale_after_s for e in entries})
    }


def test_the_first_ring_runs_everything(database):
    assert tasks.run_lane("test", [FREQUENT, RARE], NOW) == ["frequent", "rare"]
    assert all(state.fresh for state in states(FREQUENT, RARE).values())


def test_a_rare_job_waits_for_its_time(database):
    tasks.run_lane("test", [FREQUENT, RARE], NOW)
    assert tasks.run_lane("test", [FREQUENT, RARE], datetime.now(UTC) + timedelta(seconds=10)) == ["frequent"]
    assert tasks.run_lane("test", [FREQUENT, RARE], datetime.now(UTC) + timedelta(seconds=700)) == ["frequent", "rare"]


def test_a_ring_a_little_early_counts(database):
    tasks.run_lane("test", [FREQUENT, RARE], NOW)
    assert tasks.run_lane("test", [FREQUENT, RARE], datetime.now(UTC) + timedelta(seconds=4.5)) == ["frequent"]


def test_a_lane_is_never_run_twice_at_once(database):
    with db.JOBS.connection(10) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [tasks.LANE_LOCK, tasks._lane_number("test")])
        assert tasks.run_lane("test", [FREQUENT], NOW) == []
        other.execute("SELECT pg_advisory_unlock_all()")
    assert tasks.run_lane("test", [FREQUENT], NOW) == ["frequent"]


def test_a_job_that_fails_stops_no_other_and_tells_no_values(database, caplog):
    tasks.run_lane("test", [BROKEN, RARE], NOW)
    assert ran == ["broken", "second"]
    state = states(BROKEN)["broken"]
    assert not state.fresh
    assert state.failure.startswith("ValueError at test_tasks.py:")
    assert "customer" not in caplog.text


def test_without_a_database_a_ring_is_simply_lost(database, monkeypatch):
    monkeypatch.setattr(db, "conninfo", lambda: {"host": "/nowhere", "dbname": "x"})
    assert tasks.run_lane("test", [FREQUENT], NOW) == []


def test_a_job_grows_stale_after_three_turns_and_half_a_minute(database):
    tasks.run_lane("test", [FREQUENT], NOW)
    (late,) = find_job_states(datetime.now(UTC) + timedelta(seconds=46), {"frequent": FREQUENT.stale_after_s})
    assert not late.fresh


@pytest.mark.parametrize("entry", timetable.TIMETABLE, ids=lambda entry: entry.name)
def test_every_entry_runs_on_an_empty_database(entry, database):
    entry.load()(NOW)


def test_names_are_unique():
    names = [entry.name for entry in timetable.TIMETABLE]
    assert len(names) == len(set(names))


def test_settling_rings_every_second_and_rings_expire():
    ring = timetable.beat_schedule()["settle"]
    assert ring["schedule"] == 1
    assert ring["options"] == {"expires": 1.0, "retry": False}


def test_the_worker_has_a_child_for_each_lane():
    from dashboard.celery import app

    assert app.conf.worker_concurrency >= len(timetable.lanes())
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_acks_late and app.conf.task_ignore_result and app.conf.task_time_limit


def test_a_lane_that_copies_whole_days_has_a_limit_of_its_own():
    lanes = timetable.lanes()
    assert timetable.limits(lanes["retention"]) == {"soft_time_limit": 3600, "time_limit": 3630}
    assert timetable.limits(lanes["settle"]) == {}
