"""Every answer, also a refusal, carries the headers that keep browsers safe; cookies and links are set with care."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory

from dashboard.security import SecurityHeaders
from tests.security.routes import example, routes
from tests.world import World, fill, make_world

ROOT = Path(settings.BASE_DIR)
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}


@pytest.fixture
def world(database: object) -> World:
    world = make_world()
    fill(world.ours)
    return world


def policy(response: HttpResponse) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))


def check(response: HttpResponse, where: str) -> None:
    assert policy(response) == POLICY, where
    expected = {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store, private",
    }
    assert {name: response.get(name) for name in expected} == expected, where
    assert response["Referrer-Policy"] in ("same-origin", "no-referrer"), where


@pytest.mark.timeout(240)
def test_every_answer_carries_the_headers(world: World) -> None:
    values = example(world.ours, world.bob.pk)
    for route in routes():
        if route.name == "plotly":  # a file that everybody may keep
            continue
        for client in (Client(), world.client(world.alice), world.client(world.bob)):
            check(client.get(route.path(values)), route.name)
        check(Client().post(route.path(values)), route.name)


@pytest.mark.parametrize("path", ["/nothing", "/p/none/traces", "/%00", "/static/none.js", "/sign-in?next=%00"])
def test_refusals_carry_them_too(world: World, path: str) -> None:
    check(Client().get(path), path)
    check(Client().get(path, HTTP_HOST="evil.example"), path)


def test_a_broken_view_answers_500_with_the_headers_and_without_a_trace(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("CANARY-of-a-bug")

    monkeypatch.setattr("dashboard.pages.access.projects.projects_of", broken)
    client = world.client(world.alice, raise_request_exception=False)
    response = client.get("/projects")
    assert response.status_code == 500
    check(response, "500")
    assert b"CANARY-of-a-bug" not in response.content
    assert b"Traceback" not in response.content


def test_static_files_may_be_cached_and_carry_the_policy() -> None:
    response = Client().get("/static/fourline/tokens.css")
    assert response.status_code == 200
    assert "no-store" not in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert policy(response) == POLICY


def _answer(request_made: object) -> HttpResponse:
    return SecurityHeaders(lambda request: request_made(request))(RequestFactory().get("/"))  # type: ignore[operator,return-value]


def test_a_nonce_is_new_for_each_answer_and_named_only_where_it_was_used() -> None:
    def uses(request: object) -> HttpResponse:
        page = Template('<script nonce="{{ nonce }}"></script>')
        return HttpResponse(page.render(Context({"nonce": request.csp_nonce})))  # type: ignore[attr-defined]

    answers = [_answer(uses) for _ in range(3)]
    for answer in answers:
        nonce = answer.content.decode().split('"')[1]
        assert policy(answer)["script-src"] == f"'self' 'nonce-{nonce}'"
        assert len(nonce) >= 24
    assert len({answer.content for answer in answers}) == 3
    assert policy(_answer(lambda _: HttpResponse()))["script-src"] == "'self'"


def test_cookies_are_kept_from_scripts_and_other_sites(world: World) -> None:
    response = Client().get("/sign-in")
    session = Client().post("/sign-in", {"email": "alice@example.org", "password": "correct horse battery staple"})
    for cookie in (response.cookies[settings.CSRF_COOKIE_NAME], session.cookies[settings.SESSION_COOKIE_NAME]):
        assert (bool(cookie["httponly"]), cookie["samesite"], cookie["path"]) == (True, "Lax", "/")


@pytest.mark.timeout(120)
def test_behind_tls_everything_is_stricter_and_djangos_deployment_check_is_content() -> None:
    script = (
        "import django; django.setup(); from django.conf import settings as s; from django.core.management import call_command;"
        "call_command('check', '--deploy', '--fail-level', 'WARNING');"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0,"
        " '*' in s.ALLOWED_HOSTS, s.DEBUG, 'agents.example.org' in s.ALLOWED_HOSTS)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_ALLOW_ASYNC_UNSAFE"} | {
        "FOURLINE_PUBLIC_URL": "https://agents.example.org",
        "FOURLINE_SECRET_KEY": "0123456789abcdef" * 4,
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-8:] == [
        "__Host-fourline_session",
        "__Host-fourline_csrf",
        "True",
        "True",
        "True",
        "False",
        "False",
        "True",
    ]
