"""Somebody at a browser: signed in through the form, and watched for what a page must not do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.world import PASSWORD

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "is_mobile": True, "has_touch": True},
}


class Watch:
    """What a page must not do: report an error, or ask anybody but us."""

    def __init__(self, page: Any, site: str) -> None:
        self.found: list[str] = []
        page.on("console", lambda one: self.found.append(one.text) if one.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.found.append(str(error)))
        page.on("request", lambda one: None if one.url.startswith((site, "data:")) else self.found.append(one.url))
        page.on("response", lambda one: self.found.append(f"{one.status} {one.url}") if one.status >= 400 else None)


@contextmanager
def signed_in(chromium: Any, site: str, email: str, look: str = "light", **more: Any) -> Iterator[Any]:
    """A page of a context of its own. look: light | dark | phone; more: options of the context."""
    context = chromium.new_context(**LOOKS[look] | more)
    try:
        page = context.new_page()
        page.goto(f"{site}/sign-in")
        page.locator("input[type=email], input[name=email]").first.fill(email)
        page.locator("input[type=password]").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_load_state("networkidle")
        yield page
    finally:
        context.close()
