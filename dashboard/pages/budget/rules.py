"""How does each rule of an objective stand: its two burn rates against its factor, and its state? Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.objective_words import rule_words, target_words, window_words
from dashboard.params import in_ns
from tracestore.analysis.slo.rules import Rule
from tracestore.queries.slo_status import RuleStatus, StatusRow

STATES: Final = {
    "inactive": ("quiet", "ok"),
    "pending": ("pending", "warn"),
    "firing": ("firing", "error"),
    "recovering": ("recovering", "warn"),
    "resolved": ("quiet, resolved", "ok"),
}


@dataclass(frozen=True, slots=True)
class RuleLine:
    """needs: the share of bad events that fires it. over: its burn rate is above the factor. note: what was changed, and why.

    long_burn, short_burn: None = no events, or never evaluated. covered: the share of the long window that is counted, None =
    never evaluated.
    """

    name: str
    severity: str
    long: str
    short: str
    long_burn: float | None
    short_burn: float | None
    long_over: bool
    short_over: bool
    factor: float
    needs: float
    counts: str
    state: str
    tone: str
    since_ns: int | None
    frozen_ns: int | None
    covered: float | None
    note: str


def rule_lines(rules: Sequence[Rule], status: StatusRow | None, target: float) -> list[RuleLine]:
    """Every rule of the objective, with what it came to at the last evaluation where there was one."""
    known = {one.rule: one for one in status.rules} if status else {}
    return [rule_line(one, known.get(one.name), target) for one in rules]


def rule_line(rule: Rule, status: RuleStatus | None, target: float) -> RuleLine:
    state, tone = STATES.get(status.state, (status.state, "")) if status else ("not evaluated yet", "")
    return RuleLine(
        name=rule_words(rule.name),
        severity=rule.severity,
        long=window_words(rule.long_s),
        short=window_words(rule.short_s),
        long_burn=status.long_burn if status else None,
        short_burn=status.short_burn if status else None,
        long_over=_is_over(status.long_burn if status else None, rule.factor),
        short_over=_is_over(status.short_burn if status else None, rule.factor),
        factor=rule.factor,
        needs=rule.factor * (1 - target),
        counts=f"{status.long_bad:,} of {status.long_total:,}" if status else "",
        state="frozen" if status and status.frozen_since else state,
        tone="warn" if status and status.frozen_since else tone,
        since_ns=in_ns(status.since) if status and status.since else None,
        frozen_ns=in_ns(status.frozen_since) if status and status.frozen_since else None,
        covered=status.coverage if status else None,
        note=rule.note,
    )


def _is_over(burn: float | None, factor: float) -> bool:
    return burn is not None and burn > factor


def other_rules(status: StatusRow | None) -> list[str]:
    """What else is watched, a line each: parts of the budget that are spent, and silence."""
    if status is None:
        return []
    shares: dict[str, list[str]] = {}  # by state
    for one in status.thresholds:
        shares.setdefault(_state(one), []).append(target_words(one.factor))
    said = [f"{', '.join(those)} of the whole period's budget spent: {state}." for state, those in shares.items()]
    absent = status.absent
    if absent is not None and absent.long_s:
        said.append(f"No events for {window_words(absent.long_s)}: {_state(absent)}.")
    return said


def _state(one: RuleStatus) -> str:
    return STATES.get(one.state, (one.state, ""))[0]
