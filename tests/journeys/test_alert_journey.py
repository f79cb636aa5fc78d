"""A bad release of the demo: one mail that names it and says to roll it back, in time; after the rollback one that it is over."""

import base64
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from dashboard import environment
from dashboard.demo import mailbox
from dashboard.demo.promises import PROMISES, promise
from dashboard.listeners import listen
from tests.journeys.alert_pictures import take
from tests.journeys.alert_story import MINUTE, begin, live, send_afterwards, send_until_rollback
from tests.rows import insert
from tests.slo_world import count
from tests.world import World, make_world, without_promises
from tracestore.analysis.slo.burn import Count, detection_s
from tracestore.analysis.slo.due import INGEST_DELAY_S
from tracestore.analysis.slo.rules import holds, own_rules
from tracestore.jobs import slo_counts, slo_history
from tracestore.models import Alert, Objective
from tracestore.queries.slo import count_windows

PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
# By fault of the airline: the objective that it breaks. ALERT_STORIES=all tells all of them, half a minute each.
STORIES = {
    "broken_tools": "tool-success",
    "far_region": "answer-time",
    "cache_broken": "request-cost",
    "no_approval": "approvals",
}
TOLD = list(STORIES) if os.environ.get("ALERT_STORIES") == "all" else ["broken_tools"]
FORMER = "f" * 32  # the version set of those weeks
EVALUATION_AND_GROUPING = timedelta(seconds=60 + 30)


@pytest.fixture
def mails(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A real mail server, the demo's."""
    listening, folder = listen("127.0.0.1", 0, "none"), tmp_path / "mails"
    settings.EMAIL_URL = mailbox.address_of(listening)
    for name, value in environment.email(settings.EMAIL_URL).items():
        setattr(settings, name, value)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    threading.Thread(target=mailbox.serve, args=(listening, folder), daemon=True).start()
    yield folder


@pytest.fixture
def world(site: str) -> World:
    world = without_promises(make_world())
    world.ours.project.name = "Meridian Air"
    world.ours.project.save()
    return world


def read(mails: Path) -> list[EmailMessage]:
    kept = sorted(mails.glob("*.eml")) if mails.exists() else []
    return [message_from_bytes(one.read_bytes(), policy=policy.default) for one in kept]  # type: ignore[misc]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return body.get_content()


@pytest.mark.parametrize("fault", TOLD)
def test_a_bad_release_leads_to_one_mail_in_time_and_its_rollback_to_a_second_one(
    fault: str, site: str, world: World, mails: Path, chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slo_history, "rest_s", lambda *_: 0.0)  # nobody else needs the machine
    story = begin(site, world.ours, fault)
    send_until_rollback(story)
    before = story.went_out - 2 * MINUTE
    assert promise(world.ours.project.pk, before) == len(PROMISES)
    remember_weeks(STORIES[fault], before)

    told_at = live(before, story.rolled_back, lambda now: len(read(mails)) > 0)
    alert = Alert.objects.select_related("objective").get()
    assert told_at is not None and alert.objective.name == STORIES[fault]
    found = detection(alert.objective, story.went_out, alert.fired_at)
    in_time = story.went_out + found + timedelta(seconds=INGEST_DELAY_S) + EVALUATION_AND_GROUPING
    assert told_at <= in_time + MINUTE, "the traffic of a minute is no constant"

    (mail,) = read(mails)
    told = text_of(mail)
    assert mail["To"] == world.alice.email and world.charlie.email not in mail.as_string()
    assert story.bad.release.version in told and f"Roll back to {story.good}" in told
    assert alert.action == "rollback" and alert.blame["verdict"] == "version"
    if os.environ.get("SCREENSHOTS") and fault == TOLD[0]:
        take(chromium, site, world, alert, PICTURES, monkeypatch)

    send_afterwards(story)
    quiet = live(told_at + MINUTE / 2, datetime.now(UTC), lambda now: len(read(mails)) > 1)
    assert quiet is not None and quiet > story.rolled_back
    first, second = read(mails)
    assert second["Subject"].removeprefix("Re: ") == first["Subject"]
    assert second["In-Reply-To"] == first["Message-ID"] and "resolved" in text_of(second).lower()
    assert Alert.objects.get().state == "resolved" and len(read(mails)) == 2
    picture(chromium, first, PICTURES if os.environ.get("SCREENSHOTS") and fault == TOLD[0] else tmp_path)


def remember_weeks(name: str, now: datetime) -> None:
    """What was counted before its rows went: four weeks that were kept well but for two incidents."""
    while slo_counts.run(now).left:
        pass
    objective = Objective.objects.get(name=name)
    first_s = int(now.timestamp()) // 86_400 * 86_400 - 26 * 86_400
    burns = [0.3 + 2.8 * (40 <= n < 44 or 113 <= n < 116) for n in range(25 * 8)]  # every three hours
    shares = [burn * (1 - float(objective.target)) for burn in burns]
    count(objective, [(first_s + n * 10_800, FORMER, round(share * 3_000), 3_000) for n, share in enumerate(shares)])
    former = {
        "project": objective.project_id,
        "id": FORMER,
        "service": objective.service,
        "service_version": "4.323.18",
    }
    seen = {"first_seen_ns": first_s * 10**9, "last_seen_ns": (first_s + 25 * 86_400) * 10**9}
    insert("version_set", [former | seen | {"parts": {"service.version": ["4.323.18"]}}])


def detection(objective: Objective, since: datetime, fired_at: datetime) -> timedelta:
    """With the share of bad events and the traffic that there were: by the formula, or when the gate has seen enough of them."""
    window = (int(since.timestamp()), int(fired_at.timestamp()))
    counts = count_windows([objective.pk], [window])[objective.pk, 0].values()
    bad, total = sum(one.bad for one in counts), sum(one.total for one in counts)
    (rule,) = own_rules(objective.rules, 28 * 86_400)
    target, a_minute = float(objective.target), total / (window[1] - window[0]) * 60
    formula = detection_s(rule.long_s, rule.factor, target, bad / total)
    assert formula is not None and formula < 10 * 60
    minutes = rule.long_s // 60
    steps = (Count(round(bad / total * a_minute * n), round(a_minute * minutes)) for n in range(minutes + 1))
    gate = next(n for n, one in enumerate(steps) if holds(rule, target, one, Count(1, 1)))
    return max(timedelta(seconds=formula), gate * MINUTE)


def picture(chromium: Any, mail: EmailMessage, folder: Path) -> None:
    """The mail as a program shows it, without asking anything of the network."""
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    for part in mail.walk():
        if part.get_content_maintype() == "image":
            data = base64.b64encode(part.get_content()).decode()
            html = html.replace(f"cid:{part['Content-ID'].strip('<>')}", f"data:image/png;base64,{data}")
    assert "cid:" not in html
    asked: list[str] = []
    page = chromium.new_page(viewport={"width": 720, "height": 900}, java_script_enabled=False)
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(html)
    page.screenshot(path=folder / "alert-mail.png", full_page=True)
    page.close()
    assert not [url for url in asked if not url.startswith("data:")], "a mail loads nothing"
    assert (folder / "alert-mail.png").stat().st_size > 10_000
