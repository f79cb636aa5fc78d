"""What an objective did over time is read as it was counted, without what is excluded, whatever the step."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Database
from tests.slo.objectives import count, exclude, objective, project
from tracestore import db, slo_counts
from tracestore.analysis.slo.periods import Span
from tracestore.queries.slo_series import Point, burn_down, find_series, step_for

DAY = datetime(2031, 3, 4, tzinfo=UTC)
START_S = int(DAY.timestamp())


def at(minute: int) -> datetime:
    return DAY + timedelta(minutes=minute)


def series(points: list[Point]) -> dict[int, tuple[int, int]]:
    return {(point.start_s - START_S) // 60: (point.bad, point.total) for point in points}


def test_steps_sum_what_minutes_say_except_excluded_ones(database: Database) -> None:
    for step in (1, 7, 60, 120, 1440):
        assert_steps(step)


def assert_steps(step: int) -> None:
    own, other = (objective(project().pk) for _ in range(2))
    r = random.Random(step)
    minutes = {minute: (r.randrange(3), r.randrange(3, 9)) for minute in r.sample(range(2 * 1440), 60)}
    for minute, (bad, total) in minutes.items():
        count(own, START_S + minute * 60, bad, total, r.choice(["", "a" * 32]))
    count(other, START_S, 1, 1)
    with db.JOBS.connection() as connection, connection.transaction():
        slo_counts.fold(connection, [own.id, other.id], [START_S + minute * 60 for minute in range(2 * 1440)])
    exclude(own.project_id, at(100) + timedelta(seconds=30), at(1500), of=own)
    exclude(other.project_id, at(0), at(2880))
    expected: dict[int, tuple[int, int]] = {}
    everything: dict[int, tuple[int, int]] = {}
    for minute, (bad, total) in minutes.items():
        for sums in [everything] + [expected] * (not 100 <= minute < 1500):
            was = sums.get(minute // step * step, (0, 0))
            sums[minute // step * step] = (was[0] + bad, was[1] + total)
    until_s = START_S + 2 * 86_400
    assert series(find_series(own, START_S, until_s, step * 60)) == expected
    assert series(find_series(own, START_S, until_s, step * 60, with_excluded=True)) == everything
    assert find_series(other, START_S, until_s, step * 60) == []


def test_versions_are_told_apart_where_asked(database: Database) -> None:
    own = objective(project().pk)
    count(own, START_S, 1, 2, "a" * 32)
    count(own, START_S, 0, 3)
    found = find_series(own, START_S, START_S + 60, 60, by_version=True)
    assert found == [Point(START_S, 0, 3, ""), Point(START_S, 1, 2, "a" * 32)]


def test_a_budget_burns_down_where_something_went_wrong_and_ends_at_what_remains(database: Database) -> None:
    own = objective(project().pk, target="0.9")
    for minute, bad in ((10, 0), (70, 5), (130, 15)):
        count(own, START_S + minute * 60, bad, 50)
    curve = burn_down(own, Span(DAY, DAY + timedelta(hours=4)))
    assert [(time_s - START_S, round(left, 9)) for time_s, left in curve] == [
        (600, 1.0), (660, 1.0), (4260, round(1 - 5 / 15, 9)), (7860, round(1 - 20 / 15, 9))
    ]  # fmt: skip
    assert burn_down(own, Span(DAY, DAY + timedelta(hours=4)), START_S + 3600)[-1] == (START_S + 660, 1.0)
    assert burn_down(own, Span(DAY + timedelta(days=1), DAY + timedelta(days=2))) == []


def test_what_began_an_hour_ago_is_drawn_from_there_on_and_finely(database: Database) -> None:
    own = objective(project().pk, target="0.9")
    for minute in range(60):
        count(own, START_S + minute * 60, int(minute >= 30), 10)
    with db.JOBS.connection() as connection, connection.transaction():
        slo_counts.fold(connection, [own.id], [START_S])
    curve = burn_down(own, Span(DAY - timedelta(days=27), DAY + timedelta(hours=1)))
    assert curve[0] == (START_S, 1.0) and len(curve) == 61, "no line from four weeks ago, where there was nothing"
    assert [left for _, left in curve[:31]] == [1.0] * 31 and curve[-1] == (START_S + 3600, pytest.approx(0.5))


def test_a_month_is_drawn_by_few_steps() -> None:
    assert step_for(30 * 86_400) == 3 * 3600
    assert step_for(3600) == 60
