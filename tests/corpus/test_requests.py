"""Corpus 94, 111, 112, 131 on pages, and 54-60 in logs and metrics: nothing that is asked or sent ends in a 500."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.server import configuration
from tests.conftest import Database
from tests.corpus.build import Seen, chat, in_ns, new_trace, request, send, settle
from tests.world import World, fill, make_world
from tests.world import send as send_all

HOSTILE = {
    "111 NUL": "\x00",
    "111 NUL in a word": "service:a\x00b",
    "131 SQL": "' OR 1=1--",
    "131 more SQL": '");DROP TABLE span;--',
    "131 colons": "a:b:c",
    "131 10 kB": "x" * 10_000,
    "131 10 000 parentheses": "(" * 10_000,
    "131 a slow pattern": "(a+)+$",
    "131 a key with a quote": "attr.a'b:1",
    "131 wildcards": "service:%_*",
    "112 a number out of range": "1e9",
    "112 below zero": "-1",
    "112 a lone surrogate": "\ud800",
    "112 not a number": "٣",
}
PAGES = ("/traces", "/sessions", "/versions", "/versions/diff", "/ingest", "/settings/audit")
PARAMETERS = (
    "q",
    "cursor",
    "from",
    "to",
    "range",
    "sort",
    "tz",
    "span",
    "show",
    "under",
    "day",
    "a",
    "b",
    "page",
    "limit",
    "who",
)


@pytest.fixture
def world(database: Database) -> World:
    world = make_world()
    fill(world.ours)
    return world


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_pages_answer_whatever_is_asked(world: World, case: str) -> None:
    client, base = world.client(world.alice), f"/p/{world.ours.slug}"
    text = HOSTILE[case].encode("utf-8", "surrogatepass").decode("latin-1")  # the bytes, as a browser would send them
    for page in (*PAGES, f"/traces/{world.ours.trace_id}"):
        for parameter in PARAMETERS:
            answer = client.get(f"{base}{page}", QUERY_STRING=f"{parameter}={_quoted(text)}")
            assert answer.status_code in (200, 302, 400, 404), (page, parameter, answer.status_code)
    for page in ("/sessions/", "/traces/", "/"):
        assert client.get(f"{base}{page}{_quoted(text)}").status_code in (400, 404, 302), page


def _quoted(text: str) -> str:
    return "".join(f"%{ord(char):02x}" for char in text)


def _any(value: Any) -> dict[str, Any]:
    return {"key": "k", "value": {"stringValue": value} if isinstance(value, str) else {"doubleValue": value}}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", 1.7e308, -1.7e308, 5e-324])
def test_57_measures_of_metrics_and_logs_that_are_none(world: World, value: Any) -> None:
    now_ns = in_ns(datetime.now(UTC)) - 10**9
    points = [{"asDouble": value, "timeUnixNano": str(now_ns + n), "attributes": [_any("x")]} for n in range(3)]
    bounds = {
        "count": 2**63 - 1,
        "sum": value,
        "min": value,
        "max": value,
        "bucketCounts": ["9223372036854775807", "7"],
    }
    histogram = [bounds | {"explicitBounds": [value], "timeUnixNano": str(now_ns + n)} for n in range(3)]
    metrics = [
        {"name": "level", "gauge": {"dataPoints": points}},
        {"name": "grown", "sum": {"dataPoints": points, "aggregationTemporality": 1, "isMonotonic": True}},
        {"name": "counted", "sum": {"dataPoints": points, "aggregationTemporality": 2, "isMonotonic": True}},
        {"name": "spread", "histogram": {"dataPoints": histogram, "aggregationTemporality": 1}},
        {"name": "spread out", "histogram": {"dataPoints": histogram, "aggregationTemporality": 2}},
    ]
    logs = [{"timeUnixNano": str(now_ns), "body": _any(value)["value"], "attributes": [_any(value), _any("a\x00b")]}]
    bodies = {
        "metrics": json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode(),
        "logs": json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]}).encode(),
    }
    send_all(world.ours, bodies, datetime.now(UTC))
    seen = Seen(world, "")
    for name in ("level", "grown", "counted", "spread", "spread out"):
        answer = seen.ask("/metrics/series", name=name, range="1h")
        assert answer["items"], name
        json.dumps(answer, allow_nan=False)
    json.dumps(seen.ask("/logs", range="1h"), allow_nan=False)


def test_94_keys_in_addresses_are_not_logged() -> None:
    """The server keeps no log of requests, so no address with a key in it is written anywhere."""
    assert not configuration(None).access_log


def test_a_poisoned_filter_finds_what_is_there(world: World) -> None:
    """131: what LIKE, JSON and our own language mean by a character is not what it means in a value."""
    trace = new_trace()
    send(world.ours.project.pk, request([chat(1, **{"session.id": "100%_'\"\\", "user.id": "a:b (c) OR d"})], trace))
    settle()
    seen = Seen(world, trace.hex())
    for q in ('session:"100%_\'\\"\\\\"', 'user:"a:b (c) OR d"'):
        (found,) = seen.ask("/traces", q=q, range="1h")["items"]
        assert found["trace_id"] == trace.hex()
    assert not seen.ask("/traces", q='session:"1%"', range="1h")["items"]
