"""In a real browser: hostile text in every field of telemetry and of our own names, on every page, stays text.

Fails on a dialog, a violation of the policy, a request that leaves, an error of a script, or window.__pwned.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings

from tests.security.payloads import NAMES, PAYLOADS, groups
from tests.security.routes import example, routes
from tests.security.telemetry import bodies
from tests.site import serve
from tests.world import World, make_world, send
from tracestore.actions import access as actions
from tracestore.models import ApiKey, Membership, Project, RedactionRule, User

MAX_PAGES = 160
SETTLED_MS = 40  # after load: handlers of payloads would have run
NOT_PAGES = re.compile(
    r"/api/openapi\.json|/metrics|/healthz|/readyz|/p/[^/]+/board/csv"
)  # the last is a file to be saved
INSPECT = """() => {
  document.querySelectorAll('details').forEach(d => { d.open = true; });
  const bad = [...document.querySelectorAll('*')].filter(e =>
    [...e.attributes].some(a => /^on/i.test(a.name) || /^(data-)?hx-on/i.test(a.name)
      || (/^(href|src|action|formaction|data|xlink:href)$/i.test(a.name)
        && /^\\s*(javascript|data:text|vbscript)/i.test(a.value))));
  const foreign = [...document.querySelectorAll('script,iframe,object,embed,base,meta[http-equiv],style,dialog')]
    .filter(e => e.tagName !== 'SCRIPT' || !(e.src.startsWith(location.origin + '/static/')));
  const shown = all => all.map(e => e.outerHTML.slice(0, 200));
  return {pwned: window.__pwned || null, bad: shown(bad), foreign: shown(foreign)};
}"""


LINKS = "() => [...document.querySelectorAll('a[href]')].map(a => new URL(a.getAttribute('href'), location.href).href)"


@pytest.fixture
def world(database: object) -> World:
    world = make_world()
    now = datetime.now(UTC)
    _hostile_telemetry(world, now)
    _hostile_names(world, now)
    return world


def _hostile_telemetry(world: World, now: datetime) -> None:
    """One trace a group of payloads, so that every field of telemetry holds every payload once."""
    for number, group in enumerate(groups()):
        texts = bodies(
            lambda place, group=group: f"{group} {place}", int(now.timestamp()) * 10**9, f"{number + 1:032x}"
        )
        send(world.ours, texts, now)


def _hostile_names(world: World, now: datetime) -> None:
    project, actor = world.ours.project, actions.Actor(world.alice.pk, NAMES[0] + "@x", NAMES[1])
    for number, text in enumerate(NAMES):
        actions.create_key(project.pk, "read", f"{number} {text}", None, now, actor)
        actions.record(now, actor, project.pk, text, text, **{text: text})
        actions.record(now, actor, None, text, text, **{text: {text: [text]}})
        actions.add_price(project.pk, text, text.replace("*", ""), date(2026, 1, 1), {"input": 1}, now, actor)
        RedactionRule.objects.create(project=project, kind="key", pattern=text, replacement=text[:80], enabled=False)
        user = User.objects.create(email=f"u{number}@example.org", name=text, password="!")
        Membership.objects.create(project=project, user=user, role="viewer")
        mine = Project.objects.create(name=text, slug=f"hostile-{number}", created_at=now)
        Membership.objects.create(project=mine, user=world.alice, role="owner")
    ApiKey.objects.filter(name__startswith="first").update(name=NAMES[2])
    Project.objects.filter(pk=project.pk).update(name=NAMES[3])
    User.objects.filter(pk=world.alice.pk).update(name=NAMES[4], is_admin=True)


class Watched:
    """A browser tab that remembers whatever should not have happened."""

    def __init__(self, context: object, base: str) -> None:
        self.base, self.here = base, ""
        self.trouble: list[str] = []
        self.hrefs: list[str] = []
        self.hostile = 0  # pages that showed a payload, as text
        self.page = context.new_page()  # type: ignore[attr-defined]
        self.page.on("dialog", self._dialog)
        self.page.on("console", lambda message: self._console(message))
        self.page.on("pageerror", lambda error: self._note("script error", str(error)))
        self.page.on("popup", lambda _: self._note("popup", ""))
        context.on("request", self._request)  # type: ignore[attr-defined]

    def visit(self, path: str) -> int:
        self.here = path
        response = self.page.goto(self.base + path, wait_until="load")
        arrived = self.page.url
        for _ in range(2):  # the first look opens what was folded
            self.page.wait_for_timeout(SETTLED_MS)
            seen = self.page.evaluate(INSPECT)
        if self.page.url != arrived:
            self._note("left the page", f"{arrived} -> {self.page.url}")
        self.hrefs = self.page.evaluate(LINKS)
        self.hostile += "__pwned" in self.page.inner_text("body")
        for kind in ("pwned", "bad", "foreign"):
            if seen[kind]:
                self._note(kind, str(seen[kind])[:600])
        return int(response.status) if response else 0

    def links(self) -> list[str]:
        here = [urlsplit(href) for href in self.hrefs if href.startswith(self.base + "/")]
        return [f"{at.path}?{at.query}" if at.query else at.path for at in here]

    def _note(self, kind: str, text: str) -> None:
        self.trouble.append(f"{kind} on {self.here}: {text}")

    def _dialog(self, dialog: object) -> None:
        self._note("dialog", dialog.message)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    def _console(self, message: object) -> None:
        text = message.text  # type: ignore[attr-defined]
        if message.type == "error" and "Failed to load resource" not in text:  # type: ignore[attr-defined]
            self._note("console", text)

    def _request(self, request: object) -> None:
        url = request.url  # type: ignore[attr-defined]
        if not url.startswith((self.base + "/", "data:")):
            self._note("request that leaves", url)


@contextmanager
def tab(chromium: Any, world: World | None) -> Iterator[Watched]:
    """A tab of Alice's browser, or of nobody's."""
    with serve() as base:
        context = chromium.new_context()
        if world:
            session = world.client(world.alice).cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": base}])
        try:
            yield Watched(context, base)
        finally:
            context.close()


def start_pages(world: World) -> list[str]:
    """Every route that answers a GET, and the parameters that pages read, with payloads in them."""
    values = example(world.ours, world.bob.pk) | {"trace_id": f"{1:032x}"}
    client = world.client(world.alice)
    plain = [route.path(values) for route in routes() if route.guard not in ("api", "key", None)]
    plain = [path for path in plain if client.get(path).status_code != 405]  # an answer without a body is no page
    traces = [f"/p/{world.ours.slug}/traces/{number + 1:032x}" for number in range(len(groups()))]
    payload = quote(PAYLOADS[9])
    asked = [
        f"/p/{world.ours.slug}/{page}?{name}={payload}"
        for page in ("traces", "sessions", "versions", "ingest")
        for name in ("q", "range", "sort", "cursor", "from", "tz", "span")
    ]
    more = [
        f"/sign-in?next={payload}",
        f"/{payload}",
        f"/p/{payload}/traces",
        f"/audit?who={payload}&what={payload}",
        f"/confirm?next={payload}",
    ]
    return [path for path in [*plain, *traces, *asked, *more] if not NOT_PAGES.match(path)]


@pytest.mark.timeout(600)
def test_126_hostile_text_is_inert_on_every_page(chromium: Any, world: World) -> None:
    shapes: dict[str, int] = {}
    with tab(chromium, world) as watched:
        queue = start_pages(world)
        wanted, visited = set(queue), 0
        while queue and visited < MAX_PAGES:
            status = watched.visit(queue.pop(0))
            visited += 1
            assert status < 500, (watched.here, status)
            for path in watched.links():
                shape = re.sub(r"[0-9a-f]{16,}|%[0-9A-F]{2}|\d+|hostile-\d+", "#", path)[:80]
                if path not in wanted and shapes.get(shape, 0) < 3 and not NOT_PAGES.match(path):
                    shapes[shape] = shapes.get(shape, 0) + 1
                    wanted.add(path)
                    queue.append(path)
        assert watched.trouble == []
    assert visited > 80
    assert watched.hostile > 60  # measured: 210 of 220 pages show one


@pytest.mark.timeout(120)
def test_pages_before_signing_in_are_inert_too(chromium: Any, world: World) -> None:
    with tab(chromium, None) as watched:
        for path in (
            "/sign-in",
            f"/sign-in?next={quote(PAYLOADS[0])}",
            "/password/reset",
            f"/invitation/{world.ours.token}",
            "/nothing",
        ):
            watched.visit(path)
        assert watched.trouble == []


@pytest.mark.timeout(120)
def test_the_watch_notices_script_and_requests_that_leave(chromium: Any, database: object) -> None:
    with tab(chromium, None) as watched:
        watched.visit("/sign-in")
        watched.page.evaluate(
            "() => { const i = new Image(); i.src = 'https://evil.example/x.png'; window.__pwned = 1; }"
        )
        watched.page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = '1'; document.body.append(s); }"
        )
        watched.page.wait_for_timeout(200)
        seen = watched.page.evaluate(INSPECT)
    assert seen["pwned"] == 1
    assert any("Content Security Policy" in trouble for trouble in watched.trouble)
