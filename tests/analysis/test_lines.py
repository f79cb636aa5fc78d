"""The registry of the lines, estimates from sums, differences, and points of steps."""

import random
from dataclasses import dataclass, field

import pytest

from tracestore.analysis import histogram
from tracestore.analysis.intervals import wilson
from tracestore.analysis.line_estimates import UNKNOWN, top_share
from tracestore.analysis.line_steps import NS, Period, series_of
from tracestore.analysis.lines import LINES, MEMBERS, Estimate, Member, compare, estimate, members_of, step_s_of


@dataclass
class Sums:
    measures: dict[str, int | None]
    histograms: dict[str, list[int] | None] = field(default_factory=dict)


def packed(values: list[int]) -> list[int]:
    return histogram.pack(histogram.count(values))


def share(hits: int, n: int) -> Estimate:
    low, high = wilson(hits, n) or (None, None)
    return Estimate(hits / n, n, low, high, hits)


def p95(values: list[int]) -> Estimate:
    return estimate(MEMBERS["latency_p95"], [Sums({}, {"duration": packed(values)})])


# -- the registry


def test_the_members_of_the_four_lines_and_the_signals_are_declared() -> None:
    agreed = {
        "quality": "success_rate tool_success_rate feedback_positive_rate adoption_rate evaluation_pass_rate retrieval_hit_rate",
        "latency": "latency_p50 latency_p95 latency_p99 failed_latency_p95 ttft_p95 timeout_rate retry_rate queue_p95"
        " model_latency_p95 tool_latency_p95",
        "cost": "cost_per_request cost_total cost_per_hour input_tokens output_tokens cached_tokens reasoning_tokens"
        " cache_hit_share budget_overrun_rate top5_cost_share",
        "risk": "policy_violation_rate injection_rate refusal_rate sensitive_rate unknown_state_rate above_tier_rate"
        " unapproved_rate duplicate_effect_rate",
        "signals": "requests error_rate implicit_error_rate policy_error_rate rate_limited_rate saturation degraded_rate"
        " breaker_open_rate",
    }
    for line in LINES:
        assert {one.name for one in members_of(line)} >= set(agreed[line].split())


def test_each_member_says_what_it_is_made_of_and_what_to_send() -> None:
    for one in MEMBERS.values():
        assert one.formula
        assert one.empty.endswith(".")
        quiet = one.empty.startswith("No ") and "ended in this range" in one.empty
        assert quiet or any(name in one.empty for name in one.needs) or "failed" in one.empty, one.name


@pytest.mark.parametrize("member", MEMBERS.values(), ids=lambda one: one.name)
def test_what_nobody_reported_is_unknown(member: Member) -> None:
    assert estimate(member, [], 60) == UNKNOWN
    assert estimate(member, [Sums({}), Sums({"cost_nanousd": None}, {"duration": None})], 60) == UNKNOWN


# -- estimates


def test_a_share_of_nothing_is_neither_1_nor_0() -> None:
    assert estimate(MEMBERS["success_rate"], [Sums({"requests": 0, "errors": 0})]) == UNKNOWN


def test_a_share_knows_its_hits_its_n_and_wilsons_interval() -> None:
    found = estimate(
        MEMBERS["error_rate"], [Sums({"requests": 200, "errors": 80}), Sums({"requests": 63, "errors": 1})]
    )
    assert (found.hits, found.n) == (81, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    good = estimate(MEMBERS["success_rate"], [Sums({"requests": 263, "errors": 81})])
    assert (good.value, good.low, good.high) == pytest.approx((182 / 263, 1 - 0.3662, 1 - 0.2553), abs=5e-5)


def test_adoption_counts_edited_answers_too() -> None:
    found = estimate(MEMBERS["adoption_rate"], [Sums({"adoption_known": 10, "adopted": 4, "edited": 3, "rejected": 3})])
    assert (found.value, found.n) == (0.7, 10)


def test_the_mean_cost_is_of_requests_whose_cost_is_known() -> None:
    found = estimate(
        MEMBERS["cost_per_request"], [Sums({"requests": 50, "cost_nanousd": 300}, {"cost": packed([10] * 30)})]
    )
    assert (found.value, found.n) == (10, 30)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 10 <= found.high


def test_totals_have_no_interval_and_a_rate_needs_a_time() -> None:
    sums = [Sums({"requests": 90, "cost_nanousd": 300}, {"cost": packed([10] * 30)})]
    assert estimate(MEMBERS["cost_total"], sums) == Estimate(300, 30)
    assert estimate(MEMBERS["cost_per_hour"], sums, 1_800) == Estimate(600, 30)
    assert estimate(MEMBERS["cost_per_hour"], sums) == UNKNOWN
    assert estimate(MEMBERS["traffic"], sums, 30) == Estimate(180, 90)


def test_concentration_of_cost() -> None:
    assert top_share(histogram.count([1_000] * 95 + [19_000] * 5), 0.05) == pytest.approx(0.5, rel=0.05)
    assert top_share(histogram.count([7] * 40), 0.05) == pytest.approx(0.05)
    assert top_share({}, 0.05) is None
    assert top_share(histogram.count([0] * 40), 0.05) is None, "no cost at all has no dearest part"


# -- differences


@pytest.mark.parametrize(
    ("after", "before", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_difference_of_shares_is_newcombes(
    after: tuple[int, int], before: tuple[int, int], low: float, high: float
) -> None:
    found = compare(MEMBERS["success_rate"], share(*before), share(*after))
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)
    assert found.distinguishable == (low > 0)
    assert found.better == (True if low > 0 else None)


def test_better_depends_on_the_direction() -> None:
    low, high = share(10, 400), share(80, 400)
    assert compare(MEMBERS["error_rate"], low, high).better is False
    assert compare(MEMBERS["success_rate"], low, high).better is True


def test_what_is_unknown_on_one_side_has_no_difference() -> None:
    found = compare(MEMBERS["success_rate"], UNKNOWN, share(3, 4))
    assert (found.value, found.distinguishable) == (None, None)


def test_totals_differ_by_an_amount_that_no_chance_is_told_of() -> None:
    found = compare(MEMBERS["cost_total"], Estimate(100, 5), Estimate(150, 5))
    assert (found.value, found.relative, found.low, found.distinguishable) == (50, 0.5, None, None)
    assert compare(MEMBERS["cost_total"], Estimate(0, 5), Estimate(150, 5)).relative is None


def test_a_quantile_that_doubled_is_told_from_one_that_moved_within_its_buckets() -> None:
    r = random.Random(1)
    values = [int(r.lognormvariate(20, 0.5)) for _ in range(3_000)]
    found = compare(MEMBERS["latency_p95"], p95(values), p95([2 * value for value in values]))
    assert found.distinguishable
    assert found.better is False
    assert found.relative_low is not None
    assert found.relative_high is not None
    assert found.relative_low < 1 < found.relative_high
    nearly = compare(MEMBERS["latency_p95"], p95([10**9] * 9_000), p95([int(1.03 * 10**9)] * 9_000))
    assert nearly.distinguishable is False


def test_differences_of_quantiles_seldom_see_what_is_not_there() -> None:
    r = random.Random(5)
    seen = 0
    for _ in range(300):
        one, other = ([int(r.lognormvariate(20, 1)) for _ in range(200)] for _ in range(2))
        seen += compare(MEMBERS["latency_p95"], p95(one), p95(other)).distinguishable is True
    assert seen <= 0.05 * 300


# -- steps

PERIOD = Period(start_ns=90 * NS, end_ns=400 * NS, step_s=60, since_ns=120 * NS, now_ns=330 * NS)


def test_the_steps_of_a_period_are_cut_by_its_ends_and_by_now() -> None:
    series = series_of(MEMBERS["success_rate"], {}, PERIOD)
    assert [(one.start_s, one.partial) for one in series.points] == [
        (60, True), (120, False), (180, False), (240, False), (300, True), (360, True),
    ]  # fmt: skip


def test_requests_are_0_where_something_is_stored_and_unknown_elsewhere() -> None:
    series = series_of(MEMBERS["requests"], {180: [Sums({"requests": 5})]}, PERIOD)
    assert [one.value for one in series.points] == [None, 0, 5, 0, 0, None]
    assert series_of(MEMBERS["requests"], {}, PERIOD).total == Estimate(0, 0)
    nothing = Period(0, 60 * NS, 60, None, 60 * NS)
    assert series_of(MEMBERS["requests"], {}, nothing).total == UNKNOWN


def test_shares_and_quantiles_have_gaps_and_no_zeros() -> None:
    rows = {180: [Sums({"requests": 5, "errors": 1})]}
    assert [one.value for one in series_of(MEMBERS["success_rate"], rows, PERIOD).points] == [
        None, None, 0.8, None, None, None,
    ]  # fmt: skip


def test_a_sum_that_nobody_reports_is_a_gap_beside_one_that_is_0_in_quiet_steps() -> None:
    rows = {180: [Sums({"requests": 5, "input_tokens": 70, "reasoning_tokens": None})]}
    assert [one.value for one in series_of(MEMBERS["input_tokens"], rows, PERIOD).points] == [None, 0, 70, 0, 0, None]
    assert {one.value for one in series_of(MEMBERS["reasoning_tokens"], rows, PERIOD).points} == {None}


def test_a_rate_counts_the_seconds_that_are_over() -> None:
    rows = {300: [Sums({"requests": 5})]}
    series = series_of(MEMBERS["traffic"], rows, PERIOD)
    assert series.points[4].value == 10, "5 in half a minute"
    assert series.total.value == pytest.approx(5 * 60 / 210)


def test_the_total_is_of_all_sums_and_no_mean_of_points() -> None:
    rows = {120: [Sums({"requests": 1, "errors": 1})], 180: [Sums({"requests": 99, "errors": 0})]}
    assert series_of(MEMBERS["error_rate"], rows, PERIOD).total.value == 0.01


@pytest.mark.parametrize(
    ("name", "length_s", "step_s"),
    [
        ("15m", 0, 60),
        ("24h", 0, 900),
        ("90d", 0, 86_400),
        (None, 3_600, 60),
        (None, 3 * 86_400, 3_600),
        (None, 10**9, 86_400),
    ],
)
def test_the_step_of_a_range(name: str | None, length_s: int, step_s: int) -> None:
    assert step_s_of(name, length_s) == step_s
