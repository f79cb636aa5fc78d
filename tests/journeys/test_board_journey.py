"""A person's way on the board in a real browser: telemetry arrives, the point is there, a version is bad, here are its traces."""

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings

from tests.journeys.agent import run
from tests.journeys.test_trace_journey import Watch, check
from tests.world import World, make_world
from tracestore.jobs import traces as settle

VALUES = "name => document.querySelector(`[data-plot=${name}]`).data.filter(one => one.meta)[0].y.filter(y => y !== null).length"


def post(site: str, world: World, trace_id: str, ago_s: int, version: str, now: datetime) -> None:
    body = run(trace_id, (int(now.timestamp()) - ago_s) * 10**9, version, "task-31")
    headers = {"Authorization": f"Bearer {world.ours.keys['ingest']}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{site}/v1/traces", body, headers)) as answer:
        assert answer.status == 200


@pytest.fixture
def world(site: str) -> World:
    world, now = make_world(), datetime.now(UTC)
    for number, (ago_s, version) in enumerate(((2_400, "v11"), (1_500, "v12"), (90, "v12")), 1):
        post(site, world, str(number) * 32, ago_s, version, now)
    settle.run(now)
    return world


@pytest.fixture(params=["light", "dark", "phone"])
def page(request: pytest.FixtureRequest, chromium: Any, site: str, world: World) -> Iterator[Any]:
    phone = request.param == "phone"
    look: dict[str, Any] = {"viewport": {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}}
    look |= {"is_mobile": phone, "has_touch": phone, "color_scheme": "dark" if request.param == "dark" else "light"}
    context = chromium.new_context(**look, timezone_id="Asia/Kathmandu")
    session = world.client(world.alice).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
    page = context.new_page()
    page.set_default_timeout(60_000)  # Plotly is 4.8 MB to read, which takes a second of a core
    yield page
    context.close()


def open_board(page: Any, site: str, world: World, query: str = "?range=1h") -> None:
    page.goto(f"{site}/p/{world.ours.slug}/board{query}", wait_until="commit", timeout=90_000)
    for name in ("quality", "latency", "cost", "risk"):
        page.wait_for_selector(f"[data-plot={name}].js-plotly-plot:not([aria-busy])", timeout=90_000)


@pytest.mark.timeout(400)
def test_the_board_draws_what_arrived_compares_versions_and_leads_to_the_trace(page, site, world):
    watch = Watch(page, site)
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver(all => { for (const one of all.getEntries())"
        " if (!one.hadRecentInput) window.moved += one.value; }).observe({type: 'layout-shift', buffered: true});"
    )
    open_board(page, site, world)
    page.wait_for_selector(".movers")
    assert page.evaluate(VALUES, "quality") == 3
    check(page, "board")
    assert page.evaluate("window.moved") < 0.01, "nothing jumps"
    colour = page.evaluate("document.querySelector('[data-plot=quality]').data.filter(one => one.meta)[0].line.color")
    assert colour == page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--quality').trim()")

    open_board(page, site, world, "?range=1h&compare=versions&a=v11&b=v12")
    assert page.evaluate(VALUES, "quality") == 2
    check(page, "board of two versions")

    plot = page.locator("[data-plot=quality]")
    plot.focus()
    page.keyboard.press("End")
    said = page.locator("#chart-quality [data-said]")
    assert "Success rate, v12" in said.inner_text()
    assert "n 1" in said.inner_text()
    page.keyboard.press("ArrowDown")
    assert "v11" in said.inner_text()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.wait_for_url("**/traces?*by=end*")
    assert page.locator("[data-rows] tbody tr").count() == 1
    assert page.locator(f"#t-{'3' * 32}").count() == 1
    assert "version:v12" in parse_qs(urlsplit(page.url).query)["q"][0]
    assert watch.found == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_pointer_click_drag_picture_theme_and_live(page, site, world):
    watch = Watch(page, site)
    open_board(page, site, world, "?range=1h&live=1")
    with page.expect_download() as download:
        page.locator("#chart-quality [data-png]").click()
    assert download.value.suggested_filename == "quality.png"

    page.locator("[data-theme-switch]").click()
    grounds = "document.querySelector('[data-plot=quality]').layout.plot_bgcolor"
    assert page.evaluate(grounds) == page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--surface').trim()"
    )

    now = datetime.now(UTC)
    page.evaluate("window.kept = document.querySelector('[data-plot=quality] .main-svg')")
    post(site, world, "4" * 32, 600, "v12", now)
    settle.run(now)
    page.wait_for_selector("#tiles >> text=n 4", timeout=60_000)
    for _ in range(100):
        if page.evaluate(VALUES, "quality") == 4:
            break
        page.wait_for_timeout(100)
    assert page.evaluate(VALUES, "quality") == 4
    assert page.evaluate("window.kept.isConnected"), "redrawn in place"

    box = page.locator("[data-plot=latency] .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40, steps=6)
    page.mouse.up()
    page.wait_for_url("**from=*to=*")
    asked = parse_qs(urlsplit(page.url).query)
    length_s = (datetime.fromisoformat(asked["to"][0]) - datetime.fromisoformat(asked["from"][0])).total_seconds()
    assert 900 <= length_s <= 1_260, "three tenths of an hour"

    page.locator("summary[title='All times of this page']").click()
    page.fill("#zone", "Asia/Kathmandu")
    page.get_by_role("button", name="Show times there").click()
    page.wait_for_url("**tz=Asia*")
    page.goto(f"{site}/p/{world.ours.slug}/traces")
    assert "Asia/Kathmandu" in page.locator("th >> text=time").first.inner_text(), "chosen once, for all pages"
    assert watch.found == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_a_click_on_a_point_leads_to_its_traces(page, site, world):
    open_board(page, site, world)
    spot = page.evaluate(
        "() => { const e = document.querySelector('[data-plot=cost]'), one = e.data.filter(d => d.meta)[0];"
        " const n = one.y.findLastIndex(y => y !== null), box = e.querySelector('.nsewdrag').getBoundingClientRect();"
        " const {xaxis, yaxis} = e._fullLayout; return [box.x + xaxis.d2p(one.x[n]), box.y + yaxis.d2p(one.y[n])]; }"
    )
    page.mouse.move(*spot)
    page.wait_for_selector("[data-plot=cost] .hoverlayer .legend")
    page.mouse.click(*spot)
    page.wait_for_url("**/traces?*by=end*")
    assert page.locator(f"#t-{'3' * 32}").count() == 1
