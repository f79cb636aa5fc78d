"""What does one evaluation of an objective come to? The one step that the evaluator, the backtest and the tests take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tracestore.analysis.slo.burn import NOTHING, Count, burn_rate
from tracestore.analysis.slo.rules import Rule, holds
from tracestore.analysis.slo.states import AlertState, Change, advance

NoData = Literal["ignore", "good", "bad"]
INGEST_DELAY_S: Final = 90  # what arrives so late is still counted before its minute is evaluated


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule after an evaluation. held: None = it could not be told; burns: None = no events in that window."""

    rule: Rule
    held: bool | None
    state: AlertState
    change: Change | None
    long: Count
    short: Count
    long_burn: float | None
    short_burn: float | None


def evaluate(
    rules: Sequence[Rule],
    target: float,
    counts: Mapping[int, Count],
    states: Mapping[str, AlertState],
    no_data: NoData,
    now: datetime,
) -> list[Judged]:
    """Each rule a step further, in the order of `rules`.

    counts: {length of a window in s: its events, exclusions left out}, of all windows that end at the evaluated minute; what
    is missing had no events. states: by name of the rule; what is missing is inactive. now: the evaluated minute.
    Safe to repeat for the same minute with the states that it led to.
    """
    return [_judge(rule, target, counts, states.get(rule.name, AlertState()), no_data, now) for rule in rules]


def _judge(
    rule: Rule, target: float, counts: Mapping[int, Count], was: AlertState, no_data: NoData, now: datetime
) -> Judged:
    long, short = counts.get(rule.long_s, NOTHING), counts.get(rule.short_s, NOTHING)
    held = _held(rule, target, long, short, no_data)
    state, change = advance(was, rule, held, now)
    return Judged(rule, held, state, change, long, short, burn_rate(long, target), burn_rate(short, target))


def _held(rule: Rule, target: float, long: Count, short: Count, no_data: NoData) -> bool | None:
    """What an empty window means is the objective's to say: ignore = it cannot be told, good = not burning, bad = burning."""
    held = holds(rule, target, long, short)
    if held is not None or no_data == "ignore":
        return held
    if no_data == "good":
        return False
    return _burning_where_measured(rule, target, long, short)


def _burning_where_measured(rule: Rule, target: float, long: Count, short: Count) -> bool:
    """An empty window burns; one with events is asked. The long one is never empty while the short one is not."""
    return not long.total or holds(rule, target, long, long) is True


def window_lengths(rules: Sequence[Rule]) -> list[int]:
    """The lengths of all windows that these rules look at, in seconds, shortest first."""
    return sorted({length for rule in rules for length in (rule.long_s, rule.short_s)})
