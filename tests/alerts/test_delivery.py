"""Notifications arrive at least once with the same identity, whatever servers do; no channel holds another."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.alerts import notices
from tests.alerts.hooks import Hooks, serve_hooks
from tests.alerts.mail_server import MailServer, serve_mail
from tests.alerts.notices import ALERT_ID, notice, resolved
from tests.alerts.outbox import channel, later, objective, queued, raised, state
from tests.conftest import _point_django_at as point_django_at
from tests.servers import PLAIN, Servers
from tracestore.actions import outbox
from tracestore.analysis.slo.attempts import MOST_ATTEMPTS, TRIPS_AT
from tracestore.channels import email, webhook
from tracestore.channels.envelope import ChannelError
from tracestore.channels.signing import new_secret
from tracestore.channels.unsubscribing import read_token
from tracestore.jobs import alerts as jobs
from tracestore.jobs import deliver, partitions
from tracestore.models import (
    Alert,
    AlertEvent,
    Channel,
    Delivery,
    Membership,
    Objective,
    Project,
    Silence,
    Unsubscription,
    User,
)
from tracestore.outbound_targets import parse_allowed

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def mail(settings) -> Iterator[MailServer]:  # type: ignore[no-untyped-def]
    settings.SITE_URL = "https://watch.example"
    with serve_mail(settings) as server:
        yield server


@pytest.fixture
def hooks(settings) -> Iterator[Hooks]:  # type: ignore[no-untyped-def]
    with serve_hooks() as hooks:
        settings.OUTBOUND_PRIVATE = [parse_allowed(f"127.0.0.1:{hooks.port}")]
        yield hooks


@pytest.fixture(scope="module", autouse=True)
def _database(postgres: Servers, django_db_blocker: Any) -> Iterator[None]:
    """One for all tests of this module: to make a database takes longer than they do."""
    postgres.clone("delivery")
    with django_db_blocker.unblock():
        point_django_at("delivery")
        yield
        point_django_at(PLAIN)
        postgres.drop("delivery")


@pytest.fixture
def project() -> Project:
    for model in (AlertEvent, Delivery, Alert, Channel, Silence, Unsubscription, Objective, Membership, User, Project):
        model.objects.all().delete()
    made = Project.objects.create(name="Airline", slug="airline")
    user = User.objects.create(email="alice@example.org", password="x")
    Membership.objects.create(project=made, user=user, role="owner")
    return made


def _done() -> None:
    """Whatever a former test left running ends with its server."""
    for thread in list(deliver._busy.values()):
        thread.join(5)
    deliver._forget_finished()


@pytest.fixture(autouse=True)
def _nothing_runs_on(monkeypatch) -> Iterator[None]:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(deliver, "RUN_S", 60)  # a run ends when all is sent; a busy machine takes its time
    yield
    _done()


def test_a_mail_server_in_trouble_is_tried_again_and_gets_the_same_message(
    project: Project, mail: MailServer, monkeypatch, settings
) -> None:
    alert, through = raised(objective(project), NOW), channel(project, "email", "oncall@example.org")
    row, now = queued(alert, through, NOW), NOW
    for mode, said in (
        ("4xx", "the mail was refused (451)"),
        ("hang", "the mail server did not answer in time"),
        ("drop", "the mail server closed the connection"),
    ):
        mail.mode = mode
        monkeypatch.setattr(email, "STEP_S", 1 if mode == "hang" else 20)
        deliver.run(now)
        assert state(row)[2] == said
        assert row.state == "pending"
        assert now < row.due_at < later(now, minutes=3)
        now = row.due_at
    settings.EMAIL_PORT = 9  # nobody listens
    deliver.run(now)
    assert state(row) == ("pending", 4, "the mail server refuses connections")
    settings.EMAIL_PORT, mail.mode = mail.port, "ok"
    deliver.run(row.due_at - timedelta(seconds=1))
    assert len(mail.taken) == 1, "only what was dropped after it was taken"
    deliver.run(row.due_at)
    assert state(row) == ("sent", 5, "")
    assert {one["Message-ID"] for one in mail.mails} == {f"<alert-{ALERT_ID}.0@watch.example>"}
    assert mail.taken[0][0] == ["oncall@example.org"]
    through.refresh_from_db()
    assert (through.failures, through.rests_until) == (0, None)
    assert through.last_success_at > through.last_failure_at


def test_what_a_server_refuses_for_good_is_given_up_and_does_not_make_the_channel_rest(
    project: Project, mail: MailServer
) -> None:
    alert, through = raised(objective(project), NOW), channel(project, "email", "oncall@example.org")
    rows = [queued(alert, through, NOW, recipient=f"gone{n}@example.org") for n in range(TRIPS_AT + 1)]
    mail.mode = "unknown"
    deliver.run(NOW)
    assert {state(row) for row in rows} == {("failed", 1, "the address was refused (550)")}
    through.refresh_from_db()
    assert (through.failures, through.rests_until, through.last_failure) == (0, None, "the address was refused (550)")
    assert AlertEvent.objects.filter(alert=alert, kind="undelivered").count() == len(rows)
    mail.mode = "ok"
    deliver.run(later(NOW, minutes=1))
    assert [one["To"] for one in mail.mails] == ["alice@example.org"], "the owners hear what a mistyped address did not"
    assert not any("gone" in event.text for event in AlertEvent.objects.all()), "an address is nobody's business"


def test_a_crash_between_accepted_and_marked_repeats_the_same_message(
    project: Project, mail: MailServer, tmp_path: Path
) -> None:
    row = queued(raised(objective(project), NOW), channel(project, "email", "oncall@example.org"), NOW)
    (tmp_path / "told").touch()
    script = (
        "import django; django.setup()\n"
        "from datetime import datetime\n"
        "from tracestore.jobs import deliver\n"
        f"deliver.run(datetime.fromisoformat('{NOW.isoformat()}'))"
    )
    environment = os.environ | {
        "FOURLINE_FAILPOINTS": str(tmp_path),
        "FOURLINE_EMAIL_URL": f"smtp://127.0.0.1:{mail.port}",
        "FOURLINE_PUBLIC_URL": "https://watch.example",
    }
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, timeout=60)
    assert ended.returncode == 137, ended.stderr.decode()
    assert (state(row)[0], len(mail.taken)) == ("pending", 1)
    deliver.run(later(NOW, seconds=60))
    assert len(mail.taken) == 1, "whoever sent it may still be at it"
    deliver.run(NOW + outbox.LEASE + timedelta(seconds=5))
    assert state(row) == ("sent", 2, "")
    first, second = mail.mails
    assert first["Message-ID"] == second["Message-ID"] == f"<alert-{ALERT_ID}.0@watch.example>"


def test_a_channel_that_hangs_holds_no_other(project: Project, mail: MailServer, hooks: Hooks, monkeypatch) -> None:
    monkeypatch.setattr(deliver, "RUN_S", 0.5)
    monkeypatch.setattr(email, "STEP_S", 60)  # it hangs until its server ends
    alert, mail.mode = raised(objective(project), NOW), "hang"
    slow = queued(alert, channel(project, "email", "oncall@example.org"), NOW)
    quick = queued(alert, channel(project, "webhook", hooks.url, secrets=[new_secret()]), NOW)
    deliver.run(NOW)
    deadline = time.monotonic() + 30
    while state(quick)[0] != "sent" or state(slow)[1] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert state(slow)[:2] == ("pending", 1)
    assert slow.channel_id in deliver._busy
    again = deliver.run(later(NOW, seconds=1))
    assert again.channels == 0, "nobody else takes what the slow one is at"


def test_webhooks_are_tried_again_until_somebody_else_must_be_told(
    project: Project, mail: MailServer, hooks: Hooks, monkeypatch
) -> None:
    alert, key = raised(objective(project), NOW), new_secret()
    through = channel(project, "webhook", hooks.url, secrets=[key])
    row, now, waits = queued(alert, through, NOW), NOW, []
    for mode in ("500", "busy", "hang", "redirect", *["500"] * 6):
        hooks.mode = mode
        monkeypatch.setattr(webhook, "DEADLINE_S", 1 if mode == "hang" else 20)
        Channel.objects.update(rests_until=None)
        deliver.run(now)
        row.refresh_from_db()
        waits.append((row.due_at - now).total_seconds())
        if len(waits) == 6:
            assert not Delivery.objects.filter(channel__kind="email").exists()
        now = row.due_at
    assert [low <= wait <= 1.2 * low + 5 for low, wait in zip((5, 77, 120, 600, 1800), waits[:5], strict=True)] == [
        True
    ] * 5
    assert sum(waits) < 1.2 * 86_400
    assert state(row) == ("failed", MOST_ATTEMPTS, "it answered 500")
    assert len({headers["webhook-id"] for _, headers, _ in hooks.taken}) == 1
    assert len({body for _, _, body in hooks.taken}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in hooks.taken}) > 5
    deliver.run(now)
    assert [one["To"] for one in mail.mails] == ["alice@example.org"]
    assert "did not take a notification" in mail.mails[0].get_body(("plain",)).get_content()
    hooks.mode = "204"
    Channel.objects.update(rests_until=None)
    queued(alert, through, now, notice("resolved", resolved(), seq=1))
    deliver.run(now)
    deliver.run(later(now, minutes=1))
    assert [one["X-Fourline-State"] for one in mail.mails] == ["firing", "resolved"], "who heard of it hears of its end"


def test_the_owners_do_not_wait_for_a_webhook_that_asks_for_hours(project: Project, mail: MailServer) -> None:
    through = channel(project, "webhook", "https://hooks.example/x")
    for seq, (asked_s, elsewhere) in enumerate(((1_000, 0), (7_200, 1))):
        row = queued(raised(objective(project, name=f"o{seq}"), NOW, id=UUID(int=seq)), through, NOW)
        outbox.claim(through.pk, NOW)
        row.refresh_from_db()
        outbox.mark_failed(row, ChannelError("it answered 429", retry_after_s=asked_s), NOW)
        assert (row.channel, Delivery.objects.filter(channel__kind="email").count()) == (through, elsewhere)
        assert state(row)[0] == "pending" and row.due_at == later(NOW, seconds=asked_s)


def test_a_webhook_that_is_gone_ends_its_channel(project: Project, mail: MailServer, hooks: Hooks) -> None:
    alert, through = raised(objective(project), NOW), channel(project, "webhook", hooks.url, secrets=[new_secret()])
    first, second = queued(alert, through, NOW), queued(None, through, NOW)
    hooks.mode = "410"
    deliver.run(NOW)
    through.refresh_from_db()
    assert (through.enabled, through.disabled_reason) == (False, "It answered 410 (gone).")
    assert (state(first)[0], state(second)) == ("failed", ("dropped", 0, "the channel is disabled"))
    deliver.run(later(NOW, seconds=5))
    assert len(mail.taken) == 1, "the owners hear of the alert instead"


def test_a_channel_that_keeps_failing_rests_and_then_one_delivery_tries(project: Project, hooks: Hooks) -> None:
    through = channel(project, "webhook", hooks.url, secrets=[new_secret()])
    rows = [queued(None, through, NOW, notice("summary", summary=("x",))) for _ in range(TRIPS_AT + 3)]
    hooks.mode = "500"
    deliver.run(NOW)
    assert len(hooks.taken) == TRIPS_AT
    through.refresh_from_db()
    assert timedelta(seconds=25) < through.rests_until - NOW < timedelta(seconds=35)
    deliver.run(later(NOW, seconds=20))
    assert len(hooks.taken) == TRIPS_AT, "it rests"
    deliver.run(later(NOW, seconds=60))
    assert len(hooks.taken) == TRIPS_AT + 1, "one try after the rest"
    hooks.mode = "204"
    deliver.run(later(NOW, minutes=5))
    assert {state(row)[0] for row in rows} == {"sent"}
    through.refresh_from_db()
    assert (through.failures, through.rests_until) == (0, None)


def test_an_address_that_must_not_be_called_is_given_up_when_it_is_sent(project: Project, settings) -> None:
    settings.OUTBOUND_PRIVATE = []
    row = queued(None, channel(project, "slack", "https://169.254.169.254/x"), NOW)
    deliver.run(NOW)
    assert state(row)[0] == "failed"
    assert "not on the public internet" in row.last_error


def test_what_is_not_to_be_told_any_more_is_dropped(project: Project, mail: MailServer) -> None:
    promise = objective(project)
    alert, through = raised(promise, NOW), channel(project, "email", "oncall@example.org")
    old = queued(alert, through, NOW)
    new = queued(alert, through, NOW, notice("resolved", resolved(), seq=1))
    away = queued(alert, through, NOW, notice("firing", told_of(promise)), recipient="Away@example.org")
    Unsubscription.objects.create(project=project, objective=promise, address="away@example.org")
    deliver.run(NOW)
    assert state(old) == ("dropped", 0, "a later notification tells the same")
    assert state(away) == ("dropped", 0, "the address has unsubscribed")
    assert state(new)[0] == "sent"
    quiet = queued(alert, through, NOW, notice("reminder", seq=2))
    Silence.objects.create(
        project=project,
        comment="known",
        author="a",
        starts_at=NOW - timedelta(hours=1),
        ends_at=NOW + timedelta(hours=1),
    )
    deliver.run(NOW)
    assert state(quiet) == ("dropped", 0, "the alert was silenced")


def told_of(promise: Objective) -> Any:
    return notices.alert(id=str(UUID(int=7)), objective=promise.name)


def test_who_wants_nothing_of_the_first_of_a_group_still_hears_of_the_others(
    project: Project, mail: MailServer
) -> None:
    refused, wanted = objective(project), objective(project, name="right")
    alert, through = raised(refused, NOW), channel(project, "email", "oncall@example.org")
    Unsubscription.objects.create(project=project, objective=refused, address="oncall@example.org")
    row = queued(alert, through, NOW, notice("firing", told_of(wanted)))
    deliver.run(NOW)
    assert state(row)[0] == "sent"
    link = mail.mails[0]["List-Unsubscribe"].split(", ")[0].strip("<>")
    claim = read_token(link.rpartition("/")[2])
    assert claim is not None and claim.objective_id == wanted.pk, "the way out is out of what it tells of"


def test_what_waited_for_a_webhook_that_ended_goes_to_the_owners(project: Project, mail: MailServer) -> None:
    off = {"enabled": False, "disabled_reason": "It answered 410 (gone)."}
    through = channel(project, "webhook", "https://hooks.example/x", **off)
    row = queued(raised(objective(project), NOW), through, NOW)
    deliver.run(NOW)
    deliver.run(later(NOW, seconds=5))
    assert state(row) == ("dropped", 0, "the channel is disabled")
    assert [one["To"] for one in mail.mails] == ["alice@example.org"]


def test_tickets_wait_for_the_end_of_quiet_hours_and_pages_do_not(project: Project, mail: MailServer) -> None:
    night = {"quiet_from": clock_time(22), "quiet_to": clock_time(7), "time_zone": "Europe/Berlin"}  # it is 04:00 there
    through = channel(project, "email", "oncall@example.org", **night)
    promise = objective(project)
    ticket = queued(
        raised(promise, NOW, id="11111111-1111-4111-8111-111111111111", severity="ticket", rule="slow"), through, NOW
    )
    page = queued(raised(promise, NOW), through, NOW)
    deliver.run(NOW)
    assert (state(ticket)[:2], state(page)[0]) == (("pending", 0), "sent")
    assert ticket.due_at == datetime(2026, 11, 26, 6, 0, tzinfo=UTC)
    deliver.run(ticket.due_at)
    assert state(ticket)[:2] == ("sent", 1)


def test_notifications_of_long_ago_go_unless_they_are_still_to_be_sent(project: Project) -> None:
    through, past = channel(project, "webhook", "https://hooks.example/x"), NOW - jobs.DELIVERIES_KEPT
    rows = [
        queued(None, through, past - timedelta(days=days), state=state)
        for days, state in ((1, "sent"), (1, "failed"), (1, "pending"), (-1, "sent"))
    ]
    partitions.run(NOW - timedelta(hours=1))
    assert jobs.forget(NOW + timedelta(days=400)).deleted == 0, "a clock that jumped deletes nothing"
    assert jobs.forget(NOW).deleted == 2
    assert set(Delivery.objects.values_list("pk", flat=True)) == {row.pk for row in rows[2:]}
    assert jobs.forget(NOW).deleted == 0


def test_a_clock_that_was_ahead_holds_nothing_back(project: Project, mail: MailServer) -> None:
    through, ahead = channel(project, "email", "oncall@example.org"), NOW + timedelta(days=400)
    row = queued(raised(objective(project), NOW), through, NOW)
    Delivery.objects.update(due_at=ahead, claimed_until=ahead)
    Channel.objects.update(rests_until=ahead)
    deliver.run(NOW)
    assert state(row)[0] == "sent"


def test_two_senders_send_one_mail(project: Project, mail: MailServer) -> None:
    through = channel(project, "email", "oncall@example.org")
    row = queued(raised(objective(project), NOW), through, NOW)
    assert outbox.claim(through.pk, NOW).pk == row.pk
    assert outbox.claim(through.pk, NOW) is None
    assert outbox.due_channels(NOW) == []


def test_content_that_cannot_be_read_is_given_up_and_holds_nothing(project: Project, mail: MailServer) -> None:
    through = channel(project, "email", "oncall@example.org")
    broken, fine = (
        queued(None, through, NOW, content={"kind": "?"}),
        queued(raised(objective(project), NOW), through, NOW),
    )
    deliver.run(NOW)
    assert (state(broken)[0], state(fine)[0]) == ("failed", "sent")


def test_without_a_mail_server_the_channel_says_what_is_missing(project: Project, settings) -> None:
    settings.EMAIL_URL = ""
    through = channel(project, "email", "oncall@example.org")
    test = queued(None, through, NOW, notice("test", alerts=()))
    deliver.run(NOW)
    assert state(test) == ("failed", 1, "no mail server is set: FOURLINE_EMAIL_URL")
