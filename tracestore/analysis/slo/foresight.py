"""What will a rule do at this target and this traffic, before there is any trouble? From how many bad events it fires, how soon."""

from dataclasses import dataclass

from tracestore.analysis.slo.burn import Count, allowed_share, detection_s
from tracestore.analysis.slo.rules import Rule, holds


@dataclass(frozen=True, slots=True)
class Foresight:
    """bad_share: of the events of a window that must be bad. outage_s: until it fires when all are; None = never.

    events: in a long window at the usual traffic. least_bad: bad ones of these from which it fires, evenly spread; None =
    not even when all of them are bad. Both None where the traffic is unknown.
    """

    rule: Rule
    bad_share: float
    outage_s: float | None
    events: int | None
    least_bad: int | None


def foresee(rule: Rule, target: float, per_s: float | None) -> Foresight:
    """per_s: events in a second, on the whole; None = unknown."""
    share = rule.factor * allowed_share(target)
    outage_s = detection_s(rule.long_s, rule.factor, target, 1.0)
    outage_s = None if outage_s is None else outage_s + rule.pending_s
    if per_s is None:
        return Foresight(rule, share, outage_s, None, None)
    events = round(per_s * rule.long_s)
    return Foresight(rule, share, outage_s, events, least_bad(rule, target, events))


def least_bad(rule: Rule, target: float, events: int) -> int | None:
    """The fewest bad events of a long window with which a rule fires (the short window being alike); None = none suffice."""
    if not _fires(rule, target, events, events):
        return None
    low, high = 0, events
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fires(rule, target, middle, events) else (middle, high)
    return high


def _fires(rule: Rule, target: float, bad: int, events: int) -> bool:
    window = Count(bad, events)
    return holds(rule, target, window, window) is True
