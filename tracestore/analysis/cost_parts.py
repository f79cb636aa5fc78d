"""Why did the cost change? Requests, tokens a request, prices and the mix of models, which add up to the whole change.

The additive log-mean Divisia method (LMDI-I, Ang 2004): with C = sum over models of requests x tokens a request x share of
the model x price a token, each factor's part is the sum of L(C1, C0) ln(factor1 / factor0), L(a, b) = (a - b) / ln(a / b).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Final

_NONE: Final = 1e-12  # stands for a share of 0: its logarithm's limit is what counts


@dataclass(frozen=True, slots=True)
class Spent:
    """What a key (a model, a service with a model) took. Both may be means of several hours."""

    tokens: float
    cost: float


@dataclass(frozen=True, slots=True)
class CostParts:
    """Of a change of cost, in its unit: what each factor made of it; they add up to change."""

    change: float
    requests: float
    tokens_per_request: float
    price: float
    mix: float


def cost_parts(
    requests_before: float, requests_after: float, before: Mapping[str, Spent], after: Mapping[str, Spent]
) -> CostParts | None:
    """None where one side has no requests or no tokens: then nothing can be told apart."""
    tokens = [sum(one.tokens for one in side.values()) for side in (before, after)]
    if min(requests_before, requests_after, *tokens) <= 0:
        return None
    parts = [0.0, 0.0, 0.0, 0.0]
    for key in before.keys() | after.keys():
        old, new = _filled(before.get(key), after.get(key), tokens)
        if old.cost <= 0 or new.cost <= 0:
            continue
        weight = _log_mean(new.cost, old.cost)
        factors = (
            requests_after / requests_before,
            (tokens[1] / requests_after) / (tokens[0] / requests_before),
            (new.cost / new.tokens) / (old.cost / old.tokens),
            (new.tokens / tokens[1]) / (old.tokens / tokens[0]),
        )
        for place, factor in enumerate(factors):
            parts[place] += weight * log(factor)
    return CostParts(sum(parts), *parts)


def _filled(old: Spent | None, new: Spent | None, tokens: list[float]) -> tuple[Spent, Spent]:
    """A model that is new, or gone, has next to no tokens on the other side, at the same price: all of it is mix."""
    one, other = old or Spent(0, 0), new or Spent(0, 0)
    if one.tokens <= 0 < other.tokens:
        one = Spent(_NONE * tokens[0], other.cost / other.tokens * _NONE * tokens[0])
    if other.tokens <= 0 < one.tokens:
        other = Spent(_NONE * tokens[1], one.cost / one.tokens * _NONE * tokens[1])
    return one, other


def _log_mean(a: float, b: float) -> float:
    return a if abs(a - b) <= 1e-12 * max(a, b) else (a - b) / log(a / b)


def contributors(before: Mapping[str, Spent], after: Mapping[str, Spent], most: int = 3) -> list[tuple[str, float]]:
    """(key, by how much its cost changed), the largest changes in the direction of the whole first."""
    changes = {
        key: (after[key].cost if key in after else 0.0) - (before[key].cost if key in before else 0.0)
        for key in before.keys() | after.keys()
    }
    sign = 1 if sum(changes.values()) >= 0 else -1
    ranked = sorted(changes.items(), key=lambda item: (-sign * item[1], item[0]))
    return [(key, change) for key, change in ranked[:most] if sign * change > 0]
