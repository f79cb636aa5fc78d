"""Sizes by day, the pace, when the disk is full: right or unknown, and nobody sees another's."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache

from dashboard.pages import storage as page
from tests.builders import NOW, NOW_NS, SECOND, span, store, trace_id
from tests.world import World, make_world
from tracestore import db
from tracestore.actions.access import KeepFor
from tracestore.analysis import storage
from tracestore.analysis.retention import Fill, full_on, kept
from tracestore.jobs import ledger as ledger_job
from tracestore.jobs import partitions as job
from tracestore.models import Project

DAY = 86_400
TODAY = date(2026, 11, 25)


def days(*sizes: float, last: int = 1) -> dict[date, float]:
    """By day, the last one `last` days ago."""
    return {TODAY - timedelta(days=last + n): size for n, size in enumerate(reversed(sizes))}


def test_the_disk_is_full_when_arrivals_less_what_goes_pass_what_is_free() -> None:
    steady = Fill(10, 5, dict.fromkeys(days(*[10] * 6, last=0), 10))
    growing = Fill(10, 5, {})
    assert full_on(100, [Fill(10, 1_000, {})], TODAY) == TODAY + timedelta(days=10)
    assert full_on(0, [steady], TODAY) is None
    assert full_on(5, [growing], TODAY) == TODAY, "what is missing of today counts"
    assert full_on(100, [steady], TODAY) is None
    assert full_on(59, [growing], TODAY) == TODAY + timedelta(days=5)
    assert full_on(60, [growing], TODAY) is None, "after six days as much goes as comes"
    assert full_on(10**9, [Fill(0, 30, {})], TODAY) is None


def test_a_day_brings_the_mean_of_the_full_days_that_are_kept() -> None:
    assert storage.daily({}, TODAY, 30) is None
    assert storage.daily(days(99, last=0), TODAY, 30) is None, "today is not over"
    assert storage.daily(days(0, 0, 30, 0, 60), TODAY, 30) == 30, "before the first record nothing is known"
    assert storage.daily(days(*[70] * 7) | days(7_000, last=8), TODAY, 30) == 70
    assert storage.daily(days(10, 20, 30), TODAY, 2) == 25


def test_a_project_uses_its_part_of_each_day_that_it_keeps() -> None:
    sizes = storage.by_group([("span", TODAY, 100), ("message", TODAY, 50), ("span", TODAY - timedelta(days=9), 80)])
    records = {(1, "traces", TODAY): 30, (2, "traces", TODAY): 10, (1, "traces", TODAY - timedelta(days=9)): 5}
    records[2, "traces", TODAY - timedelta(days=9)] = 5
    projects = [kept(1, 7, None, None, None), kept(2, 30, None, None, None)]
    mine, theirs = (storage.of_project(sizes, records, number, projects, TODAY) for number in (1, 2))
    assert (mine["spans"], mine["texts"]) == ({TODAY: 75, TODAY - timedelta(days=9): 0}, {TODAY: 37.5})
    assert theirs["spans"] == {TODAY: 25, TODAY - timedelta(days=9): 80}, "all that is left of a day is of who keeps it"


@pytest.fixture
def world(database: object, tmp_path: Path) -> World:
    cache.clear()
    world = make_world(datetime.now(UTC) - timedelta(days=9))
    for number, tenant in ((1, world.ours), (2, world.theirs)):
        for ago in range(4):
            at, text = -ago * DAY, "what was said " * 80
            spans = [
                span(
                    trace_id(number * 100 + ago * 10 + n), model="m", at=at, attributes={"a": f"{number}{ago}{n}{text}"}
                )
                for n in range(4 * number)
            ]
            store(tenant.project.pk, spans, received_ns=NOW_NS + at * SECOND + 1)
    ledger_job.run(NOW + timedelta(minutes=5))
    return world


def test_a_member_sees_its_project_and_an_administrator_the_installation(world: World) -> None:
    path = f"/p/{world.ours.slug}/settings/storage"
    own = world.client(world.bob).get(path)
    assert own.status_code == 200
    text = own.content.decode()
    assert "This project" in text
    assert f"{NOW:%Y-%m-%d}" in text
    assert "whole database" not in text
    assert world.theirs.canary not in text
    assert world.client(world.charlie).get(path).status_code == 404
    world.alice.is_admin = True
    world.alice.save()
    whole = world.client(world.alice).get(path).content.decode()
    assert "The installation" in whole
    assert world.theirs.project.name in whole
    assert "a server of your own" in whole


def test_what_members_see_adds_up_to_what_is_there(world: World) -> None:
    now = NOW + timedelta(hours=1)
    measured = page.measure(now)
    assert measured.sizes is not None
    assert measured.records is not None
    net = page.without_empty(measured.sizes, measured.empty)
    ids = [tenant.project.pk for tenant in (world.ours, world.theirs)]
    projects = [kept(number, 30, None, None, None) for number in ids]
    parts = [storage.of_project(net, measured.records, number, projects, now.date()) for number in ids]
    for group in ("spans", "texts", "derived"):
        total = sum(net[group].values())
        assert total > 0
        assert sum(sum(part[group].values()) for part in parts) == pytest.approx(total)
    assert sum(parts[1]["texts"].values()) == pytest.approx(2 * sum(parts[0]["texts"].values()))


def test_sizes_that_the_server_does_not_tell_in_time_are_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "partition_bytes", lambda _: None)
    text = world.client(world.bob).get(f"/p/{world.ours.slug}/settings/storage").content.decode()
    assert "Sizes are unknown" in text


# ---- settings


def change(world: World, **fields: str) -> str:
    form = {"name": "Ours", "retention_days": "30", **fields}
    answer = world.client(world.alice).post(f"/p/{world.ours.slug}/settings/change", form, follow=True)
    return answer.content.decode()


def test_a_shorter_retention_says_what_it_removes_and_is_asked_for_twice(world: World) -> None:
    asked = change(world, retention_days="2", text_retention_days="1")
    assert "This removes data for good" in asked
    assert f"Traces before {datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}" in asked
    assert 'name="confirm" value="2 days, texts 1 days"' in asked
    project = Project.objects.get(pk=world.ours.project.pk)
    assert (project.retention_days, project.retention_changed_at) == (30, None)
    asked = change(world, retention_days="3", confirm="2 days, texts 1 days")
    assert "This removes data for good" in asked, "another change than the one that was shown"
    change(world, retention_days="3", confirm="3 days")
    project.refresh_from_db()
    assert project.retention_days == 3
    assert project.retention_changed_at is not None
    longer = change(world, retention_days="40", text_retention_days="39")
    assert "This removes data for good" not in longer
    project.refresh_from_db()
    assert (project.retention_days, project.text_retention_days) == (40, 39)
    assert "cannot be kept for longer than traces" in change(world, retention_days="40", text_retention_days="50")


def test_a_longer_retention_is_no_permission_to_remove() -> None:
    assert KeepFor(7).is_shorter(KeepFor(30))
    assert KeepFor(30, texts=7).is_shorter(KeepFor(30))
    assert not KeepFor(30, logs=90).is_shorter(KeepFor(30))
    assert not KeepFor(90).is_shorter(KeepFor(30, texts=30, logs=30, metrics=30))


def test_removal_that_is_held_back_is_told_on_every_page_and_let_go_by_an_administrator(world: World) -> None:
    with db.JOBS.connection() as connection:
        connection.execute(
            "INSERT INTO partition_clock (id, last_run, steady_since, held_reason, held_since, held_days)"
            " VALUES (1, now(), now(), 'many', now(), 12)"
        )
    page_text = world.client(world.bob).get(f"/p/{world.ours.slug}/traces").content.decode()
    assert "Removal of old data is held back: 12 days are due at once." in page_text
    assert world.client(world.alice).post("/storage/confirm").status_code == 404
    assert world.client(world.admin).post("/storage/confirm").status_code == 302
    with db.JOBS.connection() as connection:
        assert connection.execute("SELECT permitted_at IS NOT NULL FROM partition_clock").fetchone() == (True,)
    assert job.run(datetime.now(UTC)).reason in ("", "clock")


def test_a_user_is_erased_after_the_id_was_typed_twice(world: World) -> None:
    client, path = world.client(world.alice), f"/p/{world.ours.slug}/settings/erase"
    assert "The two ids differ" in client.post(path, {"user_id": "u", "again": "v"}).content.decode()
    assert client.post(path, {"user_id": "u", "again": "u"}).status_code == 302
    with db.JOBS.connection() as connection:
        assert connection.execute("SELECT project, user_id FROM erasure_request").fetchall() == [
            (world.ours.project.pk, "u")
        ]
    assert world.client(world.erin).get(path).status_code == 403
    assert world.client(world.charlie).get(path).status_code == 404
