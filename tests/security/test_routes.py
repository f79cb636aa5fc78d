"""Deny by default: every route is known here with who may use it, and everybody else is refused."""

import re

import pytest
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from dashboard.access import DenyByDefault
from tests.security.routes import Route, example, routes
from tests.world import World, make_world
from tracestore.queries.access import at_least

# Operations of the JSON API: each asks for a key by itself.
API = (
    "list_traces",
    "show_trace",
    "show_span",
    "list_sessions",
    "show_session",
    "show_usage",
    "show_ledger",
    "list_logs",
    "list_metrics",
    "show_series",
    "list_versions",
    "show_version",
    "show_version_diff",
    "show_lines",
    "post_feedback",  # and list_feedback, at the same address
    "post_release",  # and list_releases
    "list_slos",  # and post_slo
    "show_slo",  # and put_slo, delete_slo
    "show_slo_status",
    "list_exclusions",
    "list_alerts",
    "show_alert",
    "acknowledge_alert",
    "post_outcome",
    "show_gate",
    "list_overrides",  # and post_override
    "nothing_here",
)
# Who may use a route. A new route fails the first test until it stands here; think before you write `public`.
EXPECTED = {
    "api_docs": "public",
    "openapi": "public",
    "healthz": "public",
    "readyz": "public",
    "metrics": "public",  # asks for a read key itself, unless FOURLINE_METRICS_OPEN says otherwise
    "plotly": "public",  # a script that anybody can download from its makers
    "sign_in": "public",
    "password_reset": "public",
    "new_password": "public",
    "invitation": "public",
    "unsubscribe": "public",  # whoever holds the signed link of a mail
    "sign_out": "user",
    "confirm": "user",
    "account": "user",
    "change_password": "user",
    "sign_out_everywhere": "user",
    "home": "user",
    "projects": "user",
    "new_project": "admin",
    "instance_audit": "admin",
    "board": "project viewer",
    "board_figures": "project viewer",
    "board_anomalies": "project viewer",
    "board_csv": "project viewer",
    "board_member": "project viewer",
    "traces": "project viewer",
    "trace": "project viewer",
    "trace_delete": "project editor",
    "trace_feedback": "project editor",
    "sessions": "project viewer",
    "session": "project viewer",
    "versions": "project viewer",
    "version_diff": "project viewer",
    "version": "project viewer",
    "tools": "project viewer",
    "tool": "project viewer",
    "changes": "project viewer",
    "movers": "project viewer",
    "cost": "project viewer",
    "cost_figures": "project viewer",
    "context": "project viewer",
    "session_turns": "project viewer",
    "objectives": "project viewer",
    "objective-new": "project editor",
    "objective-edit": "project editor",
    "objective-delete": "project editor",
    "objective-exclusions": "project viewer",
    "exclusion-add": "project editor",
    "exclusion-end": "project editor",
    "exclusion-confirm": "project editor",
    "exclusion-decline": "project editor",
    "objective": "project viewer",
    "objective-figures": "project viewer",
    "alerts": "project viewer",
    "alert": "project viewer",
    "alert-acknowledge": "project editor",
    "alert-outcome": "project editor",
    "alert-silence": "project editor",
    "silences": "project viewer",
    "create-silence": "project editor",
    "end-silence": "project editor",
    "ingest": "project viewer",
    "settings": "project viewer",
    "change_project": "project owner",
    "delete_project": "project owner",
    "erase_user": "project owner",
    "storage": "project viewer",
    "confirm_retention": "admin",
    "leave": "project viewer",
    "members": "project viewer",
    "change_role": "project owner",
    "remove_member": "project owner",
    "invite": "project owner",
    "uninvite": "project owner",
    "keys": "project editor",
    "create_key": "project editor",
    "revoke_key": "project editor",
    "channels": "project viewer",
    **dict.fromkeys(
        "create_channel edit_channel test_channel switch_channel delete_channel rotate_secret forget_secret".split(),
        "project editor",
    ),
    "redaction": "project editor",
    "add_rule": "project editor",
    "try_rules": "project editor",
    "switch_rule": "project editor",
    "delete_rule": "project editor",
    "prices": "project editor",
    "add_price": "project editor",
    "delete_price": "project editor",
    "audit": "project owner",
    **dict.fromkeys(API, "api"),
    "api-root": None,  # ninja's own; no decorator marks it, so it does not exist
}
ONE_CLICK = {"unsubscribe"}  # posted by mail programs, without cookies: the signature of the address is the right
ROUTES = {route.name: route for route in routes()}
OF_PROJECTS = [route for route in ROUTES.values() if route.guard == "project"]
METHODS = ("get", "post", "put", "delete", "patch")


@pytest.fixture
def world(database: object) -> World:
    return make_world()


def _who(route: Route) -> str | None:
    return f"project {route.view.needs_role}" if route.guard == "project" else route.guard


def _refused(response: HttpResponse) -> bool:
    """Sent to the sign-in page, 401, or no such thing."""
    to_sign_in = response.status_code == 302 and response["Location"].startswith("/sign-in")
    return to_sign_in or response.status_code in (401, 404, 405)


def test_every_route_stands_in_this_table_with_who_may_use_it() -> None:
    assert {name: _who(route) for name, route in ROUTES.items()} == EXPECTED


def test_no_two_routes_share_a_name() -> None:
    assert len(ROUTES) == len(routes())


def test_a_view_without_a_mark_does_not_exist(database: object) -> None:
    request = RequestFactory().get("/forgotten")
    request.resolver_match = path("forgotten", lambda _: HttpResponse("leak")).resolve("forgotten")
    with pytest.raises(Http404):
        DenyByDefault(lambda _: HttpResponse()).process_view(request, request.resolver_match.func, (), {})


@pytest.mark.timeout(240)
def test_nobody_gets_anywhere_without_credentials(world: World) -> None:
    values = example(world.ours, world.bob.pk)
    for route in ROUTES.values():
        if EXPECTED[route.name] == "public":
            continue
        for method in METHODS:
            response = getattr(Client(), method)(route.path(values))
            assert _refused(response), (route.name, method, response.status_code)
            assert world.ours.canary not in response.content.decode()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("outsider", ["charlie", "admin", "dora"])
def test_to_an_outsider_a_project_is_like_one_that_never_was(world: World, outsider: str) -> None:
    client = world.client(getattr(world, outsider))
    values = example(world.ours, world.bob.pk)
    for route in OF_PROJECTS:
        for method in ("get", "post"):
            seen = getattr(client, method)(route.path(values))
            if outsider == "dora":
                assert _refused(seen), (route.name, method, seen.status_code)
                continue
            never = getattr(client, method)(route.path(values | {"slug": "never-was"}))
            assert seen.status_code == never.status_code == 404, (route.name, method, seen.status_code)
            assert _plain(seen, world.ours.slug) == _plain(never, "never-was"), route.name


@pytest.mark.timeout(240)
@pytest.mark.parametrize("person", ["alice", "erin", "bob"])
def test_a_member_may_do_what_the_role_allows_and_nothing_more(world: World, person: str) -> None:
    role = {"alice": "owner", "erin": "editor", "bob": "viewer"}[person]
    client = world.client(getattr(world, person), proved=False)  # without a fresh password nothing is deleted here
    values = example(world.ours, world.bob.pk)
    for route in OF_PROJECTS:
        if route.name == "leave":
            continue
        status = client.get(route.path(values)).status_code
        allowed = at_least(role, route.view.needs_role)
        assert (status in (200, 400, 405, 404)) if allowed else status == 403, (route.name, status)
        if not allowed:
            assert client.post(route.path(values)).status_code == 403, route.name


def test_an_ordinary_user_is_told_that_pages_of_administrators_do_not_exist(world: World) -> None:
    for name in [name for name, who in EXPECTED.items() if who == "admin"]:
        for method in ("get", "post"):
            assert getattr(world.client(world.alice), method)(ROUTES[name].path({})).status_code == 404
        assert world.client(world.admin).get(ROUTES[name].path({})).status_code in (200, 405)


@pytest.mark.timeout(240)
def test_every_change_needs_a_csrf_token(world: World) -> None:
    values = example(world.ours, world.bob.pk)
    client = world.client(world.alice, enforce_csrf_checks=True)
    for route in ROUTES.values():
        if route.guard is None or route.name in ONE_CLICK:
            continue
        if route.guard == "api":
            assert client.post(route.path(values)).status_code in (401, 405), route.name
            continue
        assert client.post(route.path(values)).status_code == 403, route.name


def test_what_is_hard_to_undo_asks_for_a_fresh_password(world: World) -> None:
    recent = {route.name for route in OF_PROJECTS if route.view.needs_proof}
    assert recent == {
        "create_key",
        "revoke_key",
        "change_role",
        "remove_member",
        "invite",
        "uninvite",
        "delete_project",
        "erase_user",
    }
    client = world.client(world.alice, proved=False)
    values = example(world.ours, world.bob.pk)
    for name in recent:
        response = client.post(ROUTES[name].path(values), {"name": world.ours.project.name})
        assert response["Location"].startswith("/confirm?next="), name
    world.ours.project.refresh_from_db()
    assert world.ours.project.deleted_at is None


def _plain(response: HttpResponse, slug: str) -> str:
    """The answer without what may differ between any two requests."""
    text = response.content.decode().replace(slug, "SLUG")
    return re.sub(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[A-Za-z0-9]+', "", text)
