"""Takes the pictures of the documentation from a running instance: `make demo` in one shell, `make screenshots` in another.

Reads the address and the first administrator from FOURLINE_HOME/credentials.json and writes docs/screenshots/*.png.
"""

import json
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
WIDE, PHONE = {"width": 1280, "height": 640}, {"width": 390, "height": 760}


def main(home: Path) -> None:
    credentials = json.loads((home / "credentials.json").read_text())
    base, trace = f"{credentials['url'].rstrip('/')}/p/{credentials['project']}", failed_trace(credentials)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, scheme, size in (("", "light", WIDE), ("-dark", "dark", WIDE), ("-phone", "light", PHONE)):
            page = browser.new_context(color_scheme=scheme, viewport=size, has_touch=size is PHONE).new_page()
            sign_in(page, credentials)
            if name != "-dark":
                take(page, f"{base}/traces?range=6h", f"traces{name}")
            if name != "-phone":
                show_call(page, f"{base}/traces/{trace}", f"trace{name}")
            if not name:
                take(page, f"{base}/ingest", "ingest")
        browser.close()


def failed_trace(credentials: dict[str, str]) -> str:
    """The latest trace with a failed tool and several model calls."""
    query = "range=24h&limit=100&q=status:error"
    headers = {"Authorization": f"Bearer {credentials['read_key']}"}
    url = f"{credentials['url'].rstrip('/')}/api/v1/traces?{query}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:  # noqa: S310  # ours
        items: list[dict[str, Any]] = json.load(answer)["items"]
    return str(
        max(items, key=lambda one: (one["tool_errors"] > 0, min(one["llm_calls"], 8), one["start_time"]))["trace_id"]
    )


def sign_in(page: Page, credentials: dict[str, str]) -> None:
    page.goto(f"{credentials['url'].rstrip('/')}/sign-in")
    page.locator("input[type=email], input[name=email]").first.fill(credentials["admin_user"])
    page.locator("input[type=password]").fill(credentials["admin_password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state("networkidle")


def take(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png")


def show_call(page: Page, address: str, name: str) -> None:
    page.goto(address)
    calls = page.locator("tr.k-llm a.row-link")
    calls.nth(min(3, calls.count() - 1)).click()
    page.wait_for_selector("#panel [data-escape]")
    page.mouse.move(0, 0)
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    main(Path(sys.argv[1]))
