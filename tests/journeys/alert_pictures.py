"""The pages of objectives and alerts for the documentation, taken while the alert of a bad release fires."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard import warnings
from dashboard.pages.objectives import standing
from tests.journeys.people import signed_in
from tests.world import World
from tracestore.models import Alert

DRAWN = "() => !document.querySelector('[data-plot][aria-busy]') && !document.querySelector('#attributes[aria-busy]')"
PHONE = {"width": 390, "height": 760}


def take(chromium: Any, site: str, world: World, alert: Alert, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """By the clock of the pages the story ended a while ago: what warns of that is left out."""
    patch.setattr(warnings, "stale_jobs", lambda now: [])
    patch.setattr(warnings, "alerting_notices", lambda project_id, slug, now: [])
    patch.setattr(standing, "LATE", timedelta(days=1))
    base = f"{site}/p/{world.ours.slug}"
    pages = {
        "objectives": (f"{base}/objectives", 560),
        "objective": (f"{base}/objectives/{alert.objective.name}?shown=all", 1060),
        "alert": (f"{base}/alerts/{alert.pk}", 800),
    }
    with signed_in(chromium, site, world.alice.email) as page:
        for name, (address, height) in pages.items():
            page.set_viewport_size({"width": 1280, "height": height})
            shot(page, address, folder / f"{name}.png")
    with signed_in(chromium, site, world.alice.email, "phone", viewport=PHONE) as page:
        shot(page, pages["alert"][0], folder / "alert-phone.png")


def shot(page: Any, address: str, place: Path) -> None:
    page.goto(address)
    page.wait_for_function(DRAWN)
    page.mouse.move(0, 0)
    page.screenshot(path=place)
