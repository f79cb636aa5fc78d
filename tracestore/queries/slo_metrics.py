"""What does monitoring want to know of objectives besides how they stand: what they are, what fires, what is not delivered?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tracestore import db

FAILED_FOR: Final = timedelta(days=1)  # a delivery that was given up counts for so long


@dataclass(frozen=True, slots=True)
class ObjectiveNames:
    """project: its slug. alerts_*: of the objective that fire, by severity; silenced ones too."""

    objective_id: int
    project: str
    name: str
    title: str
    service: str
    action: str
    runbook_url: str
    target: float
    alerts_page: int
    alerts_ticket: int


# Grain: one row an enabled objective of a project that is there.
_NAMES: Final = """
SELECT o.id AS objective_id, p.slug AS project, o.name, o.title, o.service, o.action, o.runbook_url,
  o.target::double precision AS target, coalesce(a.page, 0) AS alerts_page, coalesce(a.ticket, 0) AS alerts_ticket
FROM objective AS o
JOIN project AS p ON p.id = o.project_id AND p.deleted_at IS NULL
LEFT JOIN (
  SELECT objective_id, count(*) FILTER (WHERE severity = 'page') AS page, count(*) FILTER (WHERE severity = 'ticket') AS ticket
  FROM alert
  WHERE state = 'firing' AND (%(project)s::integer IS NULL OR project_id = %(project)s)
  GROUP BY objective_id
) AS a ON a.objective_id = o.id
WHERE o.deleted_at IS NULL
  AND o.enabled
  AND (%(project)s::integer IS NULL OR o.project_id = %(project)s)
ORDER BY p.slug, o.name
"""


def find_objective_names(project_id: int | None) -> list[ObjectiveNames]:
    """project_id: None = all."""
    return db.fetch(_NAMES, {"project": project_id}, ObjectiveNames)


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """project: its slug. waiting: to be sent, also those that are due later. failed: given up within FAILED_FOR."""

    project: str
    waiting: int
    failed: int
    oldest_due: datetime | None


# Grain: one row a project with objectives' channels.
_DELIVERIES: Final = """
SELECT p.slug AS project, count(*) FILTER (WHERE d.state = 'pending') AS waiting,
  count(*) FILTER (WHERE d.state = 'failed' AND d.due_at >= %(failed_from)s) AS failed,
  min(d.due_at) FILTER (WHERE d.state = 'pending') AS oldest_due
FROM project AS p
LEFT JOIN alert_delivery AS d ON d.project_id = p.id AND d.state IN ('pending', 'failed')
WHERE p.deleted_at IS NULL
  AND (%(project)s::integer IS NULL OR p.id = %(project)s)
GROUP BY p.slug
ORDER BY p.slug
"""


def count_deliveries(project_id: int | None, now: datetime) -> list[DeliveryCount]:
    return db.fetch(_DELIVERIES, {"project": project_id, "failed_from": now - FAILED_FOR}, DeliveryCount)
