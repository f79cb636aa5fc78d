"""Many alerts are few notifications: groups, inhibition, storms, thresholds, absent data."""

import pytest
from psycopg import sql

from tests.alerts.scene import DAY, HOUR, MINUTE, OLD, START, Scene, change, s_of
from tests.rows import insert
from tests.slo.objectives import exclude
from tracestore import db
from tracestore.actions.alerts import notifying
from tracestore.analysis.slo import threads
from tracestore.models.alerts import Delivery
from tracestore.queries.slo_status import find_statuses


def rule(severity: str, long_s: int, factor: float = 50.0) -> dict[str, object]:
    return {"name": severity, "severity": severity, "long_s": long_s, "short_s": long_s // 12, "factor": factor}


def bad_for(scene: Scene, minutes: int = 5, bad: int = 50, **fields: object):  # type: ignore[no-untyped-def]
    own = scene.objective(**fields)
    scene.traffic(own, START - DAY, START)
    scene.traffic(own, START, START + minutes * MINUTE, bad=bad)
    scene.traffic(own, START + minutes * MINUTE, START + HOUR)
    return own


def test_alerts_of_one_service_are_told_together_and_those_of_another_by_themselves(scene: Scene) -> None:
    for name, service in (("answers", "shop"), ("speed", "shop"), ("search", "index")):
        bad_for(scene, name=name, service=service)
    scene.tick(4)
    together = sorted(sorted(one.objective for one in notice.alerts) for notice in scene.notices())
    assert together == [["answers", "speed"], ["search"]]
    scene.tick(20)
    assert scene.kinds() == ["firing", "firing", "resolved", "resolved"]


def test_a_recipient_is_told_what_concerns_them(scene: Scene) -> None:
    bad_for(scene, name="answers", notify=["carol@example.org"])
    bad_for(scene, name="speed", notify=["carol@example.org", "hook"])
    scene.tick(4)
    with_address = {row.recipient: row.content for row in Delivery.objects.all()}
    assert set(with_address) <= {"carol@example.org", "https://hook.example"}
    assert [one["objective"] for one in with_address["https://hook.example"]["alerts"]] == ["speed"]


def test_a_page_speaks_for_the_tickets_of_its_objective(scene: Scene) -> None:
    bad_for(scene, minutes=20)
    scene.tick(22)
    rules = dict(scene.rules())
    assert rules["page-quick"] == "firing" and rules["ticket-quick"] == "firing"
    assert [one.severity for notice in scene.notices() for one in notice.alerts] == ["page"]
    ticket = next(alert for alert in scene.alerts if alert.rule == "ticket-quick")
    assert ticket.inhibited_by is not None and ticket.inhibited_by.severity == "page"


def test_a_ticket_without_a_page_is_told(scene: Scene) -> None:
    own = scene.objective()
    scene.traffic(own, START - 2 * DAY, START, total=1000, bad=4)
    scene.tick(2)
    assert {alert.severity for alert in scene.alerts} == {"ticket"}
    assert "ticket-quick" in dict(scene.rules())
    scene.tick(2)
    assert {one.severity for notice in scene.notices() for one in notice.alerts} == {"ticket"}


def test_more_alerts_than_anybody_reads_are_one_summary(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (threads.STORM_FROM, threads.STORM_WITHIN) == (20, 10 * MINUTE)
    monkeypatch.setattr(threads, "STORM_FROM", 3)  # the same with fewer
    for number in range(5):
        bad_for(scene, name=f"objective-{number}", service=f"service-{number}")
    asked, read = [], notifying.address_book
    monkeypatch.setattr(notifying, "address_book", lambda project_id: asked.append(project_id) or read(project_id))
    scene.tick(4)
    assert asked == [scene.project.pk], "once, however many alerts there are"
    (summary,) = scene.notices()
    assert (summary.kind, len(summary.summary), len(summary.alerts)) == ("summary", 5, 0)
    assert summary.summary[0].startswith("page: objective-")
    assert {alert.told for alert in scene.alerts if alert.rule == "page-quick"} == {"firing"}
    scene.tick(16)
    assert [(one.kind, len(one.alerts)) for one in scene.notices()][1:] == [("resolved", 5)]


def test_shares_of_the_budget_are_tickets_and_the_largest_speaks(scene: Scene) -> None:
    """A slow burn that no rule sees: two and a half times the allowed share long ago, nothing since."""
    own = scene.objective()
    scene.traffic(own, START - 28 * DAY, START - 26 * DAY, total=10, bad=0)
    scene.traffic(own, START - 5 * DAY, START + HOUR, total=10, bad=0)
    scene.traffic(own, START - 20 * DAY, START - 20 * DAY + 150 * MINUTE, total=10, bad=1)
    scene.tick(7)
    assert scene.rules() == [("budget-100", "firing"), ("budget-50", "firing"), ("budget-75", "firing")]
    (notice,) = scene.notices()
    (told,) = notice.alerts
    assert (told.rule, told.severity, told.action, told.factor) == ("budget-100", "ticket", "look", 1.0)
    assert told.title.endswith("has spent 100% of its error budget")
    assert told.remaining is not None and told.remaining <= 0 and told.exhaustion_s == 0
    scene.tell(3 * DAY)
    assert scene.kinds() == ["firing"]  # that it is spent does not change for days


def test_the_first_bad_minutes_of_a_month_do_not_spend_it(scene: Scene) -> None:
    own = scene.objective()
    change(own, period_days=None, calendar_unit="month", calendar_first="2031-01-01")
    now = START.replace(day=1, hour=1)
    scene.traffic(own, now - DAY, now, total=100)
    scene.traffic(own, now - 30 * MINUTE, now - 20 * MINUTE, total=100, bad=1)
    scene.now = now + 2 * MINUTE
    scene.tick(7)
    assert not [rule for rule, _ in scene.rules() if rule.startswith("budget")]


def test_a_young_service_has_spent_no_budget_of_a_month_and_its_windows_say_how_much_they_saw(scene: Scene) -> None:
    own = scene.objective(rules=[rule("page", 6 * 3600)])
    scene.traffic(own, START - 3 * HOUR, START + HOUR)
    scene.traffic(own, START - HOUR, START - HOUR + 5 * MINUTE, bad=1)
    scene.tick(7)
    assert scene.rules() == []
    (status,) = find_statuses(scene.project.pk)
    assert status.remaining is not None and status.remaining < 0.8  # of what it did so far
    assert 0.5 <= status.rules[0].coverage < 0.6


@pytest.mark.parametrize("no_data", ["ignore", "good", "bad"])
def test_events_that_no_longer_come_are_a_ticket_where_they_are_not_counted_as_good_or_bad(
    scene: Scene, no_data: str
) -> None:
    own = scene.objective(no_data=no_data)
    scene.traffic(own, START - 7 * DAY, START - (HOUR if no_data == "bad" else 0 * HOUR))
    scene.tick(14)
    rules = {rule for rule, state in scene.rules() if state == "firing"}
    if no_data == "bad":
        assert "page-quick" in rules and "absent-data" not in rules
        return
    assert rules == ({"absent-data"} if no_data == "ignore" else set())
    assert scene.kinds() == (["firing"] if rules else [])
    scene.traffic(own, START + 14 * MINUTE, START + HOUR)
    scene.tick(10)
    assert scene.kinds() == (["firing", "resolved"] if rules else [])


@pytest.mark.parametrize("table", ["slo_mark", "settle_mark"])
def test_events_that_wait_to_be_counted_are_not_missed(scene: Scene, table: str) -> None:
    own = scene.objective()
    scene.traffic(own, START - 7 * DAY, START)
    late = {"start_s": s_of(START + MINUTE), "taken": False}
    unsettled = {"trace_id": OLD, "min_day": START, "max_day": START, "spans": 1, "marked_ns": s_of(START) * 10**9}
    insert(table, [{"project": scene.project.pk} | (late if table == "slo_mark" else unsettled)])
    scene.tick(14)
    assert scene.rules() == []
    with db.JOBS.connection() as connection:
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    scene.tick(4)
    assert scene.rules() == [("absent-data", "firing")]


def test_a_service_that_sleeps_every_night_is_not_missed_in_the_night(scene: Scene) -> None:
    own = scene.objective()
    for day in range(7):
        evening = START - day * DAY
        scene.traffic(own, evening - 10 * HOUR, evening)
    scene.now += 10 * HOUR
    scene.tick(4)
    assert scene.rules() == []


def test_what_is_excluded_neither_burns_nor_is_missed(scene: Scene) -> None:
    own = bad_for(scene)
    exclude(own.project_id, START, START + 5 * MINUTE, of=own)
    scene.tick(6)
    assert scene.rules() == []
