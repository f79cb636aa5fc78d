"""What does an objective count? Its unit, all events, and the good ones (or bad ones) among them."""

from dataclasses import dataclass
from typing import Final

from tracestore.analysis import filters
from tracestore.analysis.filters import FilterError, Node

UNITS: Final = ("request", "llm_call", "tool_call", "session", "evaluation")


@dataclass(frozen=True, slots=True)
class Indicator:
    """total: None = all events of the unit. part: the good ones among them, or the bad ones.

    What a filter cannot tell of an event (its duration, its cost) is not good, and not bad: see `bad_unless_good`.
    """

    unit: str
    total: Node | None
    part: Node
    bad_unless_good: bool


def parse_indicator(unit: str, total_q: str, part_q: str, part: str) -> Indicator:
    """part: "good" or "bad". Raises FilterError: unreadable, or nothing said of what is good or bad."""
    if unit not in UNITS:
        raise FilterError(f"A unit is one of {', '.join(UNITS)}", 1)
    chosen = filters.parse(part_q)
    if chosen is None:
        raise FilterError(f"Say which events are {part}: a filter such as -status:error", 1)
    return Indicator(unit, filters.parse(total_q), chosen, part == "good")
