"""What does Prometheus read of objectives? Gauges all: late spans reopen counts, so that no counter of ours could only grow."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from dashboard.exposition_text import Sample, family
from tracestore.queries.slo_metrics import DeliveryCount, ObjectiveNames, count_deliveries, find_objective_names
from tracestore.queries.slo_status import RuleStatus, StatusRow, find_statuses
from tracestore.queries.watchdog import EvaluatorState, find_evaluator_state

Labels = dict[str, str]
Known = Sequence[tuple[ObjectiveNames, StatusRow]]


def slo_families(now: datetime, project_id: int | None) -> list[str]:
    """project_id: None = all projects; `project` says which."""
    names: Mapping[int, ObjectiveNames] = {one.objective_id: one for one in find_objective_names(project_id)}
    known = [(names[row.objective_id], row) for row in find_statuses(project_id) if row.objective_id in names]
    return [
        *_of_objectives(known),
        *_of_rules(known),
        *_of_evaluator(find_evaluator_state(now, project_id), now),
        *_of_deliveries(count_deliveries(project_id, now), now),
    ]


def _objective(of: ObjectiveNames) -> Labels:
    return {"project": of.project, "service": of.service, "objective": of.name}


def _of_objectives(known: Known) -> Iterable[str]:
    yield family(
        "fourline_slo_info",
        "gauge",
        "1 for each objective, with what people should know of it.",
        [
            (
                {
                    **_objective(one),
                    "title": one.title or one.name,
                    "action": one.action,
                    "runbook_url": one.runbook_url,
                },
                1.0,
            )
            for one, _ in known
        ],
    )
    yield family(
        "fourline_slo_target_ratio",
        "gauge",
        "Share of good events promised.",
        [(_objective(n), n.target) for n, _ in known],
    )
    yield family(
        "fourline_slo_error_budget_remaining_ratio",
        "gauge",
        "Share of the period's error budget that is left; negative when overspent, absent without events.",
        [(_objective(one), row.remaining) for one, row in known if row.remaining is not None],
    )
    yield family(
        "fourline_slo_evaluated_timestamp_seconds",
        "gauge",
        "The minute up to which the objective was evaluated.",
        [(_objective(one), row.evaluated_at.timestamp()) for one, row in known if row.evaluated_at is not None],
    )
    yield family(
        "fourline_alerts_firing",
        "gauge",
        "Alerts that fire, silenced ones too.",
        [
            ({**_objective(one), "severity": severity}, float(count))
            for one, _ in known
            for severity, count in (("page", one.alerts_page), ("ticket", one.alerts_ticket))
        ],
    )


def _of_rules(known: Known) -> Iterable[str]:
    rules = [(_rule(one, rule), rule) for one, row in known for rule in row.every_rule]
    burning = [(labels, rule) for labels, rule in rules if rule.kind == "burn"]
    yield family(
        "fourline_slo_burn_rate",
        "gauge",
        "How many times faster than sustainable the budget is spent, over each window of a rule; absent without events.",
        [
            ({**labels, "window": window}, burn)
            for labels, rule in burning
            for window, burn in (("long", rule.long_burn), ("short", rule.short_burn))
            if burn is not None
        ],
    )
    yield family(
        "fourline_slo_burn_rate_threshold",
        "gauge",
        "The factor that both burn rates of a rule must exceed.",
        [(labels, rule.factor) for labels, rule in burning],
    )
    yield family(
        "fourline_slo_rule_firing",
        "gauge",
        "1 while a rule fires: above its factor, beyond chance, and not yet resolved. kind: burn, budget, absent.",
        [({**labels, "kind": rule.kind}, float(rule.firing)) for labels, rule in rules],
    )


def _rule(of: ObjectiveNames, rule: RuleStatus) -> Labels:
    return {**_objective(of), "rule": rule.rule, "severity": rule.severity}


def _of_evaluator(state: EvaluatorState, now: datetime) -> Iterable[str]:
    counts = {
        "current": state.working - state.late_count,
        "late": state.late_count,
        "out_of_order": state.broken_count,
    }
    samples: list[Sample] = [({"state": name}, float(count)) for name, count in counts.items()]
    yield family("fourline_slo_objectives", "gauge", "Enabled objectives, by how their evaluation goes.", samples)
    if state.newest_s is not None:
        lag_s = max(0.0, now.timestamp() - state.newest_s)
        yield family(
            "fourline_slo_evaluation_lag_seconds",
            "gauge",
            "How far behind now objectives are evaluated.",
            [({}, lag_s)],
        )


def _of_deliveries(counts: Sequence[DeliveryCount], now: datetime) -> Iterable[str]:
    yield family(
        "fourline_alert_deliveries_waiting",
        "gauge",
        "Notifications that are not sent yet.",
        [({"project": one.project}, float(one.waiting)) for one in counts],
    )
    yield family(
        "fourline_alert_deliveries_failed",
        "gauge",
        "Notifications of the last day that were given up.",
        [({"project": one.project}, float(one.failed)) for one in counts],
    )
    yield family(
        "fourline_alert_delivery_oldest_seconds",
        "gauge",
        "How long the first notification that is due has waited.",
        [({"project": one.project}, _waited_s(one.oldest_due, now)) for one in counts],
    )


def _waited_s(due: datetime | None, now: datetime) -> float:
    return 0.0 if due is None else max(0.0, (now - due).total_seconds())
