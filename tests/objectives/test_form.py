"""At a browser: the form says what it would have done while it is filled in, and what was saved is in the list."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders import NOW_NS, SECOND, span, store, trace_id
from tests.journeys.people import Watch, signed_in
from tests.world import make_world

WITHIN = {"timeout": 20_000}


@pytest.mark.timeout(240)
def test_a_preview_follows_the_form_until_the_objective_is_made(site: str, chromium: Any) -> None:
    world, now_ns = make_world(), int(datetime.now(UTC).timestamp()) * SECOND
    at = (now_ns - NOW_NS) / SECOND - 3_600
    spans = [span(trace_id(n), at=at + n * 60, seconds=9 if n < 5 else 1, operation="agent") for n in range(1, 41)]
    store(world.ours.project.pk, spans, received_ns=now_ns)
    with signed_in(chromium, site, world.erin.email) as page:
        watch = Watch(page, site)
        page.goto(f"{site}/p/{world.ours.slug}/objectives?service=shop")
        page.get_by_role("link", name="p95 under 5 s").click()
        page.get_by_text("4 were bad: 90.0 % good, under the 95 % promised").wait_for(**WITHIN)
        page.locator("#preview .js-plotly-plot .main-svg").first.wait_for(**WITHIN)
        page.get_by_label("Target, % good").fill("80")
        page.get_by_text("4 were bad: 90.0 % good, as promised").wait_for(**WITHIN)
        page.get_by_label("That match").fill("duration:<=5")
        page.get_by_text("needs a number such as duration:>2s").wait_for(**WITHIN)
        page.get_by_label("That match").fill("duration:<=10s")
        page.get_by_text("0 were bad: 100 % good").wait_for(**WITHIN)
        page.get_by_role("button", name="Create the objective").click()
        page.wait_for_url("**/objectives/shop-p95-under-5s")
        page.goto(f"{site}/p/{world.ours.slug}/objectives")
        assert "counting" in page.get_by_role("row", name="p95 under 5 s").inner_text()
        assert not watch.found
