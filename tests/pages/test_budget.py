"""The page of an objective: what is left of its budget, how fast it goes, what spends it; for its members alone."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client

from tests import slo_world as slo
from tests.rows import insert, trace_row
from tests.world import World, fill, make_world
from tracestore import db
from tracestore.analysis.slo.indicator import parse_indicator
from tracestore.models.slo import Exclusion, Objective
from tracestore.queries.slo_attribution import draw_events

HOSTILE = '<img src=x onerror="alert(1)">\u202e'


@pytest.fixture
def world(database: object) -> World:
    return make_world()


def text(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.status_code, answer.content[:300])
    return answer.content.decode()


def plain(page: str) -> str:
    """Its text, a space behind each cell and paragraph."""
    spaced = re.sub(r"</(?:td|th|p|li|h\d|dt|dd)>", " ", page)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", spaced)))


def a_budget(world: World, now: datetime) -> Objective:
    project = world.ours.project
    one = slo.promise(project, title=f"Requests succeed {HOSTILE}")
    slo.versions(project, now)
    slo.count(one, slo.a_month(now))
    slo.evaluated(one, now)
    return one


def bad_and_good(world: World, now: datetime) -> None:
    """120 requests of the last hour: those of v12 in the EU fail."""
    at_ns = (slo.minute_of(now) - 1_800) * 10**9
    insert("trace", [_request(world.ours.project.pk, at_ns, number) for number in range(120)])


def _request(project_id: int, at_ns: int, number: int) -> dict:
    bad = number % 4 == 0
    version = "v12" if bad or number % 8 == 1 else "v11"
    told = {"service": "shop", "service_version": version, "versions": [version], "services": ["shop"]}
    told |= {"status": 2 if bad else 0, "error_type": "ToolTimeout" if bad else None, "error_count": int(bad)}
    told |= {"attrs": {"region": "eu" if bad else "us"}, "tools": ["search"], "user_id": f"u-{number % 5}"}
    return trace_row(f"{number + 1:032x}", project_id, at_ns + number * 10**9, **told)


def remaining(minutes: list[slo.Minute]) -> float:
    bad, total = sum(one[2] for one in minutes), sum(one[3] for one in minutes)
    return 1 - bad / (0.01 * total)


def test_a_budget_says_what_is_left_and_who_spends_it_and_nothing_to_others(world, monkeypatch):
    now, asked = datetime.now(UTC), []
    a_budget(world, now)
    path = f"/p/{world.ours.slug}/objectives/success"
    fetch = db.fetch
    monkeypatch.setattr(db, "fetch", lambda *args, **more: asked.append(args[0]) or fetch(*args, **more))
    page = text(world.client(world.bob), path)
    assert len(asked) <= 24, len(asked)
    said = plain(page)
    left = remaining(slo.a_month(now))
    assert f"{left * 100:.1f} % of the budget is left; at the pace of the last day it is gone in" in said
    assert "v12 has spent" in said.partition("of what went in the last day")[0]
    assert "99 % of requests match -outcome:error, over 28 days" in said
    assert "firing" in said and "quick burn" in said, "the rules, as the evaluator left them"
    assert '<img src=x onerror="alert(1)">' not in page and "U+202E" in page
    for address in (path, f"{path}/figures"):
        refused = world.client(world.charlie).get(address)
        assert refused.status_code == 404
        assert b"Requests succeed" not in refused.content
    assert world.client(world.charlie).get(f"/p/{world.theirs.slug}/objectives/success").status_code == 404
    assert "/edit" not in page and f"{path}/edit" in text(world.client(world.erin), path), "viewers read"


def test_the_burn_down_ends_where_the_page_says_and_exclusions_are_taken_out_of_it(world):
    now = datetime.now(UTC)
    one = a_budget(world, now)
    bad_day = now - timedelta(days=9)
    Exclusion.objects.create(
        project=world.ours.project, objective=one, starts_at=bad_day - timedelta(hours=3),
        ends_at=bad_day + timedelta(hours=5), reason="load test", author="erin",
    )  # fmt: skip
    client, path = world.client(world.alice), f"/p/{world.ours.slug}/objectives/success"
    edges = [int(at.timestamp()) // 60 * 60 for at in (bad_day - timedelta(hours=3), bad_day + timedelta(hours=5))]
    kept = [minute for minute in slo.a_month(now) if not edges[0] <= minute[0] < edges[1] + 60]
    said = plain(text(client, path))
    assert f"{remaining(kept) * 100:.1f} % of the budget is left" in said
    assert f"without exclusions {remaining(slo.a_month(now)) * 100:.1f} %" in said
    for shown in ("?shown=all", "?shown=7d", "?shown=1d"):
        figure = client.get(f"{path}/figures{shown}").json()["burn"]
        curves = {one["name"]: [y for y in one["y"] if y is not None] for one in figure["data"] if one.get("meta")}
        assert curves["budget left"][-1] == pytest.approx(remaining(kept) * 100), shown
        assert curves["without exclusions"][-1] == pytest.approx(remaining(slo.a_month(now)) * 100), shown
        bands = [shape for shape in figure["layout"]["shapes"] if shape["type"] == "rect"]
        assert len(bands) == (0 if shown.endswith(("7d", "1d")) else 1)


def test_what_the_bad_have_in_common_is_found_and_its_links_lead_to_exactly_those_traces(world):
    now = datetime.now(UTC)
    one = a_budget(world, now)
    bad_and_good(world, now)
    client, path = world.client(world.alice), f"/p/{world.ours.slug}/objectives/success"
    whole = text(client, path)
    (later,) = re.findall(r'id="attributes"[^>]* hx-get="([^"]+)"', whole)
    part = text(client, unescape(later), HX_Target="attributes", HX_Request="true")
    assert "<html" not in part
    assert plain(part).strip() in plain(text(client, unescape(later))), "without scripts the same"
    said = plain(part)
    assert "30 of 30 bad requests and 90 of 90 other requests of the last 24 h" in said
    assert "ToolTimeout 30 100 %" in said
    assert "region eu" in said and "association, not proof" in said
    rows = {number + 1 for number in range(120) if number % 4 == 0}
    for href in re.findall(r'href="([^"]*attr\.region:eu[^"]*)"', part):
        listed = text(client, unescape(href))
        assert "30 traces" in plain(listed), href
        assert f"{min(rows):032x}" in text(client, f"{unescape(href)}&sort=start")
    assert one.part_q in unescape(href).replace("%20", " ")


def test_bad_and_good_are_drawn_of_every_unit(world):
    now = datetime.now(UTC)
    fill(world.ours, now)
    found = {}
    for unit, part_q in (
        ("request", "outcome:error"),
        ("llm_call", "tokens:>0"),
        ("tool_call", "status:ok"),
        ("session", "outcome:error"),
        ("evaluation", "status:error"),
    ):
        indicator = parse_indicator(unit, "", part_q, "bad")
        ends = (int(now.timestamp()) - 7 * 86_400) * 10**9, (int(now.timestamp()) + 600) * 10**9
        sample = draw_events(world.ours.project.pk, indicator, *ends, of_events=10)
        found[unit] = (sample.bad_of, sample.good_of)
        assert sample.bad_of + sample.good_of == len(sample.drawn)
        assert not draw_events(world.theirs.project.pk, indicator, *ends, of_events=10).drawn, "nothing of others"
    assert {unit: sum(of) for unit, of in found.items()} == dict.fromkeys(found, 1) | {
        "evaluation": sum(found["evaluation"])
    }
    assert found["llm_call"] == (1, 0)


def test_a_budget_without_events_says_why_and_what_to_do(world):
    slo.promise(world.ours.project)
    said = plain(text(world.client(world.alice), f"/p/{world.ours.slug}/objectives/success"))
    assert "Nothing is counted yet: that begins within a minute of saving." in said
    assert "not evaluated yet" in said
    assert "Nothing was counted in the last 7 days" in plain(
        text(world.client(world.alice), f"/p/{world.ours.slug}/objectives/success?show=attributes")
    )


def test_the_board_shows_the_budgets_with_the_least_left_first(world):
    now = datetime.now(UTC)
    fill(world.ours)
    one = a_budget(world, now)
    path = f"/p/{world.ours.slug}/board"
    slo.evaluated(slo.promise(world.ours.project, name="gone", title="Gone"), now, remaining=-0.2, bad=12, total=1_000)
    page = text(world.client(world.bob), f"{path}?range=1h")
    said = plain(page.partition('id="budgets"')[2].partition("</section>")[0])
    assert re.search(r"Gone\s+none left\s+page", said)
    assert said.index("Gone") < said.index("Requests succeed")
    assert f"/p/{world.ours.slug}/objectives/{one.name}" in page
    narrowed = text(world.client(world.bob), f"{path}?range=1h&q=service:other")
    assert "Gone" not in narrowed
