"""What stands out is found, what is quiet stays quiet, and the numbers are those of a slow reader of the specification."""

import random
from math import exp, log, pi, sin, sqrt
from statistics import median

import pytest

from tests.analysis.test_lines import Sums, packed
from tracestore.analysis.anomalies import WEEK_H, Hour, baseline, is_learning, limit, stand, standouts
from tracestore.analysis.cost_parts import Spent, contributors, cost_parts
from tracestore.analysis.hourly import WATCHED, Anomaly, anomaly_of, numbers

START = 2_600 * WEEK_H
WATCHED_BY = {one.member: one for one in WATCHED}


def quiet(seed: int, weeks: float = 9, noise: float = 0.12, growth_a_day: float = 0.0) -> dict[int, Hour]:
    """A day's rhythm, a calmer weekend, noise and slow growth, on the scale of the logarithm."""
    r = random.Random(seed)
    return {
        START + at: Hour(
            log(100)
            + 0.6 * sin(2 * pi * at / 24)
            - 0.5 * (at // 24 % 7 in (2, 3))
            + growth_a_day * at / 24
            + r.gauss(0, noise)
        )
        for at in range(int(weeks * WEEK_H))
    }


def planted(hours: dict[int, Hour], at: int, factor: float) -> dict[int, Hour]:
    return hours | {at: Hour(hours[at].y + log(factor), hours[at].error)}


def last_week(hours: dict[int, Hour]) -> tuple[int, int]:
    end = max(hours) + 1
    return end - WEEK_H, end


def test_a_quiet_series_has_at_most_one_false_alarm_a_week() -> None:
    weeks = 40
    alarms = sum(len(standouts(hours, *last_week(hours))) for hours in map(quiet, range(weeks)))
    assert alarms <= weeks
    assert alarms <= 0.5 * weeks, "well below: k is 4 where the series itself asks for no more"


def test_a_cost_that_tripled_for_an_hour_is_found_nearly_always() -> None:
    found = 0
    for seed in range(30):
        hours = quiet(seed)
        at = max(hours) - 5 * seed
        (hours,) = [planted(hours, at, 3)]
        found += at in {one.hour for one in standouts(hours, *last_week(hours))}
    assert found >= 29


def test_slow_growth_is_no_anomaly() -> None:
    weeks = 15
    alarms = sum(
        len(standouts(hours, *last_week(hours))) for hours in (quiet(seed, growth_a_day=0.02) for seed in range(weeks))
    )
    assert alarms <= weeks


def test_two_hours_of_three_stand_out_where_one_alone_would_not() -> None:
    hours = quiet(1)
    at = max(hours) - 30
    day = baseline(hours, at // 24 * 24)
    here, k = stand(hours, at, day), limit(hours, last_week(hours)[0])
    assert here is not None
    near = (k - 0.5 - here.z) * here.s  # to k - 1/2
    one = hours | {at: Hour(hours[at].y + near)}
    assert at not in {found.hour for found in standouts(one, *last_week(hours))}
    before = stand(hours, at - 1, day)
    assert before is not None
    two = one | {at - 1: Hour(hours[at - 1].y + (k - 0.5 - before.z) * before.s)}
    assert at in {found.hour for found in standouts(two, *last_week(hours))}


def test_a_drop_is_found_both_ways_alone() -> None:
    hours = quiet(2)
    at = max(hours) - 20
    hours = planted(hours, at, 1 / 5)
    assert at in {one.hour for one in standouts(hours, *last_week(hours), both_ways=True)}
    assert at not in {one.hour for one in standouts(hours, *last_week(hours))}


def test_two_weeks_are_learnt_before_a_word_is_said() -> None:
    hours = quiet(3, weeks=1.9)
    assert is_learning(hours, max(hours))
    at = max(hours)
    assert standouts(planted(hours, at, 50), at - 20, at + 1) == []
    longer = quiet(3, weeks=2.2)
    at = max(longer)
    assert [one.hour for one in standouts(planted(longer, at, 50), at, at + 1)] == [at]
    assert is_learning({}, 5)


def test_the_numbers_of_an_hour_are_those_of_the_specification() -> None:
    """Slowly, for one hour, from the words of statistics alone."""
    hours = quiet(4)
    at = max(hours) - 3
    midnight = at // 24 * 24
    history = [one for one in hours if midnight - 8 * WEEK_H <= one < midnight]

    def med(hour: int) -> float:
        return median(hours[one].y for one in history if one % WEEK_H == hour % WEEK_H)

    level = median(hours[one].y - med(one) for one in range(at - 24, at))
    near = [one for one in history if min((one - at) % 24, (at - one) % 24) <= 2]
    residuals = [hours[one].y - med(one) for one in near]
    middle = median(residuals)
    s = max(0.05, 1.4826 * median(abs(one - middle) for one in residuals) * sqrt(8 / 7))
    found = stand(hours, at, baseline(hours, midnight))
    assert found is not None
    assert found.median == pytest.approx(med(at))
    assert found.level == pytest.approx(level)
    assert found.s == pytest.approx(s)
    assert found.z == pytest.approx((hours[at].y - med(at) - level) / s)


def test_an_hour_of_few_requests_needs_more_to_stand_out() -> None:
    hours = quiet(5)
    at = max(hours)
    loud = Hour(hours[at].y + log(3), error=0.5)
    assert at not in {one.hour for one in standouts(hours | {at: loud}, at, at + 1)}


# -- what is watched


def hourly(member: str, of: dict[int, Sums], end: int) -> list[Anomaly]:
    watched = WATCHED_BY[member]
    told = numbers(member, of, end)
    stood = standouts(watched.hours(told), end - WEEK_H, end, watched.both_ways)
    return [one for stand_out in stood if (one := anomaly_of(watched, told, stand_out)) is not None]


def served(seed: int, weeks: int = 6, per_h: int = 120) -> tuple[dict[int, Sums], int]:
    r = random.Random(seed)
    found = {}
    for at in range(START, START + weeks * WEEK_H):
        n = max(1, round(r.gauss(per_h, sqrt(per_h))))
        errors = sum(r.random() < 0.02 for _ in range(n))
        slow = packed([int(r.lognormvariate(21, 0.4)) for _ in range(n)])
        found[at] = Sums(
            {"requests": n, "errors": errors, "cost_nanousd": n * 5_000_000},
            {"duration": slow, "cost": packed([5_000_000] * n)},
        )
    return found, START + weeks * WEEK_H


def test_each_number_that_is_watched_finds_its_own() -> None:
    hours, end = served(1, weeks=4)
    for member in WATCHED_BY:
        assert len(hourly(member, hours, end)) <= 1, member
    at = end - 30
    n = hours[at].measures["requests"] or 0
    dear = {at: Sums(hours[at].measures | {"cost_nanousd": n * 20_000_000}, hours[at].histograms)}
    (cost,) = [one for one in hourly("cost_per_hour", hours | dear, end) if one.hour == at]
    assert cost.value / cost.expected == pytest.approx(4, rel=0.25)
    slow = {at: Sums(hours[at].measures, {"duration": packed([6 * 10**9] * n)})}
    assert at in {one.hour for one in hourly("latency_p95", hours | slow, end)}
    failing = {at: Sums(hours[at].measures | {"errors": n // 3})}
    assert at in {one.hour for one in hourly("error_rate", hours | failing, end)}
    silent = {one: hours[one] for one in hours if one != at}
    (gone,) = [one for one in hourly("traffic", silent, end) if one.hour == at]
    assert (gone.value, gone.n) == (0, 0)


def test_a_change_of_cents_is_not_worth_a_word() -> None:
    hours, end = served(2, weeks=3, per_h=10)
    at = end - 30
    tiny = {
        one: Sums({name: (value or 0) // 1_000 if name == "cost_nanousd" else value for name, value in row.measures.items()},
        row.histograms) for one, row in hours.items()
    }  # fmt: skip
    dear = {
        at: Sums(
            tiny[at].measures | {"cost_nanousd": 10 * (tiny[at].measures["cost_nanousd"] or 0)}, tiny[at].histograms
        )
    }
    assert hourly("cost_per_hour", tiny | dear, end) == []


def test_an_anomaly_says_what_it_is_compared_with() -> None:
    tuesday_14 = 5 * 24 + 14  # 1970-01-06
    one = Anomaly("cost_per_hour", tuesday_14, 31, 5, 11, 10, 1.1, 6, 7.0, 4.0)
    assert one.why == "3.1x the median of 6 Tuesdays 14:00 UTC, level of the last 24 h x1.10"


# -- why it cost more


def test_one_factor_alone_has_all_of_the_change() -> None:
    before = {"a": Spent(100, 1_000), "b": Spent(300, 600)}
    more = {name: Spent(2 * one.tokens, 2 * one.cost) for name, one in before.items()}
    parts = cost_parts(10, 20, before, more)
    assert parts is not None
    assert (parts.requests, parts.change) == pytest.approx((1_600, 1_600))
    longer = cost_parts(10, 10, before, more)
    assert longer is not None
    assert longer.tokens_per_request == pytest.approx(1_600)
    dearer = cost_parts(10, 10, before, {name: Spent(one.tokens, 3 * one.cost) for name, one in before.items()})
    assert dearer is not None
    assert dearer.price == pytest.approx(3_200)
    moved = cost_parts(10, 10, before, {"a": Spent(300, 3_000), "b": Spent(100, 200)})
    assert moved is not None
    assert moved.mix == pytest.approx(1_600)
    assert (moved.requests, moved.tokens_per_request, moved.price) == pytest.approx((0, 0, 0), abs=1e-9)


def test_the_parts_add_up_to_the_change_whatever_came_and_went() -> None:
    r = random.Random(1)
    for _ in range(200):
        sides = [
            {name: Spent(r.randrange(1, 900), r.randrange(1, 900)) for name in "abcd" if r.random() < 0.7}
            or {"a": Spent(5, 5)}
            for _ in range(2)
        ]
        parts = cost_parts(r.randrange(1, 50), r.randrange(1, 50), *sides)
        assert parts is not None
        whole = sum(one.cost for one in sides[1].values()) - sum(one.cost for one in sides[0].values())
        assert parts.change == pytest.approx(whole, abs=1e-3)
        assert parts.requests + parts.tokens_per_request + parts.price + parts.mix == pytest.approx(whole, abs=1e-3)


def test_a_new_model_is_mix_and_stands_first_among_the_contributors() -> None:
    before, after = {"small": Spent(100, 100)}, {"small": Spent(90, 90), "large": Spent(10, 500)}
    parts = cost_parts(10, 10, before, after)
    assert parts is not None
    assert parts.mix == pytest.approx(490, rel=1e-6)
    assert contributors(before, after) == [("large", 500)]
    assert cost_parts(0, 10, {}, after) is None


def test_the_level_is_told_as_a_factor() -> None:
    hours = quiet(6)
    at = max(hours)
    raised = hours | {one: Hour(hours[one].y + log(1.5)) for one in range(at - 24, at)}
    found = stand(raised, at, baseline(raised, at // 24 * 24))
    assert found is not None
    assert exp(found.level) == pytest.approx(1.5, rel=0.15)
