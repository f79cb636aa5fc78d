"""From a bad release to the notice that it is over: what an alert says, and whom it tells when."""

from datetime import timedelta

from tests.alerts.scene import DAY, HOUR, MINUTE, NEW, OLD, START, Scene, events, version_set
from tests.conftest import Database
from tracestore.actions.access import Actor
from tracestore.actions.alerts import acknowledge
from tracestore.queries.alerts import find_alerts, find_deliveries, find_events, get_alert
from tracestore.queries.slo_status import find_statuses, get_status

ALICE = Actor(None, "alice@example.org")


def test_a_bad_release_is_one_page_with_its_version_and_action_and_one_notice_that_it_is_over(
    database: Database,
) -> None:
    scene = Scene()
    own = scene.objective(title="Answers", runbook_url="https://runbooks.example/answers")
    version_set(scene.project.pk, OLD, "v11", START - 20 * DAY, model=["gpt-4o"])
    version_set(scene.project.pk, NEW, "v12", START, model=["gpt-4o-mini"])
    scene.traffic(own, START - 3 * DAY, START)
    scene.traffic(own, START, START + 15 * MINUTE, total=50)
    scene.traffic(own, START, START + 15 * MINUTE, total=50, bad=40, version=NEW)
    scene.traffic(own, START + 15 * MINUTE, START + 3 * HOUR)
    scene.tick(15)
    page = scene.alerts[0]
    assert (page.rule, page.state, page.action) == ("page-quick", "firing", "rollback")
    needed_s = 3600 * 13.44 * 0.001 / 0.4  # the formula's; the gate against chance asks for a fifth more
    assert timedelta(0) <= page.fired_at - START - timedelta(seconds=needed_s) <= MINUTE
    first = scene.notices()[0]
    assert (first.kind, first.seq, [one.rule for one in first.alerts]) == ("firing", 0, ["page-quick"])
    told = first.alerts[0]
    assert (told.title, told.service, told.state) == ("Answers burns its error budget", "shop", "firing")
    assert told.promise == "99.9 % of requests: -outcome:error, over 28 days"
    assert (told.blame.verdict, told.blame.first_bad, told.blame.last_good) == ("version", "v12", "v11")
    assert told.blame.differs == ("version v11 -> v12", "model gpt-4o -> gpt-4o-mini")
    assert (told.blame.first_bad_set, told.blame.plausible) == (NEW, ("v12",))
    assert told.action_text == "Roll back to v11: it went bad from v12 on."
    assert told.long.bad > 0 and told.long.burn is not None and told.long.burn > told.factor
    assert told.remaining is not None and told.exhaustion_s is not None and told.exhaustion_s > 0
    assert len(told.traces) == 3 and len(told.burn_down) > 2
    scene.tick(150)
    assert scene.kinds() == ["firing", "resolved"]  # the slow page and the tickets are the same story
    over = scene.notices()[1]
    assert (over.seq, over.alerts[0].id, over.alerts[0].state) == (1, first.alerts[0].id, "resolved")
    assert over.alerts[0].action == "rollback"
    assert over.alerts[0].budget_spent is not None and over.alerts[0].budget_spent > 0
    assert over.alerts[0].peak_burn is not None and over.alerts[0].peak_burn > told.factor
    assert over.alerts[0].resolved_at is not None and over.alerts[0].resolved_at > over.alerts[0].fired_at
    assert events(scene.alerts[0]) == ["fired", "notified", "resolved", "notified"]
    _can_be_read(scene, own.id)


def _can_be_read(scene: Scene, objective_id: int) -> None:
    project_id, now = scene.project.pk, scene.now
    page = find_alerts(project_id, now, limit=1)
    assert page.next_cursor is not None
    rest = find_alerts(project_id, now, limit=100, cursor=page.next_cursor).items
    assert len(rest) == len(scene.alerts) - 1
    assert find_alerts(project_id, now, states=["resolved"], severity="page", service="shop").items
    assert not find_alerts(project_id + 1, now).items
    alert_id = str(scene.alerts[0].pk)
    alert = get_alert(project_id, alert_id, now)
    assert alert is not None and alert.notice is not None and alert.notice.blame.first_bad == "v12"
    assert get_alert(project_id + 1, alert_id, now) is None
    assert [event.kind for event in find_events(project_id, alert_id)] == events(scene.alerts[0])
    assert not find_events(project_id + 1, alert_id)
    assert [row.kind for row in find_deliveries(project_id, alert_id)] == ["resolved", "firing"]
    status = get_status(project_id, objective_id)
    assert status is not None and get_status(project_id + 1, objective_id) is None
    assert [rule.rule for rule in status.rules] == ["page-quick", "page-slow", "ticket-quick", "ticket-slow"]
    assert [rule.factor for rule in status.thresholds] == [0.5, 0.75, 1.0]
    assert status.remaining is not None and status.exhaustion_s is not None
    assert find_statuses(project_id) == [status]


def test_an_alert_nags_until_somebody_is_at_it(database: Database) -> None:
    scene = Scene()
    own = scene.objective()
    scene.traffic(own, START - DAY, START)
    scene.traffic(own, START, START + 12 * HOUR, bad=50)
    scene.tick(5)
    scene.tick(50, 10 * MINUTE)
    assert scene.kinds() == ["firing", "reminder", "reminder"]
    acknowledge(scene.alerts[0].pk, scene.project.pk, ALICE, scene.now)
    scene.tick(24, 10 * MINUTE)
    assert scene.kinds() == ["firing", "reminder", "reminder"]
    assert scene.notices()[-1].seq == 2
