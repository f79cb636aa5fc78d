"""Channels are made, tried out and left; addresses that must not be called are refused; nobody else sees or changes them."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from tests.alerts.outbox import objective
from tests.world import World, audit_count, make_world
from tracestore.channels.unsubscribing import Claim, unsubscribe_link
from tracestore.models import AuditEntry, Channel, Delivery, Unsubscription
from tracestore.queries.channels import address_book, default_channel

pytestmark = pytest.mark.django_db
NEW = {"name": "bot", "kind": "email", "target": "oncall@example.org", "severity": "ticket", "time_zone": "UTC"}


@pytest.fixture
def world(settings) -> World:  # type: ignore[no-untyped-def]
    settings.EMAIL_URL = "smtp://mail.example:25"
    settings.SITE_URL = "https://watch.example"
    made = make_world()
    assert made.ours.channel.name == "ops"  # made when it is first asked for
    return made


def create(client: Client, world: World, **fields: str):  # type: ignore[no-untyped-def]
    return client.post(reverse("create_channel", args=[world.ours.slug]), NEW | fields)


def mine(world: World, name: str) -> Channel:
    return Channel.objects.get(project=world.ours.project, name=name)


def act(client: Client, world: World, what: str, channel: Channel, **fields: str):  # type: ignore[no-untyped-def]
    return client.post(reverse(what, args=[world.ours.slug, channel.pk]), fields)


def test_an_editor_makes_a_channel_and_a_viewer_only_sees_it(world: World) -> None:
    editor, viewer, stranger = (world.client(one) for one in (world.erin, world.bob, world.charlie))
    page = reverse("channels", args=[world.ours.slug])
    before = audit_count()
    assert create(editor, world, target="oncall@example.org , b@example.org").status_code == 302
    assert mine(world, "bot").target == "oncall@example.org, b@example.org"
    assert audit_count() == before + 1
    seen = viewer.get(page).content.decode()
    assert ("oncall@example.org" in seen, "Add a channel" in seen, "/test" in seen) == (True, False, False)
    assert create(viewer, world, name="no").status_code == 403
    assert stranger.get(page).status_code == create(stranger, world, name="no").status_code == 404
    theirs = default_channel(world.theirs.project.pk)
    for what in ("edit_channel", "test_channel", "switch_channel", "delete_channel", "rotate_secret", "forget_secret"):
        assert act(editor, world, what, theirs).status_code == 404


REFUSED = [
    ({"target": "no address"}, "is not an e-mail address"),
    ({"target": "a@example.org\r\nBcc: b@example.org"}, "is not an e-mail address"),
    ({"kind": "webhook", "target": "http://127.0.0.1:9/x"}, "https://"),
    ({"kind": "slack", "target": "https://169.254.169.254/latest"}, "public internet"),
    ({"kind": "webhook", "target": "https://[::ffff:10.0.0.1]/"}, "public internet"),
    ({"name": "a@b"}, "Begin the name"),
    ({"name": "ops"}, "of this name already"),
    ({"name": "mail"}, "of this name already"),
    ({"quiet_from": "22:00"}, "Quiet hours need"),
]


def test_what_makes_no_sense_is_refused_with_the_reason(world: World) -> None:
    client = world.client(world.erin)
    default_channel(world.ours.project.pk)
    before = Channel.objects.count()
    for fields, why in REFUSED:
        answer = create(client, world, **fields)
        assert (answer.status_code, why in answer.content.decode()) == (400, True), fields
    assert Channel.objects.count() == before


def test_the_secret_of_a_webhook_is_shown_once_and_rotated(world: World) -> None:
    client = world.client(world.erin)
    first = create(client, world, kind="webhook", target="https://93.184.215.14/hook?token=t0p").content.decode()
    channel = mine(world, "bot")
    (secret,) = channel.secrets
    assert secret in first
    page = client.get(reverse("channels", args=[world.ours.slug])).content.decode()
    assert (secret in page, "t0p" in page, "93.184.215.14/…" in page) == (False, False, True)
    again = act(client, world, "rotate_secret", channel).content.decode()
    channel.refresh_from_db()
    assert channel.secrets[1] == secret
    assert channel.secrets[0] in again
    act(client, world, "forget_secret", channel)
    channel.refresh_from_db()
    assert len(channel.secrets) == 1
    assert secret not in channel.secrets
    kept = " ".join(str(entry.detail) + entry.target for entry in AuditEntry.objects.all())
    assert not any(one in kept for one in (secret, channel.secrets[0], "t0p"))


def test_a_test_goes_to_everybody_of_the_channel_even_while_it_rests(world: World) -> None:
    client, channel = world.client(world.erin), default_channel(world.ours.project.pk)
    Channel.objects.filter(pk=channel.pk).update(rests_until=datetime(2999, 1, 1, tzinfo=UTC))
    assert act(client, world, "test_channel", channel).status_code == 302
    (row,) = Delivery.objects.filter(channel=channel)
    assert (row.kind, row.recipient, row.alert) == ("test", "alice@example.org", None)
    channel.refresh_from_db()
    assert channel.rests_until is None


def test_a_channel_is_edited_switched_and_deleted_but_never_the_one_of_every_project(world: World) -> None:
    client, channel = world.client(world.erin), mine(world, "ops")
    fields = NEW | {"name": "night", "quiet_from": "22:00", "quiet_to": "07:00", "time_zone": "Europe/Berlin"}
    assert act(client, world, "edit_channel", channel, **fields).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, str(channel.quiet_from), channel.time_zone) == ("night", "22:00:00", "Europe/Berlin")
    act(client, world, "switch_channel", channel)
    assert not mine(world, "night").enabled
    assert client.get(reverse("edit_channel", args=[world.ours.slug, channel.pk])).status_code == 200
    act(client, world, "delete_channel", channel)
    assert not Channel.objects.filter(pk=channel.pk).exists()
    default = default_channel(world.ours.project.pk)
    act(client, world, "delete_channel", default)
    assert act(client, world, "edit_channel", default, severity="page", time_zone="UTC").status_code == 302
    default.refresh_from_db()
    assert (default.severity, default.target) == ("page", "owners")


def test_a_get_unsubscribes_nobody_and_one_post_without_cookies_does(world: World) -> None:
    Channel.objects.all().delete()
    promise = objective(world.ours.project, name="quick")
    path = unsubscribe_link(Claim(world.ours.project.pk, promise.pk, "alice@example.org")).removeprefix(
        "https://watch.example"
    )
    robot = Client(enforce_csrf_checks=True)
    assert b"Stop these mails" in robot.get(path).content
    assert robot.head(path).status_code == 200
    assert not Unsubscription.objects.exists()
    assert [one[1] for one in address_book(promise.project_id).told(promise, "page")] == ["alice@example.org"]
    for _ in range(2):
        done = robot.post(path, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
        assert (done.status_code, b"No more mail" in done.content) == (200, True)
    assert address_book(promise.project_id).told(promise, "page") == []
    assert AuditEntry.objects.filter(action="alerts.unsubscribe").count() == 1
    (warning,) = Delivery.objects.all()
    assert (warning.kind, warning.recipient, warning.content["summary"]) == (
        "unpaged",
        "alice@example.org",
        ["Fast answers"],
    )
    page = world.client(world.bob).get(reverse("channels", args=[world.ours.slug])).content.decode()
    assert "Pages of these objectives reach nobody: Fast answers" in page
    robot.post(path, {"again": "1"})
    assert [one[1] for one in address_book(promise.project_id).told(promise, "page")] == ["alice@example.org"]


def test_a_link_that_is_not_ours_or_about_nothing_changes_nothing(world: World) -> None:
    gone = unsubscribe_link(Claim(world.ours.project.pk, 999_999, "alice@example.org")).removeprefix(
        "https://watch.example"
    )
    mixed = unsubscribe_link(Claim(world.theirs.project.pk, world.ours.objective.pk, "a@example.org"))
    for path in ("/unsubscribe/x", gone, gone + "x", mixed.removeprefix("https://watch.example")):
        assert Client().post(path).status_code == 404
    assert not Unsubscription.objects.exists()
