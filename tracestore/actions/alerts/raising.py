"""Alerts begin, freeze, thaw, resolve and are reopened here and nowhere else, in the transaction of the evaluation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from tracestore.actions.alerts.handling import note
from tracestore.analysis.slo.evaluation import Judged
from tracestore.analysis.slo.thresholds import SHARES, kind_of
from tracestore.models.alerts import Alert
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_evaluation import forget_evaluation, forget_rules

FIRING: Final = Alert.State.FIRING
RESOLVED: Final = Alert.State.RESOLVED


def follow(objective: ObjectiveRow, judged: Judged, was_frozen: bool, minute: datetime, now: datetime) -> None:
    """The alert of a rule goes where the rule went. minute: the one that was evaluated."""
    if judged.change == "fired":
        raise_alert(objective, judged, minute, now)
    elif judged.change == "reopened":
        reopen_alert(objective, judged, minute, now)
    elif judged.change == "resolved":
        resolve_alert(objective.id, judged.rule.name, minute, now)
    elif was_frozen != (judged.state.frozen_since is not None):
        _freeze(objective.id, judged, now)
    if judged.state.state == "firing" and judged.short_burn is not None:
        _note_peak(objective.id, judged.rule.name, judged.short_burn)


def raise_alert(objective: ObjectiveRow, judged: Judged, minute: datetime, now: datetime) -> Alert:
    """A new alert; the one that fires already, should there be one."""
    rule = judged.rule
    alert, is_new = Alert.objects.get_or_create(
        objective_id=objective.id,
        rule=rule.name,
        state=FIRING,
        defaults={
            "project_id": objective.project_id,
            "severity": rule.severity,
            "title": title_of(objective.label, rule.name),
            "group": f"{rule.severity}:{objective.service or objective.name}",
            "fired_at": minute,
            "changed_at": now,
        },
    )
    if is_new:
        note(alert, minute, "fired", _because(judged))
    return alert


def reopen_alert(objective: ObjectiveRow, judged: Judged, minute: datetime, now: datetime) -> Alert:
    """The last alert of the rule goes on, in the same thread of mails; whoever acknowledged it was done with it."""
    last = Alert.objects.filter(objective_id=objective.id, rule=judged.rule.name).order_by("-fired_at").first()
    if last is None or last.state == FIRING:
        return raise_alert(objective, judged, minute, now)
    last.state, last.resolved_at, last.reopened_at, last.changed_at = FIRING, None, minute, now
    last.acknowledged_at, last.acknowledged_by = None, ""
    last.save(update_fields=["state", "resolved_at", "reopened_at", "changed_at", "acknowledged_at", "acknowledged_by"])
    note(last, minute, "reopened", _because(judged))
    return last


def resolve_alert(objective_id: int, rule: str, minute: datetime, now: datetime, why: str = "") -> None:
    for alert in Alert.objects.filter(objective_id=objective_id, rule=rule, state=FIRING).select_for_update():
        alert.state, alert.resolved_at, alert.frozen_since = RESOLVED, max(minute, alert.fired_at), None
        alert.changed_at = now
        alert.save(update_fields=["state", "resolved_at", "frozen_since", "changed_at"])
        note(alert, minute, "resolved", why)


def drop_rules(objective_id: int, kept: Sequence[str], gone: Sequence[str], minute: datetime, now: datetime) -> None:
    """Rules that an objective no longer has take their alerts with them."""
    for rule in gone:
        resolve_alert(objective_id, rule, minute, now, "the objective no longer has this rule")
    forget_rules(objective_id, kept)


def watch_anew(objective_id: int, now: datetime) -> None:
    """Of an objective that was disabled: what happened meanwhile raises nothing, its rules begin at this moment."""
    for rule in Alert.objects.filter(objective_id=objective_id, state=FIRING).values_list("rule", flat=True):
        resolve_alert(objective_id, rule, now, now, "the objective was disabled")
    forget_evaluation(objective_id)


def close_orphans(now: datetime) -> None:
    """Nobody evaluates an objective that is disabled or deleted: its alerts are over."""
    orphans = Alert.objects.filter(state=FIRING).exclude(objective__enabled=True, objective__deleted_at=None)
    for objective_id, rule in orphans.values_list("objective_id", "rule"):
        with transaction.atomic():
            resolve_alert(objective_id, rule, now, now, "the objective was disabled or deleted")
            forget_rules(objective_id, ())


def _freeze(objective_id: int, judged: Judged, now: datetime) -> None:
    """An alert that cannot be measured neither fires nor resolves; it says since when."""
    frozen_since = judged.state.frozen_since
    for alert in Alert.objects.filter(objective_id=objective_id, rule=judged.rule.name, state=FIRING):
        alert.frozen_since = frozen_since
        alert.save(update_fields=["frozen_since"])
        note(alert, now, "frozen" if frozen_since else "thawed", "no events" if frozen_since else "")


def _note_peak(objective_id: int, rule: str, burn: float) -> None:
    firing = Alert.objects.filter(objective_id=objective_id, rule=rule, state=FIRING)
    firing.exclude(peak_burn__gte=burn).update(peak_burn=burn)


def title_of(label: str, rule: str) -> str:
    """It stays as it is, whatever happens to the alert: mail programs hang a thread on it."""
    match kind_of(rule):
        case "budget":
            end = f" has spent {SHARES[rule]:.0%} of its error budget"
        case "absent":
            end = " has no events any more"
        case _:
            end = " burns its error budget"
    return label[: 150 - len(end)] + end


def _because(judged: Judged) -> str:
    if kind_of(judged.rule.name) != "burn" or judged.long_burn is None or judged.short_burn is None:
        return ""
    return (
        f"burn rate {judged.long_burn:.3g} over the long and {judged.short_burn:.3g} over the short window,"
        f" more than {judged.rule.factor:.3g}"
    )
