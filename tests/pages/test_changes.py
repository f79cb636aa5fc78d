"""What changed: the list of movers and its sentence, tables, the page of a tool and of a version, as people see them."""

import json
import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from dashboard.pages.movers import version_before
from tests.world import World, fill, make_world, send
from tracestore import db, writer
from tracestore.analysis.evaluations import evaluation, hash_of
from tracestore.analysis.histogram import merge, unpack
from tracestore.facts import REQUESTS
from tracestore.jobs import traces as settle
from tracestore.queries.people_sums import find_people_sums
from tracestore.queries.rollups import find_sums
from tracestore.queries.version_heads import find_version_heads
from tracestore.queries.versions import previous_version_set
from tracestore.records import Batch

SECOND = 10**9
HOSTILE = '<img src=x onerror="alert(1)">\u202e'


@pytest.fixture
def bare(database: object) -> World:
    return make_world()


@pytest.fixture
def world(bare: World) -> World:
    fill(bare.ours)
    return bare


def attribute(key: str, value: object) -> dict:
    kind = "intValue" if isinstance(value, int) else "stringValue"
    return {"key": key, "value": {kind: str(value)}}


def span(
    trace: int, number: int, end_s: int, lasting_s: int, parent: str = "", failed: bool = False, **told: object
) -> dict:
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": parent,
        "name": "answer",
        "kind": 1,
        "startTimeUnixNano": str((end_s - lasting_s) * SECOND),
        "endTimeUnixNano": str(end_s * SECOND),
        "status": {"code": 2 if failed else 0},
        "attributes": [attribute(key.replace("__", "."), value) for key, value in told.items()],
    }


def request(trace: int, end_s: int, failed: bool = False, tool: str = "search", calls: str = "s") -> list[dict]:
    """A request and calls of a tool in it: s succeeded, f failed."""
    root = span(trace, 1, end_s, 30, failed=failed, gen_ai__operation__name="invoke_agent", user__id=f"u-{trace % 3}")
    tools = [
        span(
            trace, 2 + place, end_s - 20 + 2 * place, 1, f"{1:016x}", letter == "f",
            gen_ai__operation__name="execute_tool", gen_ai__tool__name=tool, **({"error.type": "Broken"} if letter == "f" else {}),
        )
        for place, letter in enumerate(calls)
    ]  # fmt: skip
    return [root, *tools]


def bodies(service: str, versions: dict[str, list[list[dict]]]) -> dict[str, bytes]:
    resources = [
        {
            "resource": {"attributes": [attribute("service.name", service), attribute("service.version", version)]},
            "scopeSpans": [{"spans": [one for spans in requests for one in spans]}],
        }
        for version, requests in versions.items()
    ]
    return {"traces": json.dumps({"resourceSpans": resources}).encode()}


def a_bad_release(world: World, now: datetime, service: str = "shop") -> None:
    """v2 replaces v1 half an hour ago; a third of its requests fail, since its tool does."""
    at = int(now.timestamp())
    old = [request(n, at - 3_000 + 12 * n) for n in range(1, 81)]
    new = [
        request(200 + n, at - 1_800 + 20 * n, n % 3 == 0, calls="f" if n % 3 == 0 else "fs" if n % 3 == 1 else "s")
        for n in range(80)
    ]
    send(world.ours, bodies(service, {"v1": old, "v2": new}), now)


def text(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.status_code)
    return re.sub(r"\s+", " ", answer.content.decode())


def head_id(world: World, version: str) -> str:
    return next(one.id for one in find_version_heads(world.ours.project.pk) if one.version == version)


def addresses(world: World) -> dict[str, str]:
    base, tool = f"/p/{world.ours.slug}", f"tool.name {world.ours.canary}".replace(" ", "%20")
    return {
        "changes": f"{base}/changes",
        **{
            by: f"{base}/changes?by={by}"
            for by in ("model", "prompt", "tool", "operation", "service", "environment", "user", "tenant")
        },
        "tools": f"{base}/tools",
        "tool": f"{base}/tools/{tool}",
        "version": f"{base}/versions/{world.ours.set_id}",
    }


def test_every_page_shows_what_its_members_sent_and_nothing_to_others(world):
    alice, charlie = world.client(world.alice), world.client(world.charlie)
    for name, path in addresses(world).items():
        assert world.ours.canary in text(alice, path), name
        refused = charlie.get(path)
        assert refused.status_code == 404, name
        assert world.ours.canary.encode() not in refused.content
    movers = f"/p/{world.ours.slug}/changes/movers"
    assert "What changed" in text(alice, movers)
    assert charlie.get(movers).status_code == 404


def test_pages_ask_a_bounded_number_of_questions(world, monkeypatch, django_assert_max_num_queries):
    a_bad_release(world, datetime.now(UTC))
    client, asked = world.client(world.alice), []
    fetch = db.fetch
    monkeypatch.setattr(db, "fetch", lambda *args, **more: asked.append(args[0]) or fetch(*args, **more))
    base = f"/p/{world.ours.slug}"
    more = {"movers": f"{base}/changes/movers?range=1h", "bad": f"{base}/versions/{head_id(world, 'v2')}"}
    for name, path in (addresses(world) | more).items():
        asked.clear()
        with django_assert_max_num_queries(8):
            text(client, path)
        assert len(asked) <= 36, (name, len(asked))


def test_the_sentence_names_the_bad_version_and_its_line(bare):
    a_bad_release(bare, datetime.now(UTC))
    client, path = bare.client(bare.alice), f"/p/{bare.ours.slug}/changes/movers?range=1h"
    part = text(client, path, HX_Request="true")
    assert "<html" not in part
    assert part.strip() in text(client, path)
    sentence = re.sub(r"<[^>]+>", "", part.partition('class="headline worse"')[2].partition("</p>")[0])
    assert "v2 of shop is worse in quality: success rate 66.2 % instead of 100 % before it (n 80, 95 %" in sentence
    assert "version and time cannot be told apart" in part
    assert "compare v1" in part
    assert "comparisons tested together" in part


def test_a_version_that_people_dislike_is_told_and_what_machines_say_apart(bare):
    now = datetime.now(UTC)
    at = int(now.timestamp())
    old = [request(n, at - 3_000 + 12 * n) for n in range(1, 81)]
    new = [request(200 + n, at - 1_800 + 20 * n) for n in range(80)]
    send(bare.ours, bodies("shop", {"v1": old, "v2": new}), now)
    rated = [(n, at - 2_000, True) for n in range(1, 81)] + [(200 + n, at - 100, n % 2 == 0) for n in range(80)]
    said = [
        evaluation("rating", source, end_s * SECOND, (trace.to_bytes(16), None), hash_of(trace, source), passed=passed)
        for trace, end_s, good in rated
        for source, passed in (("people", good), ("code", True))
    ]
    writer.write(Batch(bare.ours.project.pk, "feedback", at * SECOND, len(said), evaluations=said))
    settle.run(now)
    part = text(bare.client(bare.alice), f"/p/{bare.ours.slug}/changes/movers?range=1h", HX_Request="true")
    sentence = re.sub(r"<[^>]+>", "", part.partition('class="headline worse"')[2].partition("</p>")[0])
    assert "v2 of shop is worse in quality: positive feedback 50.0 % instead of 100 % before it (n 80, 95 %" in sentence
    assert "Evaluations passed" not in part


def test_nothing_is_said_where_nothing_can_be_tested(bare):
    page = text(bare.client(bare.alice), f"/p/{bare.ours.slug}/changes/movers")
    assert "There is too little to compare yet" in page
    assert "needs 30 requests, calls or ratings on either side" in page


def test_what_an_emitter_names_stays_text(bare):
    a_bad_release(bare, datetime.now(UTC), HOSTILE)
    client, base = bare.client(bare.alice), f"/p/{bare.ours.slug}"
    pages = ("changes/movers?range=1h", "changes?by=service", "changes?by=version", f"versions/{head_id(bare, 'v2')}")
    for path in pages:
        page = text(client, f"{base}/{path}")
        assert "<img" not in page, path
        assert "\u202e" not in page, path
        assert "&lt;img" in page, path


def test_a_row_leads_to_the_requests_that_it_counts(bare):
    a_bad_release(bare, datetime.now(UTC))
    client = bare.client(bare.alice)
    page = text(client, f"/p/{bare.ours.slug}/changes?range=1h&by=version")
    (href,) = set(re.findall(r'href="([^"]*/traces\?[^"]*version:v2[^"]*)"', page))
    listed = text(client, href.replace("&amp;", "&"))
    assert "<strong>80</strong> traces" in listed


def test_a_table_is_sorted_by_numbers_and_by_their_change(bare):
    a_bad_release(bare, datetime.now(UTC))
    client, base = bare.client(bare.alice), f"/p/{bare.ours.slug}/changes?range=1h&by=version"
    rows = {
        sort: re.findall(r"<span class=\"swatch c\d\"[^>]*></span><a [^>]*>(v\d)", text(client, f"{base}&sort={sort}"))
        for sort in ("0", "-0")
    }
    assert rows == {"0": ["v2", "v1"], "-0": ["v1", "v2"]}
    assert text(client, f"{base}&sort=9.x"), "an order that is none is the first one"


def test_a_filter_narrows_tables_and_movers(bare):
    a_bad_release(bare, datetime.now(UTC))
    client, base = bare.client(bare.alice), f"/p/{bare.ours.slug}"
    page = text(client, f"{base}/changes?range=1h&q=version:v1")
    assert ">v1<" in page
    assert ">v2<" not in page
    assert "v2" not in text(client, f"{base}/changes/movers?range=1h&q=version:v1").partition('class="headline')[2]
    wide = text(client, f"{base}/changes?range=30d&q=user:u-1")
    assert "Nothing was filtered" in wide
    part = text(client, f"{base}/changes/movers?range=30d&q=user:u-1", HX_Request="true")
    assert "Nothing was filtered" in part, "the board shows this part alone"


def test_a_version_stands_against_the_one_that_ran_when_it_began(bare):
    at = int(datetime.now(UTC).timestamp())
    runs = {"v1": (3_000, 1_800, 600), "v2": (2_700, 2_400), "v3": (1_500, 1_200)}  # v2 and v3 were rolled back
    told = {name: [request(ago, at - ago) for ago in agos] for name, agos in runs.items()}
    send(bare.ours, bodies("shop", told), datetime.now(UTC))
    heads = find_version_heads(bare.ours.project.pk)
    earlier = version_before(next(one for one in heads if one.version == "v3"), heads)
    assert earlier and earlier.version == "v1"
    assert previous_version_set(bare.ours.project.pk, head_id(bare, "v3")).service_version == "v1"
    page = text(bare.client(bare.alice), f"/p/{bare.ours.slug}/versions/{head_id(bare, 'v3')}")
    assert "The one before was seen again after it" in page


def test_a_tool_shows_how_it_fails_and_what_happens_then(bare):
    a_bad_release(bare, datetime.now(UTC))
    page = text(bare.client(bare.alice), f"/p/{bare.ours.slug}/tools/search?range=1h")
    assert "Broken" in page
    assert "27 traces ended with the failure" in page
    words = re.sub(r"<[^>]+>", " ", page)
    assert re.search(r"attempts until it succeeded traces share\s+1\s+106", re.sub(r"\s+", " ", words))
    assert re.search(r"2\s+27\s+16.9 %", words)
    assert re.search(r"never\s+27", words)
    assert ">v2<" in page


def test_a_tool_that_nobody_called_does_not_exist_and_one_that_rests_says_so(bare):
    a_bad_release(bare, datetime.now(UTC))
    client, base = bare.client(bare.alice), f"/p/{bare.ours.slug}/tools"
    assert client.get(f"{base}/nothing").status_code == 404
    rests = "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
    assert "was not called in the" in text(client, f"{base}/search{rests}")
    assert "No tool was called" in text(client, f"{base}{rests}")


def test_a_version_is_told_worse_in_its_line_and_not_in_others(bare):
    a_bad_release(bare, datetime.now(UTC))
    client = bare.client(bare.alice)
    page = text(client, f"/p/{bare.ours.slug}/versions/{head_id(bare, 'v2')}")
    assert re.search(r"Worse than v1 in quality \(success rate, tool success rate\)", page)
    assert "no difference seen, could be up to" in page, "how sure it is where nothing is seen"
    assert "80 of " in page
    first = text(client, f"/p/{bare.ours.slug}/versions/{head_id(bare, 'v1')}")
    assert "first version of its service" in first
    assert f"/versions/{head_id(bare, 'v2')}" in text(client, f"/p/{bare.ours.slug}/versions"), "the list leads here"


def test_a_version_of_another_project_does_not_exist(world):
    fill(world.theirs)
    assert world.client(world.alice).get(f"/p/{world.ours.slug}/versions/{world.theirs.set_id}").status_code == 404


def test_requests_by_user_add_up_to_the_sums_of_all(bare):
    now = datetime.now(UTC)
    a_bad_release(bare, now)
    project_id, end_ns = bare.ours.project.pk, int(now.timestamp()) * SECOND
    (whole,) = find_sums(REQUESTS, project_id, end_ns - 3_600 * SECOND, end_ns)
    people = find_people_sums(project_id, "user", end_ns - 3_600 * SECOND, end_ns)
    assert {one.key[0] for one in people} == {"u-0", "u-1", "u-2"}
    for name in ("requests", "errors"):
        assert sum(one.measures[name] or 0 for one in people) == whole.measures[name]
    assert merge(unpack(one.histograms["duration"]) for one in people) == unpack(whole.histograms["duration"])
    assert "u-1" in text(bare.client(bare.alice), f"/p/{bare.ours.slug}/changes?range=1h&by=user")
