"""How fast are the board and the pages beside it on a large store? The real server, and a real Chromium that opens them.

    python -m benchmarks.board --home /tmp/large [--loads 10] [--only "7d"] [--without-browser]

The home is one that `python -m benchmarks.reads` has filled. Ranges end where its data ends. Each page is loaded once uncounted;
its p50 is held against the goal.
Times of a browser count from the navigation: first contentful paint, and until the last chart is drawn.
"""

import argparse
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg

from benchmarks.reads import PROJECT_ID, SLUG, Reader
from benchmarks.stack import Stack, free_ports

PAINT_MS, DRAWN_MS, SHIFT_MAX = 300.0, 1_000.0, 0.1
HOURS: Final = {"1h": 1, "24h": 24, "7d": 168, "14d": 336, "30d": 720, "90d": 2_160}
# What a page tells about itself: window.seen = {paint, drawn, shift}.
WATCH: Final = """
window.seen = {paint: 0, drawn: 0, shift: 0};
new PerformanceObserver(all => { for (const one of all.getEntries()) if (one.name === "first-contentful-paint")
  window.seen.paint = one.startTime; }).observe({type: "paint", buffered: true});
new PerformanceObserver(all => { for (const one of all.getEntries()) if (!one.hadRecentInput)
  window.seen.shift += one.value; }).observe({type: "layout-shift", buffered: true});
new MutationObserver(() => {
  const plots = [...document.querySelectorAll("[data-plot]")];
  if (!window.seen.drawn && plots.length && plots.every(one => one.matches(".js-plotly-plot:not([aria-busy])")))
    window.seen.drawn = performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ["aria-busy"]});
"""
_DONE: Final = "() => window.seen.paint && (window.seen.drawn || !document.querySelector('[data-plot]'))"


@dataclass(frozen=True, slots=True)
class Page:
    """address: of the page. parts: what it asks for by itself, measured as answers of their own."""

    name: str
    address: str
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. samples: sorted. goal: of the p50, None = none. web_ms, postgres_ms: of CPU, for one answer."""

    name: str
    samples: list[float]
    goal: float | None
    web_ms: float | None = None
    postgres_ms: float | None = None
    answer_bytes: int | None = None

    def quantile(self, share: float) -> float:
        return self.samples[min(len(self.samples) - 1, int(len(self.samples) * share))]

    @property
    def verdict(self) -> str:
        return "" if self.goal is None else "yes" if self.quantile(0.5) <= self.goal else "**no**"


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to ask about: the busiest of each, and when the data ends."""

    service: str
    model: str
    tool: str
    version_set: str
    end_s: int


_KNOWN: Final = """
SELECT
  (SELECT service FROM request_rollup WHERE project = %(p)s AND grain_s = 86400 GROUP BY 1 ORDER BY sum(requests) DESC LIMIT 1),
  (SELECT model FROM call_rollup WHERE project = %(p)s AND grain_s = 86400 GROUP BY 1 ORDER BY sum(calls) DESC LIMIT 1),
  (SELECT tool FROM tool_rollup WHERE project = %(p)s AND grain_s = 86400 GROUP BY 1 ORDER BY sum(tool_calls) DESC LIMIT 1),
  (SELECT version_set FROM request_rollup WHERE project = %(p)s AND grain_s = 86400 GROUP BY 1 ORDER BY sum(requests) DESC
   LIMIT 1),
  (SELECT max(start_s) + 60 FROM request_rollup WHERE project = %(p)s AND grain_s = 60)
"""


def look(connection: psycopg.Connection) -> Known:
    found = connection.execute(_KNOWN, {"p": PROJECT_ID}).fetchone()
    assert found is not None
    return Known(*found)


def pages(known: Known) -> Iterator[Page]:
    ways = {
        "": "",
        ", of one service": f"&q={quote(f'service:{known.service}')}",
        ", of one model": f"&q={quote(f'model:{known.model}')}",
        ", of one tool": f"&q={quote(f'tool:{known.tool}')}",
        ", compared": "&compare=before",
        ", by version": "&split=version",
    }
    for name, hours in HOURS.items():
        within = f"?from={_iso(known.end_s - 3_600 * hours)}&to={_iso(known.end_s)}"
        for way, query in ways.items():
            yield _board(f"{name}{way}", f"{within}{query}")
    week = f"?from={_iso(known.end_s - 3_600 * 168)}&to={_iso(known.end_s)}"
    for name in ("cost", "tools", "changes", "versions", f"versions/{known.version_set}"):
        yield Page(f"{name.partition('/')[0]}{' (one)' * ('/' in name)} 7d", f"/p/{SLUG}/{name}{week}")


def _board(name: str, query: str) -> Page:
    parts = {"figures": "board/figures", "anomalies": "board/anomalies", "movers": "changes/movers"}
    of_page = tuple((part, f"/p/{SLUG}/{path}{query}") for part, path in parts.items())
    return Page(f"board {name}", f"/p/{SLUG}/board{query}", of_page)


def _iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def answers(stack: Stack, reader: Reader, page: Page, loads: int) -> Iterator[Row]:
    for name, address in (("page", page.address), *page.parts):
        yield answer_of(stack, reader, f"{page.name}: {name}", address, loads)


def answer_of(stack: Stack, reader: Reader, name: str, address: str, loads: int) -> Row:
    """Raises RuntimeError where it is not answered with 200: another answer would be quick."""
    samples: list[float] = []
    before, body = stack.cpu_s(), b""
    for load in range(loads + 1):
        began = time.perf_counter()
        status, body = reader.get(address, page=True)
        samples.append(1_000 * (time.perf_counter() - began))
        if status != 200:
            raise RuntimeError(f"{address} was answered with {status}")
        if not load:
            before = stack.cpu_s()
    spent = stack.cpu_s()
    web, postgres = (1_000 * (spent[group] - before[group]) / loads for group in ("ingest", "postgres"))
    return Row(name, sorted(samples[1:]), None, web, postgres, len(body))


def opened(browser: Any, site: str, cookies: list[dict[str, str]], page: Page, loads: int) -> Iterator[Row]:
    """A tab of a browser that has been here before: scripts come from its cache, pages never do."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([one | {"url": site} for one in cookies])
    tab = context.new_page()
    tab.add_init_script(WATCH)
    seen = [_seen(tab, f"{site}{page.address}") for _ in range(loads + 1)][1:]
    context.close()
    named: tuple[tuple[str, str, float], ...] = (
        ("first contentful paint", "paint", PAINT_MS),
        ("all charts drawn", "drawn", DRAWN_MS),
        ("layout shift", "shift", SHIFT_MAX),
    )
    for words, key, goal in named:
        samples = sorted(one[key] for one in seen)
        if key == "shift" or samples[0]:
            yield Row(f"{page.name}: {words}", samples, goal)


def _seen(tab: Any, address: str) -> dict[str, float]:
    tab.goto(address, wait_until="load")
    if "/sign-in" in tab.url:
        raise RuntimeError("the browser is not signed in")
    tab.wait_for_function(_DONE, timeout=60_000)
    tab.wait_for_load_state("networkidle")
    return dict(tab.evaluate("window.seen"))


def table_of(rows: Sequence[Row]) -> Iterator[str]:
    yield "| what | p50 ms | p95 ms | goal | met | CPU ms web + Postgres | kB |"
    yield "|---|---|---|---|---|---|---|"
    yield from map(line_of, rows)


def line_of(row: Row) -> str:
    form: Callable[[float], str] = "{:.3f}".format if "shift" in row.name else "{:,.0f}".format
    goal = form(row.goal) if row.goal is not None else ""
    cpu = f"{row.web_ms:.0f} + {row.postgres_ms:.0f}" if row.web_ms is not None else ""
    size = f"{row.answer_bytes / 1_000:,.0f}" if row.answer_bytes is not None else ""
    return f"| {row.name} | {form(row.quantile(0.5))} | {form(row.quantile(0.95))} | {goal} | {row.verdict} | {cpu} | {size} |"


def run(stack: Stack, only: str, loads: int, with_browser: bool) -> list[Row]:
    with stack.connect() as connection:
        asked = [one for one in pages(look(connection)) if re.search(only, one.name)]
    reader, rows = Reader(stack), list[Row]()
    for page in asked:
        rows += _shown(answers(stack, reader, page, loads))
    if not with_browser:
        return rows
    from playwright.sync_api import sync_playwright

    site = f"http://127.0.0.1:{stack.port}"
    cookies = [dict(zip(("name", "value"), one.split("=", 1), strict=True)) for one in reader.cookies.split("; ")]
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for page in asked:
            rows += _shown(opened(browser, site, cookies, page, loads))
        browser.close()
    return rows


def _shown(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        print(line_of(row), file=sys.stderr, flush=True)
        yield row


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--home", type=Path, required=True, help="FOURLINE_HOME of a stack that is not running")
    cli.add_argument("--loads", type=int, default=10)
    cli.add_argument("--only", default="", help="a regular expression of page names")
    cli.add_argument("--without-browser", action="store_true", help="HTTP answers alone")
    args = cli.parse_args()
    stack = Stack(args.home, *free_ports(3))
    try:
        stack.start()
        rows = run(stack, args.only, args.loads, not args.without_browser)
    finally:
        stack.stop()
    print("\n".join(table_of(rows)))
    missed = [row.name for row in rows if row.verdict == "**no**"]
    print(
        f"\n{sum(row.goal is not None for row in rows) - len(missed)} goals met"
        + (f"; not: {'; '.join(missed)}" if missed else "")
    )


if __name__ == "__main__":
    main()
