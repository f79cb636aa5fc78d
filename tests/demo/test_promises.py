"""The demo promises what its bad releases break, and its mails can be read."""

import os
import smtplib
import threading
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dashboard import environment, stack
from dashboard.demo import mailbox
from dashboard.demo.airline import PRODUCT
from dashboard.demo.plan import ERROR, SECOND, TracePlan
from dashboard.demo.promises import PROMISES, promise
from dashboard.demo.releases import deployments
from dashboard.listeners import listen
from tests.demo.test_demo import told_by_airline
from tests.world import make_world, without_promises
from tracestore.actions.objectives import check
from tracestore.analysis.slo.burn import detection_s
from tracestore.models import Objective

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LONGEST_LIFE_MINUTES = 75
# By objective: the share of bad events while all is well, and under its fault; and how often that comes.
HURT = {
    "tool-success": (0.03, 0.25, 16),
    "answer-time": (0.04, 0.42, 16),
    "approvals": (0.0, 0.146, 16),
    "request-cost": (0.01, 0.75, 16),
    "grounded-answers": (0.05, 0.43, 24),
}
TOLD_BY = {"tool-success": "broken_tools", "answer-time": "far_region", "approvals": "no_approval"}


def test_no_promise_of_the_demo_has_a_problem() -> None:
    assert {one.name: check(one) for one in PROMISES} == {one.name: [] for one in PROMISES}
    assert {one.name for one in PROMISES} == {"availability", *HURT}


@pytest.mark.parametrize("draft", [one for one in PROMISES if one.rules], ids=lambda one: one.name)
def test_a_fault_is_found_within_seven_minutes_and_leaves_some_of_the_budget(draft) -> None:
    (rule,) = draft.rules
    healthy, hurt, every_hours = HURT[draft.name]
    allowed = 1 - float(draft.target)
    found = detection_s(rule["long_s"], rule["factor"], float(draft.target), hurt)
    assert found is not None and found <= 7 * 60
    assert healthy < rule["factor"] * allowed / 2, "health lies far below"
    life = LONGEST_LIFE_MINUTES / 60 / every_hours
    assert (healthy + life * (hurt - healthy)) / allowed < 0.75


def bad_share(name: str, plans: list[TracePlan]) -> float:
    """Told from the plans alone."""
    tools = [one for plan in plans for one in plan.spans if "fourline.tool.effect" in one.attributes]
    bad = {
        "tool-success": [one.status == ERROR for one in tools],
        "answer-time": [plan.end_ns - plan.start_ns > 10 * SECOND for plan in plans],
        "approvals": [one.attributes.get("fourline.tool.approval") == "missing" for one in tools],
    }[name]
    return sum(bad) / len(bad)


@pytest.mark.parametrize("name", TOLD_BY)
def test_the_faults_hurt_as_much_as_the_targets_were_chosen_for(name: str) -> None:
    since_ns = 1_795_262_400 * SECOND
    out = deployments(PRODUCT, since_ns, since_ns + 24 * 3600 * SECOND, 1)
    bad = next(one for one in out if one.release.fault == TOLD_BY[name])
    minute = bad.time_ns // (60 * SECOND)
    told = [plan for one in range(minute - 50, minute + 50) for plan in told_by_airline(one)]
    hurt = [plan for plan in told if plan.source.version == bad.release.version]
    healthy = [plan for plan in told if plan.start_ns < bad.time_ns]
    assert bad_share(name, healthy) == pytest.approx(HURT[name][0], abs=0.02)
    assert bad_share(name, hurt) == pytest.approx(HURT[name][1], abs=0.05)


def test_promises_are_made_once(db) -> None:
    project = without_promises(make_world(NOW)).ours.project
    assert promise(project.pk, NOW) == len(PROMISES) == Objective.objects.filter(project=project).count()
    Objective.objects.filter(project=project).update(deleted_at=NOW)
    assert promise(project.pk, NOW) == 0, "who deleted them does not want them"


def test_mails_of_the_demo_stay_here_unless_a_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOURLINE_EMAIL_URL", "smtp://mail.example.org")
    assert stack._mailbox() is None
    monkeypatch.setenv("FOURLINE_EMAIL_URL", "")
    listening = stack._mailbox()
    assert listening is not None and os.environ["FOURLINE_EMAIL_URL"] == mailbox.address_of(listening)
    listening.close()


def test_a_mail_to_the_demo_is_a_file_of_its_own(tmp_path: Path) -> None:
    listening = listen("127.0.0.1", 0, "none")
    threading.Thread(target=mailbox.serve, args=(listening, tmp_path / "mails"), daemon=True).start()
    address = mailbox.address_of(listening)
    assert environment.email(address)["DEFAULT_FROM_EMAIL"] == mailbox.SENDER
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Zahlen: ../../etc 100 %", mailbox.SENDER, "you@example.org"
    mail.set_content("line\r\n.\r\nend")
    with smtplib.SMTP(urlsplit(address).hostname, urlsplit(address).port, timeout=5) as client:
        client.send_message(mail)
    (kept,) = (tmp_path / "mails").iterdir()
    assert kept.name.endswith("-zahlen-etc-100.eml")
    read = message_from_bytes(kept.read_bytes(), policy=policy.default)
    assert read["Subject"] == mail["Subject"] and read.get_content().split() == ["line", ".", "end"]


def test_a_mail_without_a_subject_has_a_name_and_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_KEPT", 2)
    kept = [mailbox.keep(tmp_path, b"\r\nbody", NOW.replace(second=second)) for second in range(3)]
    assert kept[0].name == "2026-11-26T12-00-00.000000-mail.eml"
    assert sorted(tmp_path.iterdir()) == kept[1:]
