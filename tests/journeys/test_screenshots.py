"""The pictures of the documentation, taken of the simulation's hour. SCREENSHOTS=1 (`make screenshots`) writes docs/screenshots."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard import warnings
from tests.journeys.people import signed_in
from tests.journeys.story import SERVICE, Told, tell
from tests.world import World, make_world

PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
SIZES = {"phone": {"width": 390, "height": 760}}
WIDE = {"width": 1280, "height": 760}
DRAWN = "() => !document.querySelector('[data-plot][aria-busy]')"


@pytest.fixture
def world(site: str) -> World:
    world = make_world()
    world.ours.project.name = "Meridian Air"
    world.ours.project.save()
    return world


@pytest.fixture
def told(site: str, world: World) -> Told:
    return tell(site, world.ours, datetime.now(UTC))


def pages(slug: str, told: Told) -> dict[str, str]:
    """By the name of the picture. Numbers of the board compare the bad version with the one before it."""
    base, compared = f"/p/{slug}", f"compare=versions&a={told.good}&b={told.bad}"
    return {
        "board": f"{base}/board?range=1h&q=service:{SERVICE}&{compared}",
        "traces": f"{base}/traces?range=1h",
        "trace": f"{base}/traces?range=1h&q=status:error+version:{told.bad}",
        "tools": f"{base}/tools?range=1h",
        "cost": f"{base}/cost?range=1h",
        "ingest": f"{base}/ingest?range=1h",
    }


TAKEN = {
    "light": ("board", "traces", "trace", "tools", "cost", "ingest"),
    "dark": ("board", "trace"),
    "phone": ("board", "traces"),
}


@pytest.mark.timeout(300)
def test_pictures_of_the_main_pages(
    site: str, world: World, told: Told, chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warnings, "stale_jobs", lambda now: [])  # nothing runs in the background of a test
    folder = PICTURES if os.environ.get("SCREENSHOTS") else tmp_path
    shown = pages(world.ours.slug, told)
    for look, names in TAKEN.items():
        with signed_in(chromium, site, world.alice.email, look, viewport=SIZES.get(look, WIDE)) as page:
            for name in names:
                page.goto(f"{site}{shown[name]}")
                if name == "trace":
                    open_a_call(page)
                page.wait_for_function(DRAWN)
                page.mouse.move(0, 0)
                page.screenshot(path=folder / f"{name}{'' if look == 'light' else f'-{look}'}.png")
    assert len(list(folder.glob("*.png"))) >= sum(map(len, TAKEN.values()))


def open_a_call(page: Any) -> None:
    """From the list to its first trace, and a model call of that in the panel beside it."""
    page.locator("[data-rows] tbody tr a").first.click()
    page.wait_for_selector("tr.k-llm a.row-link")
    page.locator("tr.k-llm a.row-link").last.click()
    page.wait_for_selector("#panel [data-escape]")
