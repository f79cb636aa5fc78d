"""Alerting that stands still is told: on /readyz, on every page of the project that it concerns, and on no other's."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from dashboard.pages.health import readiness
from dashboard.warnings import channel_notice, evaluator_notices
from tests.world import World, make_world, without_promises
from tracestore import db
from tracestore.models import Channel, Delivery, Objective, Project
from tracestore.queries.watchdog import (
    ChannelTrouble,
    EvaluatorState,
    find_channel_troubles,
    find_evaluator_state,
)
from tracestore.timetable import expected_jobs

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=3)


def promise(
    project: Project, name: str, evaluated_s_ago: int | None, failures: int = 0, uncounted: int = 0, **fields: object
) -> Objective:
    """An objective made three days ago, evaluated so long ago; None: never. uncounted: failures of counting."""
    made = Objective.objects.create(
        project=project, name=name, unit="request", part_q="-status:error", target="0.99", period_days=28,
        created_at=LONG_AGO, updated_at=LONG_AGO, **fields,
    )  # fmt: skip
    evaluated = None if evaluated_s_ago is None else int(NOW.timestamp()) - evaluated_s_ago
    with db.WRITES.connection() as connection:
        connection.execute(
            "INSERT INTO slo_state (objective_id, project, revision, evaluated_s, failures, failure, count_failures,"
            " count_failure) VALUES (%s, %s, 1, %s, %s, %s, %s, %s)",
            [
                made.pk,
                project.pk,
                evaluated,
                failures,
                "ValueError" * bool(failures),
                uncounted,
                "It takes too long." * bool(uncounted),
            ],
        )
    return made


@pytest.fixture
def world(database: object) -> World:
    return without_promises(make_world(NOW))


def still(project_id: int | None = None) -> bool:
    return find_evaluator_state(NOW, project_id).stands_still(NOW)


def test_a_standstill_is_that_nothing_was_evaluated_for_five_minutes(world: World) -> None:
    ours, theirs = world.ours.project, world.theirs.project
    assert not still() and readiness(NOW)["objectives"] == {"ok": True, "problem": None}, "nothing is promised yet"
    promise(ours, "switched-off", 90_000, enabled=False)
    promise(ours, "gone", 90_000, deleted_at=NOW)
    promise(ours, "broken", 90_000, failures=5)
    promise(ours, "stumbles", 90_000, failures=1)
    promise(ours, "uncountable", None, uncounted=5)
    assert not still(), "a broken objective is told, and leaves the installation ready"
    promise(ours, "slow", 301)
    assert still() and still(ours.pk) and not still(theirs.pk)
    assert readiness(NOW)["objectives"]["problem"] == "none of 1 was evaluated in the last 5 minutes"
    promise(ours, "in-time", 299)
    state = find_evaluator_state(NOW, ours.pk)
    assert not state.stands_still(NOW) and readiness(NOW)["objectives"]["ok"]
    assert (state.working, state.late, state.broken) == (2, ["slow"], ["broken", "uncountable"])
    assert state.failure == "ValueError"
    assert find_evaluator_state(NOW, theirs.pk) == EvaluatorState(0, None, 0, [], 0, [], "")
    Project.objects.filter(pk=ours.pk).update(deleted_at=NOW)
    assert find_evaluator_state(NOW).working == 0


def test_new_objectives_have_time_to_be_evaluated_and_a_clock_that_jumps_back_is_no_standstill(world: World) -> None:
    fresh = promise(world.ours.project, "fresh", None)
    assert still(), "never evaluated in three days"
    Objective.objects.filter(pk=fresh.pk).update(updated_at=NOW - timedelta(minutes=4))
    assert not still(), "made or switched on just now"
    fresh.delete()
    promise(world.ours.project, "ahead", -3_600)
    assert not still()


def test_an_evaluator_that_is_silent_is_told_within_three_minutes() -> None:
    assert expected_jobs()["evaluate"] <= 3 * 60, "the check of jobs on /readyz"


def channel(project: Project, name: str, **fields: object) -> Channel:
    return Channel.objects.create(project=project, name=name, kind="webhook", target="https://example.org/", **fields)


def lost(channel: Channel, due_at: datetime) -> None:
    Delivery.objects.create(
        project=channel.project, channel=channel, recipient="x", kind="firing", state="failed", due_at=due_at
    )


def test_channels_that_do_not_deliver_are_told_until_they_do_again(world: World) -> None:
    ours, hour = world.ours.project, timedelta(hours=1)
    channel(ours, "a-fine", last_success_at=NOW, failures=1, last_failure="one of yesterday")
    channel(ours, "b-off-by-hand", enabled=False)
    channel(ours, "c-gone", enabled=False, disabled_reason="It answered 410 Gone.")
    channel(ours, "d-resting", rests_until=NOW + hour, last_failure="timed out")
    channel(ours, "e-rested", rests_until=NOW - hour)
    lost(channel(ours, "f-lost", last_success_at=NOW - 2 * hour), NOW - hour)
    lost(channel(ours, "g-works-again", last_success_at=NOW), NOW - hour)
    lost(channel(ours, "h-long-ago"), NOW - timedelta(days=2))
    assert find_channel_troubles(ours.pk, NOW) == [
        ChannelTrouble("c-gone", "It answered 410 Gone.", "", 0),
        ChannelTrouble("d-resting", "", "timed out", 0),
        ChannelTrouble("f-lost", "", "", 1),
    ]
    assert find_channel_troubles(world.theirs.project.pk, NOW) == []


def test_every_page_of_the_project_says_so_and_charlie_sees_nothing_of_it(world: World) -> None:
    promise(world.ours.project, "slow-promise", 3_600)
    promise(world.ours.project, "torn-promise", 3_600, failures=7)
    channel(world.ours.project, "pager", enabled=False, disabled_reason="It answered 410 Gone.")
    told = ("not been evaluated for more than 5 minutes", "torn-promise", "The channel pager was switched off")
    for section in ("traces", "settings"):
        page = world.client(world.bob).get(f"/p/{world.ours.slug}/{section}", follow=True).content.decode()
        assert all(text in page for text in told), section
    cache.clear()
    charlie = world.client(world.charlie)
    assert charlie.get(f"/p/{world.ours.slug}/traces").status_code == 404
    page = charlie.get(f"/p/{world.theirs.slug}/traces").content.decode()
    assert not any(text in page for text in told)
    answer = charlie.get("/readyz")
    assert answer.status_code == 503
    checks = json.loads(answer.content)["checks"]
    assert not checks["objectives"]["ok"] and b"slow-promise" not in answer.content


def test_notices_say_what_is_wrong_and_what_to_do() -> None:
    fine = EvaluatorState(2, int(NOW.timestamp()), 0, [], 0, [], "")
    assert evaluator_notices(fine, "ours", NOW) == []
    behind = EvaluatorState(9, int(NOW.timestamp()), 7, list("abcde"), 1, ["x"], "QueryCanceled")
    late, broken = evaluator_notices(behind, "ours", NOW)
    assert late.title == "7 objectives not evaluated for more than 5 minutes: a, b, c, d, e and 2 more."
    assert broken.title == "1 objective out of order: x." and "QueryCanceled" in broken.what_to_do
    assert late.href == broken.href == "/p/ours/objectives"
    notice = channel_notice(ChannelTrouble("pager", "", "421 try later", 3), "ours")
    assert notice.what_to_do.startswith("3 notifications given up. Its last failure: 421 try later")
