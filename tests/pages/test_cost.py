"""The pages of cost and context: what they say, what they ask, who may see them, and what they do without data or scripts."""

import csv
import json
import re

import pytest

from tests.pages.test_pages import bare, text, world  # noqa: F401  # fixtures
from tests.security.telemetry import CALL
from tests.world import World

PARTS = {"cost": ("hints", "dearest"), "context": ("parts",)}


def test_members_see_cost_and_context_and_charlie_nothing_of_them(world: World) -> None:  # noqa: F811
    slug, session = world.ours.slug, world.ours.session_id.replace(" ", "%20")
    charlie = world.client(world.charlie)
    addresses = {f"/p/{slug}/{page}": name for page, parts in PARTS.items() for name in ("", *parts)}
    addresses |= {f"/p/{slug}/context/{session}": "turns", f"/p/{slug}/cost/figures": ""}
    for path, part in addresses.items():
        headers = {"HX-Target": part} if part else {}
        for person in (world.alice, world.bob):
            assert world.client(person).get(path, headers=headers).status_code == 200, path
        refused = charlie.get(path, headers=headers)
        assert refused.status_code == 404, path
        assert world.ours.canary.encode() not in refused.content


def test_the_cost_page_says_aloud_what_it_leaves_out(world: World) -> None:  # noqa: F811
    page = text(world.client(world.alice), f"/p/{world.ours.slug}/cost")
    assert "1 call</strong> used tokens and has no cost" in page
    assert f"/p/{world.ours.slug}/settings/prices" in page
    assert f"response.model {world.ours.canary}" in page
    assert re.search(r'<a href="[^"]+" aria-current="page">Cost</a>', page)


def test_cost_is_grouped_by_what_is_asked_for(world: World) -> None:  # noqa: F811
    alice = world.client(world.alice)
    for by in ("service", "user", "tenant", "session", "prompt"):
        page = text(alice, f"/p/{world.ours.slug}/cost?by={by}&q=service:*&show=by")
        assert world.ours.canary in page.partition('id="by"')[2], by
    assert ">chat<" in text(alice, f"/p/{world.ours.slug}/cost?by=operation")


def test_parts_come_alone_with_scripts_and_in_the_page_without(world: World) -> None:  # noqa: F811
    alice = world.client(world.alice)
    for name, parts in PARTS.items():
        path = f"/p/{world.ours.slug}/{name}"
        page = text(alice, path)
        for part in parts:
            (href,) = re.findall(rf'id="{part}"[^>]*hx-get="([^"]+)" hx-trigger="load"', page)
            alone = text(alice, href, HX_Target=part)
            assert "<html" not in alone
            assert "aria-busy" not in alone
            assert f'id="{part}"' in alone
            whole = text(alice, href)
            assert "<html" in whole
            assert alone.strip().splitlines()[2].strip() in whole


def test_a_session_shows_its_prompts_call_by_call(world: World) -> None:  # noqa: F811
    alice = world.client(world.alice)
    session = f"/p/{world.ours.slug}/sessions/{world.ours.session_id.replace(' ', '%20')}"
    (href,) = re.findall(r'id="turns"[^>]*hx-get="([^"]+)"', text(alice, session))
    turns = text(alice, href, HX_Target="turns")
    assert "12 tokens in: system" in turns
    assert f"span={CALL}" in turns
    assert "<html" in text(alice, href)
    assert alice.get(f"/p/{world.ours.slug}/context/no-such-session").status_code == 404


def test_the_chart_comes_as_a_figure_and_as_csv(world: World) -> None:  # noqa: F811
    alice, path = world.client(world.alice), f"/p/{world.ours.slug}/cost/figures?range=1h"
    figure = json.loads(text(alice, path))["cost"]
    assert figure["step_ms"] == 120_000
    assert world.ours.canary not in json.dumps(figure)
    rows = list(csv.DictReader(text(alice, f"{path}&format=csv").splitlines()))
    assert sum(int(row["calls"]) for row in rows) == 1
    assert [row["cost_nanousd"] for row in rows] == [""], "unknown is empty, never 0"


def test_an_empty_project_is_told_what_to_send(bare: World) -> None:  # noqa: F811
    alice = bare.client(bare.alice)
    assert "gen_ai.usage.input_tokens" in text(alice, f"/p/{bare.ours.slug}/cost")
    assert "CAPTURE_MESSAGE_CONTENT" in text(alice, f"/p/{bare.ours.slug}/context")
    assert "No request of this range" in text(alice, f"/p/{bare.ours.slug}/cost?show=dearest", HX_Target="dearest")
    assert "matches this filter" in text(alice, f"/p/{bare.ours.slug}/cost?q=service:none")


def test_a_filter_that_no_sums_answer_is_refused_over_a_month_and_said_so(world: World) -> None:  # noqa: F811
    alice, path = world.client(world.alice), f"/p/{world.ours.slug}/cost?q=user:nobody"
    assert "Nothing was filtered" in text(alice, f"{path}&range=30d")
    week = text(alice, f"{path}&range=7d")
    assert "Nothing was filtered" not in week
    assert "matches this filter" in week


def test_pages_ask_a_bounded_number_of_questions(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tracestore import db

    asked: list[object] = []
    real = db.fetch
    monkeypatch.setattr(db, "fetch", lambda query, *rest, **more: asked.append(query) or real(query, *rest, **more))
    alice = world.client(world.alice)
    for name, most in (("cost", 24), ("context", 16)):
        asked.clear()
        text(alice, f"/p/{world.ours.slug}/{name}")
        assert len(asked) <= most, (name, len(asked))
