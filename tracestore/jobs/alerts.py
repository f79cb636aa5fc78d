"""Who is told what now? Notifications are decided every few seconds; jobs.deliver sends them."""

from dataclasses import dataclass
from datetime import datetime

from tracestore.actions.alerts.notifying import tell
from tracestore.queries.alerts import projects_to_tell


@dataclass(frozen=True, slots=True)
class Summary:
    notifications: int


def run(now: datetime) -> Summary:
    return Summary(sum(tell(project_id, now) for project_id in projects_to_tell()))
