"""The board: the four lines of a project in tiles, charts and rows, for its members alone and without scripts."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from dashboard.pages.board.asked import default_range
from tests.journeys.agent import run
from tests.world import World, make_world, send
from tracestore.analysis.lines import MEMBERS

HOUR_NS = 3_600 * 10**9


@pytest.fixture
def bare(database: object) -> World:
    return make_world()


@pytest.fixture
def world(bare: World) -> World:
    """v11 two hours ago, v12 half an hour and a minute ago; all three requests failed."""
    now = datetime.now(UTC)
    for number, (version, ago_s) in enumerate((("v11", 7_300), ("v12", 1_800), ("v12", 90)), 1):
        body = run(f"{number:032x}", (int(now.timestamp()) - ago_s) * 10**9, version, f"task-{number}")
        send(bare.ours, {"traces": body}, now)
    return bare


def get(client: Client, world: World, path: str = "", **headers: str):
    answer = client.get(f"/p/{world.ours.slug}/board{path}", headers=headers)
    assert answer.status_code == 200, (path, answer.status_code, answer.content[:300])
    return answer


def page(world: World, query: str = "") -> str:
    return get(world.client(world.alice), world, query).content.decode()


def figures(world: World, query: str = "") -> dict:
    return json.loads(get(world.client(world.alice), world, f"/figures{query}").content)


def curves(figure: dict) -> dict[str, dict]:
    return {one["name"]: one for one in figure["data"] if one.get("meta")}


ADDRESSES = ("", "/figures", "/csv", "/anomalies", "/latency_p95")


def test_members_see_the_board_and_others_are_told_that_there_is_none(world):
    for path in ADDRESSES:
        for member in (world.alice, world.erin, world.bob):
            get(world.client(member), world, path)
        for outsider in (world.charlie, world.admin):
            assert world.client(outsider).get(f"/p/{world.ours.slug}/board{path}").status_code == 404
        assert Client().get(f"/p/{world.ours.slug}/board{path}").status_code == 302


def test_a_project_opens_with_its_board(bare):
    client = bare.client(bare.alice)
    assert client.get("/").headers["Location"] == f"/p/{bare.ours.slug}/board"
    assert client.get(f"/p/{bare.ours.slug}/board").content.decode().index("Board") > 0


def test_a_project_without_requests_says_why_and_what_to_do(bare):
    text = page(bare)
    assert "No request ended in the last 24 h" in text
    assert "How to send traces" in text
    assert "first-snippet" in text
    assert "data-charts" not in text


def test_without_scripts_every_chart_has_its_table_its_formula_and_its_n(world):
    text = page(world, "?range=6h")
    assert text.count("<figure") == 4
    assert text.count("as a table") == 4
    assert "requests that did not fail / requests" in text
    assert "95 % interval" in text
    assert "0 of 3" in text, "few are counted, not divided"
    assert re.search(r"n 3", text)


def test_a_member_that_waits_for_an_attribute_says_which_and_how_to_send_it(world, settings):
    settings.PUBLIC_URL = settings.SITE_URL = "https://lines.example.org"
    text = page(world, "?range=6h")
    assert "Send fourline.adoption" in text
    assert re.search(r'<a href="[^"]*/board/policy_violation_rate[^"]*">How to send it', text)
    alone = page(world, "/policy_violation_rate?range=6h")
    assert "<code>fourline.policy.outcome</code>" in alone
    assert "&quot;fourline.policy.outcome&quot;: &quot;passed&quot;,  # or violated" in alone
    assert 'data-copy="send-policy-checks"' in alone
    assert "https://lines.example.org/v1/traces" in alone, "the tracer sends to this installation"
    assert "localhost" not in alone
    assert "/api/v1/feedback" in page(world, "/feedback_positive_rate?range=6h")
    assert "send-" not in page(world, "/latency_p95?range=6h"), "what is known needs none"
    assert "How to send traces" in page(world, "/latency_p95?range=1h&q=version:none")


def test_the_charts_come_in_one_answer_and_their_points_are_the_requests(world):
    found = figures(world, "?range=6h")
    assert set(found) == {"quality", "latency", "cost", "risk"}
    success = curves(found["quality"])["Success rate"]
    assert [y for y in success["y"] if y is not None] == [0, 0, 0]


def test_release_marks_run_through_every_chart(world):
    for figure in figures(world, "?range=6h").values():
        texts = " ".join(one["hovertext"] for one in figure["layout"]["annotations"])
        assert "v11 of airline-agent first seen" in texts
        assert "v12 of airline-agent first seen" in texts


def test_a_filter_narrows_tiles_and_charts(world):
    success = curves(figures(world, "?range=6h&q=version:v11")["quality"])["Success rate"]
    assert len([y for y in success["y"] if y is not None]) == 1
    assert "matches this filter" in page(world, "?q=version:v99")
    assert "Nothing was filtered" in page(world, "?q=nonsense:1")


def test_a_filter_that_sums_cannot_answer_over_so_long_says_what_to_do(world):
    text = page(world, "?range=30d&q=user:mia_li")
    assert "choose at most 7 days" in text
    answer = world.client(world.alice).get(f"/p/{world.ours.slug}/board/figures?range=30d&q=user:mia_li")
    assert answer.status_code == 422
    assert "7 days" in json.loads(answer.content)["problem"]


def test_members_that_can_be_asked_are_shown_beside_those_that_cannot(world):
    text = page(world, "?range=30d&q=provider:*")
    assert "matches this filter" not in text
    assert "provider: cannot be answered from sums: choose at most 7 days" in text
    assert re.search(r"Model latency p95</a></th>\s*<td class=\"num\"><a", text)
    alone = page(world, "/success_rate?range=30d&q=provider:*")
    assert "choose at most 7 days" in alone


def test_what_a_filter_could_not_tell_apart_is_told(world, monkeypatch):
    assert "cannot tell" not in page(world, "?q=model:*")
    monkeypatch.setattr("dashboard.pages.board.reading.find_undecided", lambda *_: {"requests": 1_200, "tool_calls": 3})
    for path in ("", "/latency_p95"):
        assert "This filter cannot tell 1,200 requests and 3 tool calls apart" in page(world, f"{path}?q=model:*")


def test_two_versions_are_compared_on_every_chart_in_their_own_colours(world):
    found = figures(world, "?range=6h&compare=versions&a=v11&b=v12")
    both = curves(found["quality"])
    assert set(both) == {"Success rate, v12", "Success rate, v11"}
    old, new = both["Success rate, v11"], both["Success rate, v12"]
    assert (old["line"]["dash"], new["line"]["dash"]) == ("dash", "solid")
    assert old["line"]["color"] != new["line"]["color"]
    assert len([y for y in new["y"] if y is not None]) == 2
    assert "version:v11" in parse_qs(urlsplit(old["meta"]["href"]).query)["q"][0]
    text = page(world, "?range=6h&compare=versions")
    assert 'value="v12" selected' in text
    assert 'value="v11" selected' in text, "without a choice the one before it"


def test_a_period_is_laid_over_this_one(world):
    found = curves(figures(world, "?range=1h&compare=before")["quality"])
    assert set(found) == {"Success rate", "Success rate, the period before"}
    assert found["Success rate, the period before"]["meta"]["shift_ms"] == HOUR_NS // 10**6


def test_lines_are_split_by_version_in_stable_colours(world):
    first = curves(figures(world, "?range=6h&split=version")["quality"])
    later = curves(figures(world, "?range=24h&split=version")["cost"])
    assert set(first) == {"v11", "v12"}
    assert first["v12"]["line"]["color"] == later["v12"]["line"]["color"]
    assert first["v11"]["line"]["dash"] != first["v12"]["line"]["dash"]


def test_where_requests_do_not_know_the_model_their_calls_are_split(world):
    found = curves(figures(world, "?range=6h&split=model")["latency"])
    assert set(found) == {"gpt-4o-2024-08-06"}


def test_a_point_leads_to_exactly_the_requests_that_ended_in_it(world):
    success = curves(figures(world, "?range=6h&split=version")["quality"])["v12"]
    (last,) = [at for at, y in zip(success["x"], success["y"], strict=True) if y is not None][-1:]
    start, end = (datetime.fromtimestamp((last + ms) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for ms in (0, 300_000))
    href = success["meta"]["href"].replace("{from}", start).replace("{to}", end)
    answer = world.client(world.alice).get(href)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert f"t-{3:032x}" in text
    assert f"t-{2:032x}" not in text
    assert "ended in this range" in text


def test_a_request_is_found_where_it_ended_even_if_it_began_before(bare):
    now = datetime.now(UTC)
    start_ns = (int(now.timestamp()) // 300 * 300 - 604) * 10**9  # of eight seconds, over the edge of five minutes
    send(bare.ours, {"traces": run("9" * 32, start_ns, "v1", "s")}, now)
    edge = datetime.fromtimestamp(start_ns // 10**9 + 4, UTC)
    window = (
        f"from={edge:%Y-%m-%dT%H:%M:%SZ}&to={datetime.fromtimestamp(edge.timestamp() + 300, UTC):%Y-%m-%dT%H:%M:%SZ}"
    )
    client = bare.client(bare.alice)
    assert "9" * 32 not in client.get(f"/p/{bare.ours.slug}/traces?{window}").content.decode()
    assert "9" * 32 in client.get(f"/p/{bare.ours.slug}/traces?{window}&by=end").content.decode()


def test_times_are_those_of_the_readers_zone_which_the_page_names(world):
    text = page(world, "?range=6h&tz=Asia/Kathmandu")
    assert "Asia/Kathmandu" in text
    assert "time, Asia/Kathmandu" in text
    at = curves(figures(world, "?range=6h&tz=UTC")["quality"])["Success rate"]["x"][0] // 1000
    clock = figures(world, "?range=6h&tz=Asia/Kathmandu")["quality"]["data"][0]["customdata"][0]
    assert re.search(r"\d\d:\d\d", clock)[0] != f"{datetime.fromtimestamp(at, UTC):%H:%M}"


def test_the_browsers_zone_is_used_until_another_is_chosen(world):
    client = world.client(world.alice)
    client.cookies["browser_tz"] = "Europe/Lisbon"
    assert "time, Europe/Lisbon" in get(client, world, "?range=6h").content.decode()
    assert "time, Asia/Tokyo" in get(client, world, "?range=6h&tz=Asia/Tokyo").content.decode()
    client.cookies["browser_tz"] = "../../etc/passwd"
    assert "time, UTC" in get(client, world, "?range=6h").content.decode()


def test_a_zone_that_was_chosen_is_that_of_every_page(world):
    client, base = world.client(world.alice), f"/p/{world.ours.slug}"
    assert 'data-zone="Asia/Tokyo"' not in page(world)
    client.cookies["browser_tz"] = "Asia/Tokyo"
    assert 'data-zone="UTC"' in get(client, world, "?range=6h").content.decode()
    client.cookies["tz"] = "Asia/Kathmandu"
    assert "time, Asia/Kathmandu" in get(client, world, "?range=6h").content.decode()
    assert 'data-zone="Asia/Tokyo"' in get(client, world, "?range=6h").content.decode()
    for path in ("traces?range=6h", f"traces/{'0' * 31}1"):
        told = client.get(f"{base}/{path}").content.decode()
        assert "Asia/Kathmandu" in told
        (utc, shown), *_ = re.findall(
            r'<time datetime="[^"]*T(\d\d:\d\d):[^"]*"[^>]*>(?:\d+ \w+ )?(\d\d:\d\d):\d\d<', told
        )
        minutes = [int(clock[:2]) * 60 + int(clock[3:]) for clock in (utc, shown)]
        assert (minutes[1] - minutes[0]) % 1_440 == 5 * 60 + 45
    assert "Asia/Kathmandu" not in client.get(f"{base}/traces?range=6h&tz=Asia/Tokyo").content.decode(), (
        "the address first"
    )


def test_a_chart_downloads_as_csv_with_its_points(world):
    answer = get(world.client(world.alice), world, "/csv?range=6h&chart=quality")
    assert answer["Content-Disposition"] == 'attachment; filename="quality.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    known = [row for row in rows if row["member"] == "success_rate" and row["value"]]
    assert [(row["value"], row["n"]) for row in known] == [("0.0", "1")] * 3
    assert known[0]["start"].endswith("Z")


def test_a_version_that_looks_like_a_formula_is_none_in_a_spreadsheet(bare):
    now = datetime.now(UTC)
    send(bare.ours, {"traces": run("8" * 32, (int(now.timestamp()) - 60) * 10**9, "=1+1", "s")}, now)
    text = get(bare.client(bare.alice), bare, "/csv?range=1h&chart=quality&split=version").content.decode()
    assert ",'=1+1," in text


@pytest.mark.parametrize("name", ["success_rate", "cost_total", "saturation"])
def test_each_member_has_a_page_of_its_own(world, name):
    text = page(world, f"/{name}?range=6h")
    assert MEMBERS[name].title in text
    if name == "saturation":
        assert MEMBERS[name].empty in text
    else:
        assert "as a table" in text
        assert set(figures(world, f"?range=6h&member={name}")) == {name}


def test_an_unknown_member_is_not_found(world):
    assert world.client(world.alice).get(f"/p/{world.ours.slug}/board/nonsense").status_code == 404


def test_a_live_board_refreshes_its_numbers_and_leaves_its_charts_in_place(world):
    text = page(world, "?range=1h&live=1")
    (parts,) = re.findall(r'data-live[^>]* hx-select-oob="([^"]+)"', text)
    for part in parts.split(","):
        assert f'id="{part[1:]}"' in text
    assert 'hx-swap="none"' in text


def test_the_range_grows_with_what_is_stored(world):
    assert "last hour" in page(world), "two hours of traces"
    now_ns, hour_ns = 100 * 3600 * 10**9, 3600 * 10**9
    ranges = {hours: default_range(now_ns - hours * hour_ns, now_ns) for hours in (1, 5, 47, 48)}
    assert ranges == {1: "1h", 5: "6h", 47: "6h", 48: "24h"}


def test_the_sentence_of_what_changed_has_its_place_above_the_charts(world):
    text = page(world, "?range=1h")
    assert text.index('id="tiles"') < text.index('id="sentence"') < text.index('class="charts"')
    (href,) = re.findall(r'id="changed" hx-get="([^"]+)"', text)
    part = world.client(world.alice).get(href.replace("&amp;", "&"), headers={"HX-Request": "true"}).content.decode()
    assert part.count('id="sentence"') == 1, "which htmx moves there"


def test_a_sum_is_not_compared_with_a_period_that_is_stored_in_part(world):
    assert "the period before is not wholly stored" in page(world, "?range=24h")
    assert "is not wholly stored" not in page(world, "?range=1h")


def test_the_tile_of_risk_says_in_how_many_checks_it_has_hits(world):
    words = re.search(r'class="risk"[^>]*>Risk</a> <span class="words">([^<]+)', page(world, "?range=1h"))
    assert words
    assert re.fullmatch(r"in \d of \d checks", words[1])
