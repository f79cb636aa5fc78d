"""What the documents of objectives and alerts show works: code that verifies a webhook, an OpenSLO file, tables of rules."""

import re
import textwrap
import time
from pathlib import Path

import pytest

from tracestore.analysis.openslo.importing import import_documents
from tracestore.analysis.openslo.reading import read_documents
from tracestore.analysis.slo.actions import Situation, choose
from tracestore.analysis.slo.rules import rules_for
from tracestore.analysis.slo.templates import TEMPLATES
from tracestore.channels.signing import new_secret, signed_headers

DOCS = Path(__file__).parents[2] / "docs"
OBJECTIVES, ALERTS = ((DOCS / name).read_text() for name in ("objectives.md", "alerts.md"))
DAY_S = 86_400


def test_the_code_that_verifies_a_webhook_takes_ours_and_nothing_else() -> None:
    scope: dict[str, object] = {}
    (code,) = re.findall(r"```python\n(.*?)```", ALERTS, re.DOTALL)
    exec(code, scope)
    verified = scope["verified"]
    assert callable(verified)
    old, new, body = new_secret(), new_secret(), b'{"type":"alert.firing"}'
    headers = signed_headers("msg_1", int(time.time()), body, [new, old])
    assert verified(new, headers, body) and verified(old, headers, body)
    assert not verified(new_secret(), headers, body) and not verified(new, headers, body + b" ")
    assert not verified(new, headers | {"webhook-id": "msg_2"}, body)
    late = signed_headers("msg_1", int(time.time()) - 301, body, [new])
    assert not verified(new, late, body)


def test_the_openslo_file_of_the_documents_is_an_objective() -> None:
    start = OBJECTIVES.index("    apiVersion: openslo/v1")
    text = textwrap.dedent(OBJECTIVES[start : OBJECTIVES.index("\n\n", start)])
    imported = import_documents(read_documents(text), strict=True)
    assert imported.errors == []
    (draft,) = imported.drafts
    assert (draft.name, draft.unit, draft.part_q, draft.action) == (
        "tool-success",
        "tool_call",
        "-status:error",
        "rollback",
    )


def test_the_table_of_windows_says_what_the_rules_are() -> None:
    rows = re.findall(
        r"^\| ((?:page|ticket)-\w+) \| (\w+) \| .* \| ([\d.]+)[^|]*\| ([\d.]+) \|$", OBJECTIVES, re.MULTILINE
    )
    for days, column in ((28, 2), (30, 3)):
        rules = rules_for(0.999, days * DAY_S)
        assert [(one.name, one.severity) for one in rules] == [row[:2] for row in rows]
        assert [one.factor for one in rules] == pytest.approx([float(row[column]) for row in rows], abs=0.005)


def test_every_template_is_in_the_table() -> None:
    assert all(f"| {one.draft.title} |" in OBJECTIVES for one in TEMPLATES.values())


@pytest.mark.parametrize(
    ("verdict", "own", "last_good", "action"),
    [
        ("version", "look", "v11", "rollback"),
        ("version", "degrade", "v11", "degrade"),
        ("external", "rollback", None, "degrade"),
        ("external", "rate-limit", None, "rate-limit"),
        ("cannot_tell", "rollback", None, "look"),
        ("insufficient", "look", None, "look"),
    ],
)
def test_the_table_of_actions_says_what_is_proposed(verdict: str, own: str, last_good: str | None, action: str) -> None:
    assert choose(Situation("burn", verdict, own, first_bad="v12", last_good=last_good))[0] == action
