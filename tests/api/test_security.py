"""Who may ask the API what: keys, scopes, projects; and nothing that a request says may break it."""

import json
import random
import time
from pathlib import Path

import pytest

from dashboard.api.docs import schema
from tests.api.shop import FROM, TO, Api, Shop, make_shop
from tests.builders import store, trace_id
from tests.world import World
from tracestore.models import AuditEntry
from tracestore.queries.spans import hex_id

PATHS = [path.removeprefix("/api/v1") for path in schema()["paths"]]
READ = [path.removeprefix("/api/v1") for path, operations in schema()["paths"].items() if "get" in operations]
_UNKNOWN = {
    "trace_id": "f" * 32,
    "span_id": "f" * 16,
    "session_id": "none",
    "set_id": "f" * 32,
    "slo_id": "999",
    "alert_id": "f" * 8 + "-ffff" * 3 + "-" + "f" * 12,
}


def filled(path: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace("{" + name + "}", value)
    return path


@pytest.mark.parametrize("kind", ["none", "garbage", "revoked", "expired"])
def test_without_a_valid_key_nothing_is_told(world: World, kind: str) -> None:
    keys = {"none": "", "garbage": "fl_nonsense"} | world.ours.keys
    for path in [*PATHS, "/nowhere"]:
        answer = Api(keys[kind]).get(filled(path, _UNKNOWN))
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert set(answer.json()) == {"detail"}


def test_an_ingest_key_cannot_read(world: World) -> None:
    for path in PATHS:
        assert Api(world.ours.keys["ingest"]).get(filled(path, _UNKNOWN)).status_code == 403, path


def test_deleting_needs_a_write_key_and_is_audited(world: World, api: Api, shop: Shop) -> None:
    path = f"/traces/{trace_id(1)}"
    assert api.call("DELETE", path).status_code == 403
    writer, stranger = Api(world.ours.keys["write"]), Api(world.theirs.keys["write"])
    assert stranger.call("DELETE", path).status_code == 404
    assert api.get(path).status_code == 200
    assert writer.call("DELETE", path).status_code == 204
    assert api.get(path).status_code == 404
    assert writer.call("DELETE", path).status_code == 404
    assert api.all("/usage")["items"][0]["llm_calls"] == 0
    entry = AuditEntry.objects.get(action="trace.delete")
    assert entry.target == trace_id(1)
    assert entry.actor.startswith("key fl_")


def test_what_belongs_to_another_project_looks_like_what_never_was(world: World, shop: Shop) -> None:
    (version,) = Api(world.ours.keys["read"]).all("/versions")["items"]
    real = {
        "trace_id": trace_id(1),
        "span_id": hex_id(shop.call.raw.span_id),
        "session_id": "s%201",
        "set_id": version["id"],
        "slo_id": str(world.ours.objective.pk),
        "alert_id": str(world.ours.alert.pk),
    }
    stranger = Api(world.theirs.keys["read"])
    for path in READ:
        if "{" in path:
            theirs, nowhere = stranger.get(filled(path, real)), stranger.get(filled(path, _UNKNOWN))
            assert theirs.status_code == nowhere.status_code == 404, path
            assert theirs.content == nowhere.content, path
    assert stranger.get("/versions/diff", a=version["id"], b=version["id"]).status_code == 404


def test_lists_show_the_own_project_only(world: World, shop: Shop) -> None:
    """The same ids in two projects are two traces."""
    store(world.theirs.project.pk, make_shop(user_id="their-user").spans)
    ours, theirs = Api(world.ours.keys["read"]), Api(world.theirs.keys["read"])
    for path in ("/traces", "/sessions", "/versions", "/usage", "/logs", "/metrics/series"):
        assert "their-user" not in json.dumps(ours.all(path)), path
    assert theirs.all("/traces")["items"][0]["user_id"] == "their-user"
    assert theirs.all("/usage")["items"][0]["spans"] == 5


BAD = [
    ("/traces", {"limit": "-1"}),
    ("/traces", {"limit": "0"}),
    ("/traces", {"limit": "99999999"}),
    ("/traces", {"limit": "1e9"}),
    ("/traces", {"limit": ""}),
    ("/traces", {"cursor": "garbage"}),
    ("/traces", {"cursor": "A" * 5000}),
    ("/traces", {"cursor": "W10"}),
    ("/traces", {"cursor": "bnVsbA"}),
    ("/traces", {"sort": "name"}),
    ("/traces", {"sort": "start; DROP TABLE span"}),
    ("/traces", {"q": "nofield:x"}),
    ("/traces", {"q": "(" * 10_000}),
    ("/traces", {"q": "x" * 10_240}),
    ("/traces", {"q": "a\x00b"}),
    ("/traces", {"nothing": "a\x00b"}),
    ("/traces", {"from": "yesterday"}),
    ("/traces", {"from": "2026-02-30T00:00:00Z"}),
    ("/traces", {"from": TO, "to": FROM}),
    ("/traces", {"range": "2h"}),
    ("/traces", {"from": FROM, "tz": "../../etc/passwd"}),
    ("/traces/" + "f" * 32, {"spans_limit": "100000"}),
    ("/traces/" + "f" * 32, {"cursor": "garbage"}),
    ("/usage", {"group_by": "password"}),
    ("/usage", {"group_by": "\x00"}),
    ("/logs", {"trace_id": "xyz"}),
    ("/logs", {"trace_id": "' OR 1=1--"}),
    ("/metrics/series", {"name": "m", "step": "0"}),
    ("/metrics/series", {"name": "m", "step": "-5"}),
    ("/metrics/series", {"name": "m", "step": "1s", "range": "30d"}),
    ("/metrics/series", {"name": "m" * 513}),
    ("/versions/diff", {}),
    ("/slos", {"cursor": "W10"}),
    ("/alerts", {"state": "gone"}),
    ("/alerts", {"cursor": "garbage"}),
    ("/release-gate", {}),
    ("/release-gate", {"service": "shop", "caller": "dog"}),
]


def test_bad_parameters_are_told(world: World) -> None:
    api = Api(world.ours.keys["read"])
    for path, query in BAD:
        answer = api.get(path, **query)
        assert answer.status_code == 400, (path, query, answer.content[:200])
        detail = answer.json()["detail"]
        assert isinstance(detail, str)
        assert 10 < len(detail) < 600


def test_a_cursor_of_another_list_or_order_is_refused(api: Api, shop: Shop, world: World) -> None:
    for number in (2, 3):
        store(world.ours.project.pk, make_shop(trace_id(number), at=number).spans)
    cursor = api.all("/traces", limit=1)["next_cursor"]
    assert cursor
    assert api.get("/traces", cursor=cursor, sort="start", from_=FROM, to=TO).status_code == 400
    assert api.get("/sessions", cursor=cursor, from_=FROM, to=TO).status_code == 400
    assert api.get("/logs", cursor=cursor, from_=FROM, to=TO).status_code == 400


def test_malformed_ids_are_not_found(api: Api, shop: Shop) -> None:
    for bad in ("F" * 32, "g" * 32, "1", "%00" * 32, "0" * 33, "..", "'", "%F0%9F%92%A9"):
        assert api.get(f"/traces/{bad}").status_code == 404, bad
        assert api.get(f"/traces/{trace_id(1)}/spans/{bad}").status_code == 404, bad
        assert api.get(f"/versions/{bad}").status_code == 404, bad
    assert api.get("/sessions/%00").status_code == 404
    assert api.get("/sessions/" + "x" * 5000).status_code == 404


def test_every_method_is_answered_in_json(api: Api) -> None:
    allowed = {(method.upper(), path) for path, operations in schema()["paths"].items() for method in operations}
    for path in PATHS:
        for method in ("POST", "PUT", "PATCH"):
            if (method, f"/api/v1{path}") in allowed:
                continue
            answer = api.call(method, filled(path, _UNKNOWN))
            assert (answer.status_code, set(answer.json())) == (405, {"detail"}), (method, path)
    assert api.get("/no/such/place").json() == {"detail": "There is no such thing in this project."}


HOSTILE_TEXT = [
    "", "0", "-1", "1e9", "99999999999999999999", "NaN", "null", "true", "[]", "{}", "'", '"', "`", "\\", "%", "_", "*", "\x00",
    "\x1f", "\u202e", "\ufeff", "💩", "ä" * 300, "A" * 3000, "' OR 1=1--", '");DROP TABLE span;--', "; SELECT pg_sleep(9)",
    "%(project)s", "{0}{x}", "%s%s%n", "../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "<script>alert(1)</script>",
    "2026-11-21", "2026-11-21T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+23:59", "1970-01-01T00:00:00Z",
    "2262-04-11T23:47:16.854775807Z", "24h", "90d", "model:*", "-(a OR b)", "attr.x:1e400", "duration:>9999999999999d", "W10",
]  # fmt: skip


def _parameters() -> list[tuple[str, str, list[str]]]:
    return [
        (method.upper(), path.removeprefix("/api/v1"), [one["name"] for one in operation.get("parameters", [])])
        for path, operations in schema()["paths"].items()
        for method, operation in operations.items()
        if method == "get"
    ]


@pytest.mark.timeout(180)
def test_no_hostile_parameter_causes_a_server_error(api: Api, shop: Shop) -> None:
    """Random values in every parameter of every endpoint, for some seconds; only 200, 400 and 404, always JSON."""
    chance, deadline, asked = random.Random(11), time.monotonic() + 20, 0
    cursor = "WyJ0cmFjZXMtc3RhcnQiLDEsImEiXQ"
    while time.monotonic() < deadline:
        method, path, names = chance.choice(_parameters())
        ids = {name: chance.choice([_UNKNOWN[name], trace_id(1), "zzz"]) for name in _UNKNOWN}
        chosen = chance.sample(names, k=chance.randrange(len(names) + 1))
        query = {
            name: chance.choice([*HOSTILE_TEXT, cursor]) for name in chosen if name not in ids or name == "trace_id"
        }
        answer = api.call(method, filled(path, ids), **query)
        assert answer.status_code in (200, 400, 404), (path, query, answer.content[:300])
        assert isinstance(json.loads(answer.content), dict)
        asked += 1
    assert asked > 100


def test_the_documentation_needs_nobody_else(world: World) -> None:
    """No script, style, font or address of another site; the nonce policy holds."""
    page = Api("").client.get("/api/docs")
    assert page.status_code == 200
    text = page.content.decode()
    for foreign in ("http://", "https://", "//cdn", "<style", "onclick"):
        assert foreign not in text.replace("http://www.w3.org", ""), foreign
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for path in PATHS:
        assert f"/api/v1{path}" in text
    assert Api("").client.get("/api/openapi.json").json()["info"]["title"] == "Fourline"


def test_docs_api_md_names_every_endpoint() -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    for path, operations in schema()["paths"].items():
        named = [f"{method.upper()} {path.removeprefix('/api/v1')}" for method in operations]
        assert any(one in text for one in named), named
