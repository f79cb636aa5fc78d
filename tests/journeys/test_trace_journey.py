"""A person's way in a real browser: a trace arrives, they find what failed, read it, and see which version did it."""

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.journeys.agent import run
from tests.journeys.people import Watch, signed_in
from tests.world import World, make_world
from tracestore.jobs import traces as settle

FIRST, SECOND = "1" * 32, "2" * 32
SESSION = "task-31"

CHECKS = (Path(__file__).parent / "checks.js").read_text()


@pytest.fixture
def world(site: str) -> World:
    world, now = make_world(), datetime.now(UTC)
    for trace_id, version, ago_s in ((FIRST, "v11", 7_200), (SECOND, "v12", 60)):
        body = run(trace_id, (int(now.timestamp()) - ago_s) * 10**9, version, SESSION)
        headers = {"Authorization": f"Bearer {world.ours.keys['ingest']}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{site}/v1/traces", body, headers)) as answer:
            assert answer.status == 200
    settle.run(now)
    return world


@pytest.fixture(params=["light", "dark", "phone"])
def page(request: pytest.FixtureRequest, chromium: Any, site: str, world: World) -> Iterator[Any]:
    """Alice, signed in through the form."""
    with signed_in(chromium, site, world.alice.email, request.param) as page:
        yield page


def check(page: Any, name: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), f"{name} is wider than the screen"
    page.evaluate(CHECKS)
    assert page.evaluate("faults()") == [], name
    assert page.evaluate("pale()") == [], name


@pytest.mark.timeout(300)
def test_from_a_list_to_the_call_that_failed_and_the_version_that_did_it(page, site, world):
    watch, base = Watch(page, site), f"{site}/p/{world.ours.slug}"
    page.goto(f"{base}/traces")
    check(page, "traces")
    page.locator(f"#t-{SECOND}").click()
    page.wait_for_url(f"**/traces/{SECOND}*")
    check(page, "trace")
    assert page.get_by_text("error origin").count() == 1

    page.get_by_role("link", name="chat gpt-4o").nth(1).click()
    page.wait_for_selector("#panel [data-escape]")
    assert "span=b" in urlsplit(page.url).query
    panel = page.locator("#panel")
    assert "get_reservation" in panel.inner_text()
    assert "2 earlier messages" in panel.inner_text()
    assert "Please cancel" not in panel.inner_text()
    panel.get_by_text("2 earlier messages").click()
    assert "Please cancel" in panel.inner_text()
    assert "genai-prices" in panel.inner_text()
    check(page, "span")

    page.reload()
    assert "get_reservation" in page.locator("#panel").inner_text()
    page.go_back()
    page.wait_for_url(f"**/traces/{SECOND}?day=*")
    page.wait_for_load_state("networkidle")  # htmx may still be fetching the page that it went back to

    page.goto(f"{base}/sessions")
    check(page, "sessions")
    page.get_by_role("link", name=SESSION).click()
    page.wait_for_url("**/sessions/task-31")
    check(page, "session")
    assert page.locator("[data-rows] tbody tr").count() == 2

    page.goto(f"{base}/versions")
    check(page, "versions")
    page.get_by_role("link", name="code").click()
    page.wait_for_url("**/versions/diff*")
    check(page, "diff")
    assert "v12" in page.locator(".added").inner_text()

    page.goto(f"{base}/ingest")
    check(page, "ingest")
    assert "holds" in page.locator("#ledger").inner_text()
    assert watch.found == []


@pytest.mark.timeout(300)
def test_with_the_keyboard_alone(page, site, world):
    page.goto(f"{site}/p/{world.ours.slug}/traces")
    page.keyboard.press("/")
    page.keyboard.type("session:task-31 version:v11")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=session*")
    assert page.locator("[data-rows] tbody tr").count() == 1
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/traces/{FIRST}*")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel [data-escape]")
    page.keyboard.press("Escape")
    page.wait_for_function("!document.querySelector('#panel [data-escape]')")


@pytest.mark.timeout(300)
def test_a_live_list_shows_what_arrives_and_stays_where_it_is(page, site, world):
    watch = Watch(page, site)
    page.goto(f"{site}/p/{world.ours.slug}/traces?live=1")
    row = page.locator(f"#t-{SECOND}")
    row.focus()
    body = run("3" * 32, int(datetime.now(UTC).timestamp()) * 10**9 - 10**10, "v12", "task-32")
    headers = {"Authorization": f"Bearer {world.ours.keys['ingest']}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{site}/v1/traces", body, headers)).close()
    settle.run(datetime.now(UTC))
    page.wait_for_selector(f"#t-{'3' * 32}", timeout=20_000)
    assert page.evaluate("document.activeElement.id") == f"t-{SECOND}"
    assert watch.found == []
