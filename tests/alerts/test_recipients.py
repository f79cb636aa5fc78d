"""Who is told: the channels an objective names, else all, else the owners; each address once, never who unsubscribed."""

from datetime import UTC, datetime

import pytest

from tests.world import World, make_world
from tracestore.models import Channel, Objective, Unsubscription
from tracestore.queries.channels import address_book, default_channel, unpaged_objectives

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings) -> World:  # type: ignore[no-untyped-def]
    settings.EMAIL_URL = "smtp://mail.example:25"
    return make_world()


def objective(world: World, **fields: object) -> Objective:
    given = {"name": "fast", "title": "Fast answers", "unit": "request", "part_q": "duration:<2s", "target": "0.99"}
    return Objective.objects.create(**(given | {"project": world.ours.project, "period_days": 28} | fields))


def channel(world: World, name: str, kind: str, target: str, **fields: object) -> Channel:
    return Channel.objects.create(project=world.ours.project, name=name, kind=kind, target=target, **fields)


def told(of: Objective, severity: str = "page") -> list[str]:
    return [recipient for _, recipient, _ in address_book(of.project_id).told(of, severity)]


def test_owners_are_told_while_there_is_no_channel_and_a_mail_server(world: World, settings) -> None:
    promise = objective(world)
    assert told(promise) == ["alice@example.org"]  # not Dora, who is deactivated; not Charlie
    assert "own the project" in address_book(promise.project_id).told(promise, "page")[0][2]
    settings.EMAIL_URL = ""
    assert told(promise) == []
    assert unpaged_objectives(world.ours.project.pk, NOW) == [promise]


def test_channels_take_the_place_of_the_owners_and_each_address_is_told_once(world: World) -> None:
    channel(world, "ops", "email", "oncall@example.org, Erin@example.org")
    channel(world, "more", "email", "erin@EXAMPLE.org")
    channel(world, "bot", "webhook", "https://hooks.example/x", severity="page")
    Channel.objects.create(project=world.theirs.project, name="x", kind="email", target="charlie@example.org")
    promise = objective(world)
    assert sorted(told(promise)) == ["erin@EXAMPLE.org", "https://hooks.example/x", "oncall@example.org"]
    assert sorted(told(promise, "ticket")) == ["erin@EXAMPLE.org", "oncall@example.org"]


def test_channels_that_are_all_disabled_leave_the_owners(world: World) -> None:
    channel(world, "bot", "webhook", "https://hooks.example/x", enabled=False)
    assert told(objective(world)) == ["alice@example.org"]


def test_an_objective_names_channels_and_addresses(world: World) -> None:
    channel(world, "ops", "email", "oncall@example.org")
    channel(world, "bot", "webhook", "https://hooks.example/x")
    promise = objective(world, notify=["bot", "dev@example.org", "gone"])
    assert address_book(promise.project_id).told(promise, "page") == [
        (
            Channel.objects.get(name="bot").pk,
            "https://hooks.example/x",
            "the objective Fast answers names the channel bot",
        ),
        (default_channel(world.ours.project.pk).pk, "dev@example.org", "the objective Fast answers names your address"),
    ]


def test_when_no_named_channel_is_left_all_are_told(world: World) -> None:
    channel(world, "ops", "email", "oncall@example.org")
    assert told(objective(world, notify=["gone"])) == ["oncall@example.org"]


def test_who_unsubscribed_is_not_told_of_that_objective_or_of_the_whole_project(world: World) -> None:
    fast, right = objective(world), objective(world, name="right")
    Unsubscription.objects.create(project=world.ours.project, objective=fast, address="Alice@example.org")
    assert (told(fast), told(right)) == ([], ["alice@example.org"])
    Unsubscription.objects.create(project=world.ours.project, address="alice@example.org")
    assert told(right) == []


def test_whom_nobody_would_page_is_found_in_few_statements(world: World, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    for number in range(20):
        objective(world, name=f"o{number}", notify=["bot"])
    channel(world, "bot", "webhook", "https://hooks.example/x", enabled=False)
    Unsubscription.objects.create(project=world.ours.project, address="alice@example.org")
    default_channel(world.ours.project.pk)
    with django_assert_max_num_queries(5):
        assert len(unpaged_objectives(world.ours.project.pk, NOW)) == 20
