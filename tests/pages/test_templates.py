"""A template names only what its Page dataclass has; and no page carries what the policy forbids."""

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from dashboard.pages import (
    changes,
    context,
    cost,
    cost_parts,
    errors,
    ingest,
    movers,
    sessions,
    span_panel,
    storage,
    tools,
    trace,
    trace_delete,
    traces,
    version,
    versions,
)
from dashboard.pages.alerts import alert, listed, silences
from dashboard.pages.board import page as board
from dashboard.pages.budget import attributes as budget_attributes
from dashboard.pages.budget import page as budget
from dashboard.pages.objectives import edit as objective_edit
from dashboard.pages.objectives import exclusions as objective_exclusions
from dashboard.pages.objectives import listed as objectives

TEMPLATES = Path(__file__).parents[2] / "templates"
INCLUDED = re.compile(r'{% (?:include|extends) "([^"]+)"')
PAGES = {
    "board/page.html": board.BoardPage,
    "objectives/page.html": objectives.ObjectivesPage,
    "objectives/edit.html": objective_edit.EditPage,
    "objectives/exclusions.html": objective_exclusions.ExclusionsPage,
    "board/member.html": board.MemberPage,
    "traces/page.html": traces.TracesPage,
    "traces/trace.html": trace.TracePage,
    "traces/delete.html": trace_delete.TraceDeletePage,
    "sessions/page.html": sessions.SessionsPage,
    "sessions/session.html": sessions.SessionPage,
    "versions/page.html": versions.VersionsPage,
    "versions/diff.html": versions.DiffPage,
    "versions/version.html": version.VersionPage,
    "changes/page.html": changes.ChangesPage,
    "changes/movers.html": movers.MoversPage,
    "tools/page.html": tools.ToolsPage,
    "tools/tool.html": tools.ToolPage,
    "cost/page.html": cost.CostPage,
    "context/page.html": context.ContextPage,
    "context/session.html": context.TurnsPage,
    "budget/page.html": budget.BudgetPage,
    "alerts/page.html": listed.AlertsPage,
    "alerts/alert.html": alert.AlertPage,
    "alerts/silences.html": silences.SilencesPage,
    "ingest/page.html": ingest.IngestPage,
    "storage/page.html": storage.StoragePage,
    "errors/page.html": errors.ErrorPage,
}


def with_includes(name: str, seen: set[str] | None = None) -> set[str]:
    seen = seen if seen is not None else set()
    if name not in seen:
        seen.add(name)
        for other in INCLUDED.findall((TEMPLATES / name).read_text()):
            with_includes(other, seen)
    return seen


def missing(kind: Any, path: str) -> str | None:
    """The first name of a.b.c that the dataclass, or the dataclass its field holds, does not have."""
    for name in path.split("."):
        if not dataclasses.is_dataclass(kind):
            return None
        hints = get_type_hints(kind)
        if name not in hints:
            return f"{kind.__name__}.{name}"
        kind = next((one for one in get_args(hints[name]) if dataclasses.is_dataclass(one)), hints[name])
        if getattr(hints[name], "__origin__", None) in (list, dict):
            return None
    return None


@pytest.mark.parametrize(("name", "kind"), PAGES.items(), ids=list(PAGES))
def test_a_template_names_only_what_its_page_has(name, kind):
    for used in with_includes(name):
        for path in re.findall(r"\bpage\.([a-z_.]+[a-z_])", (TEMPLATES / used).read_text()):
            assert missing(kind, path) is None, (used, path, missing(kind, path))


def test_the_panel_names_only_what_a_span_panel_has():
    for used in with_includes("spans/panel.html"):
        for path in re.findall(r"\bpanel\.([a-z_.]+[a-z_])", (TEMPLATES / used).read_text()):
            assert missing(span_panel.SpanPanel, path) is None, (used, path)


PARTS = {
    "cost/by.html": cost.ByPart,
    "cost/hints.html": cost_parts.HintsPart,
    "cost/dearest.html": cost_parts.DearestPart,
    "context/parts.html": context.PartsPart,
    "budget/attributes.html": budget_attributes.AttributesPart,
}


@pytest.mark.parametrize(("name", "kind"), PARTS.items(), ids=list(PARTS))
def test_a_part_names_only_what_it_has(name, kind):
    for path in re.findall(r"\bpart\.([a-z_.]+[a-z_])", (TEMPLATES / name).read_text()):
        assert missing(kind, path) is None, path


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_has_inline_script_style_or_handlers(path):
    if path.is_relative_to(TEMPLATES / "mail"):
        return
    text = path.read_text()
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=[\"']", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "|safe" not in text
    assert "autoescape off" not in text
    assert not re.search(r"(?:src|href)=[\"']https?://", text)


def test_every_icon_that_is_used_is_drawn():
    drawn = set(re.findall(r'id="i-([a-z]+)"', (TEMPLATES / "_icons.html").read_text()))
    used = {name for path in TEMPLATES.rglob("*.html") for name in re.findall(r'href="#i-([a-z]+)"', path.read_text())}
    assert used <= drawn
