"""How does one objective stand, in words, a bar and a place in the list? Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from dashboard.templatetags.units import counted, in_gap, in_percent
from tracestore.analysis.slo.burn import left_of_whole
from tracestore.analysis.slo.promise import YOUNG
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_status import StatusRow

BAR: Final = 72  # width of the bar, in its own units
LATE: Final = timedelta(minutes=5)
Tone = Literal["error", "warn", "ok", ""]


@dataclass(frozen=True, slots=True)
class Standing:
    """state: a word or two, why: what is behind it. remaining: share of the budget, in words `left`; None = unknown (unknown: why).
    left_why: of what, and what that is of a whole period while there is little of it.

    bar, bar_tone: how long it is, of BAR; overspent is an empty bar in red. burn: of the long window of the quickest rule.
    rank: what needs somebody first sorts first.
    """

    state: str
    tone: Tone
    why: str
    remaining: float | None
    left: str
    left_why: str
    unknown: str
    bar: int
    bar_tone: Tone
    burn: float | None
    burn_why: str
    rank: tuple[int, float]


def standing_of(row: ObjectiveRow, status: StatusRow | None, now: datetime) -> Standing:
    """status: None for an objective that is switched off."""
    place, state, tone, why = _state(row, status, now)
    remaining = status.remaining if status else None
    quickest = status.rules[0] if status and status.rules else None
    return Standing(
        state=state,
        tone=tone,
        why=why,
        remaining=remaining,
        left=left_words(remaining),
        left_why=left_why(status) if status else "",
        unknown=_unknown(row, status),
        bar=bar_of(remaining),
        bar_tone=_bar_tone(remaining),
        burn=quickest.long_burn if quickest else None,
        burn_why=f"In the last {in_gap(quickest.long_s)}" if quickest else _unknown(row, status),
        rank=(place, 1.0 if remaining is None else remaining),
    )


def _state(row: ObjectiveRow, status: StatusRow | None, now: datetime) -> tuple[int, str, Tone, str]:
    if status is None or not row.enabled:
        return 9, "off", "", "It is switched off: nothing is evaluated."
    if status.firing == "page":
        return 0, "page", "error", _since(status, "page", now)
    if status.firing == "ticket":
        return 1, "ticket", "warn", _since(status, "ticket", now)
    if status.quarantined or status.failure:
        return 2, "cannot be evaluated", "warn", status.failure or "It failed again and again."
    if status.evaluated_at is None:
        return 5, "counting", "", "What is stored is being counted; it is evaluated from the next minute on."
    if now - status.evaluated_at > LATE:
        return 3, "stale", "warn", f"Last evaluated {in_gap(int((now - status.evaluated_at).total_seconds()))} ago."
    if status.frozen:
        return 4, "no data", "", "Nothing was measured in its windows: alerts stay as they are."
    if status.remaining is not None and left_of_whole(status.remaining, status.elapsed) <= 0:
        return 4, "budget gone", "warn", "More was bad than the period allows."
    return 6, "ok", "ok", "No rule fires."


def _since(status: StatusRow, severity: str, now: datetime) -> str:
    begun = [rule.since for rule in status.every_rule if rule.firing and rule.severity == severity and rule.since]
    names = ", ".join(rule.rule for rule in status.every_rule if rule.firing and rule.severity == severity)
    if not begun:
        return names
    return f"{names}, for {in_gap(int((now - min(begun)).total_seconds()))}"


def _unknown(row: ObjectiveRow, status: StatusRow | None) -> str:
    if status is None or not row.enabled:
        return "It is switched off"
    if status.evaluated_at is None:
        return "Not evaluated yet"
    return "No event in the period"


def left_why(status: StatusRow) -> str:
    """722 of 12,026 events of the period were bad. Few events allow little, so of a young one it means little, too."""
    if status.remaining is None or status.bad is None or status.total is None:
        return ""
    told = f"{status.bad:,} of {counted(status.total, 'event')} of the period were bad."
    if status.elapsed >= YOUNG:
        return told
    spent, elapsed = in_percent((1 - status.remaining) * status.elapsed), in_percent(status.elapsed)
    return f"{told} Only {elapsed} of it has events: at this traffic {spent} of a whole period's budget is spent."


def bar_of(remaining: float | None) -> int:
    if remaining is None or remaining <= 0:
        return 0
    return max(1, round(min(1.0, remaining) * BAR))


def _bar_tone(remaining: float | None) -> Tone:
    if remaining is None:
        return ""
    return "error" if remaining <= 0 else "warn" if remaining <= 0.25 else "ok"


def left_words(remaining: float | None) -> str:
    """72 %; overspent budgets without decimals: −9,900 %."""
    if remaining is None:
        return ""
    return in_percent(remaining) if remaining >= 0 else f"−{-remaining * 100:,.0f} %"
