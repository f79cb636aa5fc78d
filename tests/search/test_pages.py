"""What a search says of itself: how far the index is behind, what it leaves out, and to whom."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.builders import NOW_NS, SECOND, span, store, trace_id
from tests.conftest import Database
from tests.world import World, make_world
from tracestore.analysis.texts import MAX_TEXT
from tracestore.jobs import search
from tracestore.queries import search as questions


@pytest.fixture
def world(database: Database) -> World:
    made = make_world()
    now_ns = int(datetime.now().timestamp()) * 10**9
    start = {"at": (now_ns - NOW_NS) / SECOND - 60}
    spans = [span(trace_id(1), attributes={"gen_ai.prompt": "a blue moon " + "x " * MAX_TEXT}, **start)]
    store(made.ours.project.pk, [*spans, span(trace_id(2), name="moonlight", **start)], received_ns=now_ns)
    return made


def page(world: World, q: str, who: str = "bob", **query: str) -> Any:
    return world.client(getattr(world, who)).get(f"/p/{world.ours.slug}/traces", {"q": q, **query})


def api(world: World, q: str, key: str = "") -> Any:
    headers = {"authorization": f"Bearer {key or world.ours.keys['read']}"}
    return json.loads(world.client(world.bob).get("/api/v1/traces", {"q": q}, headers=headers).content)


def test_a_search_says_what_is_not_searchable_yet(world: World) -> None:
    text = page(world, "moon").content.decode()
    assert "2 traces of this range are not searchable yet: the first has waited for" in text
    assert "not searchable yet" in api(world, "moon")["notes"][0]
    assert "not searchable yet" not in page(world, "service:shop").content.decode()
    assert "notes" not in api(world, "service:shop")
    assert "2 traces wait" in world.client(world.bob).get(f"/p/{world.ours.slug}/ingest").content.decode()
    metrics = world.client(world.bob).get("/metrics", headers={"authorization": f"Bearer {world.ours.keys['read']}"})
    assert "fourline_search_waiting 2\n" in metrics.content.decode()


def test_a_search_finds_what_is_indexed_and_says_what_is_cut(world: World) -> None:
    search.run(datetime.now().astimezone() + timedelta(seconds=30))
    found = api(world, '"blue moon"')
    assert [one["trace_id"] for one in found["items"]] == [trace_id(1)]
    assert found["notes"] == ["1 trace of these days holds texts that are too long to be searched to their end."]
    assert (
        "Free-text search has every trace"
        in world.client(world.bob).get(f"/p/{world.ours.slug}/ingest").content.decode()
    )
    assert "holds no word that can be searched" in page(world, '"%%"').content.decode()


def test_a_page_without_a_match_that_is_not_the_last_leads_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are there, apart: looking them up ended before the end of the range."""
    search.run(datetime.now().astimezone() + timedelta(seconds=30))
    monkeypatch.setattr(questions, "LOOKED_UP_AT_ONCE", 1)
    monkeypatch.setattr(questions, "LOOK_UP_S", 0.0)
    first = page(world, '"moon a"').content.decode()
    assert "No match so far" in first
    assert 'rel="next">Search on' in first
    assert "No match so far" not in page(world, "nowhere").content.decode()


def test_the_sums_of_a_search_come_after_its_list(world: World) -> None:
    """They look at all that matches, the list at one page."""
    search.run(datetime.now().astimezone() + timedelta(seconds=30))
    first = page(world, "moon*").content.decode()
    assert 'id="sums"' in first
    assert "sums=1" in first
    assert "p50 <strong>" not in first
    for summed in (page(world, "moon*", sums="1"), page(world, "service:shop")):
        assert "p50 <strong>" in summed.content.decode()
        assert 'id="sums"' not in summed.content.decode()
    assert "together or apart" not in first
    assert "together or apart" in page(world, '"blue moon"').content.decode()


def test_charlie_finds_nothing_of_ours(world: World) -> None:
    search.run(datetime.now().astimezone() + timedelta(seconds=30))
    assert page(world, "moon", who="charlie").status_code == 404
    assert api(world, "moon", key=world.theirs.keys["read"]) == {"items": [], "next_cursor": None, "notes": []}
