"""Could so many failures be chance? What keeps one failure at night from paging someone, and a total outage from hiding."""

import math

_TINY = 1e-300
_STEPS = 400  # of the continued fraction; some 40 are needed near the mean, more for large counts


def at_least(bad: int, total: int, share: float) -> float:
    """P(X >= bad) of total events that are bad with probability `share`, each for itself (binomial)."""
    if bad <= 0:
        return 1.0
    if bad > total or share <= 0:
        return 0.0
    return 1.0 if share >= 1 else incomplete_beta(bad, total - bad + 1, share)


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _STEPS + int(4 * math.sqrt(max(a, b)))):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + step * d)
            c = _away_from_zero(1 + step / c)
            found *= c * d
        if abs(c * d - 1) < 1e-13:
            return found
    return found


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
