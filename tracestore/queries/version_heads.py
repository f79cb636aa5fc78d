"""Which versions does the code of each service have, since when, and which set stands for one?"""

from dataclasses import dataclass
from typing import Final

from tracestore import db

VERSIONS: Final = 500


@dataclass(frozen=True, slots=True)
class VersionHead:
    """A version of a service's code. begun_ns, seen_ns: first and last seen with any set.

    id: of the set that knows most, the latest of those.
    """

    service: str
    version: str
    begun_ns: int
    seen_ns: int
    id: str


_HEADS: Final = """
SELECT service, version, begun_ns, seen_ns, id
FROM (
  SELECT v.service, v.service_version AS version, replace(v.id::text, '-', '') AS id,
    min(v.first_seen_ns) OVER (PARTITION BY v.service, v.service_version) AS begun_ns,
    max(v.last_seen_ns) OVER (PARTITION BY v.service, v.service_version) AS seen_ns,
    row_number() OVER (
      PARTITION BY v.service, v.service_version
      ORDER BY (SELECT count(*) FROM jsonb_object_keys(v.parts)) DESC, v.last_seen_ns DESC, v.id
    ) AS place
  FROM version_set AS v
  WHERE v.project = %(project)s AND v.service_version IS NOT NULL
) AS placed
WHERE place = 1
ORDER BY begun_ns DESC, service, version
LIMIT %(rows)s
"""


def find_version_heads(project_id: int, limit: int = VERSIONS) -> list[VersionHead]:
    """The newest versions of all services, newest first."""
    return db.fetch(_HEADS, {"project": project_id, "rows": limit}, VersionHead)
