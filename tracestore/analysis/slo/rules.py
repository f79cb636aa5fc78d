"""Which rules watch an objective? Windows and factors for its target and period, with the traps of the textbook table mended."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tracestore.analysis.slo.burn import Count, allowed_share, burn_rate, spent_by_firing
from tracestore.analysis.slo.chance import at_least

DATA = Path(__file__).parents[2] / "data" / "burn_windows.toml"
DAY_S = 86_400
EVALUATION_S = 60
SCALED_BELOW_S = 14 * DAY_S
SCALED_TO_S = 28 * DAY_S
CAPPED_ABOVE_S = 31 * DAY_S  # longer periods make the factors too blunt
MOST_BAD = 0.5  # a rule that needs more than every second event to fail would come too late

Severity = Literal["page", "ticket"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires when the burn rate is above `factor` over both windows.

    share: of the period's budget, spent by then (uniform traffic). pending_s: how long both must hold first.
    note: what was changed for this objective, in words; "" for nothing.
    """

    name: str
    severity: Severity
    long_s: int
    short_s: int
    factor: float
    share: float
    pending_s: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    least_bad: int
    chance: float


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(DATA.read_text())


@cache
def gate_of(severity: Severity) -> Gate:
    return Gate(**_table()["gate"][severity])


def textbook_rules(period_s: int) -> list[Rule]:
    """The fixed windows with F = share * period / long, nothing mended: what Sloth computes."""
    return [
        Rule(
            one["name"],
            one["severity"],
            one["long_s"],
            one["short_s"],
            one["share"] * period_s / one["long_s"],
            one["share"],
        )
        for one in _table()["fixed"]
    ]


def rules_for(target: float, period_s: int) -> list[Rule]:
    """The four rules of an objective, quickest first.

    target: in [0, 1). period_s: of the current period. Factors are never under 1 (an objective that is exactly met must not
    alert) and never need more than half of all events to fail. Raises ValueError for a target outside [0, 1).
    """
    chosen = _scaled(period_s) if period_s < SCALED_BELOW_S else _fixed(period_s)
    return [_reachable(_at_least_one(rule, period_s), allowed_share(target), period_s) for rule in chosen]


def own_rules(given: Sequence[Mapping[str, Any]], period_s: int) -> list[Rule]:
    """The rules that someone wrote for an objective: name, severity, long_s, short_s, factor, perhaps pending_s."""
    return [
        Rule(
            one["name"],
            one["severity"],
            one["long_s"],
            one["short_s"],
            one["factor"],
            spent_by_firing(one["factor"], one["long_s"], period_s),
            one.get("pending_s", 0),
        )
        for one in given
    ]


def _fixed(period_s: int) -> list[Rule]:
    rules = textbook_rules(period_s)
    if period_s <= CAPPED_ABOVE_S:
        return rules
    most = [one["most_factor"] for one in _table()["fixed"]]
    return [
        _with_factor(rule, least, period_s, "kept at that of 30 days") if rule.factor > least else rule
        for rule, least in zip(rules, most, strict=True)
    ]


def _scaled(period_s: int) -> list[Rule]:
    return [
        Rule(
            one["name"],
            one["severity"],
            long_s := max(_minutes(one["long_s"], period_s), 2 * EVALUATION_S),
            max(_minutes(one["short_s"], period_s), 2 * EVALUATION_S),
            one["factor"],
            spent_by_firing(one["factor"], long_s, period_s),
            _minutes(one["pending_s"], period_s),
            "windows in proportion to the period",
        )
        for one in _table()["scaled"]
    ]


def _minutes(window_s: int, period_s: int) -> int:
    return round(window_s * period_s / SCALED_TO_S / EVALUATION_S) * EVALUATION_S


def _at_least_one(rule: Rule, period_s: int) -> Rule:
    return rule if rule.factor >= 1 else _with_factor(rule, 1.0, period_s, "raised to 1")


def _reachable(rule: Rule, allowed: float, period_s: int) -> Rule:
    if rule.factor * allowed <= MOST_BAD:
        return rule
    return _with_factor(
        rule, max(1.0, MOST_BAD / allowed), period_s, "lowered so that half of all events failing fires it"
    )


def _with_factor(rule: Rule, factor: float, period_s: int, why: str) -> Rule:
    note = f"{rule.note}; " * bool(rule.note) + f"factor {rule.factor:.3g} {why}"
    return replace(rule, factor=factor, share=spent_by_firing(factor, rule.long_s, period_s), note=note)


def check_factor(factor: float, target: float) -> None:
    """Raises ValueError for a factor of someone's own that no share of failures reaches, or that a met objective does."""
    allowed = allowed_share(target)
    if not factor >= 1:  # what is no number (.nan of a YAML file) is neither
        raise ValueError("a factor under 1 alerts while the objective is met")
    if factor * allowed >= 1:
        raise ValueError(f"this rule can never fire: the burn rate is at most {1 / allowed:.3g} at this target")


def holds(rule: Rule, target: float, long: Count, short: Count) -> bool | None:
    """Is the budget being spent too fast? None: it cannot be told, nothing was measured in one of the windows.

    Both burn rates lie above the factor (strictly, as in the workbook), and chance alone would hardly give so many failures.
    """
    rates = burn_rate(long, target), burn_rate(short, target)
    if rates[0] is None or rates[1] is None:
        return None
    return min(rates[0], rates[1]) > rule.factor and not _may_be_chance(rule, target, long)


def _may_be_chance(rule: Rule, target: float, long: Count) -> bool:
    gate = gate_of(rule.severity)
    return (
        long.bad < gate.least_bad or at_least(long.bad, long.total, rule.factor * allowed_share(target)) >= gate.chance
    )
