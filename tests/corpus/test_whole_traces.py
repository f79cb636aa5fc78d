"""Corpus 48, 81-88: traces as a whole, in numbers and shapes that nobody asked for."""

import random
import time
from datetime import UTC, datetime

import pytest

from tests import rows
from tests.conftest import Database
from tests.corpus.build import (
    NOW_NS,
    SECOND,
    Seen,
    Sent,
    chat,
    new_trace,
    partitions,
    read_project,
    request,
    send,
    settle,
)
from tests.store.state import count
from tests.world import World, make_world
from tracestore.jobs import rollups

DAY = 86_400 * SECOND


@pytest.fixture
def world(database: Database) -> World:
    return make_world()


def received(world: World, sent: list[Sent], requests: int = 1) -> Seen:
    """The spans as one trace, in so many requests, settled."""
    trace, size = new_trace(), -(-len(sent) // requests)
    for first in range(0, len(sent), size):
        receipt = send(world.ours.project.pk, request(sent[first : first + size], trace))
        assert not receipt.rejected
    settle()
    return Seen(world, trace.hex())


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_81_a_trace_of_100_000_spans(world: World) -> None:
    sent = [Sent(n, 1 if n > 1 else None, start_ns=NOW_NS + n) for n in range(1, 100_001)]
    seen = received(world, sent, requests=10)
    assert (seen.trace["span_count"], seen.detail["spans_total"]) == (100_000, 100_000)
    assert len(seen.detail["spans"]) == 1_000
    seen.page()
    since = time.thread_time()
    assert len(seen.page(span=f"{99_999:016x}")) < 1_000_000
    assert time.thread_time() - since < 5


@pytest.mark.slow
def test_82_a_chain_of_10_000_spans(world: World) -> None:
    seen = received(world, [Sent(n, n - 1 if n > 1 else None, start_ns=NOW_NS + n) for n in range(1, 10_001)])
    assert seen.trace["span_count"] == 10_000
    assert seen.detail["spans"][-1]["depth"] == 999
    for where in ({}, {"from": "9800"}, {"under": f"{5_000:016x}"}, {"span": f"{10_000:016x}"}, {"show": "errors"}):
        seen.page(**where)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_83_a_trace_in_1_000_requests_in_reverse_over_two_days(world: World) -> None:
    """Its spans lie in two partitions, its numbers in one row."""
    midnight = NOW_NS // DAY * DAY
    sent = [
        Sent(1, start_ns=midnight - 3_600 * SECOND, end_ns=midnight + SECOND),
        *(chat(n, 1) for n in range(2, 1_001)),
    ]
    for n, one in enumerate(sent[1:]):
        one.start_ns = midnight - 500 * SECOND + n * SECOND
        one.end_ns = one.start_ns + SECOND // 2
    seen = received(world, sent[::-1], requests=1_000)
    assert (seen.trace["span_count"], seen.trace["llm_calls"]) == (1_000, 999)
    assert (seen.trace["input_tokens"], seen.trace["output_tokens"]) == (9_990, 1_998)
    assert [int(one["span_id"], 16) for one in seen.detail["spans"]] == list(range(1, 1_001))
    assert count("trace", world.ours.project.pk) == 1
    seen.read_everything()
    again = Seen(world, seen.trace_id)
    send(world.ours.project.pk, request(random.Random(1).sample(sent, 1_000), bytes.fromhex(seen.trace_id)))
    settle()
    assert again.trace == seen.trace


def test_79_traces_that_begin_at_one_moment_are_paged_without_gap_or_repeat(world: World) -> None:
    sent = [Sent(trace=new_trace()) for _ in range(500)]
    assert send(world.ours.project.pk, request(sent, new_trace())).accepted == 500
    settle()
    seen = Seen(world, "")
    for sort in ("-start", "start", "-duration", "-cost", "tokens"):
        ids: list[str] = []
        query: dict[str, object] = {"limit": 90, "sort": sort, "range": "24h"}
        while query.get("cursor", "") is not None:
            page = seen.ask("/traces", **query)
            ids += [one["trace_id"] for one in page["items"]]
            query["cursor"] = page["next_cursor"]
        assert len(ids) == len(set(ids)) == 500, sort


def test_84_children_before_a_root_that_never_comes(world: World) -> None:
    seen = received(world, [chat(2, 1), chat(3, 1)])
    assert not seen.trace["complete"]
    assert (seen.trace["span_count"], seen.trace["llm_calls"]) == (2, 2)
    assert seen.detail["missing_parents"] == [f"{1:016x}"]
    page = seen.page()
    assert "never arrived" in page
    assert seen.trace_id in seen.page("/traces")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_85_a_session_of_100_000_traces(world: World) -> None:
    project = world.ours.project.pk
    columns = {name: _sql(value) for name, value in rows.trace_row("0" * 32, project, rows.NOW_NS - DAY).items()}
    columns |= {
        "trace_id": "lpad(to_hex(i), 32, '0')::uuid",
        "start_ns": f"{rows.NOW_NS - DAY} + i",
        "session_id": "'s'",
    }
    rows.fill("trace", columns, "generate_series(1, 100000) AS i")
    seen = Seen(world, "")
    found = seen.ask("/sessions/s")
    assert found["session"]["trace_count"] == 100_000
    following = seen.ask("/sessions/s", cursor=found["next_cursor"])
    ids = [one["trace_id"] for one in found["traces"] + following["traces"]]
    assert len(set(ids)) == len(ids) == 400
    assert len(seen.page("/sessions/s")) < 1_000_000
    seen.page("/sessions", range="7d")


def _sql(value: object) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"


def test_86_a_model_nobody_knows_costs_unknown_not_nothing(world: World) -> None:
    seen = received(world, [chat(1, **{"gen_ai.request.model": "never-heard-of-it", "gen_ai.provider.name": "nobody"})])
    assert (seen.trace["cost_usd"], seen.trace["unpriced_calls"]) == (None, 1)
    assert (seen.span()["cost_usd"], seen.span()["price_receipt"]) == (None, None)
    (usage,) = seen.api.all("/usage", group_by="model")["items"]
    assert (usage["key"], usage["cost_usd"], usage["input_tokens"]) == ("never-heard-of-it", None, 10)
    assert "never-heard-of-it" in seen.page(span=f"{1:016x}")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_87_models_versions_users_and_sessions_without_end(world: World) -> None:
    """Reads stay bounded and no table is made; sums keep a thousand of each apart, and the rest together."""
    before = partitions()
    for part in range(2):
        names = range(part * 5_000, part * 5_000 + 5_000)
        sent = [_named(n) for n in names]
        assert send(world.ours.project.pk, request(sent, new_trace())).accepted == 5_000
    settle()
    seen = Seen(world, "")
    for group in ("model", "user", "session", "version", "service"):
        assert len(seen.api.all("/usage", group_by=group)["items"]) == 1_000, group
    assert rollups.run(datetime.now(UTC)).minutes
    for table, most in (("call_rollup", 1_001), ("request_rollup", 1_001), ("usage_rollup", 8 * 1_002)):
        assert count(table, world.ours.project.pk) <= most * 2, (table, "it all ended in two minutes at most")
    items = {one["key"]: one for one in seen.api.all("/usage", group_by="user", limit=5_000)["items"]}
    assert len(items) <= 2 * 1_000 + 1
    assert sum(one["llm_calls"] for one in items.values()) == 10_000
    assert {one["llm_calls"] for key, one in items.items() if key != "__other__"} == {1}
    read_project(seen)
    assert partitions() == before


def _named(n: int) -> Sent:
    who = {"user.id": f"user {n}", "session.id": f"session {n}", "tenant.id": f"tenant {n}"}
    one = chat(1, **{"gen_ai.request.model": f"model {n}", **who})
    one.trace, one.resource = new_trace(), {"service.name": f"service {n % 2_000}", "service.version": f"v{n}"}
    return one


def test_48_and_88_equal_ids_in_two_projects_are_two_traces(world: World) -> None:
    """The answers are equal too: neither project learns of the other."""
    trace = new_trace()
    whole = [chat(1, **{"user.id": "ours"}), chat(2, 1)]
    ours, theirs = world.ours.project.pk, world.theirs.project.pk
    first, second = send(ours, request(whole, trace)), send(theirs, request(whole, trace))
    assert first == second
    assert send(theirs, request([chat(3, 1)], trace)).accepted == 1
    settle()
    seen = Seen(world, trace.hex())
    assert (seen.trace["span_count"], seen.trace["user_id"]) == (2, "ours")
    assert [count("span", project) for project in (ours, theirs)] == [2, 3]
    seen.read_everything()


def test_two_orders_of_two_records_end_alike(world: World) -> None:
    """47: the record that ends last wins, whole, whichever came first."""
    early, late = Sent(1, attributes={"a": 1, "b": 2}), Sent(1, attributes={"c": 3}, end_ns=NOW_NS + 9 * SECOND)
    found = []
    for order in ([early, late], [late, early]):
        trace = new_trace()
        for one in order:
            send(world.ours.project.pk, request([one], trace))
        settle()
        span = Seen(world, trace.hex()).span()
        found.append({name: span[name] for name in ("name", "attributes", "end_unix_nano")})
    assert found[0] == found[1]
    assert found[0]["attributes"] == {"c": 3}
