"""A dead man's switch is called while objectives are evaluated, and hears nothing when they are not."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.alerts.hooks import Hooks, serve_hooks
from tests.watchdog.test_watchdog import promise
from tests.world import World, make_world, without_promises
from tracestore.actions import background
from tracestore.jobs import heartbeat
from tracestore.outbound_targets import parse_allowed
from tracestore.timetable import TIMETABLE

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def hooks(settings):
    with serve_hooks() as hooks:
        settings.OUTBOUND_PRIVATE = [parse_allowed(f"127.0.0.1:{hooks.port}")]
        settings.HEARTBEAT_URL = hooks.url
        yield hooks


@pytest.fixture
def world(database: object) -> World:
    return without_promises(make_world(NOW))


def evaluated(seconds_ago: int) -> None:
    background.note_success(heartbeat.EVALUATION, NOW - timedelta(seconds=seconds_ago), 5)


def test_a_round_that_ended_well_is_told_and_silence_follows_any_other(world: World, hooks: Hooks, settings) -> None:
    assert not heartbeat.run(NOW).called, "nothing was evaluated yet"
    evaluated(seconds_ago=121)
    assert not heartbeat.run(NOW).called, "that was too long ago"
    evaluated(seconds_ago=60)
    assert heartbeat.run(NOW).called
    (path, headers, _), *more = hooks.taken
    assert (path, headers["Host"], more) == ("GET /hook", f"127.0.0.1:{hooks.port}", [])
    promise(world.ours.project, "stuck", 600)
    assert not heartbeat.run(NOW).called, "rounds end, and no objective gets anywhere"
    promise(world.ours.project, "fine", 100)
    background.note_failure(heartbeat.EVALUATION, NOW, "OperationalError at db.py:1")
    assert not heartbeat.run(NOW).called, "the last round failed"
    evaluated(seconds_ago=0)
    settings.HEARTBEAT_URL = ""
    assert not heartbeat.run(NOW + timedelta(seconds=1)).called
    assert len(hooks.taken) == 1


def test_a_heartbeat_that_is_not_taken_breaks_nothing_here(world: World, hooks: Hooks, settings, caplog) -> None:
    evaluated(seconds_ago=1)
    hooks.mode = "500"
    assert heartbeat.run(NOW).called and "answered with 500" in caplog.text
    settings.OUTBOUND_PRIVATE = []
    assert not heartbeat.run(NOW).called, "a private address is called only when the operator lists it"
    assert len(hooks.taken) == 1 and hooks.url not in caplog.text, "it may carry a secret"


def test_it_is_called_about_once_a_minute_beside_the_mails() -> None:
    (entry,) = [entry for entry in TIMETABLE if entry.name == "heartbeat"]
    assert (entry.every_s, entry.lane) == (60, "mail") and entry.load() is heartbeat.run
