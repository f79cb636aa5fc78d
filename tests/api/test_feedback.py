"""Feedback is kept as it was meant, once, and says what is wrong with it; releases too."""

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.api import evaluations as feedback_api
from dashboard.api import schemas
from tests.api.shop import FROM, TO, Api, Shop
from tests.builders import NOW, NOW_NS, SECOND, trace_id
from tests.store.state import count
from tests.store.test_rollups import ALL
from tests.world import World
from tracestore.actions import access as actions
from tracestore.facts import SCORES
from tracestore.jobs import traces as settle_job
from tracestore.queries.releases import Marker, find_markers
from tracestore.queries.rollups import find_sums
from tracestore.queries.spans import hex_id

MINUTE_NS = 60 * SECOND


def post(path: str, key: str, body: Any) -> Any:
    raw = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Client(enforce_csrf_checks=True).post(
        f"/api/v1{path}", raw, content_type="application/json", headers=headers
    )


def give(world: World, *items: dict[str, Any], key: str = "ingest", trace: str = trace_id(1)) -> Any:
    body = [{"trace_id": trace} | item for item in items]
    return post("/feedback", world.ours.keys[key], body[0] if len(body) == 1 else body)


def test_feedback_is_readable_when_it_was_accepted(world: World, api: Api, shop: Shop) -> None:
    call = hex_id(shop.call.raw.span_id)
    sent = [
        {"rating": "down", "comment": "wrong flight", "user_id": "u1", "time": "2026-01-02T00:00:00Z"},
        {"name": "exact", "score": 0.5, "source": "code", "span_id": call.upper()},
        {"adoption": "edited"},
    ]
    answer = give(world, *sent)
    assert (answer.status_code, answer.json()) == (201, {"accepted": 3, "deduplicated": 0})
    found = api.all("/feedback")["items"]
    for one in found:
        schemas.Evaluation.model_validate(one)
    assert api.get(f"/traces/{trace_id(1)}").json()["evaluations"] == sorted(
        found, key=lambda one: (int(one["time_unix_nano"]), one["id"])
    )
    told = {(one["name"], one["source"], one["score"], one["label"], one["passed"], one["adoption"]) for one in found}
    assert told == {
        ("feedback", "people", None, "down", False, None),
        ("exact", "code", 0.5, None, None, None),
        ("feedback", "people", None, None, None, "edited"),
    }
    (exact,) = api.all("/feedback", name="exact")["items"]
    assert (exact["span_id"], exact["trace_id"]) == (call, trace_id(1))
    (rated,) = [one for one in found if one["comment"]]
    assert (rated["comment"], rated["user_id"], rated["time"]) == ("wrong flight", "u1", "2026-01-02T00:00:00.000000Z")
    settle_job.run(NOW)
    assert [one.key for one in find_sums(SCORES, world.ours.project.pk, 0, 2**62, by=("model",))] == [
        ["gpt-4o"],
        [None],
    ]


def test_pages_of_feedback_hold_everything_once(world: World, api: Api) -> None:
    give(world, *({"score": n, "time": "2026-11-20T00:00:00Z"} for n in range(7)))
    seen, cursor = [], None
    while True:
        page = api.get("/feedback", from_=FROM, to=TO, limit=3, **({"cursor": cursor} if cursor else {})).json()
        seen += [one["score"] for one in page["items"]]
        if not (cursor := page["next_cursor"]):
            break
    assert sorted(seen) == list(range(7))


def test_the_same_id_again_is_the_same_feedback(world: World, api: Api) -> None:
    for body, expected in (({"score": 1}, 1), ({"score": 1}, 0), ({"score": 2}, 1)):
        assert give(world, body | {"id": "click-7"}).json()["accepted"] == expected
    assert [one["score"] for one in api.all("/feedback")["items"]] == [2]
    give(world, {"score": 3, "id": "click-7"}, trace=trace_id(2))
    assert len(api.all("/feedback")["items"]) == 2, "another trace's feedback is another one"


def test_who_may_give_feedback_and_who_may_read_it(world: World, api: Api) -> None:
    for key, status in (("read", 403), ("revoked", 401), ("ingest", 201), ("write", 201)):
        assert give(world, {"score": 1}, key=key).status_code == status, key
    assert post("/feedback", "", {}).status_code == 401
    assert Api(world.ours.keys["ingest"]).get("/feedback").status_code == 403
    theirs = Api(world.theirs.keys["read"])
    assert theirs.all("/feedback")["items"] == [], "Charlie sees nothing"
    assert theirs.get(f"/traces/{trace_id(1)}").status_code == 404
    assert len(api.all("/feedback")["items"]) == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "trace_id: Field required."),
        ({"trace_id": "0" * 32, "score": 1}, "trace_id: must not be all zero."),
        ({"trace_id": "xyz", "score": 1}, "trace_id: String should match pattern"),
        ({"trace_id": trace_id(1)}, "give at least one of score, label, passed, rating, adoption, comment."),
        ({"trace_id": trace_id(1), "score": "1"}, "score: Input should be a valid number."),
        ({"trace_id": trace_id(1), "score": 1e7}, "score: Input should be less than or equal to 1000000."),
        ({"trace_id": trace_id(1), "rating": "meh"}, "rating: Input should be 'up' or 'down'."),
        ({"trace_id": trace_id(1), "score": 1, "colour": "red"}, "colour: Extra inputs are not permitted."),
        ({"trace_id": trace_id(1), "comment": "a\x00b"}, "comment: must not hold a NUL character."),
        ({"trace_id": trace_id(1), "score": 1, "time": "soon"}, "time: must be a time such as"),
        ([{"trace_id": trace_id(1), "score": 1}, {"trace_id": trace_id(1)}], "item 2: give at least one of"),
        ([], "List should have at least 1 item"),
        ([{"trace_id": trace_id(1), "score": 1}] * 1001, "List should have at most 1000 items"),
        ("{", "Invalid JSON"),
        (b'{"trace_id": "\xff"}', "Invalid JSON"),
        ('{"trace_id": "' + trace_id(1) + '", "comment": "\\ud800"}', "Invalid JSON"),
        ('{"trace_id": "' + trace_id(1) + '", "score": NaN}', "score: Input should be a"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_feedback_is_said(world: World, body: Any, says: str) -> None:
    answer = post("/feedback", world.ours.keys["ingest"], body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert count("evaluation", world.ours.project.pk) == 0


def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    assert give(world, {"comment": "x" * 2_200_000}).status_code == 413


def test_a_key_that_posts_without_end_is_slowed_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_api.POSTS, "limit", 0)
    assert give(world, {"score": 1}).status_code == 429


def test_texts_pass_the_rules_of_the_project(world: World, api: Api) -> None:
    project, actor = world.ours.project.pk, actions.Actor(None, "test")
    actions.add_rule(project, "detector", "email", "mask", "[email]", NOW, actor)
    actions.add_rule(project, "key", "user.id", "hash", "[user]", NOW, actor)
    give(world, {"comment": "ask ann@example.org", "label": "by bob@example.org", "user_id": "u1"})
    (one,) = api.all("/feedback")["items"]
    assert (one["comment"], one["label"]) == ("ask [email]", "by [email]")
    assert one["user_id"].startswith("hash:")


def test_a_long_comment_is_cut(world: World, api: Api) -> None:
    give(world, {"comment": "ä" * 5_000})
    assert api.all("/feedback")["items"][0]["comment"] == "ä" * 2_048


TEXTS = st.text(max_size=20) | st.sampled_from([trace_id(1), "up", "edited", "code", "2026-11-21T09:30:00Z"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
FIELDS = "trace_id span_id name score label passed rating adoption comment user_id source id time other".split()
ITEMS = st.dictionaries(st.sampled_from(FIELDS), VALUES) | st.fixed_dictionaries(
    {"trace_id": st.just(trace_id(1))}, optional=dict.fromkeys(FIELDS[1:], VALUES)
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.one_of(ITEMS, st.lists(ITEMS, max_size=3), VALUES, st.binary(max_size=30)))
def test_whatever_is_posted_is_kept_or_refused_with_a_reason(world: World, body: Any) -> None:
    before = count("evaluation", world.ours.project.pk)
    answer = post("/feedback", world.ours.keys["ingest"], body)
    assert answer.status_code in (201, 400), answer.content
    if answer.status_code == 400:
        assert answer.json()["detail"]
        assert count("evaluation", world.ours.project.pk) == before


# ---- releases


def release(world: World, key: str = "ingest", **body: Any) -> Any:
    return post("/releases", world.ours.keys[key], {"service": "shop", "version": "v12"} | body)


def test_a_release_is_known_with_the_version_that_ran(world: World, api: Api, shop: Shop) -> None:
    answer = release(world, time="2026-11-20T10:00:00Z", url="https://example.org/v12", commit="abc", id="deploy-1")
    assert answer.status_code == 201
    assert release(world, time="2026-11-20T10:00:00Z", name="Twelve", id="deploy-1").status_code == 200
    (found,) = api.all("/releases")["items"]
    schemas.Release.model_validate(found)
    assert (found["name"], found["time"], found["url"]) == ("Twelve", "2026-11-20T10:00:00.000000Z", "")
    assert found["version_set"] in api.get(f"/traces/{trace_id(1)}").json()["trace"]["version_sets"]


def test_the_time_of_a_release_stays_when_it_is_told_again(world: World, api: Api) -> None:
    first = release(world, id="d").json()["time"]
    assert release(world, id="d").json()["time"] == first
    assert len(api.all("/releases")["items"]) == 1


def test_who_may_tell_of_releases_and_who_may_read_them(world: World, api: Api) -> None:
    assert release(world, key="read").status_code == 403
    assert release(world).status_code == release(world, key="write").status_code == 201
    assert Api(world.theirs.keys["read"]).all("/releases")["items"] == [], "Charlie sees nothing"
    assert len(api.all("/releases")["items"]) == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"version": ""}, "version: String should have at least 1 character."),
        ({"url": "javascript:alert(1)"}, "url: must begin with https:// or http://."),
        ({"time": "9999-01-01"}, "time: must be a time such as"),
        ({"nonsense": 1}, "nonsense: Extra inputs are not permitted."),
    ],
)
def test_what_is_wrong_with_a_release_is_said(world: World, body: dict[str, Any], says: str) -> None:
    answer = release(world, **body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_markers_are_first_seen_versions_and_releases_in_order(world: World, shop: Shop) -> None:
    project = world.ours.project.pk
    release(world, time=NOW.isoformat(), url="https://example.org/v12")
    release(world, service="mail", time=NOW.isoformat())
    found = find_markers(project, *ALL, service="shop")
    set_id = world.ours.set_id
    assert found == [
        Marker(NOW_NS, "shop", "v12", "first_seen", set_id, None),
        Marker(NOW_NS, "shop", "v12", "release", set_id, "https://example.org/v12"),
    ]
    assert not found.cut
    assert len(find_markers(project, *ALL)) == 3
    assert find_markers(world.theirs.project.pk, *ALL) == []
    assert find_markers(project, NOW_NS + 1, NOW_NS + MINUTE_NS) == []


def test_too_many_markers_are_cut_and_it_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracestore.queries.releases.MOST_MARKERS", 2)
    for n in range(3):
        release(world, version=f"v{n}", time=f"2026-11-2{n}T00:00:00Z")
    found = find_markers(world.ours.project.pk, 0, 2**62)
    assert ([one.label for one in found], found.cut) == (["v1", "v2"], True)
