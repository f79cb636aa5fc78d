"""docs/attributes.md holds what it promises: its code runs as it stands, its attributes arrive, and each feeds its member."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.attribute_snippets import SETUP, SNIPPETS
from tests.sdk.javascript import installed
from tests.world import World, make_world
from tracestore.analysis.lines import MEMBERS
from tracestore.jobs import traces as settle
from tracestore.queries.lines import find_lines

DOCUMENT = (Path(__file__).parents[2] / "docs" / "attributes.md").read_text()
BLOCK = re.compile(r"^```(python|javascript)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"[\"'](fourline\.[a-z_.]+[a-z]|gen_ai\.[a-z_.]+[a-z]|error\.type|http\.response\.status_code)[\"']")
EVENTS = {"gen_ai.evaluation.result"}
METRICS = {"fourline.rate_limit.utilization", "fourline.limit"}
NOT_SENT_HERE = {"POST /api/v1/feedback"}  # feedback has a section of its own, and is no attribute


def blocks(language: str) -> list[str]:
    return [code for found, code in BLOCK.findall(DOCUMENT) if found == language]


def sent_by(code: str) -> set[str]:
    """The attributes that a block writes."""
    return set(NAMED.findall(code))


@pytest.fixture
def world(site: str) -> World:
    return make_world()


def at(site: str, world: World, code: str) -> str:
    """The code with the addresses and the key of this run."""
    code = code.replace("http://localhost:4318", site).replace("http://localhost:8000", site)
    return code.replace("YOUR_INGEST_KEY", world.ours.keys["ingest"])


def run_code(command: list[str], **more: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **more)
    assert done.returncode == 0 and not re.search(r"error|warn|fail", done.stderr, re.IGNORECASE), done.stderr


def everything_stored(site: str, world: World) -> set[str]:
    """The names of all attributes of all spans and their events, as the API shows them."""
    found: set[str] = set()
    for trace in get(site, world, "traces?range=24h&limit=100")["items"]:
        for span in get(site, world, f"traces/{trace['trace_id']}")["spans"]:
            shown = get(site, world, f"traces/{trace['trace_id']}/spans/{span['span_id']}")
            found |= set(shown["attributes"]) | {event["name"] for event in shown["events"]}
            found |= {name for event in shown["events"] for name in event["attributes"]}
    return found


def get(site: str, world: World, path: str) -> Any:
    headers = {"Authorization": f"Bearer {world.ours.keys['read']}"}
    with urllib.request.urlopen(urllib.request.Request(f"{site}/api/v1/{path}", headers=headers)) as answer:
        return json.load(answer)


def test_the_code_in_python_runs_and_every_attribute_of_it_arrives_and_feeds_its_member(
    site: str, world: World, tmp_path: Path
) -> None:
    script, code = tmp_path / "all.py", blocks("python")
    script.write_text(at(site, world, "\n".join(code)))
    run_code([sys.executable, str(script)])
    now = datetime.now(UTC)
    settle.run(now)
    named = set().union(*map(sent_by, code))
    assert named - METRICS - {"gen_ai.provider.name"} <= everything_stored(site, world)
    now_ns = time.time_ns()
    minute = now_ns // (60 * 10**9)
    series = find_lines(world.ours.project.pk, (minute - 5) * 60 * 10**9, (minute + 1) * 60 * 10**9, 360, now_ns=now_ns)
    fed = {one.member.name for one in series if any(point.n for point in one.points)}
    assert {name for name, member in MEMBERS.items() if member.needs} - fed == set()


def test_the_code_in_javascript_runs_and_every_attribute_of_it_arrives(site: str, world: World, tmp_path: Path) -> None:
    (code,) = blocks("javascript")
    script = tmp_path / "all.cjs"
    script.write_text(at(site, world, code))
    modules = {"NODE_PATH": str(installed() / "node_modules"), "PATH": "/usr/bin:/bin:/usr/local/bin"}
    run_code(["node", str(script)], env=modules)
    settle.run(datetime.now(UTC))
    assert len(sent_by(code)) == 2
    assert sent_by(code) <= everything_stored(site, world)


def test_every_attribute_that_a_member_needs_has_code_that_sends_it() -> None:
    shown = set().union(*map(sent_by, blocks("python")))
    needed = {name for member in MEMBERS.values() for name in member.needs} - NOT_SENT_HERE
    assert needed - shown == set()


def test_the_pages_show_the_code_of_the_document_for_every_attribute_that_a_member_needs() -> None:
    for one in (SETUP, *SNIPPETS):
        assert one.text in blocks("python"), one.title
        assert {*one.attributes} - NOT_SENT_HERE <= sent_by(one.text), one.title
    assert {name for one in SNIPPETS for name in one.attributes} == {n for of in MEMBERS.values() for n in of.needs}


def test_every_attribute_of_the_table_has_code_that_sends_it() -> None:
    table = "\n".join(line for line in DOCUMENT.splitlines() if line.startswith("|"))
    ours = set(re.findall(r"`(fourline\.[a-z_.]+[a-z])`", table))
    assert ours - set().union(*map(sent_by, blocks("python"))) == set()
