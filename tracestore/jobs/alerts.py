"""Who is told what now? Notifications are decided every few seconds; jobs.deliver sends them. Old ones go."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tracestore.actions.alerts.notifying import tell
from tracestore.models.alerts import Delivery
from tracestore.queries.alerts import projects_to_tell
from tracestore.queries.retention import clock_is_steady

DELIVERIES_KEPT: Final = timedelta(days=90)  # each holds what it told, a curve too; the alert's own history stays
AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    notifications: int


@dataclass(frozen=True, slots=True)
class Upkeep:
    deleted: int


def run(now: datetime) -> Summary:
    return Summary(sum(tell(project_id, now) for project_id in projects_to_tell()))


def forget(now: datetime) -> Upkeep:
    """Deletes notifications of long ago that are not to be sent any more, a bounded number in each statement.

    A wrong clock must not delete: nothing goes unless it has been steady for an hour.
    """
    if not clock_is_steady(now):
        return Upkeep(0)
    old = Delivery.objects.filter(created_at__lt=now - DELIVERIES_KEPT).exclude(state=Delivery.State.PENDING)
    deleted = 0
    while ids := list(old.values_list("pk", flat=True)[:AT_ONCE]):
        deleted += Delivery.objects.filter(pk__in=ids).delete()[0]
    return Upkeep(deleted)
