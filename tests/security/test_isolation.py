"""One project never shows or changes anything of another, wherever an id is put: address, query, body, header.

The checks are functions, so that the last test can take a scope away and see at least one of them fail.
"""

from collections.abc import Callable

import pytest
from django.shortcuts import get_object_or_404

from tests.security.routes import example, routes
from tests.security.rows import rows_of
from tests.world import World, fill, make_world
from tracestore.models import ApiKey, Membership, Project, ProjectPrice, RedactionRule
from tracestore.queries import access as queries

NOBODY = {
    "trace_id": "a" * 32,
    "span_id": "b" * 16,
    "session_id": "never",
    "tool": "never",
    "set_id": "c" * 32,
    "user_id": "999999",
    "invitation_id": "999999",
    "prefix": "zzzzzzzz",
    "rule_id": "999999",
    "price_id": "999999",
    "channel_id": "999999",
    "objective": "never",
    "alert_id": "00000000-0000-4000-8000-000000000000",
    "silence_id": "999999",
    "exclusion_id": "999999",
    "proposal_id": "999999",
}
ROUTES = [route for route in routes() if route.guard == "project"]
SAME_EVERYWHERE = {"board_member"}  # its name is that of a number, which every project has
WITH_IDS = [route for route in ROUTES if len(route.params) > 1 and route.name not in SAME_EVERYWHERE]


@pytest.fixture
def world(database: object) -> World:
    world = make_world()
    fill(world.ours)
    fill(world.theirs)
    assert (
        world.ours.objective.pk != world.theirs.objective.pk
    )  # what is made when it is asked for is there before checks
    return world


def everywhere(world: World) -> dict[str, str]:
    """Ids of ours under every name a view might read; no canary, since pages may repeat what they were asked."""
    values = {
        name: value for name, value in example(world.ours, world.bob.pk).items() if world.ours.canary not in value
    }
    extra = {
        "project": world.ours.slug,
        "project_id": str(world.ours.project.pk),
        "id": values["rule_id"],
        "before": "999999999",
    }
    return values | extra | {"email": world.bob.email, "q": f"project:{world.ours.slug}", "who": "", "what": ""}


# ---- the checks


def foreign_ids_in_addresses_are_like_ids_of_nothing(world: World) -> None:
    client, before = world.client(world.charlie), rows_of(world.ours.project.pk)
    own = example(world.theirs, world.charlie.pk)
    foreign = example(world.ours, world.bob.pk) | {"slug": world.theirs.slug}
    for route in WITH_IDS:
        for method in ("get", "post"):
            seen = getattr(client, method)(route.path(foreign))
            never = getattr(client, method)(route.path(own | NOBODY))
            assert seen.status_code == never.status_code, (route.name, method, seen.status_code, never.status_code)
            assert seen.status_code in (404, 405), (route.name, method, seen.status_code)
            assert world.ours.canary.encode() not in seen.content, route.name
    assert rows_of(world.ours.project.pk) == before


def pages_show_nothing_of_others_whatever_the_query_says(world: World) -> None:
    client, own = world.client(world.charlie), example(world.theirs, world.charlie.pk)
    for route in ROUTES:
        response = client.get(route.path(own), everywhere(world), headers={"X-Project": world.ours.slug})
        assert world.ours.canary.encode() not in response.content, route.name
        assert response.status_code in (200, 400, 404, 405), (route.name, response.status_code)


def bodies_change_nothing_of_others(world: World) -> None:
    client, before = world.client(world.charlie), rows_of(world.ours.project.pk)
    own = example(world.theirs, world.charlie.pk)
    for route in ROUTES:
        if route.name in ("leave", "delete_project"):
            continue
        response = client.post(route.path(own), everywhere(world), headers={"X-Project": world.ours.slug})
        assert world.ours.canary.encode() not in response.content, route.name
        assert response.status_code < 500, route.name
    assert rows_of(world.ours.project.pk) == before


def outsiders_see_no_page(world: World) -> None:
    values = example(world.ours, world.bob.pk)
    for person in (world.charlie, world.admin):
        for route in ROUTES:
            response = world.client(person).get(route.path(values))
            assert response.status_code == 404, (route.name, response.status_code)
            assert world.ours.canary.encode() not in response.content, route.name


CHECKS: list[Callable[[World], None]] = [
    foreign_ids_in_addresses_are_like_ids_of_nothing,
    pages_show_nothing_of_others_whatever_the_query_says,
    bodies_change_nothing_of_others,
    outsiders_see_no_page,
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_isolation(world: World, check: Callable[[World], None]) -> None:
    check(world)


def test_a_member_who_was_removed_is_out_at_once(world: World) -> None:
    client = world.client(world.bob)
    assert client.get(f"/p/{world.ours.slug}/settings").status_code == 200
    Membership.objects.filter(user=world.bob).delete()
    assert client.get(f"/p/{world.ours.slug}/settings").status_code == 404


def test_the_list_of_projects_holds_only_ones_own(world: World) -> None:
    for person, sees in ((world.bob, [world.ours]), (world.charlie, [world.theirs]), (world.admin, [])):
        content = world.client(person).get("/projects").content.decode()
        assert [t.canary for t in (world.ours, world.theirs) if t.canary in content] == [t.canary for t in sees]


# ---- the checks bite: with a scope taken away at least one of them fails


def _any_project(user_id: int, slug: str) -> tuple[Project, str] | None:
    project = Project.objects.filter(slug=slug).first()
    return (project, "owner") if project else None


def _of_all_projects(query: Callable[..., list]) -> Callable[..., list]:  # type: ignore[type-arg]
    """The query, asked for every project there is."""

    def unscoped(project_id: int | None, *args: object, **kwargs: object) -> list:  # type: ignore[type-arg]
        return [row for pk in Project.objects.values_list("pk", flat=True) for row in query(pk, *args, **kwargs)]

    return unscoped


def _audit_of_all(project_id: int | None, *args: object, **kwargs: object) -> queries.AuditPage:
    logs = [queries.find_audit_entries(pk) for pk in Project.objects.values_list("pk", flat=True)]
    return queries.AuditPage([entry for log in logs for entry in log.entries], None)


MUTANTS = {
    "membership": [("dashboard.access.find_membership", _any_project)],
    "keys page": [("dashboard.pages.access.keys.keys_of", _of_all_projects(queries.keys_of))],
    "rules page": [("dashboard.pages.access.redaction.rules_of", _of_all_projects(queries.rules_of))],
    "prices page": [("dashboard.pages.access.prices.project_prices", _of_all_projects(queries.project_prices))],
    "members page": [("dashboard.pages.access.members.open_invitations", _of_all_projects(queries.open_invitations))],
    "audit page": [("dashboard.pages.access.audit.find_audit_entries", _audit_of_all)],
    "delete a rule": [
        ("dashboard.pages.access.redaction._rule_or_404", lambda *_: None),
        ("tracestore.actions.access.rules._locked_rule", lambda _, pk: get_object_or_404(RedactionRule, pk=pk)),
    ],
    "revoke a key": [
        ("dashboard.pages.access.keys.keys_of", _of_all_projects(queries.keys_of)),
        (
            "dashboard.pages.access.keys.actions.revoke_key",
            lambda _, prefix, *__: ApiKey.objects.filter(prefix=prefix).delete(),
        ),
    ],
    "delete a price": [
        ("dashboard.pages.access.prices.project_prices", _of_all_projects(queries.project_prices)),
        (
            "dashboard.pages.access.prices.actions.delete_price",
            lambda _, pk, *__: ProjectPrice.objects.filter(pk=pk).delete(),
        ),
    ],
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_scope_taken_away_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for target, replacement in MUTANTS[name]:
        monkeypatch.setattr(target, replacement)
    noticed = 0
    for check in CHECKS:
        try:
            check(world)
        except AssertionError:
            noticed += 1
            break
    assert noticed, f"no check failed although {name} was opened"
