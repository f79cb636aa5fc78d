"""What does a person need to know of a budget first? One sentence, and whether it is bad news; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.objective_words import left_words, window_words
from dashboard.pages.budget.reading import Budget, coverage
from dashboard.pages.budget.spending import Spender
from dashboard.templatetags.units import in_gap, in_percent
from tracestore.analysis.slo.promise import UNITS

MOST_OF_IT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Headline:
    """tone: "worse" where somebody should do something, "" else."""

    text: str
    tone: str


def headline(budget: Budget, spenders: Sequence[Spender], lately: Sequence[Spender]) -> Headline:
    """spenders: of the whole period; lately: of the stretch whose pace is told. Most first."""
    if budget.remaining is None:
        return Headline(nothing_counted(budget), "")
    text = f"{left_words(budget.remaining)}{_pace(budget)}.{_young(budget)}{_spent_by(budget, spenders, lately)}"
    firing = budget.status.firing if budget.status is not None else None
    fires = f"A {firing} is firing. " if firing else ""
    return Headline(fires + text, "worse" if firing or budget.remaining <= 0 or budget.runs_out_s is not None else "")


def _pace(budget: Budget) -> str:
    if budget.remaining is not None and budget.remaining <= 0:
        return ""
    stretch = pace_words(budget.pace_s)
    if budget.pace_rate is None:
        return f"; {stretch} had no {UNITS[budget.objective.unit]}, so its pace is not known"
    if not budget.pace.bad:
        return f"; nothing was bad in {stretch}"
    if budget.runs_out_s is None:
        return f"; at the pace of {stretch} it lasts the period"
    return f"; at the pace of {stretch} it is gone in {in_gap(int(budget.runs_out_s))}"


def _young(budget: Budget) -> str:
    """What it is of a whole period, where most of that has no events yet."""
    if not budget.is_young or budget.oldest_s is None or budget.spent_of_whole is None:
        return ""
    since = in_gap(budget.until_s - max(budget.oldest_s, budget.start_s))
    spent = in_percent(budget.spent_of_whole)
    return f" Its events go back {since}: at this traffic {spent} of a whole period's budget is spent."


def pace_words(pace_s: int) -> str:
    return "the last day" if pace_s == 86_400 else f"the last {window_words(pace_s)}"


def _spent_by(budget: Budget, spenders: Sequence[Spender], lately: Sequence[Spender]) -> str:
    """Who burns it now, where it burns; else who spent most of it. Only where there were others that could have."""
    burns = budget.pace_rate is not None and budget.pace_rate > 1
    if burns and len(lately) > 1 and lately[0].share >= MOST_OF_IT:
        stretch = pace_words(budget.pace_s)
        return f" {lately[0].label} has spent {in_percent(lately[0].share)} of what went in {stretch}."
    if len(spenders) < 2 or spenders[0].share < MOST_OF_IT:
        return ""
    return f" {spenders[0].label} has spent {in_percent(spenders[0].share)} of what is gone."


def nothing_counted(budget: Budget) -> str:
    """Why there is no number, and what to do."""
    covered = coverage(budget)
    if covered is None:
        return "Nothing is counted yet: that begins within a minute of saving."
    if covered < 1:
        return "Nothing is counted yet in this period; the history before is still being counted."
    return f"No {UNITS[budget.objective.unit]} matched in this period: see that its filter finds what it means."
