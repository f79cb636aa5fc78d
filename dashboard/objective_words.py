"""How do objectives, alerts and what is to be done about them read? Words of ours for what is kept; pure."""

from typing import Final

from dashboard.templatetags.units import counted, in_long_time, in_percent
from tracestore.analysis.slo.promise import UNITS as UNITS
from tracestore.analysis.slo.promise import promise_of
from tracestore.queries.slo import ObjectiveRow

ACTIONS: Final = {"degrade": "Degrade", "rate-limit": "Rate-limit", "rollback": "Roll back", "look": "Look"}
DOING: Final = {
    "degrade": "Serve with less: a smaller model, fewer tools, a fixed answer.",
    "rate-limit": "Let fewer requests in until the errors stop.",
    "rollback": "Go back to the last version that was good.",
    "look": "No single cause stands out: look at the examples.",
}
OUTCOMES: Final = {
    "proposed": "nobody has said yet",
    "taken": "taken",
    "worked": "it worked",
    "failed": "it did not work",
    "declined": "declined",
}
RULES: Final = {
    "page-quick": "quick burn",
    "page-slow": "slow burn",
    "ticket-quick": "daily burn",
    "ticket-slow": "chronic burn",
}


MINUTES_UNTIL_S: Final = 7_200  # beyond it minutes read worse than hours and minutes


def rule_words(name: str) -> str:
    return RULES.get(name, name.replace("-", " "))


def target_words(target: float) -> str:
    """99.9 %, with all the digits that it has: an objective of 99.95 % is not one of 99.9 %."""
    return f"{target * 100:.6f}".rstrip("0").rstrip(".") + " %"


def period_words(objective: ObjectiveRow) -> str:
    if objective.period_days is not None:
        return f"over {counted(objective.period_days, 'day')}"
    if objective.calendar_count == 1:
        return f"each {objective.calendar_unit}, {objective.time_zone}"
    return f"every {objective.calendar_count} {objective.calendar_unit}s, {objective.time_zone}"


def promise(objective: ObjectiveRow) -> str:
    """99.9 % of requests match duration:<2s, over 28 days."""
    calendar = objective.calendar_unit, objective.calendar_count
    asked = objective.unit, objective.total_q, objective.part_q, objective.part
    return promise_of(objective.target, *asked, objective.period_days, calendar)


def window_words(seconds: int) -> str:
    """1 h, 5 min, 3 d: whole units where they are whole."""
    for unit_s, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit_s and seconds % unit_s == 0 and (unit_s > 60 or seconds < MINUTES_UNTIL_S):
            return f"{seconds // unit_s} {word}"
    return f"{seconds} s" if seconds < 60 else in_long_time(seconds)


def left_words(remaining: float) -> str:
    """72 % of the budget is left; none of it, and how much too much was spent."""
    if remaining >= 1:
        return "All of the budget is left"
    if remaining > 0:
        return f"{in_percent(remaining)} of the budget is left"
    return f"The budget is gone: {in_percent(1 - remaining)} of what its events so far allow was spent"
