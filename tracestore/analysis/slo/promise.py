"""What was promised, in one line that people read."""

from decimal import Decimal

UNITS = {
    "request": "requests", "llm_call": "LLM calls", "tool_call": "tool calls", "session": "sessions",
    "evaluation": "evaluations",
}  # fmt: skip
YOUNG = 0.5  # with less of its period behind it, what is left of a budget says little by itself


def promise_of(
    target: Decimal, unit: str, total_q: str, part_q: str, part: str, period_days: int | None, calendar: tuple[str, int]
) -> str:
    """Such as "99.9 % of requests match duration:<2s, over 28 days". calendar: (unit, how many), where there is no period_days."""
    percent = f"{(target * 100).normalize():f} %"
    of = f"{UNITS.get(unit, unit)}" + f" with {total_q}" * bool(total_q.strip())
    what = f"match {part_q}" if part == "good" else f"do not match {part_q}"
    return f"{percent} of {of} {what}, over {_time(period_days, calendar)}"


def _time(period_days: int | None, calendar: tuple[str, int]) -> str:
    if period_days is not None:
        return f"{period_days} days" if period_days > 1 else "a day"
    unit, number = calendar
    return f"the calendar {unit}" if number == 1 else f"{number} calendar {unit}s"
