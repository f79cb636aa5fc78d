"""The pages of objectives: what they show to whom, what the form refuses and keeps, what needs a second person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.builders import NOW_NS, SECOND, span, store, trace_id
from tests.conftest import Database
from tests.world import World, audit_count, make_world
from tracestore import db
from tracestore.models import Exclusion, ExclusionProposal, Objective
from tracestore.queries.slo import get_objective

HOSTILE = '"><script>alert(1)</script>'
GIVEN = {
    "title": f"In time {HOSTILE}",
    "name": "in-time",
    "service": "shop",
    "unit": "request",
    "total_q": "service:shop",
    "part": "good",
    "part_q": "duration:<=2s -outcome:error",
    "target_percent": "99.9",
    "period": "rolling",
    "period_days": "30",
    "time_zone": "UTC",
    "action": "rollback",
    "no_data": "ignore",
    "notify": "ops@example.org, dev@example.org",
    "enabled": "on",
}


@pytest.fixture
def world(database: Database) -> World:
    """Each project with what the world promises: an objective, its alert, an exclusion, a proposal of one."""
    world = make_world()
    assert all(tenant.objective.pk for tenant in (world.ours, world.theirs))
    return world


def path(world: World, *parts: str) -> str:
    return "/".join(["/p", world.ours.slug, "objectives", *parts])


def text_of(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


def test_an_objective_is_made_changed_and_deleted_on_its_pages(world: World) -> None:
    erin, before = world.client(world.erin), audit_count()
    made = erin.post(path(world, "new"), GIVEN)
    assert (made.status_code, made["Location"]) == (302, path(world, "in-time"))
    row = get_objective(world.ours.project.pk, "in-time")
    assert row is not None
    assert (str(row.target.normalize()), row.period_days, row.notify, row.action) == (
        "0.999",
        30,
        ["ops@example.org", "dev@example.org"],
        "rollback",
    )
    form = text_of(erin, path(world, "in-time", "edit"))
    assert 'value="99.9"' in form
    assert "<script>alert" not in form
    month = GIVEN | {"period": "month", "calendar_first": "2026-01-01", "time_zone": "Europe/Berlin", "name": "monthly"}
    assert erin.post(path(world, "in-time", "edit"), month)["Location"] == path(world, "monthly")
    changed = Objective.objects.get(name="monthly")
    assert (changed.period_days, changed.calendar_unit, changed.revision) == (None, "month", 1)
    erin.post(path(world, "monthly", "delete"))
    assert get_objective(world.ours.project.pk, "monthly") is None
    assert audit_count() == before + 3


def test_the_form_says_where_a_filter_breaks_and_keeps_what_was_typed(world: World) -> None:
    erin = world.client(world.erin)
    broken = GIVEN | {"part_q": "outcome:error speed:9", "target_percent": "100", "name": ""}
    refused = erin.post(path(world, "new"), broken)
    page = refused.content.decode()
    assert refused.status_code == 400
    assert "There is no field speed" in page
    assert "at character 15" in page
    assert "at 100 % there is no error budget" in page
    assert 'value="outcome:error speed:9"' in page
    assert Objective.objects.filter(project=world.ours.project).count() == 1
    assert "already" in erin.post(path(world, "new"), GIVEN | {"name": world.ours.objective.name}).content.decode()


def test_a_preview_saves_nothing_and_says_what_the_target_does_to_the_rules(world: World) -> None:
    erin, before = world.client(world.erin), audit_count()
    low = GIVEN | {"target_percent": "90", "do": "preview", "total_q": ""}
    whole = erin.post(path(world, "new"), low)
    fragment = erin.post(path(world, "new"), low, headers={"HX-Request": "true"})
    for answer in (whole, fragment):
        said = answer.content.decode()
        assert answer.status_code == 200
        assert "Of these: This counts events of every service" in said
        assert "lowered so that half of all events failing fires it" in said
    assert "<html" in whole.content.decode()
    assert "<html" not in fragment.content.decode()
    blank = erin.post(path(world, "new"), low | {"part_q": "", "name": "", "title": ""}).content.decode()
    assert "note error" not in blank and "Say which events are good" in blank, "nobody has done anything wrong yet"
    unreadable = erin.post(path(world, "new"), low | {"part_q": "("}, headers={"HX-Request": "true"}).content.decode()
    assert "A parenthesis is opened and never closed" in unreadable or "A term is missing" in unreadable
    assert audit_count() == before
    assert Objective.objects.filter(project=world.ours.project).count() == 1


def test_what_is_saved_with_warnings_still_shows_them(world: World) -> None:
    erin = world.client(world.erin)
    page = erin.post(path(world, "new"), GIVEN | {"total_q": ""}, follow=True).content.decode()
    assert "Saved. Of these: This counts events of every service" in page


def test_templates_open_filled_in_and_one_waits_for_judges(world: World) -> None:
    Objective.objects.all().delete()
    erin = world.client(world.erin)
    listed = text_of(erin, path(world) + "?service=shop")
    assert "Nothing is promised yet." in listed
    assert listed.count("needs a judged sample") == 1
    opened = text_of(erin, path(world, "new") + "?template=tool-state-unknown&service=shop")
    assert 'value="service:shop"' in opened
    assert 'value="signal:state_unknown"' in opened
    assert "Templates" not in text_of(world.client(world.bob), path(world)), "a viewer can make none"


def test_the_list_shows_what_is_promised_and_that_nothing_is_known_yet(world: World) -> None:
    page = text_of(world.client(world.bob), path(world))
    assert f"promise {world.ours.canary}" in page
    assert "99 %" in page
    assert "Not evaluated yet" in page
    assert world.theirs.canary not in page
    assert "Edit" not in page


def test_the_list_asks_as_many_questions_for_ten_objectives_as_for_one(
    world: World, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    bob, asked, fetch = world.client(world.bob), list[object](), db.fetch
    for number in range(9):
        Objective.objects.create(
            project=world.ours.project,
            name=f"o{number}",
            unit="request",
            part_q="outcome:ok",
            target="0.9",
            period_days=7,
        )
    monkeypatch.setattr(db, "fetch", lambda *args, **more: asked.append(args[0]) or fetch(*args, **more))
    with django_assert_max_num_queries(8):
        text_of(bob, path(world))
    assert len(asked) <= 12


def test_a_past_page_is_excluded_by_two_people(world: World) -> None:
    """The alert of the world fires since now."""
    name, now = world.ours.objective.name, datetime.now(UTC)
    erin, alice = world.client(world.erin), world.client(world.alice)
    hour = {
        "starts_at": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "ends_at": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "category": "maintenance",
        "reason": f"the database moved {HOSTILE}",
    }
    erin.post(path(world, name, "exclusions", "add"), hour)
    proposal = ExclusionProposal.objects.latest("id")
    waiting = text_of(erin, path(world, name, "exclusions"))
    assert "Waiting for a second person" in waiting
    assert waiting.count("Confirm</button>") == 1, "of the world's own, not by whoever proposed it"
    assert "<script>alert" not in waiting
    erin.post(path(world, name, "exclusions", str(proposal.pk), "confirm"))
    assert Exclusion.objects.count() == 2, "those of the world"
    alice.post(path(world, name, "exclusions", str(proposal.pk), "confirm"))
    kept = Exclusion.objects.latest("id")
    assert (kept.author, kept.confirmed_by) == ("erin@example.org", "alice@example.org")
    assert "confirmed by alice@example.org" in text_of(world.client(world.bob), path(world, name, "exclusions"))
    alice.post(path(world, name, "exclusions", str(kept.pk), "end"))
    kept.refresh_from_db()
    assert kept.ends_at <= datetime.now(UTC)
    backwards = alice.post(path(world, name, "exclusions", "add"), hour | {"ends_at": hour["starts_at"]})
    assert backwards.status_code == 400


def test_who_is_no_member_or_may_only_read_changes_nothing(world: World) -> None:
    name = world.ours.objective.name
    ahead = datetime.now(UTC) + timedelta(hours=1)
    Exclusion.objects.create(
        project=world.ours.project, starts_at=ahead, ends_at=ahead + timedelta(hours=1), reason="r", author="a"
    )
    number = str(Exclusion.objects.latest("id").pk)
    changes = (
        ("new", GIVEN),
        (f"{name}/edit", GIVEN),
        (f"{name}/delete", {}),
        (f"{name}/exclusions/add", {}),
        (f"{name}/exclusions/{number}/end", {}),
    )
    for person, status in ((world.charlie, 404), (world.bob, 403)):
        client = world.client(person)
        for rest, given in changes:
            assert client.post(path(world, rest), given).status_code == status, rest
    charlie = world.client(world.charlie)
    for rest in ("", "/new", f"/{name}/edit", f"/{name}/exclusions"):
        assert charlie.get(path(world) + rest).status_code == 404
    theirs = f"/p/{world.theirs.slug}/objectives/{world.theirs.objective.name}/exclusions/{number}/end"
    assert charlie.post(theirs).status_code == 404, "an exclusion of another project"
    assert Exclusion.objects.filter(pk=number).exists()
    assert Objective.objects.filter(project=world.ours.project, deleted_at=None).count() == 1


def test_a_preview_counts_what_is_stored_of_this_project(world: World) -> None:
    now_ns = int(datetime.now(UTC).timestamp()) * SECOND
    at = (now_ns - NOW_NS) / SECOND - 3_600
    spans = [
        span(trace_id(n), at=at + n * 60, seconds=4 if n < 3 else 1, status=2 if n == 9 else 0, operation="agent")
        for n in range(1, 21)
    ]
    store(world.ours.project.pk, spans, received_ns=now_ns)
    store(world.theirs.project.pk, [span(trace_id(77), at=at, seconds=9, operation="agent")], received_ns=now_ns)
    asked = GIVEN | {"do": "preview", "total_q": "service:shop", "service": "shop"}
    said = world.client(world.erin).post(path(world, "new"), asked, headers={"HX-Request": "true"}).content.decode()
    assert "Of 20 requests in" in said
    assert "3 were bad: 85.0 % good, under the 99.9 % promised" in said
    assert "data-figures=" in said
    none = asked | {"unit": "evaluation", "total_q": "name:hallucination", "part_q": "outcome:ok"}
    empty = world.client(world.erin).post(path(world, "new"), none, headers={"HX-Request": "true"}).content.decode()
    assert "needs a judged sample" in empty
