"""Burn rates and rules against the tables of the literature."""

import pytest

from tracestore.analysis.slo import burn
from tracestore.analysis.slo.burn import NOTHING, Count
from tracestore.analysis.slo.chance import at_least
from tracestore.analysis.slo.rules import DAY_S, Rule, check_factor, holds, rules_for, textbook_rules

MONTH_S = 30 * DAY_S


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (30, [14.4, 6, 3, 1]),
        (28, [13.44, 5.6, 2.8, 0.9333]),
        (31, [14.88, 6.2, 3.1, 1.0333]),
        (90, [43.2, 18, 9, 3]),
        (7, [3.36, 1.4, 0.7, 0.2333]),
    ],
)
def test_textbook_factors_are_those_of_sloth_and_the_workbook(days: int, factors: list[float]) -> None:
    assert [rule.factor for rule in textbook_rules(days * DAY_S)] == pytest.approx(factors, rel=1e-3)


def test_factors_of_thirty_days_stand_as_they_are() -> None:
    rules = rules_for(0.999, MONTH_S)
    assert [rule.factor for rule in rules] == pytest.approx([14.4, 6, 3, 1])
    assert [rule.share for rule in rules] == pytest.approx([0.02, 0.05, 0.1, 0.1])
    assert not any(rule.note for rule in rules)
    assert all(rule.short_s * 12 == rule.long_s for rule in rules)


def test_an_objective_that_is_exactly_met_never_alerts() -> None:
    for days in (1, 7, 14, 28, 30, 90):
        for target in (0.0, 0.5, 0.8, 0.95, 0.999):
            for rule in rules_for(target, days * DAY_S):
                met = Count(bad=round((1 - target) * 1_000_000), total=1_000_000)
                assert rule.factor >= 1
                assert not holds(rule, target, met, met)


@pytest.mark.parametrize("target", [0.8, 0.9, 0.95, 0.99, 0.999, 0.9999])
def test_a_total_outage_fires_every_rule(target: float) -> None:
    for days in (1, 7, 28, 30, 90):
        for rule in rules_for(target, days * DAY_S):
            assert holds(rule, target, Count(500, 500), Count(500, 500)), rule


def test_unreachable_factors_are_lowered_and_say_so() -> None:
    quick = rules_for(0.9, MONTH_S)[0]
    assert quick.factor == pytest.approx(5.0)
    assert quick.share == pytest.approx(5 * 3_600 / MONTH_S)
    assert "14.4 lowered" in quick.note
    assert rules_for(0.95, MONTH_S)[0].factor == pytest.approx(10.0), "72 % of events would have to fail"


def test_factors_of_ones_own_are_checked() -> None:
    check_factor(14.4, 0.999)
    with pytest.raises(ValueError, match="can never fire"):
        check_factor(14.4, 0.9)
    with pytest.raises(ValueError, match="while the objective is met"):
        check_factor(0.9333, 0.999)


def test_long_periods_keep_the_factors_of_thirty_days() -> None:
    assert [rule.factor for rule in rules_for(0.999, 90 * DAY_S)] == pytest.approx([14.4, 6, 3, 1])


def test_short_periods_have_windows_in_proportion() -> None:
    rules = rules_for(0.99, 7 * DAY_S)
    assert [rule.factor for rule in rules] == [14, 7, 2, 1]
    assert [rule.long_s for rule in rules] == [900, 5_400, 21_600, 86_400]
    assert [rule.short_s for rule in rules] == [120, 480, 1_800, 5_400]
    assert [rule.pending_s for rule in rules] == [0, 240, 900, 2_700]


def test_detection_times_of_the_workbook() -> None:
    assert burn.detection_s(3_600, 14.4, 0.999, 1.0) == pytest.approx(0.864 * 60)
    assert burn.detection_s(3_600, 14.4, 0.999, 0.1) == pytest.approx(8.64 * 60)
    assert burn.detection_s(3_600, 14.4, 0.999, 0.01440001) == pytest.approx(3_600, rel=1e-5)
    assert burn.detection_s(3_600, 14.4, 0.999, 0.0144) is None, "never, at exactly the factor"
    assert burn.reset_s(300, 14.4, 0.999, 1.0) == pytest.approx(300 * (1 - 0.0144))


def test_remaining_is_clamped_above_only() -> None:
    assert burn.remaining_share(Count(0, 10), 0.99) == 1.0
    assert burn.remaining_share(Count(5, 1_000), 0.99) == pytest.approx(0.5)
    assert burn.remaining_share(Count(30, 1_000), 0.99) == pytest.approx(-2.0)
    assert burn.remaining_share(NOTHING, 0.99) is None


@pytest.mark.parametrize(("bad", "total", "target"), [(1, 1_000, 0.999), (5, 100, 0.95), (1, 10, 0.9), (30, 100, 0.7)])
def test_a_budget_that_is_spent_to_the_last_event_is_gone_and_not_overspent(
    bad: int, total: int, target: float
) -> None:
    assert burn.remaining_share(Count(bad, total), target) == 0.0
    assert burn.remaining_share(Count(bad * 10_000_000 - 1, total * 10_000_000), target) > 0
    assert burn.exhaustion_s(0.5, 2.0, MONTH_S) == pytest.approx(MONTH_S / 4)
    assert burn.exhaustion_s(-0.1, 2.0, MONTH_S) == 0
    assert burn.exhaustion_s(0.5, 0.0, MONTH_S) is None


def test_no_traffic_is_not_success() -> None:
    rule = rules_for(0.999, MONTH_S)[0]
    assert burn.burn_rate(NOTHING, 0.999) is None
    assert holds(rule, 0.999, Count(5, 5), NOTHING) is None
    with pytest.raises(ValueError, match="no error budget"):
        burn.burn_rate(Count(1, 1), 1.0)


@pytest.mark.parametrize(
    ("bad", "total", "chance"),
    [(1, 10, 0.135), (2, 10, 0.0086), (3, 20, 0.0028), (5, 5, 6.2e-10)],
)
def test_chances_at_low_traffic(bad: int, total: int, chance: float) -> None:
    assert at_least(bad, total, 0.0144) == pytest.approx(chance, rel=0.03)


def test_chances_agree_with_sums_of_the_distribution() -> None:
    from math import comb

    for total, share in ((1, 0.3), (7, 0.5), (40, 0.01), (300, 0.2), (1_000, 0.0144)):
        for bad in (0, 1, 2, total // 3, total):
            exact = sum(comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(bad, total + 1))
            assert at_least(bad, total, share) == pytest.approx(exact, rel=1e-9, abs=1e-300)
    assert at_least(14_400, 1_000_000, 0.0144) == pytest.approx(0.5, abs=0.01)
    assert at_least(16_000, 1_000_000, 0.0144) < 1e-30
    assert at_least(3, 2, 0.5) == 0.0


def test_one_failure_at_night_pages_nobody_and_an_outage_does() -> None:
    rule = Rule("page-quick", "page", 3_600, 300, 14.4, 0.02)
    assert not holds(rule, 0.999, Count(1, 10), Count(1, 2))
    assert not holds(rule, 0.999, Count(2, 10), Count(2, 2)), "two of ten: not by chance, yet too few"
    assert holds(rule, 0.999, Count(3, 20), Count(3, 3))
    assert holds(rule, 0.999, Count(5, 5), Count(5, 5))
