"""Intervals against the literature, against sums of binomial terms, and by how often they hold what is true."""

import random
from math import comb, log

import pytest

from tracestore.analysis import histogram
from tracestore.analysis.intervals import of_mean, of_quantile, quantile_ranks, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
        (18, 1000, 0.01142, 0.02827),
    ],
)
def test_wilson_is_that_of_the_literature(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


def test_no_trials_have_no_interval() -> None:
    assert wilson(0, 0) is None
    assert of_quantile({}, 0.5) is None
    assert of_mean(1.0, {}) is None


def _at_most(k: int, n: int, q: float) -> float:
    return sum(comb(n, i) * q**i * (1 - q) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize("q", [0.05, 0.3, 0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 5, 6, 71, 72, 100, 367, 368, 400])
def test_ranks_of_a_quantile_are_the_narrowest_with_2_5_percent_on_either_side(n: int, q: float) -> None:
    """The l-th smallest is above the quantile when at most l - 1 values are below it; the u-th is below it when u are."""
    lows = [low for low in range(1, n + 1) if _at_most(low - 1, n, q) <= 0.025]
    highs = [high for high in range(1, n + 1) if 1 - _at_most(high - 1, n, q) <= 0.025]
    expected = (max(lows), min(highs)) if lows and highs else None
    assert quantile_ranks(n, q) == expected


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_many_values_have_ranks_next_to_the_exact_ones(q: float) -> None:
    for n in (round(120 / (q * (1 - q))), round(400 / (q * (1 - q)))):
        low, high = quantile_ranks(n, q) or (0, 0)
        assert _tail_below(low, n, q) <= 0.026
        assert _tail_below(low + 2, n, q) > 0.025
        assert 1 - _tail_below(high, n, q) <= 0.026
        assert 1 - _tail_below(high - 2, n, q) > 0.025


def _tail_below(rank: int, n: int, q: float) -> float:
    """P(X <= rank - 1), by logarithms of the terms."""
    from math import exp, lgamma, log1p

    def term(i: int) -> float:
        return exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(q) + (n - i) * log1p(-q))

    return sum(map(term, range(rank)))


def test_the_interval_of_a_quantile_holds_it_at_least_95_times_of_100() -> None:
    r = random.Random(7)
    truth = 2.718281828 ** (10 + 1.6448536)  # p95 of a log-normal of median e^10
    held = 0
    for _ in range(400):
        counts = histogram.count(int(r.lognormvariate(10, 1)) for _ in range(150))
        found = of_quantile(counts, 0.95)
        assert found is not None
        held += found.low <= truth <= found.high
    assert held >= 0.94 * 400


def test_the_interval_of_a_mean_holds_it_about_95_times_of_100_where_costs_are_skewed() -> None:
    r, held, truth = random.Random(3), 0, 2.718281828**13.5
    for _ in range(400):
        values = [int(r.lognormvariate(13, 1)) for _ in range(200)]
        found = of_mean(sum(values) / 200, histogram.count(values))
        assert found is not None
        held += found.low <= truth <= found.high
    assert 0.90 * 400 <= held <= 0.99 * 400


def test_few_values_have_no_interval_of_a_mean() -> None:
    assert of_mean(5.0, histogram.count([5] * 19)) is None
    assert of_mean(0.0, histogram.count([0] * 50)) is None
    assert of_mean(5.0, histogram.count([5] * 50)) is not None
    assert of_mean(5.0, histogram.count([10**9] * 50)) is None, "a sum that its own histogram contradicts"
