"""What is watched beside the burn rates: shares of the budget that are spent, and events that no longer come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tracestore.analysis.slo.burn import ROUNDING, Count, allowed_share, burn_rate, remaining_share
from tracestore.analysis.slo.evaluation import Judged
from tracestore.analysis.slo.rules import EVALUATION_S, Rule, gate_of
from tracestore.analysis.slo.states import AlertState, advance

SHARES: Final = {"budget-50": 0.5, "budget-75": 0.75, "budget-100": 1.0}
ABSENT: Final = "absent-data"
RESERVED: Final = frozenset({*SHARES, ABSENT})  # names that no rule of one's own may have
PENDING_S: Final = 300
CALM_S: Final = 3_600  # a budget is no longer called spent when it was less for so long
USUAL_GAPS: Final = (
    25  # a pause is unusual from so many mean gaps on: nights hold a fifth of the traffic, and 5 were due
)
LONGER: Final = 1.25  # than the longest pause of the week before
WEEK_S: Final = 7 * 86_400


def kind_of(rule: str) -> str:
    """burn, budget or absent, by the rule's name."""
    return "budget" if rule in SHARES else "absent" if rule == ABSENT else "burn"


def budget_rules(period_s: int) -> list[Rule]:
    """A ticket for each share of the budget. factor: that share."""
    return [Rule(name, "ticket", period_s, CALM_S, share, share, PENDING_S) for name, share in SHARES.items()]


def absent_rule(after_s: int) -> Rule:
    """A ticket; it holds for three evaluations first, so that a clock that jumps and returns raises nothing."""
    return Rule(ABSENT, "ticket", after_s, EVALUATION_S, 0.0, 0.0, 2 * EVALUATION_S)


@dataclass(frozen=True, slots=True)
class Spent:
    """share: of the whole period's budget, 1 = all; None without events."""

    share: float | None
    count: Count


def spent_of(count: Count, target: float, elapsed: float) -> Spent:
    """How much of the budget of a whole period is spent.

    elapsed: the share of the period that lies behind us and is counted, in (0, 1]: what of it is still to come brings its own
    budget, so the first bad minutes of a month do not spend it all. Uniform traffic is assumed for the rest.
    """
    left = remaining_share(count, target)
    return Spent(None if left is None else (1 - left) * min(1.0, max(0.0, elapsed)), count)


def is_spent(rule: Rule, spent: Spent) -> bool | None:
    """Has this share of the budget gone? A single bad event never says so, however few events there are. None without events."""
    if spent.share is None:
        return None
    return spent.share > rule.factor - ROUNDING and spent.count.bad >= gate_of(rule.severity).least_bad


def absent_after_s(first: Rule, target: float, events_of_week: int, longest_pause_s: int) -> int | None:
    """Seconds without events from which it is worth a ticket; None = there were none in the week before.

    first: the quickest burn rule; round_1min(F * b * long + pending), as Pyrra has it. Rare events pause for longer by chance:
    events_of_week and longest_pause_s (in the week before) say how long is usual.
    """
    if not events_of_week:
        return None
    formula_s = first.factor * allowed_share(target) * first.long_s + first.pending_s
    rare_s = USUAL_GAPS * WEEK_S / events_of_week
    longest_s = max(formula_s, rare_s, LONGER * longest_pause_s)
    return max(EVALUATION_S, round(longest_s / EVALUATION_S) * EVALUATION_S)


def judge_budget(
    spent: Spent, target: float, period_s: int, states: Mapping[str, AlertState], now: datetime
) -> list[Judged]:
    """Each threshold a step further; windows: the period."""
    return [
        judge_one(rule, is_spent(rule, spent), states, now, spent.count, burn_rate(spent.count, target))
        for rule in budget_rules(period_s)
    ]


def judge_one(
    rule: Rule, held: bool | None, states: Mapping[str, AlertState], now: datetime, count: Count, burn: float | None
) -> Judged:
    state, change = advance(states.get(rule.name, AlertState()), rule, held, now)
    return Judged(rule, held, state, change, count, count, burn, burn)
