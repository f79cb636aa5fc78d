"""Evaluators that are two, dead or late, rules that are poison, clocks that jump: no alert is lost, doubled or made up."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connections

from tests.alerts.scene import DAY, HOUR, MINUTE, START, Scene, change, events
from tracestore import db
from tracestore.actions.access import Actor
from tracestore.actions.objectives import delete_objective, draft_of, update_objective
from tracestore.models.alerts import AlertEvent, Delivery
from tracestore.queries.alerts import _TO_TELL
from tracestore.queries.slo_status import find_statuses

ANN = Actor(None, "ann@example.org")


def burning(scene: Scene, minutes: int = 5, **fields: object):  # type: ignore[no-untyped-def]
    """An objective that was well for a day and is bad from START on."""
    own = scene.objective(**fields)
    scene.traffic(own, START - DAY, START)
    scene.traffic(own, START, START + minutes * MINUTE, bad=50)
    return own


def both(*jobs: Callable[[], Any]) -> list[Any]:
    """Two of them at once, each with connections of its own."""

    def run(job: Callable[[], Any]) -> Any:
        try:
            return job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_two_evaluators_evaluate_a_minute_once_and_send_one_notification(scene: Scene) -> None:
    objectives = [burning(scene, service=f"service {n}") for n in range(3)]
    scene.now = START + timedelta(seconds=100)
    evaluated = 0
    for _ in range(6):
        scene.now += MINUTE
        evaluated += sum(one.evaluated for one in both(scene.evaluate, scene.evaluate))
        both(scene.notify, scene.notify)
        evaluated += scene.evaluate().evaluated  # what neither could lock
    assert evaluated == 6 * len(objectives)
    fired = [alert for alert in scene.alerts if alert.rule == "page-quick"]
    assert sorted(alert.objective_id for alert in fired) == [own.id for own in objectives]
    assert all(events(alert).count("fired") == 1 for alert in scene.alerts)
    scene.notify()
    keys = list(Delivery.objects.values_list("alert", "channel", "recipient", "seq"))
    assert len(keys) == len(set(keys)) == len(objectives)


def test_two_evaluators_that_catch_up_leave_no_minute_out(scene: Scene) -> None:
    objectives = [scene.objective(service=f"service {n}") for n in range(3)]
    scene.tick()
    scene.now += 15 * MINUTE
    evaluated = sum(one.evaluated for one in both(scene.evaluate, scene.evaluate))
    evaluated += scene.evaluate().evaluated
    assert evaluated == 15 * len(objectives)
    assert {status.evaluated_at for status in find_statuses(scene.project.pk)} == {START + 16 * MINUTE}


def test_an_hour_that_nobody_evaluated_is_caught_up_minute_by_minute_and_told_once(scene: Scene) -> None:
    own = scene.objective()
    scene.traffic(own, START - DAY, START + 3 * HOUR)
    scene.tick()
    scene.traffic(own, START + 10 * MINUTE, START + 13 * MINUTE, bad=50)
    scene.now += HOUR
    summary = scene.evaluate()
    assert summary.evaluated == 60
    quick = next(alert for alert in scene.alerts if alert.rule == "page-quick")
    assert quick.fired_at == START + 13 * MINUTE and quick.resolved_at is not None
    assert quick.resolved_at < START + 30 * MINUTE
    assert events(quick) == ["fired", "resolved"]
    scene.tell(MINUTE)
    scene.tell(MINUTE)
    assert len(scene.notices()) == 1
    assert scene.evaluate().evaluated == 2 and scene.evaluate().evaluated == 0


def test_minutes_that_are_too_long_ago_are_skipped_and_that_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracestore.analysis.slo.due.CATCH_UP_S", 600)  # of a day: it is the same, only shorter
    own = scene.objective()
    scene.traffic(own, START - DAY, START + 3 * HOUR)
    scene.evaluate()
    scene.now += 2 * HOUR
    assert scene.evaluate().evaluated == 10
    scene.tick()
    (status,) = find_statuses(scene.project.pk)
    assert (status.skipped_from, status.skipped_until) == (START, START + 2 * HOUR - 10 * MINUTE)
    assert status.evaluated_at == START + 2 * HOUR + MINUTE


@pytest.mark.parametrize(
    "poison",
    [
        {"rules": [{"name": "half"}]},
        {"rules": "nonsense"},
        {"period_days": None, "calendar_unit": "month", "calendar_first": START.date(), "time_zone": "Moon/Crater"},
        {"period_days": 2_000_000_000},
    ],
)
def test_a_poisonous_rule_stops_no_other_and_rests_until_somebody_mends_it(scene: Scene, poison: dict) -> None:  # type: ignore[type-arg]
    broken, own = scene.objective(name="broken"), burning(scene)
    before = {"rules": None, "period_days": 28, "calendar_unit": "", "calendar_first": None, "time_zone": "UTC"}
    change(broken, **poison)
    scene.tick(8)
    assert [alert.objective_id for alert in scene.alerts if alert.rule == "page-quick"] == [own.id]
    status = {one.objective_id: one for one in find_statuses(scene.project.pk)}[broken.id]
    assert status.failure and status.quarantined and status.evaluated_at is None
    with db.JOBS.connection() as connection:
        failures = connection.execute("SELECT failures FROM slo_state WHERE objective_id = %s", [broken.id]).fetchone()
    assert failures == (5,)
    change(broken, updated_at=scene.now, **before)
    scene.tick()
    status = {one.objective_id: one for one in find_statuses(scene.project.pk)}[broken.id]
    assert (status.failure, status.quarantined) == ("", False) and status.evaluated_at is not None


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 400 * DAY, -400 * DAY])
def test_a_clock_that_jumps_and_returns_neither_makes_up_alerts_nor_ends_them(
    scene: Scene, jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracestore.analysis.slo.due.CATCH_UP_S", 900)  # of a day: it is the same, only shorter
    healthy, sick = scene.objective(name="healthy", service="other"), burning(scene, minutes=9)
    scene.traffic(healthy, START - DAY, START + 9 * MINUTE)
    scene.tick(5)
    before = scene.rules()
    assert ("page-quick", "firing") in before and scene.kinds() == ["firing"]
    away = scene.now
    scene.now += jump
    scene.tick(2)
    scene.now = away
    scene.tick(3)
    quick = [alert for alert in scene.alerts if alert.rule == "page-quick"]
    assert [(alert.state, alert.objective_id) for alert in quick] == [("firing", sick.id)]
    assert {alert.objective_id for alert in scene.alerts} == {sick.id}
    assert "resolved" not in scene.kinds() and len(scene.notices()) <= 3  # a reminder or two, no storm
    assert find_statuses(scene.project.pk)[0].evaluated_at == START + 8 * MINUTE


def test_nothing_that_can_be_measured_freezes_an_alert_and_an_objective_that_goes_ends_it(scene: Scene) -> None:
    own = burning(scene, minutes=5)
    scene.tick(16)
    quick = scene.alerts[0]
    assert (quick.rule, quick.state) == ("page-quick", "firing") and quick.frozen_since is not None
    assert scene.kinds() == ["firing"]
    (status,) = find_statuses(scene.project.pk)
    assert status.frozen is False  # only the short window of the quickest rule is empty
    scene.traffic(own, START + 15 * MINUTE, START + HOUR, bad=50)
    scene.tick(2)
    assert scene.alerts[0].frozen_since is None and "thawed" in events(quick)
    change(own, enabled=False)
    scene.tick()
    assert {alert.state for alert in scene.alerts} == {"resolved"}
    scene.tell(6 * MINUTE)
    assert scene.kinds()[-1] == "resolved"
    assert AlertEvent.objects.filter(alert=quick, kind="resolved", text__contains="disabled").exists()


def test_what_happened_while_an_objective_was_disabled_raises_nothing_afterwards(scene: Scene) -> None:
    own = burning(scene, minutes=300)
    scene.tick(4)
    draft, first = draft_of(own), scene.alerts[0]
    for enabled in (False, True):
        update_objective(own.project_id, own.name, replace(draft, enabled=enabled), ANN, scene.now)
        scene.now += 2 * HOUR
    assert scene.evaluate().evaluated == 1
    old, *new = scene.alerts
    assert (old.pk, old.state) == (first.pk, "resolved")
    assert {one.fired_at for one in new if one.state == "firing"} == {START + 4 * HOUR + 4 * MINUTE}


def test_who_was_told_of_an_alert_hears_of_its_end_when_the_objective_is_deleted(scene: Scene) -> None:
    own = burning(scene, minutes=5)
    scene.tick(4)
    assert scene.kinds() == ["firing"]
    delete_objective(own.project_id, own.name, ANN, scene.now)
    scene.tick()
    scene.tell(6 * MINUTE)
    told = scene.notices()[-1]
    assert (told.kind, told.alerts[0].state, told.alerts[0].resolved_at is None) == ("resolved", "resolved", False)


def test_what_cannot_be_looked_up_is_told_without(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_slow(*_: object) -> None:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    monkeypatch.setattr("tracestore.actions.alerts.describing.find_blame", too_slow)
    burning(scene)
    scene.tick(4)
    (notice,) = scene.notices()
    assert (notice.alerts[0].rule, notice.alerts[0].action) == ("page-quick", "look")
    assert (notice.alerts[0].blame.verdict, notice.alerts[0].long.bad > 0) == ("cannot_tell", True)


def test_an_alert_that_nobody_is_told_of_says_so(scene: Scene) -> None:
    burning(scene)
    scene.channel.enabled = False
    scene.channel.save()
    scene.tick(4)
    assert scene.notices() == []
    told = AlertEvent.objects.filter(alert=scene.alerts[0], kind="notified").values_list("text", flat=True)
    assert list(told) == ["firing: nobody to tell"]


def test_what_is_to_be_told_is_found_without_reading_what_is_over(one_database: None) -> None:
    with db.JOBS.connection() as connection, connection.transaction():
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {_TO_TELL}"))
    assert "alert_to_tell" in plan, plan
