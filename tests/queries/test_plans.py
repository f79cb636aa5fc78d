"""What the reads cost: partitions are pruned, indexes answer, and each question is a known number of statements."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.rows import DAY_NS, NOW_NS, day_of, fill
from tracestore import db
from tracestore.analysis.filters import parse
from tracestore.payload import encode_value
from tracestore.queries.ledger import ledger
from tracestore.queries.logs import find_logs
from tracestore.queries.sessions import find_sessions, get_session
from tracestore.queries.trace_detail import get_trace
from tracestore.queries.trace_list import find_traces
from tracestore.queries.trace_strip import summarise_traces
from tracestore.queries.usage import GROUPS, usage
from tracestore.queries.versions import find_version_sets

TRACES = 20_000
HOUR_NS = DAY_NS // 24
START = f"({NOW_NS}::bigint - i::bigint * {7 * DAY_NS // TRACES})"
DAY = f"(date '1970-01-01' + ({START} / {DAY_NS})::int)"
IDS = {"project": "1", "day": DAY, "trace_id": "md5(i::text)::uuid", "start_ns": START, "end_ns": f"{START} + 1000000"}
NAMES = {"name": "'chat'", "agent_name": "'writer'", "provider": "'openai'", "prompt_name": "'hello'"}
MANY = f"generate_series(1, {TRACES}) AS i"
BODY = f"'\\x{encode_value([None, {}]).hex()}'::bytea"


def id_of(number: int) -> str:
    return hashlib.md5(str(number).encode()).hexdigest()


@pytest.fixture
def week(database: Database) -> None:
    """A week of traces: one span and one call each."""
    extra = {"first_day": DAY, "last_day": DAY, "duration_ns": "i", "error_count": "(i % 50 = 0)::int"}
    extra |= {"session_id": "'s' || i / 4", "user_id": "'u' || i % 2000", "services": "ARRAY['shop']"}
    extra |= {
        "cost_nanousd": "nullif(i % 5, 0) * 100",
        "input_tokens": "nullif(i % 7, 0)",
        "operations": "ARRAY['chat']",
    }
    extra |= {"models": "ARRAY['m' || i % 5]", "environments": "ARRAY['prod']", "versions": "ARRAY['v' || i / 5000]"}
    attrs = "jsonb_build_object('plan', CASE WHEN i % 2000 = 0 THEN 'gold' ELSE 'free' END)"
    fill("trace", IDS | extra | {"attrs": attrs, "settled_ns": START}, MANY)
    fill("span", IDS | {"span_id": "i", "received_ns": START, "service": "'shop'", "operation": "'chat'"} | NAMES, MANY)
    fill("llm_call", IDS | {"span_id": "i", "call": "TRUE", "billable": "TRUE", "operation": "'chat'"}, MANY)
    fill("log_record", {"project": "1", "day": DAY, "hash": "md5(i::text)::uuid", "time_ns": START, "body": BODY}, MANY)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, Any]]]:
    """The statements that were asked, with their parameters."""
    found: list[tuple[Any, Any]] = []
    real = db.fetch

    def fetch(query: Any, params: Any, *rest: Any, **more: Any) -> Any:
        found.append((query, params))
        return real(query, params, *rest, **more)

    monkeypatch.setattr(db, "fetch", fetch)
    yield found


def plan_of(statement: tuple[Any, Any]) -> dict[str, Any]:
    query, parameters = statement
    with db.connection() as connection:
        text = query if isinstance(query, str) else query.as_string(connection)
        rows = connection.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + text, parameters).fetchone()
    assert rows is not None
    found = rows[0] if isinstance(rows[0], list) else json.loads(rows[0])
    return dict(found[0]["Plan"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes that did something; what was pruned at run time did not."""
    if plan.get("Actual Loops", 1):
        yield plan
        for child in plan.get("Plans", []):
            yield from nodes(child)


def partitions(plan: dict[str, Any], table: str) -> set[date]:
    names = [re.fullmatch(rf"{table}_(\d{{8}})", node.get("Relation Name", "")) for node in nodes(plan)]
    return {date(int(m[1][:4]), int(m[1][4:6]), int(m[1][6:])) for m in names if m}


def scans(plan: dict[str, Any], table: str) -> set[str]:
    """How the partitions were read that hold more than a page or two."""
    named = [node for node in nodes(plan) if re.fullmatch(rf"{table}_\d{{8}}", node.get("Relation Name", ""))]
    return {node["Node Type"] for node in named if node["Actual Rows"] + node.get("Rows Removed by Filter", 0) > 100}


def test_the_newest_traces_come_from_the_index_of_their_days(week: None, asked: list[Any]) -> None:
    page = find_traces(1, NOW_NS - 6 * HOUR_NS, NOW_NS + 1, now_ns=NOW_NS)
    assert len(page.items) == 50
    plan = plan_of(asked[-1])
    assert "Seq Scan" not in scans(plan, "trace")
    assert partitions(plan, "trace") <= {day_of(NOW_NS + n * DAY_NS) for n in (-1, 0, 1)}
    assert max(node["Actual Rows"] for node in nodes(plan)) <= 52, "stops after a page"


def test_a_deep_page_costs_what_the_first_one_costs(week: None, asked: list[Any]) -> None:
    page = find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, limit=1000)
    for _ in range(8):
        page = find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, limit=1000, cursor=page.next_cursor)
    find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, limit=50, cursor=page.next_cursor)
    plan = plan_of(asked[-1])
    assert "Seq Scan" not in scans(plan, "trace")
    assert sum(node["Actual Rows"] for node in nodes(plan) if "Relation Name" in node) <= 400


@pytest.mark.parametrize(("q", "index"), [("session:s77", "session_id"), ("attr.plan:gold", "attrs")])
def test_selective_filters_use_their_index(week: None, asked: list[Any], q: str, index: str) -> None:
    assert find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, filter=parse(q)).items
    plan = plan_of(asked[-1])
    assert any(index in node.get("Index Name", "") for node in nodes(plan)), {
        node.get("Index Name") for node in nodes(plan)
    }


@pytest.mark.parametrize("field", ["model", "tool", "version", "operation", "service", "environment"])
def test_a_name_that_no_trace_has_is_not_sought_in_every_trace(week: None, asked: list[Any], field: str) -> None:
    assert not find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, filter=parse(f"{field}:nowhere")).items
    for statement in asked:
        looked_at = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes(plan_of(statement))]
        assert max(looked_at) <= 60, statement


def test_few_traces_of_many_tokens_are_found_without_looking_at_every_trace(week: None, asked: list[Any]) -> None:
    fill("trace", IDS | {"trace_id": "md5('t' || i)::uuid", "input_tokens": "900 + i"}, "generate_series(1, 30) AS i")
    range_ = (NOW_NS - 7 * DAY_NS, NOW_NS)
    few = find_traces(1, *range_, now_ns=NOW_NS, filter=parse("tokens:>910 -service:x"), limit=15)
    rest = find_traces(1, *range_, now_ns=NOW_NS, filter=parse("tokens:>910 -service:x"), cursor=few.next_cursor)
    assert [row.input_tokens for row in few.items + rest.items] == list(range(911, 931)), "newest first, none twice"
    for statement in asked:
        looked_at = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes(plan_of(statement))]
        assert max(looked_at) <= 60, statement
    many = find_traces(1, *range_, now_ns=NOW_NS, filter=parse("tokens:>3"), limit=1000)
    assert len(many.items) == 1000, "many are walked by time"


def test_days_that_hold_nothing_are_asked_together(week: None, asked: list[Any]) -> None:
    assert not find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, filter=parse("user:nobody")).items
    assert len(asked) <= 6, "partitions, and 1, 1, 1, 4 and 2 days"


@pytest.mark.parametrize("field", ["name", "agent", "provider", "prompt"])
def test_a_name_that_no_span_has_is_not_sought_in_every_trace(week: None, asked: list[Any], field: str) -> None:
    assert not find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, filter=parse(f"{field}:nowhere")).items
    for statement in asked:
        looked_at = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes(plan_of(statement))]
        assert max(looked_at) <= 1_000, "the nearest thousand"


@pytest.mark.parametrize("sort", ["-duration", "-cost", "cost", "-tokens", "-errors", "errors"])
def test_the_best_of_a_week_come_from_an_index(week: None, asked: list[Any], sort: str) -> None:
    page = find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, sort=sort)
    page = find_traces(1, NOW_NS - 7 * DAY_NS, NOW_NS, now_ns=NOW_NS, sort=sort, cursor=page.next_cursor)
    assert len(page.items) == 50
    for statement in asked:
        for node in nodes(plan_of(statement)):
            assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) <= 600, (sort, node)


def test_sessions_are_found_from_the_newest_traces_on(week: None, asked: list[Any]) -> None:
    """In a page of sessions nobody groups a week."""
    page = find_sessions(1, NOW_NS - 7 * DAY_NS, NOW_NS)
    assert [row.session_id for row in page.items[:2]] == ["s0", "s1"]
    again = find_sessions(1, NOW_NS - 7 * DAY_NS, NOW_NS, cursor=page.next_cursor)
    assert not {row.session_id for row in page.items} & {row.session_id for row in again.items}
    looked_at = [node["Actual Rows"] for statement in asked for node in nodes(plan_of(statement))]
    assert max(looked_at) <= 700


def test_a_question_of_many_days_ends_in_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "READ_TIMEOUT_MS", -1)
    for question in (find_sessions, lambda *range_: find_traces(*range_, now_ns=NOW_NS)):
        with pytest.raises(psycopg.errors.QueryCanceled):
            question(1, NOW_NS - 7 * DAY_NS, NOW_NS)


def test_span_terms_look_only_into_the_days_of_their_trace(week: None, asked: list[Any]) -> None:
    find_traces(1, NOW_NS - HOUR_NS, NOW_NS, now_ns=NOW_NS, filter=parse("agent:nobody"))
    plan = plan_of(asked[-1])
    assert partitions(plan, "span") <= {day_of(NOW_NS + n * DAY_NS) for n in (-1, 0, 1, 2)}


def test_usage_and_logs_read_their_days_only(week: None, asked: list[Any]) -> None:
    days = {day_of(NOW_NS + n * DAY_NS) for n in (-3, -2, -1, 0, 1)}
    for group_by in GROUPS:
        usage(1, NOW_NS - HOUR_NS, NOW_NS - 1, group_by)  # the last minute is not whole: it is read from rows
        plan = plan_of(asked[-1])
        for table in ("llm_call", "tool_call", "trace"):
            assert partitions(plan, table) <= days, table
            assert "Seq Scan" not in scans(plan, table), table
        assert not partitions(plan, "span")
    find_logs(1, NOW_NS - HOUR_NS, NOW_NS)
    plan = plan_of(asked[-1])
    assert partitions(plan, "log_record") <= days
    assert "Seq Scan" not in scans(plan, "log_record")


def test_one_trace_is_read_by_its_id(week: None, asked: list[Any]) -> None:
    found = get_trace(1, id_of(5), now_ns=NOW_NS)
    assert found is not None
    assert len(found.spans) == 1
    for statement in asked:
        plan = plan_of(statement)
        for table in ("trace", "span", "llm_call"):
            assert "Seq Scan" not in scans(plan, table), table


def test_each_question_is_a_known_number_of_statements(week: None, asked: list[Any]) -> None:
    range_ = (NOW_NS - DAY_NS, NOW_NS)

    def cost(question: Any) -> int:
        asked.clear()
        question()
        return len(asked)

    assert cost(lambda: find_traces(1, *range_, now_ns=NOW_NS)) == 1
    assert cost(lambda: summarise_traces(1, *range_)) == 1
    assert cost(lambda: get_trace(1, id_of(5), now_ns=NOW_NS)) <= 5
    assert cost(lambda: find_sessions(1, *range_)) <= 3
    assert cost(lambda: get_session(1, "s1", now_ns=NOW_NS)) == 2
    assert cost(lambda: find_logs(1, *range_)) == 1
    assert cost(lambda: ledger(1, *range_)) == 2
    assert cost(lambda: find_version_sets(1, *range_)) == 1, "no set was seen: nothing else is asked"
    for group_by in GROUPS:
        assert cost(lambda group_by=group_by: usage(1, *range_, group_by)) == 2


@pytest.mark.timeout(240)
def test_a_trace_of_a_hundred_thousand_spans_is_read_in_windows(database: Database) -> None:
    """4 s on the first read, while unsettled; it must answer, in bounded size."""
    columns = {"project": "1", "day": f"'{day_of(NOW_NS)}'", "trace_id": "md5('x')::uuid", "span_id": "i"}
    columns |= {"parent_span_id": "nullif(i / 3, 0)", "start_ns": f"{NOW_NS} + i", "end_ns": f"{NOW_NS} + i + 5"}
    fill("span", columns | {"operation": "'chat'", "service": "'shop'"}, "generate_series(1, 100000) AS i")
    found = get_trace(1, hashlib.md5(b"x").hexdigest(), now_ns=NOW_NS, spans_limit=1000)
    assert found is not None
    assert (found.spans_total, len(found.spans), found.trace.span_count) == (100_000, 1000, 100_000)
    after = get_trace(1, hashlib.md5(b"x").hexdigest(), now_ns=NOW_NS, spans_limit=1000, cursor=found.next_cursor)
    assert after is not None
    assert after.spans[0].start_ns == NOW_NS + 1001
