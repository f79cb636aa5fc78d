"""How do objectives, their status, alerts and the gate's decision look in JSON?"""

from collections.abc import Sequence
from datetime import datetime

from dashboard.api.forms import Json, fields, in_time, names_of
from dashboard.params import in_ns
from tracestore.analysis.slo.gate import Decision, Override
from tracestore.queries.alerts import AlertRow
from tracestore.queries.gate import OverrideRow
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_exclusions import ExclusionRow
from tracestore.queries.slo_status import RuleStatus, StatusRow

_SLO = names_of(ObjectiveRow, without="id project_id target calendar_first rules origin created_at updated_at")
_RULE = names_of(RuleStatus, without="objective_id rule since frozen_since")
_STATUS = names_of(
    StatusRow,
    without="objective_id project_id title unit evaluated_at covered_from first_event_at period_start period_end quarantined"
    " skipped_from skipped_until rules thresholds absent",
)
_ALERT = tuple("id service rule severity title state acknowledged_by action outcome outcome_by inhibited_by".split())


def moment(at: datetime | None) -> str | None:
    return None if at is None else in_time(in_ns(at))


def slo(row: ObjectiveRow, warnings: Sequence[str] = ()) -> Json:
    return {
        **fields(row, _SLO),
        "id": str(row.id),
        "target": float(row.target),
        "calendar_first": row.calendar_first and row.calendar_first.isoformat(),
        "rules": None if row.rules is None else [{"pending_s": 0, **rule} for rule in row.rules],
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "warnings": list(warnings),
    }


def status(of: ObjectiveRow, row: StatusRow | None) -> Json:
    """row: None for an objective that is not enabled: nothing is evaluated."""
    shown = {"id": str(of.id), "enabled": of.enabled}
    if row is None:
        known = {"name": of.name, "service": of.service, "target": float(of.target)}
        empty = dict.fromkeys((*_STATUS, *_TIMES, "exhaustion_s", "firing"))
        return {**empty, **known, **shown, "history_done": False, "frozen": False, "failure": "", "rules": []}
    return {
        **fields(row, _STATUS),
        **shown,
        **{name: moment(getattr(row, field)) for name, field in _TIMES.items()},
        "exhaustion_s": row.exhaustion_s,
        "firing": row.firing,
        "frozen": row.frozen,
        "rules": [_rule(rule) for rule in row.every_rule],
    }


_TIMES = {
    "evaluated_at": "evaluated_at",
    "counted_from": "covered_from",
    "first_event_at": "first_event_at",
    "period_start": "period_start",
    "period_end": "period_end",
}


def _rule(row: RuleStatus) -> Json:
    times = {"since": moment(row.since), "frozen_since": moment(row.frozen_since)}
    return {**fields(row, _RULE), "name": row.rule, "firing": row.firing, **times}


def alert(row: AlertRow) -> Json:
    notice = row.notice
    times = ("fired_at", "changed_at", "resolved_at", "frozen_since", "acknowledged_at", "silenced_until")
    return {
        **fields(row, _ALERT),
        **{name: moment(getattr(row, name)) for name in times},
        "slo_id": str(row.objective_id),
        "slo": row.objective,
        "action_text": notice.action_text if notice else "",
        "blame": notice.blame.reason if notice else "",
        "first_bad": notice.blame.first_bad if notice else None,
        "last_good": notice.blame.last_good if notice else None,
        "long_burn": notice.long.burn if notice else None,
        "short_burn": notice.short.burn if notice else None,
        "factor": notice.factor if notice else None,
        "remaining": notice.remaining if notice else None,
        "trace_ids": list(notice.traces) if notice else [],
    }


def exclusion(row: ExclusionRow) -> Json:
    return {
        **fields(row, ("proposed", "category", "reason", "author", "confirmed_by")),
        "id": str(row.id),
        "everywhere": row.objective_id is None,
        "starts_at": moment(row.starts_at),
        "ends_at": moment(row.ends_at),
    }


def gate(service: str, version: str, decision: Decision) -> Json:
    return {
        "decision": decision.decision,
        "service": service,
        "version": version,
        "reasons": list(decision.reasons),
        "exceptions_allowed": list(decision.exceptions_allowed),
        "override": override(service, decision.override) if decision.override else None,
    }


def override_row(row: OverrideRow) -> Json:
    shown = fields(row, ("service", "version", "reason", "author"))
    return {**shown, "id": str(row.id), "created_at": moment(row.created_at), "expires_at": moment(row.expires_at)}


def override(service: str, row: Override) -> Json:
    shown = fields(row, ("version", "reason", "author"))
    return {**shown, "id": str(row.id), "service": service, "expires_at": moment(row.expires_at)}
