"""An alert with its outbox, put straight into the tables."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.alerts import notices
from tracestore.analysis.slo.notice import Notice, packed
from tracestore.models import Alert, Channel, Delivery, Objective, Project


def objective(project: Project, **fields: Any) -> Objective:
    given = {"name": "fast", "title": "Fast answers", "unit": "request", "part_q": "duration:<2s", "target": "0.99"}
    return Objective.objects.create(**(given | {"project": project, "period_days": 28} | fields))


def channel(project: Project, kind: str, target: str, **fields: Any) -> Channel:
    return Channel.objects.create(**({"project": project, "name": kind, "kind": kind, "target": target} | fields))


def raised(of: Objective, now: datetime, **fields: Any) -> Alert:
    given = {"id": UUID(notices.ALERT_ID), "rule": "fast", "severity": "page", "title": "Budget burns", "group": "g"}
    return Alert.objects.create(project=of.project, objective=of, fired_at=now, changed_at=now, **(given | fields))


def queued(alert: Alert | None, through: Channel, now: datetime, told: Notice | None = None, **fields: Any) -> Delivery:
    notice = told or notices.notice()
    given = {"recipient": through.target, "kind": notice.kind, "seq": notice.seq, "content": packed(notice)}
    return Delivery.objects.create(
        project_id=through.project_id, channel=through, alert=alert, due_at=now, created_at=now, **(given | fields)
    )


def state(row: Delivery) -> tuple[str, int, str]:
    row.refresh_from_db()
    return row.state, row.attempts, row.last_error


def later(now: datetime, **gap: float) -> datetime:
    return now + timedelta(**gap)
