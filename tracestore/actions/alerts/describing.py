"""What is known of an alert when it is told: numbers, the version it went bad from, examples, and exactly one action."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import psycopg

from tracestore import db
from tracestore.analysis.slo.actions import ActionName, Situation, about_load, choose
from tracestore.analysis.slo.burn import NOTHING, allowed_share
from tracestore.analysis.slo.notice import AlertNotice, VersionBlame, Window
from tracestore.analysis.slo.periods import Span
from tracestore.analysis.slo.promise import promise_of
from tracestore.analysis.slo.thresholds import kind_of
from tracestore.facts import MINUTE_S
from tracestore.models.alerts import Alert
from tracestore.queries.slo import ObjectiveRow, count_windows
from tracestore.queries.slo_blame import find_blame, find_examples
from tracestore.queries.slo_series import burn_down, windows_excluded
from tracestore.queries.slo_status import RuleStatus, StatusRow

log = logging.getLogger(__name__)

UNTESTED: Final = VersionBlame(verdict="cannot_tell", reason="Not tested.")
# What is not about a burn rate is not about a version.
NO_BURN: Final = {
    "budget": VersionBlame(verdict="cannot_tell", reason="The budget of the whole period, spent by whichever version."),
    "absent": VersionBlame(verdict="cannot_tell", reason="No events come, of any version."),
}
EXAMPLES_WITHIN_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Standing:
    """An objective and how it stood at its last evaluation."""

    objective: ObjectiveRow
    status: StatusRow

    def rule(self, name: str) -> RuleStatus | None:
        return next((rule for rule in self.status.every_rule if rule.rule == name), None)

    @property
    def until_s(self) -> int:
        moment = self.status.evaluated_at or self.objective.created_at
        return int(moment.timestamp())


def describe(alert: Alert, standing: Standing, now: datetime, *, in_full: bool = True) -> AlertNotice:
    """Looks it up and keeps it with the alert. in_full: with what takes statements of its own; a storm has no time for it.

    Nobody waits for what cannot be looked up: then it is told without.
    """
    notice = _in_full(alert, standing) if in_full else _in_brief(alert, standing, _kept_blame(alert))
    alert.action = notice.action
    alert.described_at = now if in_full else alert.described_at
    alert.evidence, alert.blame = msgspec.to_builtins(notice), msgspec.to_builtins(notice.blame)
    alert.save(update_fields=["action", "described_at", "evidence", "blame"])
    return notice


def last_told(alert: Alert) -> AlertNotice | None:
    """Where the objective is deleted: what was known of it, and that it is over. None where nothing was."""
    try:
        kept = msgspec.convert(alert.evidence, AlertNotice)
    except msgspec.ValidationError:
        return None
    resolved_at = int(alert.resolved_at.timestamp()) if alert.resolved_at else None
    return msgspec.structs.replace(kept, state=alert.state, resolved_at=resolved_at)


def _in_full(alert: Alert, standing: Standing) -> AlertNotice:
    try:
        blame = _blame(alert, standing)
        brief = _in_brief(alert, standing, blame)
        return msgspec.structs.replace(brief, **_looked_up(alert, standing, blame))
    except (psycopg.Error, db.Unavailable, ArithmeticError, LookupError, TypeError, ValueError) as error:
        log.warning("alert %s is told in brief: %s", alert.pk, type(error).__name__)
        return _in_brief(alert, standing, _kept_blame(alert))


def _blame(alert: Alert, standing: Standing) -> VersionBlame:
    """What the evidence says now; once an alert is over, what it said last."""
    if kind_of(alert.rule) != "burn":
        return NO_BURN[kind_of(alert.rule)]
    rule = standing.rule(alert.rule)
    if (alert.state == Alert.State.RESOLVED and alert.blame) or rule is None:
        return _kept_blame(alert)
    return find_blame(standing.objective, int(alert.fired_at.timestamp()), standing.until_s, rule.long_s)


def _kept_blame(alert: Alert) -> VersionBlame:
    try:
        return msgspec.convert(alert.blame, VersionBlame)
    except msgspec.ValidationError:
        return UNTESTED


def _action(alert: Alert, standing: Standing, blame: VersionBlame) -> tuple[ActionName, str]:
    objective = standing.objective
    return choose(
        Situation(
            kind=kind_of(alert.rule),
            verdict=blame.verdict,
            own_action=objective.action,
            about_load=about_load(objective.part_q, objective.total_q),
            first_bad=blame.first_bad,
            last_good=blame.last_good,
            recovered=blame.recovered_with is not None,
        )
    )


def _in_brief(alert: Alert, standing: Standing, blame: VersionBlame) -> AlertNotice:
    """From what is at hand."""
    action, action_text = _action(alert, standing, blame)
    objective, status = standing.objective, standing.status
    rule = standing.rule(alert.rule)
    return AlertNotice(
        id=str(alert.pk),
        title=alert.title,
        severity=alert.severity,
        state=alert.state,
        objective=objective.name,
        objective_title=objective.label,
        promise=_promise(objective),
        service=objective.service,
        rule=alert.rule,
        factor=rule.factor if rule else 0.0,
        long=_window(rule, "long"),
        short=_window(rule, "short"),
        target=float(objective.target),
        remaining=status.remaining,
        exhaustion_s=status.exhaustion_at(rule.long_burn) if rule else None,
        elapsed=status.elapsed,
        fired_at=int(alert.fired_at.timestamp()),
        resolved_at=int(alert.resolved_at.timestamp()) if alert.resolved_at else None,
        peak_burn=alert.peak_burn,
        acknowledged_by=alert.acknowledged_by,
        blame=blame,
        action=action,
        action_text=action_text,
        runbook_url=objective.runbook_url,
    )


def _promise(objective: ObjectiveRow) -> str:
    calendar = (objective.calendar_unit, objective.calendar_count)
    return promise_of(
        objective.target, objective.unit, objective.total_q, objective.part_q, objective.part, objective.period_days, calendar
    )  # fmt: skip


def _window(rule: RuleStatus | None, which: str) -> Window:
    if rule is None:
        return Window(seconds=0, bad=0, total=0, burn=None)
    seconds, bad, total, burn = (getattr(rule, f"{which}_{name}") for name in ("s", "bad", "total", "burn"))
    return Window(seconds=seconds, bad=bad, total=total, burn=burn)


def _period(status: StatusRow) -> Span | None:
    if status.period_start is None or status.period_end is None:
        return None
    return Span(status.period_start, status.period_end)


def _looked_up(alert: Alert, standing: Standing, blame: VersionBlame) -> Mapping[str, object]:
    """What takes statements of its own: the curve of the budget, what the alert has spent of it, and examples."""
    objective, period = standing.objective, _period(standing.status)
    return {
        "budget_spent": _budget_spent(alert, standing),
        "burn_down": tuple(burn_down(objective, period, standing.until_s)) if period else (),
        "traces": _examples(alert, standing, blame),
    }


def _budget_spent(alert: Alert, standing: Standing) -> float | None:
    """The share of the period's budget that went while it fired. None without events in the period."""
    allowed = allowed_share(float(standing.objective.target)) * (standing.status.total or 0)
    if not allowed:
        return None
    start_s = int(alert.fired_at.timestamp())
    end_s = int(alert.resolved_at.timestamp()) if alert.resolved_at else standing.until_s
    if end_s <= start_s:
        return 0.0
    excluded = windows_excluded(standing.objective, start_s, end_s)
    counted = count_windows([standing.objective.id], [(start_s, end_s)], excluded)
    return sum(counted.get((standing.objective.id, 0), {}).values(), NOTHING).bad / allowed


def _examples(alert: Alert, standing: Standing, blame: VersionBlame) -> tuple[str, ...]:
    rule = standing.rule(alert.rule)
    fired_s = int(alert.fired_at.timestamp())
    end_s = int(alert.resolved_at.timestamp()) if alert.resolved_at else standing.until_s
    back_s = min(EXAMPLES_WITHIN_S, rule.long_s) if rule else MINUTE_S
    return find_examples(standing.objective.id, fired_s - back_s, max(end_s, fired_s), blame.first_bad_set)
