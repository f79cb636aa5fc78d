"""Reading sums costs what they are: their index answers, by grain and time, and no span is looked at."""

from typing import Any

import pytest

from tests.conftest import Database
from tests.queries.test_plans import nodes, plan_of
from tests.rows import DAY_NS, NOW_NS, fill
from tracestore import db
from tracestore.analysis.filters import parse
from tracestore.facts import REQUESTS
from tracestore.queries.rollups import find_sums, undecided_sums
from tracestore.queries.usage import unpriced_models, usage

MINUTES = 14 * 1440
MANY = f"generate_series(0, {MINUTES - 1}) AS i, generate_series(1, 3) AS n"


@pytest.fixture
def sums(database: Database) -> None:
    """Two weeks of minutes, hours and days of three models."""
    for grain, every in ((60, 1), (900, 15), (3600, 60), (86400, 1440)):
        when = {
            "project": "1",
            "grain_s": str(grain),
            "start_s": f"({NOW_NS // 10**9} / {grain} - i / {every}) * {grain}",
        }
        source = f"{MANY} WHERE i % {every} = 0"
        fill("usage_rollup", when | {"dimension": "'model'", "key": "'m' || n", "llm_calls": "1"}, source)
        fill("call_rollup", when | {"model": "'m' || n", "lacking_price": "1"}, source)
        of_requests = when | {"models": "'{m' || n || '}'", "service": "'s'", "requests": "1"}
        fill("request_rollup", of_requests, source)
        if grain > 60:
            fill("request_tools_rollup", of_requests | {"tools": "'{t' || n || '}'"}, source)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    real, real_tuples = db.fetch, db.fetch_tuples

    def fetch(query: Any, params: Any, *rest: Any, **more: Any) -> Any:
        found.append((query, params))
        return real(query, params, *rest, **more)

    def fetch_tuples(query: Any, params: Any, *rest: Any) -> Any:
        found.append((query, params))
        return real_tuples(query, params, *rest)

    monkeypatch.setattr(db, "fetch", fetch)
    monkeypatch.setattr(db, "fetch_tuples", fetch_tuples)
    return found


def read_rows(plan: dict[str, Any], table: str) -> float:
    scans = [node for node in nodes(plan) if node.get("Relation Name") == table]
    assert scans
    assert all("Index" in node["Node Type"] or "Bitmap" in node["Node Type"] for node in scans), scans
    return sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans)


def test_two_weeks_of_usage_read_days_and_the_hours_and_minutes_of_their_edges(sums: None, asked: list[Any]) -> None:
    rows = usage(1, NOW_NS - 13 * DAY_NS + 17, NOW_NS, "model")
    assert {row.key for row in rows} == {"m1", "m2", "m3"}
    assert read_rows(plan_of(asked[-1]), "usage_rollup") <= 3 * (14 + 2 * 24 + 2 * 60)


def test_models_without_a_price_are_found_in_sums(sums: None, asked: list[Any]) -> None:
    assert [model for model, _ in unpriced_models(1, NOW_NS - 7 * DAY_NS)] == ["m1", "m2", "m3"]
    assert read_rows(plan_of(asked[-1]), "call_rollup") <= 3 * (8 + 2 * 24 + 2 * 60)


def requests_of(q: str, step_s: int) -> set[int | None]:
    found = find_sums(REQUESTS, 1, NOW_NS - 13 * DAY_NS + 17, NOW_NS, step_s=step_s, filter=parse(q))
    return {one.measures["requests"] for one in found}


def test_a_board_of_two_weeks_reads_hours_and_what_is_at_the_edges(sums: None, asked: list[Any]) -> None:
    assert requests_of("model:m2", 7200)
    assert read_rows(plan_of(asked[-1]), "request_rollup") <= 3 * (13 * 24 + 2 * 4 + 2 * 15)


def test_a_filter_by_tool_reads_quarters_only_at_the_edges(sums: None, asked: list[Any]) -> None:
    assert requests_of("tool:t2 -model:m1", 7200)
    assert read_rows(plan_of(asked[-1]), "request_tools_rollup") <= 3 * (13 * 24 + 2 * 4)


def test_whether_a_filter_is_exact_is_read_from_sums(sums: None, asked: list[Any]) -> None:
    assert undecided_sums(REQUESTS, 1, NOW_NS - 13 * DAY_NS, NOW_NS, parse("tool:t2")) == 0
    assert read_rows(plan_of(asked[-1]), "request_tools_rollup") <= 3 * (14 + 2 * 24 + 2 * 4)
