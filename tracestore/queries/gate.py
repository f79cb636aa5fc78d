"""How do the objectives of a service stand for a release, and who answers for one all the same?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tracestore import db
from tracestore.analysis.slo.gate import Caller, Decision, FiringPage, Override, Standing, decide
from tracestore.queries.alerts import AlertRow, find_alerts
from tracestore.queries.slo_status import StatusRow, find_statuses

MOST_PAGES: Final = 200


def ask_gate(project_id: int, service: str, version: str, caller: Caller, now: datetime) -> Decision:
    """version: "" = any."""
    statuses = [one for one in find_statuses(project_id) if one.service in ("", service)]
    standings = [_standing(one, pages) for one, pages in _with_pages(project_id, statuses, now)]
    return decide(service, version, standings, find_override(project_id, service, version, now), caller, now)


def _with_pages(
    project_id: int, statuses: Sequence[StatusRow], now: datetime
) -> list[tuple[StatusRow, tuple[FiringPage, ...]]]:
    if not statuses:
        return []
    found = find_alerts(project_id, now, states=["firing"], severity="page", limit=MOST_PAGES).items
    by_objective: dict[int, list[FiringPage]] = {}
    for alert in found:
        by_objective.setdefault(alert.objective_id, []).append(_page(alert))
    return [(one, tuple(by_objective.get(one.objective_id, ()))) for one in statuses]


def _page(alert: AlertRow) -> FiringPage:
    notice = alert.notice
    if notice is None or notice.blame.verdict != "version":
        return FiringPage(alert.title)
    return FiringPage(alert.title, notice.blame.first_bad, notice.blame.last_good)


def _standing(status: StatusRow, pages: tuple[FiringPage, ...]) -> Standing:
    """A page that fires counts although its alert is not among those that were read."""
    if not pages and status.firing == "page":
        pages = (FiringPage(f"{status.label} burns its error budget"),)
    return Standing(status.label, status.remaining, status.evaluated_at, status.failure, pages)


_OVERRIDE: Final = """
SELECT id, version, reason, author, expires_at
FROM gate_override
WHERE project_id = %(project)s
  AND service = %(service)s
  AND version IN ('', %(version)s)
  AND created_at <= %(now)s
  AND expires_at > %(now)s
ORDER BY expires_at DESC, id DESC
LIMIT 1
"""


_OVERRIDES: Final = """
SELECT id, service, version, reason, author, created_at, expires_at
FROM gate_override
WHERE project_id = %(project)s AND (%(service)s::text IS NULL OR service = %(service)s)
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class OverrideRow:
    id: int
    service: str
    version: str
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime


def find_overrides(project_id: int, service: str | None, limit: int) -> list[OverrideRow]:
    """Newest first, those that have ended too. service: None = of any."""
    return db.fetch(_OVERRIDES, {"project": project_id, "service": service, "limit": limit}, OverrideRow)


def find_override(project_id: int, service: str, version: str, now: datetime) -> Override | None:
    """The one that lasts longest, of those for this version or for any."""
    return db.fetch_one(
        _OVERRIDE, {"project": project_id, "service": service, "version": version, "now": now}, Override
    )
