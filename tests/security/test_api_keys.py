"""The JSON API: a key of the right scope and project, or nothing."""

import json

import pytest
from django.test import Client

from dashboard.access import KeyAuth, is_guarded_operation
from tests.security.routes import example, routes
from tests.world import Tenant, World, fill, make_world
from tracestore.actions import access as actions

OPERATIONS = [route for route in routes() if route.guard == "api"]
ONLY_WRITTEN = {"acknowledge_alert", "post_outcome"}
READS = [route for route in OPERATIONS if route.name != "nothing_here"]


@pytest.fixture
def world(database: object) -> World:
    world = make_world()
    fill(world.ours)
    fill(world.theirs)
    return world


def ask(path: str, key: str = "", **query: str) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    response = Client().get(path, query, headers=headers)
    return response.status_code, response.content.decode()


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("ingest", 403), ("revoked", 401), ("expired", 401), ("read", None), ("write", None)],
)
def test_only_a_living_key_with_the_scope_reads(world: World, key: str, status: int | None) -> None:
    values = example(world.ours, world.bob.pk)
    for route in OPERATIONS:
        found, content = ask(route.path(values), world.ours.keys.get(key, ""))
        if status:
            assert (found, list(json.loads(content))) == (status, ["detail"]), route.name
            assert world.ours.canary not in content
        else:
            expected = (405,) if route.name in ONLY_WRITTEN else (200, 400, 404)
            assert found in expected, (route.name, found, content)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Basic YTpi",
        "Bearer fl_abcdefgh_" + "a" * 43,
        "Bearer " + "x" * 5_000,
        "Bearer fl_é",
        "bearer null",
        "Bearer fl_abcdefgh_' OR 1=1--",
    ],
)
def test_what_is_no_key_is_401_and_not_500(world: World, header: str) -> None:
    response = Client().get("/api/v1/traces", HTTP_AUTHORIZATION=header)
    assert response.status_code == 401


def test_a_key_in_the_address_is_not_looked_at(world: World) -> None:
    key = world.ours.keys["read"]
    for name in ("key", "api_key", "token", "access_token", "authorization"):
        assert Client().get("/api/v1/traces", {name: key}).status_code == 401


def test_a_session_opens_no_api(world: World) -> None:
    client = world.client(world.alice)
    for route in OPERATIONS:
        assert client.get(route.path(example(world.ours, world.bob.pk))).status_code == 401, route.name


def test_a_key_with_one_wrong_character_is_refused(world: World) -> None:
    key = world.ours.keys["read"]
    assert ask("/api/v1/traces", key[:-1] + ("a" if key[-1] != "a" else "b"))[0] == 401
    assert ask("/api/v1/traces", world.theirs.keys["read"][:12] + key[12:])[0] == 401


def test_a_revoked_key_is_refused_at_once(world: World) -> None:
    key = world.ours.keys["read"]
    assert ask("/api/v1/traces", key)[0] == 200
    world.client(world.alice).post(f"/p/{world.ours.slug}/settings/keys/{key[3:11]}/revoke")
    assert ask("/api/v1/traces", key)[0] == 401


def test_a_flood_of_bad_keys_is_slowed_and_a_good_one_still_works(world: World) -> None:
    bad = "fl_abcdefgh_" + "a" * 43
    assert 429 in {ask("/api/v1/usage", bad)[0] for _ in range(330)}
    assert ask("/api/v1/usage", world.ours.keys["read"])[0] == 200


def isolation(world: World) -> None:
    """Charlie's key with every id of ours, in the address and in the query, tells nothing."""
    key = world.theirs.keys["read"]
    foreign, own = example(world.ours, world.bob.pk), example(world.theirs, world.charlie.pk)
    nobody = {
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "session_id": "never",
        "set_id": "c" * 32,
        "rest": "nothing/here",
    }
    query = {name: foreign[name] for name in ("trace_id", "session_id")} | {
        "project": world.ours.slug,
        "project_id": "1",
    }
    dated = {"show_lines": {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}}  # its answer names the range
    for route in OPERATIONS:
        when = dated.get(route.name, {})
        seen, never = (ask(route.path(values), key, **when) for values in (foreign, foreign | nobody))
        assert seen == never, (route.name, seen, never)
        for path in (route.path(foreign), route.path(own)):
            for more in (
                {},
                query,
                {"a": foreign["set_id"], "b": foreign["set_id"]},
                {"q": f'service:"service.name {world.ours.canary}"'},
            ):
                echoed = json.dumps(more.get("q", ""))  # an answer may repeat what was asked
                assert world.ours.canary not in ask(path, key, **more)[1].replace(echoed, ""), (route.name, more)


@pytest.mark.timeout(240)
def test_isolation(world: World) -> None:
    isolation(world)


def test_a_cursor_of_another_project_tells_nothing(world: World) -> None:
    fill(Tenant(world.ours.project, world.ours.canary, trace_id="d" * 32, session_id="s"))
    page = json.loads(ask("/api/v1/traces", world.ours.keys["read"], limit="1")[1])
    assert page["next_cursor"]
    status, content = ask("/api/v1/traces", world.theirs.keys["read"], limit="1", cursor=page["next_cursor"])
    assert status in (200, 400)
    assert world.ours.canary not in content


def test_the_same_ids_in_two_projects_are_two_traces(world: World) -> None:
    fill(Tenant(world.theirs.project, world.theirs.canary, trace_id=world.ours.trace_id, session_id="s"))
    for tenant, other in ((world.ours, world.theirs), (world.theirs, world.ours)):
        status, content = ask(f"/api/v1/traces/{world.ours.trace_id}", tenant.keys["read"])
        assert status == 200
        assert tenant.canary in content
        assert other.canary not in content


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "mutant",
    ["dashboard.api.traces.find_traces", "dashboard.api.traces.get_trace", "dashboard.api.traces.get_span"],
)
def test_a_scope_taken_away_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    module, _, name = mutant.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)
    ours = world.ours.project.pk
    monkeypatch.setattr(mutant, lambda _project_id, *args, **kwargs: real(ours, *args, **kwargs))
    with pytest.raises(AssertionError):
        isolation(world)


def test_every_operation_carries_its_own_authentication() -> None:
    assert all(is_guarded_operation(route.view) for route in OPERATIONS)
    assert KeyAuth("read").openapi_security_schema["scheme"] == "bearer"


def test_no_answer_of_the_api_holds_a_secret(world: World) -> None:
    values = example(world.ours, world.bob.pk)
    link = actions.reset_link(world.alice)
    for route in READS:
        content = ask(route.path(values), world.ours.keys["read"])[1]
        assert not any(secret in content for secret in (*world.ours.keys.values(), world.ours.token, link, "argon2"))
