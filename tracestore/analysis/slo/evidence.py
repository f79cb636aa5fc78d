"""Is an attribute more frequent among the bad than among the rest? Counts of a two-by-two table -> strength and chance.

a: bad with the attribute, b: bad without, c: good with, d: good without.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959964
_FEW = 5  # expected counts under it ask for the exact test


@dataclass(frozen=True, slots=True)
class Table:
    a: int
    b: int
    c: int
    d: int

    @property
    def bad(self) -> int:
        return self.a + self.b

    @property
    def good(self) -> int:
        return self.c + self.d


def lift(table: Table) -> float:
    """How many times more frequent among the bad; half a case is added to each cell."""
    a, b, c, d = _with_half(table)
    return (a / (a + b)) / (c / (c + d))


def log_odds(table: Table) -> tuple[float, float, float]:
    """The logarithm of the odds ratio and its 95 % interval (Woolf, half a case added to each cell)."""
    a, b, c, d = _with_half(table)
    value, half = math.log(a * d / (b * c)), _Z * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return value, value - half, value + half


def attributable_low(table: Table) -> float:
    """The share of the bad that would not be there without the attribute: at least, at 95 % confidence; 0 or more."""
    a, b, c, d = _with_half(table)
    ratio = (a / (a + c)) / (b / (b + d))
    error = math.sqrt(1 / a - 1 / (a + c) + 1 / b - 1 / (b + d))
    lowest = ratio * math.exp(-_Z * error)
    return max(0.0, table.a / table.bad * (1 - 1 / lowest)) if table.bad else 0.0


def _with_half(table: Table) -> tuple[float, float, float, float]:
    return table.a + 0.5, table.b + 0.5, table.c + 0.5, table.d + 0.5


def chance(table: Table) -> float:
    """P(so unequal or more): Fisher's exact test where a count of under 5 is expected, else the G test, two-sided."""
    n = table.bad + table.good
    rows, columns = (table.bad, table.good), (table.a + table.c, table.b + table.d)
    expected = [row * column / n for row in rows for column in columns] if n else [0.0]
    if min(expected) < _FEW:
        return fisher(table)
    seen = (table.a, table.b, table.c, table.d)
    g = 2 * sum(o * math.log(o / e) for o, e in zip(seen, expected, strict=True) if o)
    return math.erfc(math.sqrt(max(0.0, g) / 2))


def fisher(table: Table) -> float:
    """Two-sided: all tables of the same margins that are no likelier than this one."""
    n, bad, having = table.bad + table.good, table.bad, table.a + table.c
    whole = _choose(n, having)
    lowest, highest = max(0, having - table.good), min(bad, having)
    weights = [_choose(bad, k) + _choose(n - bad, having - k) - whole for k in range(lowest, highest + 1)]
    own = weights[table.a - lowest]
    return min(1.0, sum(math.exp(one) for one in weights if one <= own + 1e-7))


def _choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def benjamini_yekutieli(chances: Sequence[float]) -> list[float]:
    """q values that hold under any dependence between the tests, in the order given. Source: Benjamini, Yekutieli 2001."""
    m = len(chances)
    harmonic = sum(1 / k for k in range(1, m + 1))
    found, least = [1.0] * m, 1.0
    for rank, at in sorted(enumerate(sorted(range(m), key=lambda i: chances[i]), start=1), reverse=True):
        least = min(least, chances[at] * m * harmonic / rank)
        found[at] = least
    return found
