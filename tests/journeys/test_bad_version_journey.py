"""From a bad release to the trace that shows it: the board is opened, filtered, compared, and left for a trace."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.journeys.axe import violations
from tests.journeys.people import Watch, signed_in
from tests.journeys.story import SERVICE, Told, tell
from tests.world import World, make_world

DRAWN = "() => document.querySelector('[data-plot]') && !document.querySelector('[data-plot][aria-busy]')"
POINTS = """() => [...document.querySelectorAll('[data-plot]')].map(
  (one) => one.data.reduce((n, trace) => n + trace.y.filter((y) => y !== null).length, 0))"""


@pytest.fixture
def world(site: str) -> World:
    return make_world()


@pytest.fixture
def told(site: str, world: World) -> Told:
    return tell(site, world.ours, datetime.now(UTC))


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"))


def headline(page: Any, line: str) -> str:
    return str(page.locator(f"#tiles .tile:has(h2 a.{line}) .big").inner_text())


@pytest.mark.timeout(300)
def test_a_bad_version_is_seen_on_the_board_and_leads_to_its_traces(
    site: str, world: World, told: Told, chromium: Any
) -> None:
    with signed_in(chromium, site, world.alice.email) as page:
        watch = Watch(page, site)
        page.goto(f"{site}/p/{world.ours.slug}/board?range=1h")
        page.wait_for_function(DRAWN)
        assert min(page.evaluate(POINTS)[:4]) > 0
        page.keyboard.press("/")
        page.keyboard.type(f"service:{SERVICE}")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=service*")
        see_that_quality_alone_is_worse(page, site, world, told)
        page.locator("tr", has_text="Tool success rate").get_by_title("The traces behind it").click()
        page.wait_for_url("**/traces?*")
        asked = parse_qs(urlsplit(page.url).query)["q"][0]
        assert SERVICE in asked and told.bad in asked
        page.locator("[data-rows] tbody tr a").first.click()
        page.wait_for_url(re.compile(r"/traces/[0-9a-f]{32}"))
        assert told.bad in page.locator("body").inner_text()
        assert watch.found == []
    for look in ("dark", "phone"):
        with signed_in(chromium, site, world.alice.email, look) as page:
            watch = Watch(page, site)
            see_that_quality_alone_is_worse(page, site, world, told)
            assert fits(page), look
            assert watch.found == [], look


def see_that_quality_alone_is_worse(page: Any, site: str, world: World, told: Told) -> None:
    compared = f"compare=versions&q=service:{SERVICE}&a={told.good}&b={told.bad}"
    page.goto(f"{site}/p/{world.ours.slug}/board?range=1h&{compared}")
    page.wait_for_function(DRAWN)
    page.wait_for_selector(".movers")  # comes behind the page
    assert "worse" in headline(page, "quality")
    others = {line: headline(page, line) for line in ("latency", "cost", "risk")}
    assert "worse" not in "".join(others.values()), others
    assert violations(page) == []


def test_charlie_sees_no_board(world: World) -> None:
    for path in ("board", "board/figures", "board/success_rate"):
        assert world.client(world.charlie).get(f"/p/{world.ours.slug}/{path}").status_code == 404
