"""Secrets are shown once: they stand neither in the database nor in the logs, and no answer gives them back."""

import json
import logging
import re

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from dashboard import settings as as_served
from tests.security.routes import example, routes
from tests.world import PASSWORD, Tenant, World, fill, make_world
from tracestore.actions import access as actions

NEW = "a quite different passphrase"


@pytest.fixture
def world(database: object) -> World:
    return make_world()


def dump() -> str:
    """Everything the database holds, as text, bytes as hexadecimal."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        tables = [name for (name,) in cursor.fetchall()]
        rows = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows)


def forms(secret: str) -> list[str]:
    return [secret, secret.encode().hex(), json.dumps(secret)[1:-1]]


def test_no_secret_stands_in_the_database(world: World) -> None:
    browser = Client()
    browser.post("/sign-in", {"email": "alice@example.org", "password": PASSWORD})
    browser.post("/account/password", {"current": PASSWORD, "password": NEW, "again": NEW})
    actions.request_reset("alice@example.org", world.ours.project.created_at)
    link = actions.reset_link(world.bob)
    fill(world.ours)
    text = dump()
    assert "alice@example.org" in text  # the dump sees what is there
    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    secrets = [PASSWORD, NEW, world.ours.token, link.rsplit("/", 1)[1], session, *world.ours.keys.values()]
    for secret in secrets:
        assert not any(form in text for form in forms(secret)), secret[:6]
    assert settings.SECRET_KEY not in text
    assert browser.get("/account").status_code == 200


def test_passwords_are_argon2(world: World) -> None:
    actions.change_password(world.alice, NEW, "change", world.ours.project.created_at, "")
    assert world.alice.password.startswith("argon2$argon2id$")
    assert as_served.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]  # tests have a quick one


def test_an_id_out_of_the_database_opens_no_session(world: World) -> None:
    browser = world.client(world.alice)
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_key FROM django_session")
        stored = [key for (key,) in cursor.fetchall()]
    for key in stored:
        thief = Client()
        thief.cookies[settings.SESSION_COOKIE_NAME] = key
        assert thief.get("/account").status_code == 302
    assert browser.get("/account").status_code == 200


@pytest.mark.timeout(240)
def test_no_secret_and_no_payload_stands_in_the_logs(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    fill(Tenant(world.ours.project, "CANARY-payload", trace_id=world.ours.trace_id, session_id="s"))
    key, values = world.ours.keys["read"], example(world.ours, world.bob.pk)
    clients = [Client(), world.client(world.alice), Client(headers={"Authorization": f"Bearer {key}"})]
    for route in routes():
        for client in clients:
            client.raise_request_exception = False
            client.get(route.path(values), {"q": "CANARY-query"})
    Client().post("/sign-in", {"email": "alice@example.org", "password": "CANARY-password"})
    _break(monkeypatch)
    clients[1].post(
        f"/p/{world.ours.slug}/settings/keys/create", {"name": "CANARY-form", "scope": "read", "expires_in_days": "0"}
    )
    logged = caplog.text + "".join(capsys.readouterr())
    assert "Internal Server Error" in logged  # errors are logged
    for secret in ("CANARY-payload", "CANARY-password", "CANARY-form", PASSWORD, *world.ours.keys.values()):
        assert secret not in logged, secret


def _break(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken for the test")

    monkeypatch.setattr("dashboard.pages.access.keys.actions.create_key", broken)


def test_pages_give_no_secret_back(world: World) -> None:
    values = example(world.ours, world.bob.pk)
    client = world.client(world.alice)
    for route in routes():
        if route.name == "invitation":
            continue  # its form posts to its own address
        content = client.get(route.path(values)).content.decode()
        for secret in (*world.ours.keys.values(), world.ours.token):
            assert secret not in content, route.name
        assert not re.search(r"argon2\$|sha256", content), route.name
