"""Every number of the lines equals a recompute from the spans, whatever the range, the step and the split."""

import random
from collections.abc import Callable
from types import SimpleNamespace as Row
from typing import Any

import pytest

from tests.builders import NOW, NOW_NS, SECOND, span, trace_id
from tests.conftest import Database
from tests.lines import line_oracle
from tests.rows import insert
from tests.store import oracle, oracle_filters
from tests.store.histories import history
from tests.store.test_rollups import fill_all
from tests.store.test_scores import judged, send
from tests.store.test_settle import write
from tracestore import db
from tracestore.analysis import filters, signals
from tracestore.analysis.histogram import ERROR_MAX
from tracestore.analysis.lines import MEMBERS
from tracestore.facts import OTHER
from tracestore.jobs import traces as settle_job
from tracestore.queries.lines import MOST_KEYS, find_lines, finest_step_s

DAY_NS = 86_400 * SECOND
LATER_NS = NOW_NS + 3 * DAY_NS
FACTS = ("trace", "llm_call", "tool_call")
Period = tuple[int, int, int]  # start_ns, end_ns, step_s


def within(derived: oracle.Derived, start_ns: int, end_ns: int) -> oracle.Derived:
    traces, calls, tools = ([row for row in rows if start_ns <= row.end_ns < end_ns] for rows in derived)
    return traces, calls, tools


def assert_told(name: str, found: Any, expected: line_oracle.Told, where: object) -> None:
    value, n = expected
    assert found.n == n, (name, where)
    if value is None:
        assert found.value is None, (name, where)
        return
    member = MEMBERS[name]
    error = ERROR_MAX if member.unit == "ns" else 2 * ERROR_MAX if name == "top5_cost_share" else 1e-9
    assert found.value == pytest.approx(value, rel=error * 1.01, abs=1e-6), (name, where)
    if found.low is not None:
        assert found.low <= found.value <= found.high, (name, where)


def first_ns(derived: oracle.Derived) -> int:
    """What is stored begins with the minute in which the first of it ended."""
    traces, calls, tools = derived
    rows = [*traces, *(call for call in calls if call.billable), *tools]
    return min(row.end_ns for row in rows) // (60 * SECOND) * 60 * SECOND


def assert_lines(project: int, derived: oracle.Derived, period: Period) -> None:
    start_ns, end_ns, step_s = period
    since_ns = max(start_ns, first_ns(derived))
    for one in find_lines(project, *period, now_ns=LATER_NS, members=line_oracle.KNOWN):
        name, inside = one.member.name, within(derived, start_ns, end_ns)
        if since_ns < end_ns:
            expected = line_oracle.told(name, inside, (end_ns - since_ns) / SECOND)
            assert_told(name, one.total, expected, period)
        for point in one.points:
            low, high = max(start_ns, point.start_s * SECOND), min(end_ns, (point.start_s + step_s) * SECOND)
            assert point.partial == (high - low < step_s * SECOND)
            if since_ns >= high:
                assert (point.value, point.n) == (None, 0), "nothing is known before what is stored"
                continue
            covered_s = (high - max(low, since_ns)) / SECOND
            assert_point(one, point, line_oracle.told(name, within(derived, low, high), covered_s), period)


SUMS = {"cost_total", "cost_per_hour", "traffic", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"}


def assert_point(series: Any, point: Any, expected: line_oracle.Told, period: Period) -> None:
    """In a step in which nothing of the fact ended a sum that is known at all is 0."""
    name = series.member.name
    empty = expected[0] is None and point.value == 0.0
    if name in SUMS and empty and series.total.value is not None:
        assert point.n == 0
        return
    assert_told(name, point, expected, (period, point.start_s))


def assert_split(project: int, derived: oracle.Derived, period: Period, split_by: str) -> None:
    start_ns, end_ns, _ = period
    inside = within(derived, start_ns, end_ns)
    found = find_lines(project, *period, None, line_oracle.KNOWN, split_by, now_ns=LATER_NS)
    seen: dict[str, set[Any]] = {}
    for one in found:
        name = one.member.name
        fact = FACTS.index(one.member.fact)
        key_of = line_oracle.SPLIT[split_by][fact]
        assert (one.split_by == split_by) == (key_of is not None), name
        if key_of is None:
            continue
        seen.setdefault(name, set()).add(one.key)
        of_key = _of_key(inside, fact, key_of, one.key)
        seconds = (end_ns - max(start_ns, first_ns(derived))) / SECOND
        assert_told(name, one.total, line_oracle.told(name, of_key, seconds), (period, split_by, one.key))
    for name, keys in seen.items():
        fact = FACTS.index(MEMBERS[name].fact)
        rows = [row for row in inside[fact] if fact != 1 or row.billable]
        assert keys == {line_oracle.SPLIT[split_by][fact](row) for row in rows}, name


def _of_key(derived: oracle.Derived, fact: int, key_of: Callable[[Row], Any], key: Any) -> oracle.Derived:
    parts = [list(rows) for rows in derived]
    parts[fact] = [row for row in parts[fact] if key_of(row) == key]
    return parts[0], parts[1], parts[2]


def lived(project: int, seed: int, summed: bool) -> oracle.Derived:
    """A history as it arrives: late, repeated, half finished first; summed in the end or in part."""
    r = random.Random(seed)
    for batch in history(seed, traces=12):
        write(batch, project)
        if r.random() < 0.3:
            settle_job.run(NOW)
        if r.random() < 0.2:
            with db.JOBS.connection() as connection:
                fill_all(connection, project)
    settle_job.run(NOW)
    if summed:
        with db.JOBS.connection() as connection:
            fill_all(connection, project)
    return oracle.derive(project)


def periods(r: random.Random) -> list[Period]:
    start_ns = NOW_NS - r.randrange(4) * DAY_NS - r.randrange(DAY_NS)
    return [
        (NOW_NS - 6 * DAY_NS, NOW_NS + 2 * DAY_NS, 3_600),
        (start_ns, start_ns + r.randrange(1, 3 * DAY_NS), r.choice([1_800, 7_200, 86_400])),
        (NOW_NS - 300 * SECOND, NOW_NS + r.randrange(1, 400 * SECOND), 60),
    ]


def test_every_number_equals_a_recompute_from_the_spans(database: Database) -> None:
    for seed in (1, 2):
        r, derived = random.Random(seed), lived(seed, seed, summed=True)
        for period in periods(r):
            assert_lines(seed, derived, period)
        for split_by in line_oracle.SPLIT:
            assert_split(seed, derived, periods(r)[0], split_by)


def test_a_filter_asks_the_rows_of_every_fact(database: Database) -> None:
    r, derived = random.Random(4), lived(4, 4, summed=True)
    start_ns, end_ns = first_ns(derived), NOW_NS + 2 * DAY_NS
    sets = [one for trace in derived[0] for one in trace.sets.values()]
    for _ in range(8):
        q = oracle_filters.random_filter(r, sets)
        wanted = filters.parse(q)
        passed = line_oracle.passing(derived, wanted)
        for one in find_lines(4, start_ns, end_ns, 7_200, wanted, line_oracle.KNOWN, now_ns=LATER_NS):
            seconds = (end_ns - start_ns) / SECOND
            assert_told(one.member.name, one.total, line_oracle.told(one.member.name, passed, seconds), q)


def test_scores_of_people_and_of_machines_are_apart_and_adoption_is_of_both(database: Database) -> None:
    adopting = span(operation="agent", signals=signals.ADOPTED)
    refusing = span(trace_id(2), operation="agent", signals=signals.REJECTED, service="mail")
    write([adopting, refusing, span(trace_id(3), operation="agent")])
    given = [
        {"passed": True}, {"passed": False}, {"passed": True, "at": 61}, {"trace": 3, "adoption": "edited"},
        {"trace": 3, "adoption": "rejected"}, {"adoption": "rejected"},
        {"score": 0.4}, {"passed": True, "source": "judge"}, {"passed": False, "source": "code"},
        {"passed": True, "source": "otlp"},
    ]  # fmt: skip
    send(*(judged(id=str(number), **said) for number, said in enumerate(given)))
    settle_job.run(NOW)
    start_ns, end_ns = NOW_NS - 60 * SECOND, NOW_NS + 120 * SECOND
    names = ["feedback_positive_rate", "evaluation_pass_rate", "adoption_rate"]
    people, machines, adoption = find_lines(1, start_ns, end_ns, 60, None, names, now_ns=LATER_NS)
    assert (people.total.hits, people.total.n) == (2, 3)
    assert [(one.hits, one.n) for one in people.points] == [(None, 0), (1, 2), (1, 1)]
    assert (machines.total.hits, machines.total.n) == (2, 3)
    assert (adoption.total.hits, adoption.total.n) == (2, 4), "of two spans and two ratings of a third"
    split = find_lines(1, start_ns, end_ns, 60, None, names, "service", now_ns=LATER_NS)
    told = {(one.member.name, one.key): (one.total.hits, one.total.n) for one in split}
    assert told["adoption_rate", "mail"] == (0, 1)
    assert told["feedback_positive_rate", "shop"] == (2, 3)


def test_what_is_not_summed_yet_is_counted_too(database: Database) -> None:
    derived = lived(3, 3, summed=False)
    start_ns, end_ns = first_ns(derived), NOW_NS + 2 * DAY_NS
    for one in find_lines(3, start_ns, end_ns, 7_200, members=line_oracle.KNOWN, now_ns=LATER_NS):
        assert_told(
            one.member.name, one.total, line_oracle.told(one.member.name, derived, (end_ns - start_ns) / SECOND), ""
        )


def test_the_largest_values_stand_apart_and_the_rest_together(database: Database) -> None:
    for number in range(1, 12):
        write([span(trace_id(number), operation="agent", service_version=f"v{number:02}", at=-number)], 1)
    write([span(trace_id(99), operation="agent", service_version="v11", at=-5)], 1)
    settle_job.run(NOW)
    found = find_lines(
        1,
        NOW_NS - 60 * SECOND,
        NOW_NS + 60 * SECOND,
        60,
        None,
        ["requests"],
        "version",
        now_ns=LATER_NS,
        with_whole=True,
    )
    assert (found[0].key, found[0].split_by, found[0].total.value) == (None, None, 12)
    values = {one.key: one.total.value for one in found[1:]}
    assert len(values) == MOST_KEYS + 1
    assert (values["v11"], values[OTHER]) == (2, 12 - 2 - (MOST_KEYS - 1))
    assert found[-1].key == OTHER


def test_where_minutes_are_no_longer_kept_only_hours_are_told(database: Database) -> None:
    write([span(operation="agent", at=-7_200)], 1)
    settle_job.run(NOW)
    with db.JOBS.connection() as connection:
        fill_all(connection, 1)
        connection.execute("UPDATE rollup_state SET minutes_from_s = %s", [NOW_NS // SECOND - 3_600])
        connection.execute("UPDATE rollup_state SET frozen_before_s = minutes_from_s")
        connection.execute("DELETE FROM request_rollup WHERE grain_s = 60")
    start_ns = NOW_NS - 3 * 3_600 * SECOND
    assert finest_step_s(1, start_ns) == 3_600
    assert finest_step_s(1, NOW_NS) == 60
    (minutes,) = find_lines(1, start_ns, NOW_NS, 600, None, ["requests"], now_ns=LATER_NS)
    assert [one.value for one in minutes.points] == [None] * 12 + [0] * 6, "no 0 where nobody can know"
    (hours,) = find_lines(1, start_ns, NOW_NS, 3_600, None, ["requests"], now_ns=LATER_NS)
    assert [one.value for one in hours.points] == [None, 1, 0]


def test_a_reported_limit_is_read_from_metrics(database: Database) -> None:
    series = {"project": 1, "name": "fourline.rate_limit.utilization", "kind": "gauge", "service": "shop"}
    insert("metric_series", [series | {"series": f"{n:032x}"} for n in (1, 2)])
    points = [(1, 10, 0.4), (1, 20, 0.5), (2, 30, 0.9), (2, 90, 0.2)]
    insert(
        "metric_point",
        [
            {"project": 1, "series": f"{n:032x}", "day": NOW.date(), "time_ns": NOW_NS + at * SECOND, "value": value}
            for n, at, value in points
        ],
    )
    (found,) = find_lines(1, NOW_NS, NOW_NS + 180 * SECOND, 60, None, ["saturation"], now_ns=LATER_NS)
    assert [(one.value, one.n) for one in found.points] == [(0.9, 2), (0.2, 1), (None, 0)]
    assert found.total.value == 0.9
