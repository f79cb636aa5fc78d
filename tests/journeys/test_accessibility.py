"""axe finds nothing to say about any page, in light and dark, wide and on a phone."""

from collections import defaultdict
from typing import Any

import pytest
from django.test import Client

from tests.journeys.axe import violations, violations_in_every_look
from tests.journeys.people import signed_in
from tests.security.routes import Route, example, routes
from tests.world import World, fill, make_world

NOT_OURS = "api_docs"  # drawn by Swagger's script from the description of the API
NEEDS_MORE = {"version_diff": "?a={set_id}&b={set_id}"}


@pytest.fixture
def world(site: str) -> World:
    world = make_world()
    fill(world.ours)
    world.alice.is_admin = True  # so that one person may see every page
    world.alice.save()
    return world


def paths(world: World) -> dict[str, str]:
    """Every page that can be read, by its name: whatever of the routes answers a GET with HTML."""
    values, client = example(world.ours, world.bob.pk), world.client(world.alice)
    found = {
        route.name: _address(route, values)
        for route in routes()
        if route.guard not in ("api", None) and route.name != NOT_OURS
    }
    pages = {name: path for name, path in found.items() if _is_page(client, path)}
    return pages | {"span": f"{found['trace']}?span={values['span_id']}", "empty": f"{found['traces']}?q=tool:none"}


def _address(route: Route, values: dict[str, str]) -> str:
    return route.path(values).replace(" ", "%20") + NEEDS_MORE.get(route.name, "").format(**values)


def _is_page(client: Client, path: str) -> bool:
    answer = client.get(path)
    return answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.timeout(300)
def test_axe_finds_nothing_on_any_page_in_any_look(site: str, world: World, chromium: Any) -> None:
    found: dict[str, list[str]] = defaultdict(list)  # violation -> where
    with signed_in(chromium, site, world.alice.email) as page:
        for name, path in paths(world).items():
            page.goto(f"{site}{path}")
            for violation, looks in violations_in_every_look(page).items():
                found[violation].append(f"{name} ({', '.join(looks)})")
    assert not found, "\n\n".join(f"{one}\n  on {'; '.join(where)}" for one, where in found.items())


def test_axe_would_say_so(chromium: Any) -> None:
    page = chromium.new_page()
    page.set_content(
        "<title>t</title><main><h1>h</h1><img src='x'><p style='color:#bbb;background:#fff'>pale</p></main>"
    )
    said = " ".join(violations(page))
    page.close()
    assert "image-alt" in said and "color-contrast" in said and "html-has-lang" in said
