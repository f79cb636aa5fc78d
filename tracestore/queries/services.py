"""Which services sent something?"""

from dataclasses import dataclass

from tracestore import db


@dataclass(frozen=True, slots=True)
class _Service:
    service: str


_SERVICES = """
SELECT service
FROM version_set
WHERE project = %(project)s
GROUP BY service
ORDER BY max(last_seen_ns) DESC, service
LIMIT %(rows)s
"""


def find_services(project_id: int, limit: int = 100) -> list[str]:
    """Names of services, the one seen last first."""
    return [row.service for row in db.fetch(_SERVICES, {"project": project_id, "rows": limit}, _Service)]
