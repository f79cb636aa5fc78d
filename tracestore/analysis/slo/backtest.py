"""Which alerts would these rules have raised over what was counted? The evaluator's own step, minute by minute; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate

from tracestore.analysis.slo.burn import Count, allowed_share
from tracestore.analysis.slo.evaluation import Judged, NoData, evaluate, window_lengths
from tracestore.analysis.slo.rules import EVALUATION_S, Rule, Severity
from tracestore.analysis.slo.states import AlertState

_QUIET = ("inactive", "resolved")


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert. fired_s, resolved_s: the evaluated minute, Unix seconds; None: still firing at the end.

    count: of the long window when it fired. peak_burn: the highest burn rate of the long window while it fired.
    reopened: how often it fired again within half an hour of being resolved.
    """

    rule: str
    severity: Severity
    fired_s: int
    resolved_s: int | None
    count: Count
    peak_burn: float
    reopened: int = 0


class Minutes:
    """Events by minute of [start_s, end_s), to be asked for the sum of any window."""

    def __init__(self, counts: Mapping[int, Count], start_s: int, end_s: int) -> None:
        """counts: Unix seconds of whole minutes -> events; what is missing had none."""
        self.start_s, self.end_s = start_s, end_s
        minutes = [counts.get(start, Count(0, 0)) for start in range(start_s, end_s, EVALUATION_S)]
        self._bad = [0, *accumulate(minute.bad for minute in minutes)]
        self._total = [0, *accumulate(minute.total for minute in minutes)]

    def before(self, end_s: int, length_s: int) -> Count:
        """The events of [end_s - length_s, end_s), as far as they are known."""
        last = (end_s - self.start_s) // EVALUATION_S
        first = max(0, last - length_s // EVALUATION_S)
        return Count(self._bad[last] - self._bad[first], self._total[last] - self._total[first])


def backtest(minutes: Minutes, target: float, rules: Sequence[Rule], no_data: NoData = "ignore") -> list[Raised]:
    """The alerts in the order in which they fired. Minutes before the first known one count as without events.

    Of a page and a ticket at the same time both are named: that one is told by the other (inhibition) comes later.
    """
    lengths, states = window_lengths(rules), dict.fromkeys((rule.name for rule in rules), AlertState())
    raised: list[Raised] = []
    firing: dict[str, int] = {}  # rule -> its latest in `raised`
    for end_s in range(minutes.start_s + EVALUATION_S, minutes.end_s + EVALUATION_S, EVALUATION_S):
        if all(state.state in _QUIET for state in states.values()) and not _may_hold(
            rules, target, minutes, end_s, no_data
        ):
            continue
        counts = {length: minutes.before(end_s, length) for length in lengths}
        for judged in evaluate(rules, target, counts, states, no_data, datetime.fromtimestamp(end_s, UTC)):
            states[judged.rule.name] = judged.state
            _note(raised, firing, judged, end_s)
    return raised


def _may_hold(rules: Sequence[Rule], target: float, minutes: Minutes, end_s: int, no_data: NoData) -> bool:
    """Whether to look closer. A month has 43,200 minutes, and in nearly all of them nothing burns."""
    allowed = allowed_share(target)
    return any(_burns(minutes.before(end_s, rule.long_s), rule, allowed, no_data) for rule in rules)


def _burns(count: Count, rule: Rule, allowed: float, no_data: NoData) -> bool:
    if not count.total or no_data == "bad":
        return no_data == "bad"
    return count.bad / count.total / allowed > rule.factor


def _note(raised: list[Raised], firing: dict[str, int], judged: Judged, at_s: int) -> None:
    """What one evaluation of one rule changes."""
    name, burn = judged.rule.name, judged.long_burn or 0.0
    if judged.change == "fired":
        firing[name] = len(raised)
        raised.append(Raised(name, judged.rule.severity, at_s, None, judged.long, burn))
    if name not in firing:
        return
    one = raised[firing[name]]
    if judged.change == "reopened":
        one = replace(one, resolved_s=None, reopened=one.reopened + 1)
    if judged.change == "resolved":
        one = replace(one, resolved_s=at_s)
    raised[firing[name]] = replace(one, peak_burn=max(one.peak_burn, burn)) if one.resolved_s is None else one
