"""Documents keep pace with the code: every setting is described, every command and link exists."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tracestore.analysis.lines import MEMBERS

ROOT = Path(__file__).resolve().parent.parent
SETTING = re.compile(r"FOURLINE_[A-Z_]+[A-Z]")
READERS = [ROOT / "dashboard" / "settings.py", *(ROOT / "dashboard" / "embedded").glob("*.py")]
FOR_COMPOSE_ONLY = {"FOURLINE_PUBLISH", "FOURLINE_DATABASE_PASSWORD", "FOURLINE_BROKER_PASSWORD"}
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def settings_read() -> set[str]:
    return {name for path in READERS for name in SETTING.findall(path.read_text())}


def test_every_setting_is_documented():
    described = set(re.findall(r"^\| `(FOURLINE_[A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE))
    assert settings_read() == described


def test_compose_names_no_setting_that_is_not_there():
    named = set(SETTING.findall((ROOT / "docker-compose.yml").read_text() + (ROOT / ".env.example").read_text()))
    assert named <= settings_read() | FOR_COMPOSE_ONLY


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text())
    assert not [target for target in targets if not (document.parent / target).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(document):
    named = set(re.findall(r"manage\.py ([a-z_]+)", document.read_text()))
    assert named <= set(get_commands())


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for document in DOCUMENTS
        for name in re.findall(r"(?:`|^    )make ([a-z]+)", document.read_text(), re.MULTILINE)
    }
    assert named <= targets


def test_decisions_are_numbered_without_a_gap():
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_member_of_the_lines_is_described_as_it_is_declared():
    rows = re.findall(
        r"^\| `(\w+)` \| (.+) \| (\w+) \| (\w+) \| (.+) \|$", (ROOT / "docs" / "lines.md").read_text(), re.MULTILINE
    )
    declared = [
        (one.name, one.formula, one.unit, one.direction, " ".join(f"`{name}`" for name in one.needs) or "any span")
        for one in MEMBERS.values()
    ]
    assert rows == declared


def test_what_feeds_the_lines_is_described():
    attributes = ROOT / "docs" / "attributes.md"
    text = attributes.read_text() if attributes.exists() else pytest.skip("docs/attributes.md is not there yet")
    needed = {name for one in MEMBERS.values() for name in one.needs}
    assert not sorted(name for name in needed if name not in text)
