"""Signing in, and all the ways that are not signing in."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from dashboard import settings as as_served
from dashboard.access import client_address, safe_next
from tests.world import PASSWORD, World, make_world
from tracestore.actions import access as actions
from tracestore.jobs import access as jobs
from tracestore.models import AuditEntry, PasswordResetRequest, Throttle, User

NEW = "a quite different passphrase"


@pytest.fixture
def world(db: object) -> World:
    return make_world()


def sign_in(client: Client, email: str = "alice@example.org", password: str = PASSWORD, **more: str) -> int:
    return client.post("/sign-in", {"email": email, "password": password, **more}).status_code


def signed_in(client: Client) -> bool:
    return client.get("/account").status_code == 200


def test_the_right_password_opens_in_any_case_of_the_address(world: World) -> None:
    client = Client()
    assert sign_in(client, "ALICE@Example.org") == 302
    assert signed_in(client)
    assert AuditEntry.objects.filter(action="user.sign_in", user=world.alice, address="127.0.0.1").count() == 1


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("alice@example.org", "wrong"),
        ("nobody@example.org", PASSWORD),
        ("dora@example.org", PASSWORD),
        ("alice@example.org", "x" * 1025),
        ("alice@example.org\x00", PASSWORD),
        ("' OR 1=1 --@example.org", PASSWORD),
    ],
)
def test_anything_else_stays_outside_and_is_told_nothing(world: World, email: str, password: str) -> None:
    client = Client()
    assert sign_in(client, email, password) == 400
    assert not signed_in(client)


def test_unknown_and_known_addresses_get_the_same_answer(world: World) -> None:
    answers = set()
    for email in ("alice@example.org", "dora@example.org", "nobody@example.org"):
        content = Client().post("/sign-in", {"email": email, "password": "wrong"}).content.decode()
        answers.add(re.sub(r'value="[A-Za-z0-9]{64}"|X-CSRFToken[^}]*', "", content).replace(email, ""))
    assert len(answers) == 1


def test_an_unknown_address_costs_about_as_long_as_a_known_one(world: World, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = as_served.PASSWORD_HASHERS
    world.alice.set_password(PASSWORD)
    world.alice.save()

    def cost(email: str) -> float:
        times = []
        for _ in range(5):
            Throttle.objects.all().delete()
            started = time.perf_counter()
            sign_in(Client(), email, "wrong")
            times.append(time.perf_counter() - started)
        return sorted(times)[2]

    known, unknown = cost("alice@example.org"), cost("nobody@example.org")
    assert 0.3 < unknown / known < 3  # measured 0.95-1.05 on two idle cores; without the hash 0.1


def test_signing_in_changes_the_session_id(world: World) -> None:
    client = Client()
    client.get("/sign-in")
    client.session.save()
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key != before


def test_twenty_wrong_passwords_lock_the_right_one_out_until_a_quarter_of_an_hour_passed(world: World) -> None:
    client = Client()
    answers = [sign_in(client, password=f"wrong {n}") for n in range(20)]
    assert set(answers) == {400}
    assert sign_in(client) == 400
    assert not signed_in(client)
    assert sign_in(Client(), "bob@example.org") == 302  # others from the same address still get in
    assert sign_in(Client(REMOTE_ADDR="198.51.100.9")) == 302  # and Alice from somewhere else
    Throttle.objects.update(since=datetime.now(UTC) - timedelta(minutes=15, seconds=1))
    assert sign_in(client) == 302


def test_an_account_is_locked_everywhere_after_fifty_guesses_from_anywhere(world: World) -> None:
    for n in range(50):
        sign_in(Client(REMOTE_ADDR=f"198.51.100.{n}"), password="wrong")
    assert sign_in(Client(REMOTE_ADDR="203.0.113.1")) == 400


def test_one_address_cannot_try_one_password_on_everybody(world: World) -> None:
    for n in range(100):
        actions.attempt({"sign-in from 198.51.100.7": 100, f"n{n}": 1}, datetime.now(UTC))
    assert sign_in(Client(REMOTE_ADDR="198.51.100.7")) == 400


@pytest.mark.parametrize(
    ("public_url", "peer", "forwarded", "counted"),
    [
        ("", "127.0.0.1", "198.51.100.1", "127.0.0.1"),
        ("https://x.example", "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("https://x.example", "10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("https://x.example", "8.8.8.8", "198.51.100.1", "8.8.8.8"),
        ("https://x.example", "10.0.0.2", "<script>", "10.0.0.2"),
        ("https://x.example", "10.0.0.2", "", "10.0.0.2"),
    ],
)
def test_an_address_is_believed_from_our_own_proxy_only(
    rf: RequestFactory, settings: Settings, public_url: str, peer: str, forwarded: str, counted: str
) -> None:
    settings.PUBLIC_URL = public_url
    assert client_address(rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)) == counted


def test_throttle_rows_hold_no_address(world: World) -> None:
    sign_in(Client(), password="wrong")
    assert all(re.fullmatch(r"[0-9a-f]{64}", key) for key in Throttle.objects.values_list("key", flat=True))


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\t/evil.example",
        " //evil.example",
        "/\n/evil.example",
        "evil.example",
        "",
        "///evil.example",
        "http:evil.example",
    ],
)
def test_next_never_leads_to_another_site(world: World, target: str) -> None:
    assert safe_next(target, "/home") == "/home"
    response = Client().post("/sign-in", {"email": "alice@example.org", "password": PASSWORD, "next": target})
    assert response["Location"].startswith("/p/")
    assert Client().get("/sign-in", {"next": target}).status_code == 200


def test_next_leads_back_to_where_one_wanted_to_go(world: World) -> None:
    path = f"/p/{world.ours.slug}/settings/keys"
    detour = Client().get(path)["Location"]
    assert detour == f"/sign-in?next={path.replace('/', '%2F')}"
    response = Client().post("/sign-in", {"email": "alice@example.org", "password": PASSWORD, "next": path})
    assert response["Location"] == path


def test_signing_out_is_a_post_and_ends_the_session(world: World) -> None:
    client = world.client(world.alice)
    assert client.get("/sign-out").status_code == 405
    key = client.session.session_key
    client.post("/sign-out")
    client.cookies["fourline_session"] = key
    assert not signed_in(client)


@pytest.mark.parametrize(("name", "age_s"), [("since", 12 * 3600 + 1), ("seen", 2 * 3600 + 1)])
def test_a_session_ends_when_old_or_idle(world: World, name: str, age_s: int) -> None:
    client = world.client(world.alice)
    assert signed_in(client)
    session = client.session
    session[name] = time.time() - age_s
    session.save()
    assert not signed_in(client)


def test_a_session_in_use_goes_on(world: World) -> None:
    client = world.client(world.alice)
    session = client.session
    session["since"], session["seen"] = time.time() - 11 * 3600, time.time() - 3600
    session.save()
    assert signed_in(client)
    assert time.time() - client.session["seen"] < 5


def test_a_new_password_ends_every_other_session(world: World) -> None:
    here, elsewhere = world.client(world.alice), world.client(world.alice)
    response = here.post("/account/password", {"current": PASSWORD, "password": NEW, "again": NEW})
    assert response.status_code == 302
    assert signed_in(here)
    assert not signed_in(elsewhere)
    assert sign_in(Client()) == 400
    assert sign_in(Client(), password=NEW) == 302


@pytest.mark.parametrize(
    ("current", "password", "again"),
    [
        ("wrong", NEW, NEW),
        (PASSWORD, "short", "short"),
        (PASSWORD, NEW, NEW + "x"),
        (PASSWORD, "password1234", "password1234"),
        (PASSWORD, "alice@example.org", "alice@example.org"),
    ],
)
def test_a_password_that_will_not_do_is_refused(world: World, current: str, password: str, again: str) -> None:
    response = world.client(world.alice).post(
        "/account/password", {"current": current, "password": password, "again": again}
    )
    assert response.status_code == 400
    assert sign_in(Client()) == 302


def test_signing_out_everywhere_keeps_this_session_only(world: World) -> None:
    here, elsewhere = world.client(world.alice), world.client(world.alice)
    here.post("/account/sign-out-everywhere")
    assert signed_in(here)
    assert not signed_in(elsewhere)


def test_a_deactivated_user_is_out_at_once(world: World) -> None:
    client = world.client(world.alice)
    User.objects.filter(pk=world.alice.pk).update(is_active=False)
    assert not signed_in(client)


def test_confirming_the_password_makes_it_fresh_and_guessing_it_is_throttled(world: World) -> None:
    client = world.client(world.alice, proved=False)
    for _ in range(3):
        assert client.post("/confirm", {"password": "wrong", "next": "/account"}).status_code == 400
    assert client.post("/confirm", {"password": PASSWORD, "next": "//evil.example"})["Location"] == "/"
    assert time.time() - client.session["proved"] < 5
    for _ in range(10):
        client.post("/confirm", {"password": "wrong"})
    assert client.post("/confirm", {"password": PASSWORD}).status_code == 400


def test_changing_the_address_needs_a_fresh_password(world: World) -> None:
    fields = {"name": "Alice", "email": "alice@new.example", "time_zone": "Europe/Berlin"}
    response = world.client(world.alice, proved=False).post("/account", fields)
    assert response["Location"].startswith("/confirm")
    assert world.client(world.alice).post("/account", fields | {"email": "bob@example.org"}).status_code == 400
    assert world.client(world.alice).post("/account", fields)["Location"] == "/account"
    world.alice.refresh_from_db()
    assert (world.alice.email, world.alice.time_zone) == ("alice@new.example", "Europe/Berlin")


# ---- reset


def ask_for_reset(email: str, **headers: str) -> tuple[int, list[mail.EmailMessage]]:
    mail.outbox.clear()
    status = Client(**headers).post("/password/reset", {"email": email}).status_code
    jobs.send_resets(datetime.now(UTC))
    return status, list(mail.outbox)


def link_in(message: mail.EmailMessage) -> str:
    return re.search(r"http\S+", message.body)[0]  # type: ignore[index]


def path_of(link: str, settings: Settings) -> str:
    assert link.startswith(settings.SITE_URL + "/")
    return link.removeprefix(settings.SITE_URL)


def test_a_reset_link_works_once_and_signs_every_session_out(world: World, settings: Settings) -> None:
    session = world.client(world.alice)
    status, sent = ask_for_reset("Alice@example.org")
    assert (status, [m.to for m in sent]) == (200, [["alice@example.org"]])
    path = path_of(link_in(sent[0]), settings)
    assert Client().get(path)["Referrer-Policy"] == "no-referrer"
    assert Client().post(path, {"password": NEW, "again": NEW})["Location"] == "/sign-in"
    assert Client().post(path, {"password": PASSWORD, "again": PASSWORD}).status_code == 400
    assert not signed_in(session)
    assert sign_in(Client(), password=NEW) == 302
    assert PasswordResetRequest.objects.count() == 0


def test_a_reset_link_ends_after_an_hour_and_after_the_next_sign_in(world: World, settings: Settings) -> None:
    path = path_of(actions.reset_link(world.alice), settings)
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert Client().get(path).status_code == 400
    settings.PASSWORD_RESET_TIMEOUT = 3600
    assert Client().get(path).status_code == 200
    sign_in(Client())
    assert Client().get(path).status_code == 400


@pytest.mark.parametrize("uid", ["AAAA", "%F0%9F%92%A9", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "LTE", "MQ"])
def test_a_made_up_link_is_refused_calmly(world: World, uid: str) -> None:
    assert Client().get(f"/password/reset/{uid}/abc-def").status_code in (400, 404)


def test_asking_for_an_unknown_or_deactivated_account_looks_the_same_and_sends_nothing(world: World) -> None:
    for email in ("nobody@example.org", "dora@example.org"):
        assert ask_for_reset(email) == (200, [])
    assert PasswordResetRequest.objects.count() == 0


def test_no_more_than_three_reset_mails_in_a_quarter_of_an_hour(world: World) -> None:
    assert [len(ask_for_reset("alice@example.org")[1]) for _ in range(5)] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:8000@evil.example", "127.0.0.1.evil.example", ""]
)
def test_a_forged_host_is_refused_and_never_stands_in_a_mail(world: World, host: str) -> None:
    status, sent = ask_for_reset("alice@example.org", HTTP_HOST=host, HTTP_X_FORWARDED_HOST="evil.example")
    assert status == 400
    assert sent == []


def test_a_forged_forwarding_header_changes_no_link(world: World) -> None:
    status, sent = ask_for_reset("alice@example.org", HTTP_HOST="localhost", HTTP_X_FORWARDED_HOST="evil.example")
    assert status == 200
    assert "evil" not in sent[0].body


def test_a_mail_that_does_not_leave_is_tried_again_and_then_given_up(world: World, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "tests.access.broken_mail.Backend"
    now = datetime.now(UTC)
    actions.request_reset("alice@example.org", now)
    turns = [jobs.send_resets(now + timedelta(seconds=61 * n)) for n in range(8)]
    assert [turn.failed for turn in turns] == [1, 1, 1, 1, 1, 0, 0, 0]
    jobs.tidy(now + timedelta(hours=1))
    assert PasswordResetRequest.objects.count() == 0
