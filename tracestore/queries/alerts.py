"""Which alerts are there, what happened to each, what was sent of it, and what is silenced?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tracestore import db
from tracestore.analysis.slo.notice import AlertNotice
from tracestore.queries import cursors

STATES: Final = ("firing", "resolved")
_KIND = "alerts"


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert; see tracestore.models.alerts.Alert. id, inhibited_by: UUIDs as text. silenced_until: while a silence matches."""

    id: str
    project_id: int
    objective_id: int
    objective: str
    objective_title: str
    service: str
    rule: str
    severity: str
    title: str
    group: str
    state: str
    fired_at: datetime
    changed_at: datetime
    resolved_at: datetime | None
    frozen_since: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    evidence: dict[str, Any]
    blame: dict[str, Any]
    action: str
    outcome: str
    outcome_by: str
    outcome_at: datetime | None
    inhibited_by: str | None
    notified_at: datetime | None
    silenced_until: datetime | None

    @property
    def notice(self) -> AlertNotice | None:
        """Its numbers in full, as of when it last changed; None for what was kept by a version that knew less."""
        try:
            return msgspec.convert(self.evidence, AlertNotice)
        except msgspec.ValidationError:
            return None


@dataclass(frozen=True, slots=True)
class AlertPage:
    items: list[AlertRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    at: datetime
    kind: str
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One notification to one recipient; see tracestore.models.alerts.Delivery."""

    id: str
    channel: str
    channel_kind: str
    recipient: str
    kind: str
    seq: int
    state: str
    attempts: int
    due_at: datetime
    last_error: str
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """objective: its name, "" = any; service, severity: "" = any. active: at the time that was asked about."""

    id: int
    objective_id: int | None
    objective: str
    service: str
    severity: str
    comment: str
    author: str
    starts_at: datetime
    ends_at: datetime
    active: bool


# What a silence s covers: an alert a of an objective o.
MATCHES: Final = """s.project_id = a.project_id
    AND (s.objective_id IS NULL OR s.objective_id = a.objective_id)
    AND (s.service = '' OR s.service = o.service)
    AND (s.severity = '' OR s.severity = a.severity)"""
_ALERTS = f"""
SELECT a.id::text AS id, a.project_id, a.objective_id, o.name AS objective,
  coalesce(nullif(o.title, ''), o.name) AS objective_title, o.service, a.rule, a.severity, a.title, a."group", a.state,
  a.fired_at, a.changed_at, a.resolved_at, a.frozen_since, a.acknowledged_at, a.acknowledged_by, a.evidence, a.blame,
  a.action, a.outcome, a.outcome_by, a.outcome_at, a.inhibited_by_id::text AS inhibited_by, a.notified_at,
  (
    SELECT max(s.ends_at) FROM alert_silence AS s
    WHERE {MATCHES} AND s.starts_at <= coalesce(a.resolved_at, %(now)s) AND s.ends_at > coalesce(a.resolved_at, %(now)s)
  ) AS silenced_until
FROM alert AS a
JOIN objective AS o ON o.id = a.objective_id
WHERE a.project_id = %(project)s
  AND (%(id)s::uuid IS NULL OR a.id = %(id)s)
  AND (%(objective)s::bigint IS NULL OR a.objective_id = %(objective)s)
  AND a.state = ANY(%(states)s)
  AND (%(severity)s = '' OR a.severity = %(severity)s)
  AND (%(service)s = '' OR o.service = %(service)s)
  AND (%(after)s::bigint IS NULL
    OR (a.fired_at, a.id) < (to_timestamp(%(after)s::double precision / 1000000), %(after_id)s::uuid))
ORDER BY a.fired_at DESC, a.id DESC
LIMIT %(rows)s
"""  # noqa: S608  # constants only
_ANY: Final[dict[str, Any]] = {
    "id": None, "objective": None, "states": list(STATES), "severity": "", "service": "", "after": None, "after_id": None,
    "rows": 1,
}  # fmt: skip


def find_alerts(
    project_id: int,
    now: datetime,
    *,
    states: Sequence[str] = STATES,
    severity: str = "",
    service: str = "",
    objective_id: int | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> AlertPage:
    """Newest first; "" and None = any. Raises CursorError."""
    begin = cursors.decode(_KIND, cursor, "[0-9a-f-]{36}")
    asked = _ANY | {
        "project": project_id, "now": now, "objective": objective_id, "states": list(states), "severity": severity,
        "service": service, "after": begin.value if begin else None, "after_id": begin.id if begin else None,
        "rows": limit + 1,
    }  # fmt: skip
    found = db.fetch(_ALERTS, asked, AlertRow)
    items = found[:limit]
    if len(found) <= limit:
        return AlertPage(items, None)
    last = cursors.Cursor(round(items[-1].fired_at.timestamp() * 1_000_000), items[-1].id)
    return AlertPage(items, cursors.encode(_KIND, last))


def get_alert(project_id: int, alert_id: str, now: datetime) -> AlertRow | None:
    """alert_id: a UUID as text. None for an alert that is not of this project."""
    return db.fetch_one(_ALERTS, _ANY | {"project": project_id, "now": now, "id": alert_id}, AlertRow)


_EVENTS = """
SELECT e.at, e.kind, e.actor, e.text
FROM alert_event AS e
JOIN alert AS a ON a.id = e.alert_id
WHERE a.project_id = %(project)s AND a.id = %(id)s
ORDER BY e.at DESC, e.id DESC
LIMIT 1000
"""


def find_events(project_id: int, alert_id: str) -> list[EventRow]:
    """What happened to an alert, in order; of more than 1,000 the last."""
    return db.fetch(_EVENTS, {"project": project_id, "id": alert_id}, EventRow)[::-1]


_DELIVERIES = """
SELECT d.id::text AS id, c.name AS channel, c.kind AS channel_kind,
  CASE WHEN c.kind = 'email' THEN d.recipient ELSE substring(d.recipient FROM '^[a-z]+://[^/?#]+') END AS recipient,
  d.kind, d.seq, d.state, d.attempts,
  d.due_at, d.last_error, d.created_at, d.sent_at
FROM alert AS a
JOIN alert_delivery AS d ON d.alert_id = coalesce(a.lead_id, a.id)
JOIN alert_channel AS c ON c.id = d.channel_id
WHERE a.project_id = %(project)s AND a.id = %(id)s AND d.project_id = %(project)s
ORDER BY d.seq DESC, c.name, d.recipient
LIMIT 500
"""


def find_deliveries(project_id: int, alert_id: str) -> list[DeliveryRow]:
    """What was sent, or is to be, of the notifications that told of this alert (and of others of its group); newest first.

    Of a URL only the host: the path of a Slack webhook is its password.
    """
    return db.fetch(_DELIVERIES, {"project": project_id, "id": alert_id}, DeliveryRow)


_SILENCES = """
SELECT s.id, s.objective_id, coalesce(o.name, '') AS objective, s.service, s.severity, s.comment, s.author, s.starts_at,
  s.ends_at, s.starts_at <= %(now)s AND s.ends_at > %(now)s AS active
FROM alert_silence AS s
LEFT JOIN objective AS o ON o.id = s.objective_id
WHERE s.project_id = %(project)s
ORDER BY s.ends_at DESC, s.id DESC
LIMIT 200
"""


def find_silences(project_id: int, now: datetime) -> list[SilenceRow]:
    """The last to end first: what is active or to come, then what is over."""
    return db.fetch(_SILENCES, {"project": project_id, "now": now}, SilenceRow)


@dataclass(frozen=True, slots=True)
class _ProjectId:
    project_id: int


_TO_TELL = """
SELECT DISTINCT a.project_id
FROM alert AS a
JOIN project AS p ON p.id = a.project_id AND p.deleted_at IS NULL
WHERE a.state = 'firing' OR a.told <> 'resolved'
"""


def projects_to_tell() -> list[int]:
    """Projects with alerts that fire, or of which people do not know that they are over."""
    return sorted(row.project_id for row in db.fetch(_TO_TELL, {}, _ProjectId))
