"""Derived numbers are those of the spans: whatever the order, repetition, batching, concurrency or crash."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import NOW, NOW_NS, SECOND, span, trace_id
from tests.conftest import Database
from tests.store.state import count, derived
from tracestore import db, writer
from tracestore.jobs import ledger as ledger_job
from tracestore.jobs import rebuild, reprice
from tracestore.jobs import traces as settle_job
from tracestore.records import TOOL_EXECUTION, Batch, Span, VersionPart

DAY = 86_400 * SECOND


def write(spans: Sequence[Span], project: int = 1, received_ns: int = NOW_NS) -> None:
    writer.write(Batch(project, "traces", received_ns, len(spans), spans=list(spans)))


def settle(at: float = 0) -> settle_job.Summary:
    return settle_job.run(NOW + timedelta(seconds=at))


def changed(one: Span, raw: dict[str, Any] | None = None, **fields: Any) -> Span:
    return msgspec.structs.replace(one, raw=msgspec.structs.replace(one.raw, **(raw or {})), **fields)


def one_row(query: str, project: int = 1) -> tuple[Any, ...]:
    with db.JOBS.connection() as connection:
        rows = connection.execute(query, {"project": project}).fetchall()
    assert len(rows) == 1, rows
    return tuple(rows[0])


TRACE = """
SELECT span_count, error_count, llm_calls, llm_errors, tool_calls, tool_errors, input_tokens, output_tokens,
  cost_nanousd, session_id, complete_from_ns, duration_ns, models, tools
FROM trace WHERE project = %(project)s
"""


def agent(trace: str, at: float = 0, calls: int = 2, part: str = "v1", **fields: Any) -> list[Span]:
    """A root, model calls with a tool execution each; times and ids of its own."""
    version = VersionPart(hash(part) % 2**60, "shop", (("service_version", part),))
    root = span(trace, name="agent", operation="agent", at=at, seconds=60, version_part=version, **fields)
    spans = [root]
    for n in range(calls):
        chat = span(
            trace, root, model="gpt-4o", at=at + 2 * n, input_tokens=100, output_tokens=10, cost_nanousd=7,
            response_id=f"{trace}-{n}", version_part=version,
        )  # fmt: skip
        tool = span(trace, root, operation="tool", at=at + 2 * n + 1, tool_name="search", flags=TOOL_EXECUTION)
        spans += [chat, tool]
    return spans


def test_a_trace_in_sum(database: Database) -> None:
    spans = agent(trace_id(1), session_id="s")
    spans[2] = changed(spans[2], status=2)
    write(spans)
    settle()
    row = one_row(TRACE)
    assert row[:10] == (5, 1, 2, 0, 2, 1, 200, 20, 14, "s")
    assert row[10] == NOW_NS + 10 * SECOND
    assert row[11:] == (60 * SECOND, ["gpt-4o"], ["search"])
    assert (count("settle_mark"), count("llm_call"), count("tool_call")) == (0, 2, 2)
    assert one_row("SELECT DISTINCT session_id FROM llm_call WHERE project = %(project)s") == ("s",)


def test_a_trace_without_its_root_is_not_complete_and_becomes_so(database: Database) -> None:
    spans = agent(trace_id(1))
    write(spans[1:])
    settle()
    assert one_row(TRACE)[10] is None
    write(spans[:1], received_ns=NOW_NS + 5 * SECOND)
    settle(5)
    assert one_row(TRACE)[10] == NOW_NS + 15 * SECOND


def test_no_tokens_reported_is_unknown_not_zero(database: Database) -> None:
    write([span(model="m")])
    settle()
    assert one_row(TRACE)[6:9] == (None, None, None)


def test_attributes_of_root_and_resource_are_kept_short(database: Database) -> None:
    many = {f"k{n}": n for n in range(100)} | {"long": "x" * 300, "list": [1]}
    write([span(attributes={"service.name": "own", "yes": True} | many)])
    settle()
    (attrs,) = one_row("SELECT attrs FROM trace WHERE project = %(project)s")
    assert len(attrs) == 64
    assert (attrs["service.name"], attrs["yes"], attrs["k0"]) == ("own", True, 0)
    assert not {"long", "list"} & attrs.keys()


def test_twins_in_two_traces_count_once_and_decide_again(database: Database) -> None:
    """The twin arrives later, in another trace; then it turns out to have another response id."""
    first = span(trace_id(1), model="m", input_tokens=10, output_tokens=1, response_id="r", seconds=5)
    twin = span(trace_id(2), model="m", response_id="r", at=1, seconds=2)
    write([first])
    settle()
    write([twin])
    settle()
    billable = "SELECT count(*) FROM llm_call WHERE billable AND project = %(project)s"
    assert one_row(billable) == (1,)
    assert one_row("SELECT duplicate_of_span FROM llm_call WHERE NOT billable AND project = %(project)s") == (
        first.raw.span_id,
    )
    write([changed(twin, raw={"end_ns": twin.raw.end_ns + 1}, response_id="other")])
    settle()
    assert one_row(billable) == (2,)
    richer = changed(twin, raw={"end_ns": twin.raw.end_ns + 2}, input_tokens=5, output_tokens=1)
    write([changed(first, raw={"end_ns": first.raw.end_ns + 1}, input_tokens=None, output_tokens=None), richer])
    settle()
    assert one_row("SELECT span_id FROM llm_call WHERE billable AND project = %(project)s") == (twin.raw.span_id,)


def test_a_span_a_day_late_joins_its_trace(database: Database) -> None:
    early = span(trace_id(1), at=-3 * 86_400, name="root")
    write([early])
    settle()
    late = span(trace_id(1), early, model="m", input_tokens=3, output_tokens=1)
    write([late])
    settle()
    assert one_row("SELECT span_count, llm_calls, day = start_day, first_day < last_day FROM trace,"
                   " LATERAL (SELECT (to_timestamp(start_ns / 1e9) AT TIME ZONE 'UTC')::date) AS t (start_day)"
                   " WHERE project = %(project)s") == (2, 1, True, True)  # fmt: skip
    before = span(trace_id(1), at=-5 * 86_400)
    write([before])
    settle()
    assert one_row("SELECT span_count, start_ns FROM trace WHERE project = %(project)s") == (3, before.raw.start_ns)


def test_a_record_under_two_days_counts_once(database: Database) -> None:
    one = span(model="m", input_tokens=10, output_tokens=1)
    moved = changed(one, raw={"start_ns": one.raw.start_ns - DAY, "end_ns": one.raw.end_ns + 1})
    write([one])
    settle()
    write([moved])
    settle()
    assert count("span") == 2
    assert one_row(TRACE)[:3] == (1, 0, 1)


def test_spans_with_impossible_clocks_count_at_their_receipt(database: Database) -> None:
    lost = [span(model="m", start_ns=0, end_ns=1), span(model="m", start_ns=NOW_NS + 400 * DAY, end_ns=2**63 - 1)]
    write(lost)
    settle()
    assert one_row("SELECT start_ns, end_ns FROM trace WHERE project = %(project)s") == (NOW_NS, NOW_NS)
    assert one_row("SELECT DISTINCT end_ns FROM llm_call WHERE project = %(project)s") == (NOW_NS,)


def test_version_sets_are_united_for_each_service(database: Database) -> None:
    parts = [
        VersionPart(1, "shop", (("service_version", "v1"),)),
        VersionPart(2, "shop", (("model", "m"), ("service_version", "v1"))),
        VersionPart(3, "search", (("service_version", "v9"),)),
    ]
    root = span(version_part=parts[0])
    write([root, span(parent=root, version_part=parts[1]), span(parent=root, service="search", version_part=parts[2])])
    settle()
    assert one_row("SELECT cardinality(version_sets) FROM trace WHERE project = %(project)s") == (2,)
    assert one_row(
        "SELECT parts, service_version, first_seen_ns FROM version_set WHERE service = 'shop' AND project = %(project)s"
    ) == ({"model": ["m"], "service_version": ["v1"]}, "v1", NOW_NS)


def test_a_large_trace_rests_but_not_for_ever(database: Database) -> None:
    root = span(trace_id(1), name="root")
    write([root, *(span(trace_id(1), root) for _ in range(2_000))])
    settle()
    write([span(trace_id(1), root)])
    assert settle(0.05).left
    assert one_row(TRACE)[0] == 2_001
    settle(1)
    assert one_row(TRACE)[0] == 2_002
    assert count("settle_mark") == 0


def history(seed: int) -> tuple[list[Span], list[list[Span]]]:
    """Final records, and batches that bring them in the end: late, repeated, reordered, with earlier versions between."""
    r = random.Random(seed)
    spans: list[Span] = []
    for n in range(r.randrange(1, 6)):
        spans += agent(trace_id(n + 1), at=r.randrange(-3 * 86_400, 0), calls=r.randrange(0, 4), part=r.choice("ab"))
    calls = [one for one in spans if one.response_id]
    for one in r.sample(calls, len(calls) // 2):  # twins elsewhere
        twin = span(trace_id(r.randrange(1, 9)), model="gpt-4o", start_ns=one.raw.start_ns, end_ns=one.raw.end_ns,
                    response_id=one.response_id, input_tokens=r.choice([None, 100]), output_tokens=None)  # fmt: skip
        spans.append(twin)
    sent = list(spans)
    for one in r.sample(spans, len(spans) // 3):  # a record that was sent before it was final
        start = one.raw.start_ns - r.choice([0, 0, DAY])
        half = {"start_ns": start, "end_ns": one.raw.end_ns - r.randrange(1, 10), "parent_span_id": None}
        sent.append(changed(one, raw=half, status=2, response_id=r.choice([one.response_id, "half"])))
    sent += r.sample(sent, len(sent) // 2)
    r.shuffle(sent)
    batches = []
    while sent:
        size = r.randrange(1, 8)
        batches.append(sent[:size])
        sent = sent[size:]
    return spans, batches


def assert_same_numbers(project: int, other: int) -> None:
    mine, theirs = derived(project), derived(other)
    for table in mine:
        assert mine[table] == theirs[table], table


def naive(spans: Sequence[Span]) -> dict[str, tuple[int, int, int]]:
    """Spans, failed spans and executions of tools of each trace, by plain counting."""
    found: dict[str, tuple[int, int, int]] = {}
    for one in spans:
        key = one.raw.trace_id.hex()
        all_, failed, tools = found.get(key, (0, 0, 0))
        found[key] = (all_ + 1, failed + (one.status == 2), tools + (one.operation == "tool"))
    return found


slow = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.timeout(300)
@slow
@given(seed=st.integers(0, 10**9))
def test_numbers_do_not_depend_on_how_spans_arrive(database: Database, seed: int) -> None:
    spans, batches = history(seed)
    r = random.Random(seed)
    mine, theirs = seed * 2 + 10, seed * 2 + 11
    for batch in batches:
        write(batch, mine)
        if r.random() < 0.5:
            settle()
    settle()
    write(spans, theirs)
    settle()
    with db.JOBS.connection() as connection:
        records = connection.execute(
            "SELECT encode(uuid_send(trace_id), 'hex'), span_count, error_count, tool_calls FROM trace WHERE project = %s",
            [mine],
        ).fetchall()
    assert_same_numbers(mine, theirs)
    assert {row[0]: row[1:] for row in records} == naive(spans)


@pytest.mark.timeout(200)
def test_two_settlers_at_once_give_the_numbers_of_one(database: Database) -> None:
    for seed in range(4):
        spans, batches = history(seed)
        mine, theirs = 2 * seed + 1, 2 * seed + 2
        with ThreadPoolExecutor(4) as pool:
            writes = [pool.submit(write, batch, mine) for batch in batches]
            settles = [pool.submit(settle) for _ in range(6)]
            for future in [*writes, *settles]:
                future.result()
        settle()
        write(spans, theirs)
        settle()
        assert_same_numbers(mine, theirs)


class Dying(psycopg.Cursor[Any]):
    """Kills its own connection just before statement number `at`."""

    at, number = 10**6, 0

    def _step(self) -> None:
        Dying.number += 1
        if Dying.number == Dying.at:
            with db.JOBS.connection() as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [self.connection.info.backend_pid])

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self._step()
        return super().execute(*args, **kwargs)

    def copy(self, *args: Any, **kwargs: Any) -> Any:
        self._step()
        return super().copy(*args, **kwargs)


@pytest.mark.timeout(200)
def test_a_settler_killed_at_any_statement_changes_nothing(database: Database) -> None:
    spans, batches = history(5)
    for batch in batches[: len(batches) // 2]:
        write(batch)
    settle()
    for batch in batches[len(batches) // 2 :]:
        write(batch)
    before, marks = derived(1), count("settle_mark")
    Dying.at, survived = 0, False
    while not survived:
        Dying.at, Dying.number = Dying.at + 1, 0
        with db.connect(10_000) as connection:
            connection.cursor_factory = Dying
            try:
                settle_job.settle_some(connection, 1, NOW_NS)
                survived = True
            except psycopg.OperationalError:
                assert (derived(1), count("settle_mark")) == (before, marks)
    assert Dying.at > 12
    write(spans, 2)
    settle()
    assert_same_numbers(1, 2)


def test_rebuild_makes_the_same_again(database: Database) -> None:
    _, batches = history(11)
    for batch in batches:
        write(batch)
    settle()
    before = derived(1)
    with db.JOBS.connection() as connection:
        connection.execute("UPDATE trace SET llm_calls = 99")
        connection.execute("DELETE FROM llm_call")
        connection.execute("UPDATE trace SET trace_id = %s WHERE trace_id = %s", [trace_id(77), trace_id(1)])
    rebuild.run(NOW)
    assert derived(1) == before


def test_reprice_follows_the_projects_prices(database: Database) -> None:
    from tracestore.models import Project, ProjectPrice

    project = Project.objects.create(name="P", slug="p")
    write([span(model="house-model", input_tokens=1_000_000, output_tokens=0)], project.pk)
    settle()
    assert one_row("SELECT cost_nanousd, unpriced_calls FROM trace WHERE project = %(project)s", project.pk) == (
        None,
        1,
    )
    ProjectPrice.objects.create(
        project=project, pattern="house-*", effective_from="2020-01-01", rates={"input": 5_000, "output": 0}
    )
    assert reprice.run(NOW, project.pk) == reprice.Summary(read=1, changed=1)
    assert one_row("SELECT cost_nanousd, unpriced_calls FROM trace WHERE project = %(project)s", project.pk) == (
        5_000,
        0,
    )
    assert count("reference", project.pk) == 3
    assert reprice.run(NOW, project.pk).changed == 0


def test_the_ledger_folds_into_minutes_and_keeps_its_sums(database: Database) -> None:
    from tests.store.state import ledger

    for n in range(5):
        writer.write(Batch(1, "traces", NOW_NS + n * 40 * SECOND, 3, spans=[span()], rejected={"bad_id": 1, "late": 1}))
    before = ledger()
    assert ledger_job.run(NOW).batches == 5
    assert ledger() == before == (15, 5, 0, 10)
    writer.write(Batch(1, "traces", NOW_NS, 2, spans=[span()], rejected={"bad_id": 1}))
    ledger_job.run(NOW)
    assert (count("ingest_ledger"), count("ledger_minute")) == (0, 3)
    assert ledger() == (17, 6, 0, 11)
