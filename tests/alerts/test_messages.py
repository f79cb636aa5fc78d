"""What a notification says and looks like: complete as text alone, threaded, harmless whatever names it carries."""

import base64
import hmac
import json
import uuid
from datetime import UTC, datetime, time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from io import BytesIO
from zoneinfo import ZoneInfo

import msgspec
import pytest
from PIL import Image, ImageColor

from tests.alerts.notices import ALERT_ID, alert, burn_down, notice, resolved
from tracestore.analysis.slo.attempts import MOST_ATTEMPTS, TRIPS_AT, quiet_until, rest_s, wait_s
from tracestore.analysis.slo.notice import AlertNotice, Notice, VersionBlame
from tracestore.channels import alert_mail, slack, webhook
from tracestore.channels.burn_picture import DARK, LIGHT, draw
from tracestore.channels.envelope import Envelope, Thread
from tracestore.channels.rendering import in_words
from tracestore.channels.signing import new_secret, signed_headers
from tracestore.channels.unsubscribing import Claim, read_token, unsubscribe_link
from tracestore.channels.words import clock, lasting, one_line, percent

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
HOSTILE = (
    "x\r\nBcc: a@b <script>alert(1)</script>\u202e {{ settings.SECRET_KEY }} %(x)s <!channel> https://evil.example"
)


@pytest.fixture(autouse=True)
def _site(settings) -> None:  # type: ignore[no-untyped-def]
    settings.SITE_URL = "https://watch.example"


def envelope(told: Notice, **fields: object) -> Envelope:
    lead = told.alerts[0] if told.alerts else None
    given = {
        "id": uuid.UUID(int=7),
        "project_id": 1,
        "objective_id": 5,
        "thread": Thread(lead.id, lead.severity, lead.title) if lead else None,
        "recipient": "oncall@example.org",
        "zone": "UTC",
    }
    return Envelope(**(given | {"notice": told, "attempted_at": NOW} | fields))


def mail(told: Notice) -> EmailMessage:
    """As the other side reads it."""
    return message_from_bytes(alert_mail.compose(envelope(told)).message().as_bytes(), policy=default)


def text_of(told: Notice) -> str:
    return mail(told).get_body(("plain",)).get_content()


class Seen(HTMLParser):
    """tags, and the addresses that they load or lead to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.sources += [given["src"]] if given.get("src") else []
        self.links += [given["href"]] if given.get("href") else []


# ---- mail


def test_the_text_alone_tells_everything() -> None:
    said = text_of(notice())
    for words in (
        "Roll back airline-agent from v12 to v11.",
        "Firing since Thu 26 Nov, 02:12 UTC",
        "Bad since v12: 0.4 % → 22 % bad",
        "Before (v11): 4 of 1,024 (0.4 %) bad",
        "Since (v12): 231 of 1,043 (22 %) bad",
        "Burn over 1 h: 22.1 × (fires above 13.4 ×)",
        "62 % of the budget left, gone in 18 h 45 min at this pace",
        f"https://watch.example/p/ours/traces/{'3' * 32}",
        f"Acknowledge: https://watch.example/p/ours/alerts/{ALERT_ID}#acknowledge",
        "https://wiki.example/runbooks/latency",
        "You get this because the channel ops of the project Airline takes its pages and tickets.",
        "https://watch.example/unsubscribe/",
    ):
        assert words in said, said
    assert said.index("Roll back") < said.index("FIRST BAD VERSION") < said.index("NUMBERS") < said.index("EXAMPLES")


def test_a_resolved_notice_tells_how_long_what_it_cost_and_the_peak() -> None:
    said = text_of(notice("resolved", resolved(), seq=3))
    for words in ("Resolved: Airline agent", "after 42 min", "Spent: 12 % of the period's budget", "Peak burn: 31.2 ×"):
        assert words in said
    assert "WHAT TO DO" not in said


def test_a_young_objective_tells_what_is_spent_of_a_whole_period() -> None:
    """Two days of 28: they allow so little that an hour of trouble is many times it, and yet nearly nothing is gone."""
    young = msgspec.structs.replace(alert(), remaining=-3.2, elapsed=0.07, exhaustion_s=86_400.0)
    said = " ".join(text_of(notice("firing", young)).split())
    assert "Budget overspent by 320 % of what its events so far allow: at this traffic 29 % of a whole period's" in said
    assert "is spent, gone in 24 h at this pace" in said and "nothing left to spend" not in said
    over = text_of(notice("resolved", resolved(elapsed=0.07, budget_spent=3.0)))
    assert "Spent: 21 % of a whole period's budget, at this traffic" in over


def test_mails_of_an_alert_hang_on_its_first_and_keep_their_subject() -> None:
    first, last = mail(notice()), mail(notice("resolved", resolved(), seq=3))
    root = f"<alert-{ALERT_ID}.0@watch.example>"
    assert (first["Message-ID"], first["References"], first["In-Reply-To"]) == (root, None, None)
    assert last["Message-ID"] == f"<alert-{ALERT_ID}.3@watch.example>"
    assert last["References"] == last["In-Reply-To"] == root
    assert first["Subject"] == last["Subject"] == "[Airline] Page: Airline agent answers within 2 s: budget burns fast"
    assert (first["X-Fourline-State"], last["X-Fourline-State"]) == ("firing", "resolved")


def test_a_recipient_who_is_not_told_of_the_leading_alert_stays_in_its_thread() -> None:
    lead = Thread(ALERT_ID, "page", "The first of the group")
    other = notice("firing", alert(id=str(uuid.UUID(int=1)), title="Another"), seq=2)
    sent = message_from_bytes(alert_mail.compose(envelope(other, thread=lead)).message().as_bytes(), policy=default)
    assert sent["Message-ID"] == f"<alert-{ALERT_ID}.2@watch.example>"
    assert sent["References"] == f"<alert-{ALERT_ID}.0@watch.example>"
    assert sent["Subject"] == "[Airline] Page: The first of the group"
    assert sent["X-Fourline-Alert"] == str(uuid.UUID(int=1))


def test_programs_can_tell_that_a_machine_wrote_it_and_how_to_end_it(settings) -> None:
    settings.CHOSEN_SENDER = "Fourline <alerts@example.org>"
    sent = mail(notice())
    assert (sent["Auto-Submitted"], sent["Importance"]) == ("auto-generated", "high")
    assert sent["List-Id"] == "<ours.alerts.watch.example>"
    link, mailbox = sent["List-Unsubscribe"].split(", ")
    assert mailbox == "<mailto:alerts@example.org?subject=unsubscribe>"
    assert read_token(link.strip("<>").rpartition("/")[2]) == Claim(1, 5, "oncall@example.org")
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    settings.SITE_URL, settings.CHOSEN_SENDER = "http://localhost:8000", ""
    plain = mail(notice())
    assert plain["List-Unsubscribe-Post"] is None, "one click works over https only"
    assert "mailto" not in plain["List-Unsubscribe"]


def test_the_html_loads_nothing_from_afar_and_shows_the_burn_down_in_words_too() -> None:
    sent = mail(notice())
    html = sent.get_body(("html",)).get_content()
    seen = Seen(html)
    assert seen.sources == ["cid:burn-down-light@fourline", "cid:burn-down-dark@fourline"]
    inside = {part["Content-ID"] for part in sent.walk() if part.get_content_type() == "image/png"}
    assert inside == {"<burn-down-light@fourline>", "<burn-down-dark@fourline>"}
    assert "Error budget left: 99.98 % on Thu 29 Oct" in html
    assert "prefers-color-scheme: dark" in html
    assert not seen.tags & {"script", "form", "iframe", "link", "object"}
    assert len(html) < 100_000, "longer ones are cut"
    assert all(link.startswith(("https://watch.example/", "https://wiki.example/")) for link in seen.links)
    assert "@import" not in html
    assert "url(" not in html


def test_a_hostile_name_is_told_and_does_nothing() -> None:
    blame = VersionBlame(
        verdict="version", reason=HOSTILE, first_bad=HOSTILE, last_good=HOSTILE, plausible=(HOSTILE, "a")
    )
    bad = alert(
        title=HOSTILE, service=HOSTILE, objective_title=HOSTILE, promise=HOSTILE, action_text=HOSTILE, blame=blame
    )
    told = notice(
        "firing", bad, msgspec.structs.replace(bad, id=str(uuid.UUID(int=1))), project_name=HOSTILE, why=HOSTILE
    )
    sent = mail(told)
    assert (sent["Bcc"], sent["To"]) == (None, "oncall@example.org")
    assert sent["Subject"].startswith("[x Bcc: a@b")
    assert len(sent["Subject"]) <= alert_mail.MAX_SUBJECT_CHARS
    html, text = sent.get_body(("html",)).get_content(), sent.get_body(("plain",)).get_content()
    assert not Seen(html).tags & {"script"}
    for body in (html, text):
        assert "\u202e" not in body
        assert "https://evil" not in body, "mail programs make it a link"
        assert "{{ settings.SECRET_KEY }}" in body, "it is text, never a template"
    assert alert_mail.compose(envelope(told)).message().as_bytes()


def test_a_runbook_that_is_no_web_address_is_left_out() -> None:
    said = mail(notice("firing", alert(runbook_url="javascript:alert(1)"))).as_string()
    assert "javascript:" not in said


def test_what_is_unknown_is_said_so() -> None:
    nothing = VersionBlame(verdict="cannot_tell", reason="Two versions went bad at once.")
    long = msgspec.structs.replace(alert().long, bad=0, total=0, burn=None)
    said = text_of(
        notice("firing", alert(remaining=None, exhaustion_s=None, blame=nothing, long=long, burn_down=(), traces=()))
    )
    for words in ("Budget left unknown", "Cannot tell which version", "Two versions went bad", "none measured"):
        assert words in said
    assert "EXAMPLES" not in said


def test_an_alert_that_is_not_about_a_burn_rate_names_no_version_and_no_windows() -> None:
    spent = alert(
        rule="budget-75", severity="ticket", action="look", action_text="Look at what spent it.", exhaustion_s=None
    )
    over = resolved(rule="budget-75")
    for told in (notice("firing", spent, spent), notice("resolved", over)):
        sent = mail(told)
        for body in (sent.get_body(("plain",)).get_content(), sent.get_body(("html",)).get_content()):
            assert not [
                word
                for word in ("v12", "urn over", "Burn,", "Peak", "at this pace")
                if word in body.replace("from v12", "")
            ]
            assert "of the budget left" in body
        assert "Burn," not in slack.body_of(in_words(told, "UTC")).decode()


def test_a_reminder_names_what_is_down_first_and_who_is_on_it() -> None:
    other = alert(id=str(uuid.UUID(int=1)), title="Other one")
    over = resolved(id=str(uuid.UUID(int=2)), title="Over already")
    told = notice("reminder", alert(), over, other, seq=1, decided_at=alert().fired_at + 4 * 3600)
    said = text_of(told)
    assert "for 4 h, and nobody has acknowledged it" in said
    assert said.index("Other one") < said.index("Over already")
    busy = text_of(notice("reminder", alert(acknowledged_by="erin@example.org")))
    assert "erin@example.org is on it" in busy


def test_a_storm_is_one_message_and_a_test_says_that_it_is_one() -> None:
    storm = text_of(notice("summary", alerts=(), summary=tuple(f"Page · objective {n}" for n in range(60))))
    assert "60 alerts fired within ten minutes" in storm
    assert ("objective 49" in storm, "objective 50" in storm, "and 10 more" in storm) == (True, False, True)
    assert "This is a test" in text_of(notice("test", alerts=()))


# ---- the picture


@pytest.mark.parametrize("points", [burn_down(), ((0, 1.0), (60, -0.4)), ((0, 0.5), (0, 0.5))])
def test_the_picture_is_drawn_for_both_themes(points: tuple[tuple[int, float], ...]) -> None:
    for palette in (LIGHT, DARK):
        png = draw(points, points[-1][0], "UTC", palette)
        picture = Image.open(BytesIO(png)).convert("RGB")
        assert picture.size == (1120, 340)
        assert (
            max(abs(a - b) for a, b in zip(picture.getpixel((2, 2)), ImageColor.getrgb(palette.surface), strict=True))
            <= 2
        )
        assert len(png) < 20_000


# ---- webhook


def test_signatures_are_those_of_standard_webhooks() -> None:
    signed = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_secrets_are_rotated_both_sign() -> None:
    old, new = new_secret(), new_secret()
    signed = signed_headers("msg_1", 5, b"{}", [new, old])
    for key, signature in zip((new, old), signed["webhook-signature"].split(" "), strict=True):
        raw = base64.b64decode(key.removeprefix("whsec_"))
        assert len(raw) >= 24
        expected = base64.b64encode(hmac.digest(raw, b"msg_1.5.{}", "sha256")).decode()
        assert signature == f"v1,{expected}"


def test_a_machine_gets_the_version_and_exactly_one_action() -> None:
    body = json.loads(webhook.body_of(notice()))
    assert (body["type"], body["timestamp"]) == ("alert.firing", "2026-11-26T02:12:30Z")
    (told,) = body["data"]["alerts"]
    assert (told["action"], told["blame"]["first_bad"], told["blame"]["first_bad_set"]) == ("rollback", "v12", "b" * 32)
    assert (told["fired_at"], told["resolved_at"]) == ("2026-11-26T02:12:00Z", None)
    assert told["url"] == f"https://watch.example/p/ours/alerts/{ALERT_ID}"
    assert json.loads(webhook.body_of(notice("test", alerts=())))["type"] == "test"


# ---- Slack


def test_slack_wakes_nobody_by_a_name_and_stays_within_its_limits() -> None:
    bad = alert(title=HOSTILE * 5, action_text=HOSTILE, service=HOSTILE)
    body = json.loads(slack.body_of(in_words(notice("firing", bad, *[bad] * 20), "UTC")))
    said = json.dumps(body)
    assert "<!channel>" not in said
    assert "&lt;!channel&gt;" in said
    assert len(body["blocks"]) <= 50
    header = body["blocks"][0]
    assert (header["type"], len(header["text"]["text"]) <= 150) == ("header", True)
    sections = [block for block in body["blocks"] if block["type"] == "section"]
    assert all(len(block["text"]["text"]) <= 3000 for block in sections if "text" in block)
    storm = notice("summary", alerts=(), summary=("x" * 300,) * 60)
    assert json.loads(slack.body_of(in_words(storm, "UTC")))["blocks"]


# ---- attempts, rests, quiet hours, words


def test_attempts_end_within_a_day_and_ask_no_sooner_than_told() -> None:
    waits = [wait_s(attempts, lot=0) for attempts in range(1, MOST_ATTEMPTS + 1)]
    assert waits[:6] == [5, 30, 120, 600, 1_800, 7_200]
    assert waits[-1] is None
    assert 0.9 * 86_400 < sum(wait for wait in waits if wait) <= 86_400
    assert wait_s(1, lot=999, asked_s=None) == pytest.approx(6, abs=0.01)
    assert wait_s(1, lot=0, asked_s=90) == 90
    assert [rest_s(failures) for failures in (0, TRIPS_AT - 1, TRIPS_AT, TRIPS_AT + 1, 99)] == [None, None, 30, 60, 600]


@pytest.mark.parametrize(
    ("start", "end", "at", "until"),
    [
        ("22:00", "07:00", "2026-11-26 03:00", "2026-11-26 06:00"),  # Berlin is an hour ahead
        ("22:00", "07:00", "2026-11-26 21:30", "2026-11-27 06:00"),
        ("22:00", "07:00", "2026-11-26 06:00", None),
        ("12:00", "13:00", "2026-11-26 11:30", "2026-11-26 12:00"),
        ("12:00", "13:00", "2026-11-26 12:00", None),
        ("22:00", "07:00", "2026-03-28 23:30", "2026-03-29 05:00"),  # the clock goes forward in this night
        ("07:00", "07:00", "2026-11-26 07:00", None),
    ],
)
def test_quiet_hours_are_local_and_may_reach_over_midnight(start: str, end: str, at: str, until: str | None) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    found = quiet_until(time.fromisoformat(start), time.fromisoformat(end), ZoneInfo("Europe/Berlin"), now)
    assert found == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)


def test_numbers_read_as_people_read_them() -> None:
    assert [percent(share) for share in (0, 0.00004, 0.0004, 0.0982, 0.22, 0.9996, 1)] == [
        "0 %", "< 0.01 %", "0.04 %", "9.8 %", "22 %", "99.96 %", "100 %",
    ]  # fmt: skip
    assert [lasting(s) for s in (5, 89, 2520, 3600, 11_400, 2 * 86_400 + 3_600)] == [
        "5 s", "89 s", "42 min", "1 h", "3 h 10 min", "2 d 1 h",
    ]  # fmt: skip
    assert clock(0, "no/such zone") == "Thu 1 Jan, 00:00 UTC"
    assert one_line(" a\r\nb\x00c\u2028d ", 5) == "a b c"


def test_a_link_out_is_only_read_when_we_signed_it() -> None:
    token = unsubscribe_link(Claim(1, None, "a@example.org")).rpartition("/")[2]
    assert read_token(token) == Claim(1, None, "a@example.org")
    for bad in (token[:-1], "x" + token, "", "WzEsMl0:x", "a:b:c"):
        assert read_token(bad) is None


def test_a_notice_survives_the_outbox() -> None:
    assert isinstance(alert(), AlertNotice)
    assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(notice()))), Notice) == notice()
