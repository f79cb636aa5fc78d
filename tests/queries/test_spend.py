"""Who spent what, which requests were dearest, what sampled prompts are made of: stored by the writer, read as pages do."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.builders import NOW_NS, SECOND, span, store, trace_id
from tests.conftest import _point_django_at as point_django_at
from tests.rows import DAY_NS
from tests.servers import PLAIN, Servers
from tracestore.analysis.filters import parse
from tracestore.analysis.hints import find_hints
from tracestore.analysis.pricing import PriceBook, Usage, cost
from tracestore.queries import call_sample
from tracestore.queries.call_sample import draw_calls, read_prompts, session_calls, spent_calls
from tracestore.queries.context import find_conversations, find_full_prompts, models_called
from tracestore.queries.spend import (
    Dearest,
    find_dearest,
    rows_from,
    series_by,
    spent_by,
    spent_by_step,
    total_requests,
    total_spent,
)
from tracestore.records import Price, Span

RANGE = (NOW_NS - 3_600 * SECOND, NOW_NS + 3_600 * SECOND)
BOOK = PriceBook()


class PROJECT:
    """Each test has a project of its own in one database: to make a database takes longer than these tests."""

    now = 0


@pytest.fixture(scope="module", autouse=True)
def _database(postgres: Servers, django_db_blocker: Any) -> Iterator[None]:
    postgres.clone("spend")
    with django_db_blocker.unblock():
        point_django_at("spend")
        yield
        point_django_at(PLAIN)
        postgres.drop("spend")


@pytest.fixture(autouse=True)
def _project(_database: None) -> None:
    PROJECT.now += 1


def stored(spans: Iterable[Span]) -> None:
    """Priced and written as ingest does."""
    spans, prices = list(spans), dict[int, Price]()
    for one in spans:
        BOOK.charge(one, prices)
    store(PROJECT.now, spans, prices=prices)


def call(number: int = 1, **fields: Any) -> Span:
    """A call of gpt-4o-mini (0.15 in, 0.075 cached, 0.60 out) with 1000 tokens in and 100 out."""
    given = {"provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1_000, "output_tokens": 100}
    return span(trace_id(number), **(given | fields))


ONE = 1_000 * 150 + 100 * 600


def said(*messages: tuple[str, str]) -> dict[str, Any]:
    return {"gen_ai.input.messages": [{"role": role, "content": text} for role, text in messages]}


def test_groups_add_up_to_the_total_whatever_they_group_by():
    stored(
        [
            call(1, user_id="u1", session_id="s1", tenant_id="t1", prompt_name="p1"),
            call(2, user_id="u2", session_id="s1", service="other", service_version="v2"),
            call(3, user_id="u1", model="gpt-4o", cache_read_tokens=0),
            call(4, model="mystery"),
        ]
    )
    total = total_spent(PROJECT.now, *RANGE)
    assert (total.calls, total.unpriced, total.input_tokens) == (4, 1, 4_000)
    for by in ("model", "service", "version", "operation", "user", "tenant", "session", "prompt"):
        groups = spent_by(PROJECT.now, *RANGE, by)
        assert sum(one.cost_nanousd or 0 for one in groups) == total.cost_nanousd, by
        assert sum(one.calls for one in groups) == 4, by
        assert groups == sorted(groups, key=lambda one: -(one.cost_nanousd or 0)), by


def test_users_under_a_filter_are_read_from_rows_and_say_the_same():
    stored([call(1, user_id="u1"), call(2, user_id="u2"), call(3, user_id="u1", service="other")])
    assert [(one.key, one.cost_nanousd) for one in spent_by(PROJECT.now, *RANGE, "user")] == [
        ("u1", 2 * ONE),
        ("u2", ONE),
    ]
    found = spent_by(PROJECT.now, *RANGE, "user", parse("service:shop"))
    assert [(one.key, one.cost_nanousd, one.calls) for one in found] == [("u1", ONE, 1), ("u2", ONE, 1)]


def test_rows_are_read_of_a_week_at_most():
    assert rows_from(NOW_NS - 30 * DAY_NS, NOW_NS) == NOW_NS - 7 * DAY_NS
    assert rows_from(NOW_NS - DAY_NS, NOW_NS) == NOW_NS - DAY_NS


def test_steps_hold_what_ended_in_them_and_series_fill_the_range():
    stored([call(1, at=0), call(2, at=125), call(3, at=130, model="gpt-4o")])
    steps = spent_by_step(PROJECT.now, NOW_NS, NOW_NS + 240 * SECOND, 60)
    assert [(at - NOW_NS // SECOND, one.calls) for at, one in steps] == [(0, 1), (120, 2)]
    series = series_by(PROJECT.now, NOW_NS, NOW_NS + 240 * SECOND, "model", 60)
    assert series["gpt-4o-mini"] == [ONE, 0, ONE, 0]


def test_requests_with_a_budget_are_counted_apart():
    stored([call(1), call(2)])
    found = total_requests(PROJECT.now, *RANGE)
    assert (found.requests, found.cost_nanousd, found.budgeted) == (2, 2 * ONE, None)


def test_the_dearest_twentieth_is_one_request_at_least():
    stored([call(number, output_tokens=100 * number) for number in range(1, 22)])
    summed, requests = find_dearest(PROJECT.now, *RANGE, limit=3)
    costs = [1_000 * 150 + 100 * number * 600 for number in range(21, 0, -1)]
    assert summed == Dearest(n=21, top=2, cost_nanousd=sum(costs), top_nanousd=sum(costs[:2]))
    assert [one.cost_nanousd for one in requests] == costs[:3]
    assert find_dearest(PROJECT.now, NOW_NS - 3 * DAY_NS, NOW_NS - 2 * DAY_NS)[0].n == 0


def test_a_request_that_cost_nothing_counts_and_one_of_unknown_cost_does_not():
    stored([call(1), call(2, input_tokens=0, output_tokens=0), call(3, model="mystery")])
    assert find_dearest(PROJECT.now, *RANGE)[0].n == 2
    found = total_requests(PROJECT.now, *RANGE)
    assert (found.requests, found.priced, found.cost_nanousd) == (3, 2, ONE)


def test_a_sample_holds_whole_traces_and_is_the_same_each_time():
    stored([call(number, at=step) for number in range(1, 31) for step in range(3)])
    drawn = draw_calls(PROJECT.now, *RANGE, most=20)
    counts = {row.trace_id: 0 for row in drawn}
    for row in drawn:
        counts[row.trace_id] += 1
    assert set(counts.values()) == {3}
    assert len(drawn) == 18
    assert draw_calls(PROJECT.now, *RANGE, most=20) == drawn
    assert len(draw_calls(PROJECT.now, *RANGE)) == 90


def test_of_many_calls_only_some_traces_are_looked_at():
    stored([call(number) for number in range(1, 201)])
    drawn = draw_calls(PROJECT.now, *RANGE, most=10, of_calls=200)
    assert 0 < len(drawn) <= 10
    assert {row.trace_id for row in drawn} <= {row.trace_id for row in draw_calls(PROJECT.now, *RANGE)}


def test_a_sample_obeys_the_filter():
    stored([call(1), call(2, service="other")])
    assert [row.service for row in draw_calls(PROJECT.now, *RANGE, filter=parse("service:other"))] == ["other"]


def test_hints_of_stored_calls_are_those_of_the_rules():
    system = "x" * 6_000
    first = call(
        1, at=0, attributes=said(("system", system), ("user", "a" * 2_000)), input_tokens=2_000, cache_read_tokens=0
    )
    again = call(
        1, at=5, attributes=said(("system", system), ("user", "b" * 2_000)), input_tokens=2_000, cache_read_tokens=0
    )
    stored([first, again, call(2, status=2)])
    rows = draw_calls(PROJECT.now, *RANGE)
    prompts = read_prompts(PROJECT.now, rows)
    assert len(prompts) == 2
    spent = total_spent(PROJECT.now, *RANGE).cost_nanousd or 0
    hints = {one.rule.name: one for one in find_hints(spent_calls(PROJECT.now, rows, prompts), spent)}
    (price,) = {one.price for one in spent_calls(PROJECT.now, rows, prompts)}
    assert price is not None
    cached = cost(Usage(2_000, 100, 1_500), price)
    assert hints["uncached_prefixes"].found_nanousd == 2_000 * 150 + 100 * 600 - (cached or 0) == 1_500 * 75
    assert hints["failed_calls"].stake_nanousd == ONE
    assert hints["uncached_prefixes"].examples[0][:2] == (trace_id(1), f"{again.raw.span_id:016x}")


def test_documents_that_a_retrieval_of_the_trace_found_are_not_the_users_words():
    document = "The rate of the savings account was raised to 2.1 percent."
    root = span(operation="agent")
    found = {"retrieval.documents.0.document.content": document}
    asked = said(("user", f"{document}\nhow high?"))
    stored([root, span(parent=root, operation="retrieval", attributes=found), call(1, parent=root, attributes=asked)])
    (prompt,) = read_prompts(PROJECT.now, draw_calls(PROJECT.now, *RANGE)).values()
    assert (prompt.composition.chars["retrieved"], prompt.composition.chars["user"]) == (len(document), 10)


def test_prompts_are_read_as_long_as_the_deadline_allows(monkeypatch):
    stored([call(number, attributes=said(("user", "hello"))) for number in range(1, 5)])
    monkeypatch.setattr(call_sample, "PROMPTS_AT_ONCE", 2)
    rows = draw_calls(PROJECT.now, *RANGE)
    assert len(read_prompts(PROJECT.now, rows, most=3)) == 3
    assert read_prompts(PROJECT.now, rows, deadline_s=-1) == {}


def test_the_calls_of_a_session_come_in_order_across_its_traces():
    stored([call(2, at=50, session_id="s"), call(1, at=0, session_id="s"), call(1, at=9, session_id="s"), call(3)])
    rows = session_calls(PROJECT.now, "s", *RANGE, most=10)
    assert [(row.start_ns - NOW_NS) // SECOND for row in rows] == [0, 9, 50]
    assert len(session_calls(PROJECT.now, "s", *RANGE, most=2)) == 2


def test_conversations_near_the_window_come_fullest_first_once_each():
    stored(
        [
            call(1, session_id="full", input_tokens=120_000),
            call(1, at=2, session_id="full", input_tokens=127_000),
            call(2, input_tokens=102_400),
            call(3, input_tokens=102_399),
        ]
    )
    windows = {("openai", "gpt-4o-mini"): 128_000}
    assert models_called(PROJECT.now, *RANGE) == [("openai", "gpt-4o-mini")]
    found = find_full_prompts(PROJECT.now, *RANGE, windows, 0.8)
    assert [(one.session_id, one.input_tokens, one.calls) for one in found] == [
        ("full", 127_000, 2),
        (None, 102_400, 1),
    ]
    assert find_full_prompts(PROJECT.now, *RANGE, {}, 0.8) == []
    assert find_full_prompts(PROJECT.now, *RANGE, windows, 0.8, parse("session:other")) == []


def test_conversations_grow_by_session_else_by_trace():
    stored([call(number, at=number, session_id="s", input_tokens=100 * number) for number in range(1, 4)])
    stored([call(9, at=at, input_tokens=50) for at in range(3)])
    stored([call(10), call(11, input_tokens=None, output_tokens=None)])
    found = sorted(one.input_tokens for one in find_conversations(PROJECT.now, *RANGE, least=3))
    assert found == [[50, 50, 50], [100, 200, 300]]
