"""What was said of an answer is read on its trace, and said there."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.builders import NOW_NS, SECOND, span, store, trace_id
from tests.conftest import Database
from tests.store.test_scores import judged, send
from tests.world import World, audit_count, make_world
from tracestore.models import AuditEntry
from tracestore.queries.evaluations import EvaluationRow, evaluations_of_trace
from tracestore.queries.spans import hex_id

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def world(database: Database) -> World:
    return make_world()


@pytest.fixture
def call(world: World) -> str:
    root = span(operation="agent")
    one = span(parent=root, model="gpt-4o")
    store(world.ours.project.pk, [root, one], received_ns=NOW_NS + 5 * SECOND)
    send(
        judged(comment=f"of it all {HOSTILE}", passed=False, user_id=f"ann{HOSTILE}"),
        judged(span_id=one.raw.span_id, name=f"exact{HOSTILE}", score=0.25, source="judge", comment="of the call"),
        judged(adoption="edited", source="code"),
        project=world.ours.project.pk,
    )
    return hex_id(one.raw.span_id)


def path(world: World, rest: str = "") -> str:
    return f"/p/{world.ours.slug}/traces/{trace_id(1)}{rest}"


def say(world: World, person: Any, **said: str) -> HttpResponse:
    return world.client(person).post(path(world, "/feedback"), said)


def kept(world: World) -> list[EvaluationRow]:
    rows = evaluations_of_trace(world.ours.project.pk, trace_id(1))
    return [row for row in rows if row.user_id and "@" in row.user_id]


def test_a_trace_and_its_span_show_what_was_said_of_them(world: World, call: str) -> None:
    trace = world.client(world.bob).get(path(world)).content.decode()
    panel = world.client(world.bob).get(path(world), {"span": call}).content.decode()
    for text in ("of it all", "of the call", "edited", "failed", "0.25", "judge"):
        assert text in trace, text
    assert "of the call" in panel
    assert "of it all" not in panel
    assert f"?span={call}" in trace
    for page in (trace, panel):
        assert HOSTILE not in page
        assert 'name="rating"' not in page, "Bob may only look"


def test_a_member_says_what_they_think_and_may_think_again(world: World, call: str) -> None:
    before = audit_count()
    page = world.client(world.erin).get(path(world)).content.decode()
    assert f'action="{path(world, "/feedback")}"' in page
    assert say(world, world.erin, rating="down", comment="too slow")["Location"] == path(world)
    say(world, world.erin, rating="up", comment="")
    say(world, world.alice, comment="fine", span=call)
    told = {(row.user_id, row.passed, row.comment, row.span_id, row.source) for row in kept(world)}
    assert told == {
        ("erin@example.org", True, None, None, "people"),
        ("alice@example.org", None, "fine", call, "people"),
    }
    assert audit_count() == before + 3
    entry = AuditEntry.objects.filter(action="feedback.give").latest("id")
    assert (entry.target, entry.actor) == (trace_id(1), "alice@example.org")
    assert "fine" not in str(entry.detail)


@pytest.mark.parametrize("said", [{}, {"rating": "sideways"}, {"comment": "x" * 2001}, {"rating": "up", "span": "zz"}])
def test_what_is_not_understood_is_not_kept(world: World, call: str, said: dict[str, str]) -> None:
    alice = world.client(world.alice)
    page = alice.post(path(world, "/feedback"), said, follow=True)
    assert "That was not understood" in page.content.decode()
    assert kept(world) == []


def test_only_members_who_may_change_things_may_say_something(world: World, call: str) -> None:
    assert say(world, world.charlie, rating="up").status_code == 404
    assert world.client(world.charlie).get(path(world)).status_code == 404
    assert say(world, world.bob, rating="up").status_code == 403
    assert Client().post(path(world, "/feedback"), {"rating": "up"})["Location"].startswith("/sign-in")
    strict = world.client(world.alice, enforce_csrf_checks=True)
    assert strict.post(path(world, "/feedback"), {"rating": "up"}).status_code == 403
    theirs = f"/p/{world.theirs.slug}/traces/{trace_id(1)}/feedback"
    assert world.client(world.charlie).post(theirs, {"rating": "up"}).status_code == 404
    assert kept(world) == []


def test_a_rating_is_said_now(world: World, call: str) -> None:
    say(world, world.alice, rating="up")
    (row,) = kept(world)
    assert abs(row.time_ns / 1e9 - datetime.now(UTC).timestamp()) < 300
