"""Alerts as people see and handle them: the list, the page of one, silences; nothing to others, nothing changes by reading."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import msgspec
import pytest
from django.test import Client

from tests import slo_world as slo
from tests.world import World, audit_count, make_world
from tracestore.analysis.slo.notice import AlertNotice, Notice
from tracestore.channels.rendering import in_words
from tracestore.models.alerts import Alert, Channel, Delivery, Silence
from tracestore.models.slo import Objective

MAIL = {"kind": "firing", "project": "ours", "project_name": "Ours", "decided_at": 0}


@pytest.fixture
def world(database: object) -> World:
    return make_world()


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.content[:300])
    return answer.content.decode()


def plain(page: str) -> str:
    """Its text, a space behind each cell and paragraph."""
    spaced = re.sub(r"</(?:td|th|p|li|h\d|dt|dd)>", " ", page)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", spaced)))


def a_story(world: World, now: datetime) -> tuple[Alert, Alert]:
    """A page that fires, told to one who could not be reached; a ticket of three days ago."""
    one = slo.promise(world.ours.project)
    firing = slo.an_alert(one, now)
    past = now - timedelta(days=3)
    over = slo.an_alert(
        one, now, rule="ticket-slow", severity="ticket", state="resolved", fired_at=past, title="Slowly over",
        resolved_at=past + timedelta(minutes=47), blame={"verdict": "cannot_tell", "reason": "Only one version ran."},
    )  # fmt: skip
    channel = Channel.objects.create(project=world.ours.project, name="on-call", kind="email", target="a@example.org")
    Delivery.objects.create(
        project=world.ours.project, channel=channel, alert=firing, recipient="a@example.org", kind="firing",
        state="failed", attempts=9, last_error="550 no such mailbox", due_at=now,
    )  # fmt: skip
    return firing, over


def test_the_list_has_open_ones_first_and_narrows(world):
    now = datetime.now(UTC)
    firing, over = a_story(world, now)
    client, path = world.client(world.bob), f"/p/{world.ours.slug}/alerts"
    page = text(client, path)
    assert page.index(str(firing.pk)) < page.index(str(over.pk))
    assert "cannot tell" in page and "Only one version ran." in page and "47 min" in page
    for query, shown, hidden in (
        ("state=firing", firing, over), ("state=resolved", over, firing), ("severity=page", firing, over),
        ("severity=ticket", over, firing),
    ):  # fmt: skip
        narrowed = text(client, f"{path}?{query}")
        assert str(shown.pk) in narrowed and str(hidden.pk) not in narrowed, query
    assert str(firing.pk) not in text(client, f"{path}?service=other")
    Alert.objects.filter(pk=firing.pk).update(
        blame=firing.blame | {"verdict": "external", "reason": "v11 got worse as well."}
    )
    outside = text(client, f"{path}?state=firing")
    assert "v11 got worse as well." in outside, "no version is named that is not to blame"
    assert text(client, f"{path}?severity=<b>&state=nonsense&cursor=")
    assert world.client(world.charlie).get(path).status_code == 404


def test_links_of_a_mail_find_their_place_and_a_young_budget_is_explained(world):
    firing, _ = a_story(world, datetime.now(UTC))
    links = in_words(Notice(**MAIL, alerts=(unpacked(firing),)), "UTC").lead
    page = text(world.client(world.erin), f"/p/{world.ours.slug}/alerts/{firing.pk}")
    for link in (links.acknowledge, links.silence, links.outcome):
        assert f'id="{link.partition("#")[2]}"' in page, link
    assert "11.0 % of the period's budget" in plain(page)
    Alert.objects.filter(pk=firing.pk).update(evidence=firing.evidence | {"elapsed": 0.05, "remaining": -2.0})
    young = plain(text(world.client(world.erin), f"/p/{world.ours.slug}/alerts/{firing.pk}"))
    assert (
        "−200.0 % of what its events so far allow: at this traffic 15.0 % of a whole period's budget is spent" in young
    )
    assert "0.6 % of a whole period's budget, at this traffic" in young


def unpacked(one: Alert) -> AlertNotice:
    return msgspec.convert(one.evidence, AlertNotice)


def test_where_nothing_is_promised_the_list_says_what_to_do(world):
    Objective.objects.all().delete()
    page = text(world.client(world.erin), f"/p/{world.ours.slug}/alerts")
    assert "Nothing is promised yet" in page
    assert f"/p/{world.ours.slug}/objectives/new" in page
    slo.promise(world.ours.project)
    assert "no rule of 1 objective fires" in plain(text(world.client(world.erin), f"/p/{world.ours.slug}/alerts"))


def test_an_alert_says_version_action_evidence_and_who_was_told(world):
    now = datetime.now(UTC)
    firing, over = a_story(world, now)
    base = f"/p/{world.ours.slug}/alerts"
    page = text(world.client(world.bob), f"{base}/{firing.pk}")
    said = plain(page)
    assert "Roll back: v12 spends the budget of Requests succeed" in said
    assert "276 of 1,380 bad: 20.0 % (18.0 % to 22.2 %)" in said, "with its interval"
    assert f"/versions/diff?a={slo.OLD}&amp;b={slo.NEW}" in page
    assert "last 1 h 144 720 20.0 × 13.4 × above" in said
    assert "given up 9" in said and "550 no such mailbox" in said
    assert f'href="/p/{world.ours.slug}/traces/{"1" * 32}"' in page
    assert 'rel="noopener noreferrer">Runbook' in page
    assert "<form" not in page, "a viewer reads"
    old = plain(text(world.client(world.bob), f"{base}/{over.pk}"))
    assert "Resolved after 47 min." in old and "Cannot tell which version. Only one version ran." in old
    for nobody, path in (
        (world.charlie, f"{base}/{firing.pk}"),
        (world.charlie, f"/p/{world.theirs.slug}/alerts/{firing.pk}"),
    ):
        assert world.client(nobody).get(path).status_code == 404
    assert Alert.objects.get(pk=firing.pk).acknowledged_at is None, "reading changes nothing"


def test_editors_acknowledge_record_and_silence_and_viewers_do_not(world):
    now = datetime.now(UTC)
    firing, _ = a_story(world, now)
    base, erin, before = f"/p/{world.ours.slug}/alerts/{firing.pk}", world.client(world.erin), audit_count()
    steps = {
        "acknowledge": {},
        "outcome": {"outcome": "worked", "text": "rolled back"},
        "silence": {"length": "4h", "scope": "service", "comment": "known"},
    }
    for step, body in steps.items():
        assert world.client(world.bob).post(f"{base}/{step}", body).status_code == 403
        assert world.client(world.charlie).post(f"{base}/{step}", body).status_code == 404
        theirs = f"/p/{world.theirs.slug}/alerts/{firing.pk}/{step}"
        assert world.client(world.charlie).post(theirs, body).status_code == 404
        assert erin.get(f"{base}/{step}").status_code == 405
    assert audit_count() == before
    for step, body in steps.items():
        assert erin.post(f"{base}/{step}", body)["Location"] == base
    assert audit_count() == before + 3
    alert, silence = Alert.objects.get(pk=firing.pk), Silence.objects.latest("id")
    assert (alert.acknowledged_by, alert.outcome) == ("erin@example.org", "worked")
    assert (silence.objective_id, silence.service, silence.severity) == (None, "shop", "")
    assert timedelta(hours=3, minutes=59) < silence.ends_at - now < timedelta(hours=4, minutes=1)
    page = text(erin, base)
    assert "Acknowledge</button>" not in page and "rolled back" in page and "Silenced until" in page
    for step, body in {"outcome": {"outcome": "proposed"}, "silence": {"length": "99y", "comment": ""}}.items():
        erin.post(f"{base}/{step}", body)
        assert "Nothing was changed." in text(erin, base)
    assert audit_count() == before + 3


def test_silences_are_made_and_ended_early_by_editors_of_the_project(world):
    now = datetime.now(UTC)
    one, theirs = slo.promise(world.ours.project), slo.promise(world.theirs.project)
    path, erin = f"/p/{world.ours.slug}/alerts/silences", world.client(world.erin)
    body = {"objective": str(one.pk), "severity": "ticket", "length": "1d", "comment": "index rebuild"}
    assert world.client(world.bob).post(f"{path}/create", body).status_code == 403
    assert erin.post(f"{path}/create", body | {"objective": str(theirs.pk)}).status_code == 400, "not theirs to silence"
    assert erin.post(f"{path}/create", body | {"comment": " "}).status_code == 400
    assert erin.post(f"{path}/create", body).status_code == 302
    silence = Silence.objects.latest("id")
    page = text(world.client(world.bob), path)
    assert "index rebuild" in page and "End now" not in page
    assert "tickets of this objective" in plain(text(erin, path))
    assert world.client(world.bob).post(f"{path}/{silence.pk}/end").status_code == 403
    assert (
        world.client(world.charlie).post(f"/p/{world.theirs.slug}/alerts/silences/{silence.pk}/end").status_code == 404
    )
    assert erin.post(f"{path}/{silence.pk}/end").status_code == 302
    silence.refresh_from_db()
    assert silence.ends_at <= datetime.now(UTC) < now + timedelta(days=1)
