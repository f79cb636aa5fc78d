"""Everything derived equals what a naive reader would count, whatever happened, and whoever asks in the middle of it."""

import math
import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.warnings import capped_notice
from tests.builders import NOW, NOW_NS, SECOND, span, trace_id
from tests.conftest import Database
from tests.store import oracle, oracle_filters, oracle_sums
from tests.store.histories import MIDNIGHT, history
from tests.store.state import count
from tests.store.test_settle import write
from tracestore import db, rollups
from tracestore.actions.access import Actor
from tracestore.actions.traces import delete_trace, erase_user
from tracestore.analysis import filters, histogram
from tracestore.facts import CALLS, DAY_S, GRAINS, MINUTE_S, QUARTER_S, REQUESTS, ROLLUPS, TOOLS
from tracestore.jobs import rebuild
from tracestore.jobs import rollups as fill_job
from tracestore.jobs import traces as settle_job
from tracestore.queries.rollups import capped_dimensions, find_sums, undecided_sums
from tracestore.queries.usage import GROUPS, UsageRow, usage
from tracestore.queries.versions import find_version_sets
from tracestore.settling import lock

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "6"))
LATER = NOW + timedelta(days=2)  # every hour and day of the histories is over
ALL = (NOW_NS - 10 * 86_400 * SECOND, NOW_NS + 2 * 86_400 * SECOND)


class Crash(Exception):
    pass


class Dying(psycopg.Cursor[Any]):
    """Fails before statement number `at`: the transaction is rolled back."""

    left = 0

    def _step(self) -> None:
        Dying.left -= 1
        if Dying.left == 0:
            raise Crash

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self._step()
        return super().execute(*args, **kwargs)

    def copy(self, *args: Any, **kwargs: Any) -> Any:
        self._step()
        return super().copy(*args, **kwargs)


def settle_all(connection: psycopg.Connection, project: int) -> None:
    after: int | None = 0
    while after is not None:
        after = settle_job.settle_some(connection, project, NOW_NS, after, rest=False).last_mark


def fill_all(connection: psycopg.Connection, project: int) -> None:
    fill_job.fill_project(connection, project, LATER)


def dying(work: Any, project: int, statements: int) -> None:
    with db.connect(10_000) as connection:
        connection.cursor_factory = Dying
        Dying.left = statements
        try:
            work(connection, project)
        except Crash:
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def step(r: random.Random, project: int) -> None:
    """What happens between two batches: settling and filling, whole or cut off somewhere, and sometimes an erasure."""
    for work in (settle_all, fill_all):
        if r.random() < 0.2:
            dying(work, project, r.randrange(2, 40))
        if r.random() < 0.6:
            with db.JOBS.connection() as connection:
                work(connection, project)
    if r.random() < 0.1:
        erase_one(r, project)


def erase_one(r: random.Random, project: int) -> None:
    with db.JOBS.connection() as connection:
        rows = connection.execute("SELECT encode(uuid_send(trace_id), 'hex') FROM trace WHERE project = %s", [project])
        erasable = sorted(row[0] for row in rows)
    if erasable:
        delete_trace(project, r.choice(erasable), NOW, Actor(None, "key fl_test"))


def assert_usage(derived: oracle.Derived, project: int, start_ns: int, end_ns: int) -> None:
    for group_by in GROUPS:
        found = {row.key: asdict(row) for row in usage(project, start_ns, end_ns, group_by)}
        expected = oracle_sums.usage(derived, start_ns, end_ns, group_by)
        nothing = {None: asdict(UsageRow(None))} if group_by == "none" else {}
        assert found == ({key: asdict(UsageRow(key, **sums)) for key, sums in expected.items()} or nothing), group_by


def assert_versions(derived: oracle.Derived, project: int, start_ns: int, end_ns: int) -> None:
    """A trace counts under each set that its services ran with; p95 lies within its bucket."""
    for found in find_version_sets(project, start_ns, end_ns):
        ran = [t for t in derived[0] if start_ns <= t.end_ns < end_ns and found.id in t.sets.values()]
        costs = [t.cost_nanousd for t in ran if t.cost_nanousd is not None]
        assert (found.traces, found.error_traces) == (len(ran), sum(t.status == 2 for t in ran))
        assert found.cost_nanousd == (sum(costs) if costs else None)
        exact = sorted(t.duration_ns for t in ran)[max(0, math.ceil(0.95 * len(ran)) - 1)] if ran else None
        assert (found.p95_duration_ns is None) == (exact is None)
        if exact is not None:
            low, high = histogram.edges_of(histogram.bucket_of(exact))
            assert math.floor(low) <= (found.p95_duration_ns or 0) <= math.ceil(high)


def assert_found(derived: oracle.Derived, project: int, start_ns: int, end_ns: int) -> None:
    """What a chart asks: by service and step, for one environment."""
    (requests,) = (one for one in ROLLUPS if one.table == "request_rollup")
    step_s = 7_200
    found = find_sums(
        requests, project, start_ns, end_ns, by=("service",), where={"environment": "prod"}, step_s=step_s
    )
    expected: dict[tuple[Any, ...], list[Any]] = {}
    for trace in derived[0]:
        if start_ns <= trace.end_ns < end_ns and trace.environment == "prod":
            expected.setdefault((trace.end_ns // SECOND // step_s * step_s, trace.service), []).append(trace)
    assert {(one.start_s, *one.key): one.measures["requests"] for one in found} == {
        key: len(traces) for key, traces in expected.items()
    }
    for one in found:
        failed = [trace.duration_ns for trace in expected[one.start_s, *one.key] if trace.status == 2]
        assert histogram.unpack(one.histograms["failed_duration"]) == histogram.count(failed)


def assert_filtered(r: random.Random, derived: oracle.Derived, project: int, start_ns: int, end_ns: int) -> None:
    """Under random filters, each fact; rows are read for at most seven days."""
    sets = sorted({one for trace in derived[0] for one in trace.sets.values()})
    for rollup in (REQUESTS, CALLS, TOOLS):
        q, step_s = oracle_filters.random_filter(r, sets), r.choice([60, 900, 7_200, 86_400])
        node = filters.parse(q)
        assert node is not None
        expected = oracle_filters.find_sums(derived, rollup.table, start_ns, end_ns, "service", step_s, node)
        found = find_sums(rollup, project, start_ns, end_ns, by=("service",), step_s=step_s, filter=node)
        assert {(one.start_s, one.key[0]): {**one.measures, **one.histograms} for one in found} == expected, q
        assert undecided_sums(rollup, project, start_ns, end_ns, node) == 0


def rolled_up(project: int, table: str, grain_s: int) -> dict[tuple[Any, ...], dict[str, Any]]:
    (rollup,) = (one for one in ROLLUPS if one.table == table)
    names = [one.name for one in rollup.dimensions]
    with db.JOBS.connection() as connection:
        cursor = connection.execute(
            f"SELECT * FROM {table} WHERE project = %s AND grain_s = %s",  # a constant
            [project, grain_s],
        )
        columns = [column.name for column in cursor.description or ()]
        found = [dict(zip(columns, row, strict=True)) for row in cursor]
    keyed = {(row["start_s"], *(row[name] for name in names)): row for row in found}
    assert len(keyed) == len(found), "a combination is there twice"
    sums = {"project", "grain_s", "start_s", *names}
    return {key: {name: value for name, value in row.items() if name not in sums} for key, row in keyed.items()}


def assert_rollups(derived: oracle.Derived, project: int) -> None:
    assert count("rollup_mark", project) == 0
    for rollup in ROLLUPS:
        for grain_s in GRAINS:
            assert rolled_up(project, rollup.table, grain_s) == oracle_sums.rollup(derived, rollup.table, grain_s), (
                rollup.table,
                grain_s,
            )


def assert_rows(derived: oracle.Derived, project: int) -> None:
    """The columns that the rows of the oracle have as well."""
    renamed = {"asked_by": "model"}
    for table, rows in zip(("trace", "llm_call", "tool_call"), derived, strict=True):
        with db.JOBS.connection() as connection:
            cursor = connection.execute(f"SELECT * FROM {table} WHERE project = %s", [project])  # a constant
            columns = [column.name for column in cursor.description or ()]
            found = [dict(zip(columns, row, strict=True)) for row in cursor]
        names = (
            sorted(({renamed.get(n, n) for n in vars(rows[0])} & {*columns}) - {"day", "version_set"}) if rows else []
        )
        expected = [{renamed.get(n, n): v for n, v in vars(row).items() if renamed.get(n, n) in names} for row in rows]
        if table == "tool_call":
            for mine, row in zip(expected, rows, strict=True):
                mine["model"] = row.asked_by
        if table == "llm_call":  # what twins know is united for what is billed, and only that is counted
            found, expected = ([row for row in which if row["billable"]] for which in (found, expected))
        shown = [sorted(repr([row[name] for name in names]) for row in which) for which in (found, expected)]
        assert shown[0] == shown[1], table


lives = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], print_blob=True
)


@pytest.mark.timeout(60 + 20 * EXAMPLES)
@lives
@given(seed=st.integers(0, 10**9))
def test_everything_derived_equals_a_naive_count_whatever_happened(database: Database, seed: int) -> None:
    r = random.Random(seed)
    project = seed + 10
    for batch in history(seed):
        write(batch, project)
        step(r, project)
    with db.JOBS.connection() as connection:
        settle_all(connection, project)
    derived = oracle.derive(project)
    assert_rows(derived, project)
    edges = sorted({NOW_NS + MIDNIGHT * SECOND, *(row.end_ns + r.randrange(2) for row in derived[0])})
    start, end = sorted((r.choice(edges), r.choice(edges)))
    assert_found(derived, project, NOW_NS - 4 * 86_400 * SECOND, NOW_NS + 86_400 * SECOND)
    assert_usage(derived, project, start, end)  # some sums are there, some are marked, some never were
    week = NOW_NS - 5 * 86_400 * SECOND, NOW_NS + 2 * 86_400 * SECOND
    for _ in range(6):
        assert_filtered(r, derived, project, *r.choice([(start, end), week]))
    with db.JOBS.connection() as connection:
        fill_all(connection, project)
    assert_rollups(derived, project)
    assert_usage(derived, project, start, end)
    assert_usage(derived, project, *ALL)
    for _ in range(6):
        assert_filtered(r, derived, project, *r.choice([(start, end), week]))
    assert_found(derived, project, NOW_NS - 4 * 86_400 * SECOND, NOW_NS + 86_400 * SECOND)


@pytest.mark.timeout(200)
def test_two_workers_at_once_give_the_numbers_of_one(database: Database) -> None:
    for project in range(1, 4):
        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(write, batch, project) for batch in history(project)]
            work += [pool.submit(settle_job.run, NOW) for _ in range(4)]
            work += [pool.submit(fill_job.run, LATER + timedelta(hours=n)) for n in range(4)]
            for one in work:
                one.result()
        settle_job.run(NOW)
        derived = oracle.derive(project)
        assert_usage(derived, project, *ALL)
        with db.JOBS.connection() as connection:
            fill_all(connection, project)
        assert_rollups(derived, project)


def test_rebuild_mends_sums_as_well(database: Database) -> None:
    for batch in history(3):
        write(batch)
    settle_job.run(NOW)
    fill_job.run(LATER)
    before = {(rollup.table, grain): rolled_up(1, rollup.table, grain) for rollup in ROLLUPS for grain in GRAINS}
    with db.JOBS.connection() as connection:
        connection.execute("UPDATE usage_rollup SET traces = traces + 5")
        connection.execute("DELETE FROM call_rollup WHERE grain_s = 60")
        connection.execute("UPDATE tool_rollup SET start_s = start_s + 86400")
    rebuild.run(LATER)
    assert {name: rolled_up(1, *name) for name in before} == before
    assert_rollups(oracle.derive(1), 1)


def test_what_is_frozen_keeps_its_sums(database: Database) -> None:
    """The rows of a day are dropped; what is late for it changes nothing, and nothing becomes zero."""
    write([span(trace_id(1), model="m", at=-5 * 86_400, input_tokens=1), span(trace_id(2), model="m")])
    settle_job.run(NOW)
    fill_job.run(LATER)
    before = {table: rolled_up(1, table, DAY_S) for table in ("usage_rollup", "request_tools_rollup")}
    with db.JOBS.connection() as connection:
        for table in ("span", "trace", "llm_call", "tool_call"):
            children = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
            for (name,) in connection.execute(children, [table]).fetchall():
                if name < f"{table}_{NOW - timedelta(days=3):%Y%m%d}":
                    connection.execute(f"DROP TABLE {name}")
        assert rollups.frozen_before(connection, 1, NOW) == (NOW_NS // SECOND // DAY_S - 2) * DAY_S
        rollups.mark(connection, 1, {start for start, *_ in rolled_up(1, "usage_rollup", MINUTE_S)})
        quarters = {start for start, *_ in rolled_up(1, "request_tools_rollup", QUARTER_S)}
        rollups.mark(connection, 1, quarters, QUARTER_S)
    fill_job.run(LATER + timedelta(hours=1))
    assert count("rollup_mark") == 0
    assert {table: rolled_up(1, table, DAY_S) for table in before} == before
    half_a_minute = NOW_NS - 5 * 86_400 * SECOND + 30 * SECOND
    (row,) = usage(1, half_a_minute, NOW_NS)
    assert row.llm_calls == 1, "an edge where rows are gone moves out to the minute"


def test_an_erased_user_is_gone_from_sums_that_are_frozen_too(database: Database) -> None:
    write([span(trace_id(n), model="m", user_id=user, at=-5 * 86_400) for n, user in ((1, "ann"), (2, "bob"))])
    settle_job.run(NOW)
    fill_job.run(LATER)
    with db.JOBS.connection() as connection:
        connection.execute("UPDATE rollup_state SET frozen_before_s = %s", [NOW_NS // SECOND // DAY_S * DAY_S])
    erase_user(1, "ann", NOW, Actor(None, "key fl_test"))
    fill_job.run(LATER + timedelta(hours=1))
    assert {row.key: row.llm_calls for row in usage(1, *ALL, "user")} == {"bob": 1, "__other__": 1}
    assert not [key for grain in GRAINS for key in rolled_up(1, "usage_rollup", grain) if "ann" in key]


def test_yesterday_is_summed_even_where_one_day_is_kept(database: Database) -> None:
    with db.JOBS.connection() as connection:
        connection.execute("INSERT INTO retention_floor (project, kept_from) VALUES (1, %s)", [NOW.date()])
        frozen = rollups.frozen_before(connection, 1, NOW)
    assert frozen == (NOW_NS // SECOND // DAY_S - 1) * DAY_S


def test_a_clock_far_ahead_freezes_nothing(database: Database) -> None:
    """What retention removed decides, not the day it seems to be."""
    with db.JOBS.connection() as connection:
        frozen = rollups.frozen_before(connection, 1, NOW + timedelta(days=400))
    assert frozen < NOW_NS // SECOND - 7 * DAY_S


def test_more_values_than_are_kept_become_other_and_sums_stay(database: Database, settings: Any) -> None:
    settings.ROLLUP_VALUES, settings.ROLLUP_ROWS = 3, 4
    spans = [
        span(trace_id(n), model=f"m{n % 7}", user_id=f"u{n}", service=f"s{n % 3}", input_tokens=1, at=n % 2)
        for n in range(1, 30)
    ]
    write(spans)
    settle_job.run(NOW)
    exact = {row.key: row for row in usage(1, *ALL, "model")}
    (whole,) = usage(1, *ALL)
    fill_job.run(LATER)
    capped = {row.key: row for row in usage(1, *ALL, "model")}
    assert set(capped) == {"m1", "m0", "m2", "__other__"}  # m1 is one more, the others are by name
    assert capped["m1"] != capped["__other__"]
    assert all(capped[key].llm_calls >= exact[key].llm_calls for key in ("m1", "m0", "m2"))
    assert sum(row.llm_calls for row in capped.values()) == whole.llm_calls == 29
    assert usage(1, *ALL) == [whole]
    assert len(usage(1, *ALL, "user")) == 4
    for grain in GRAINS:
        calls = rolled_up(1, "call_rollup", grain)
        assert len(calls) <= 5
        assert sum(sums["calls"] for sums in calls.values()) == 29
    assert "model of calls" in capped_dimensions(1, NOW_NS // SECOND - DAY_S)
    assert "m3" not in (notice := capped_notice(capped_dimensions(1, 0)))[0].title
    assert "model of calls" in notice[0].title
    with db.JOBS.connection() as connection, connection.transaction():
        lock(connection, 1)
        rollups.mark(connection, 1, {start for start, *_ in calls}, DAY_S)
    fill_job.run(LATER + timedelta(hours=1))
    assert rolled_up(1, "call_rollup", DAY_S) == calls


def test_minutes_are_forgotten_and_hours_stay(database: Database, settings: Any) -> None:
    settings.ROLLUP_MINUTE_DAYS = 1
    write([span(trace_id(1), model="m", at=-20 * 86_400), span(trace_id(2), model="m")])
    settle_job.run(NOW)
    fill_job.run(LATER)
    hours = rolled_up(1, "call_rollup", 3_600)
    fill_job.keep(LATER)
    assert len(rolled_up(1, "call_rollup", MINUTE_S)) == 2, "minutes are kept for as long as spans are"
    fill_job.keep(NOW + timedelta(days=400))
    assert len(rolled_up(1, "call_rollup", MINUTE_S)) == 2
    with db.JOBS.connection() as connection:
        connection.execute("UPDATE rollup_state SET frozen_before_s = %s", [NOW_NS // SECOND])
    fill_job.keep(LATER)
    assert len(rolled_up(1, "call_rollup", MINUTE_S)) == 1, "the other one is not frozen"
    assert rolled_up(1, "call_rollup", 3_600) == hours
    (row,) = usage(1, NOW_NS - 20 * 86_400 * SECOND + SECOND // 2, NOW_NS - 19 * 86_400 * SECOND)
    assert row.llm_calls == 1, "an edge where minutes are gone moves out to the hour"


def test_filling_rests_in_proportion_and_readers_do_not_wait(database: Database) -> None:
    now = datetime.now(UTC)
    fresh = {"start_ns": int(now.timestamp()) * SECOND - SECOND, "end_ns": int(now.timestamp()) * SECOND}
    for number in (1, 2):
        write([span(trace_id(number), model="m", **fresh)], received_ns=int(now.timestamp() * 1e9))
        settle_job.run(now)
        (row,) = usage(1, NOW_NS - 86_400 * SECOND, NOW_NS + 86_400 * SECOND)
        assert row.llm_calls == number
        assert fill_job.run(now).minutes == (1 if number == 1 else 0)
    assert fill_job.run(now + timedelta(seconds=fill_job.REST_MAX_S)).minutes == 1
