"""Which versions appeared or were released, and when?"""

from dataclasses import dataclass
from typing import Final, Literal

from tracestore import db

MOST_MARKERS: Final = 200


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release that was posted. id: 32 hex digits. environment, name, ...: "" where it did not say."""

    id: str
    service: str
    version: str
    environment: str
    time_ns: int
    name: str
    url: str
    commit: str
    description: str
    version_set: str | None


# In nanoseconds and exact: the column holds microseconds. version_set: of that service and version the one seen first last.
_RELEASES: Final = """
SELECT r.key AS id, r.service, r.version, r.environment, (extract(epoch FROM r.released_at) * 1000000)::bigint * 1000 AS time_ns,
  r.name, r.url, r.commit, r.description, (
    SELECT replace(v.id::text, '-', '')
    FROM version_set AS v
    WHERE v.project = r.project AND v.service = r.service AND v.service_version = r.version
    ORDER BY v.first_seen_ns DESC, v.id
    LIMIT 1
  ) AS version_set
FROM release AS r
WHERE r.project = %(project)s
  AND r.released_at >= 'epoch'::timestamptz + %(start_us)s * interval '1 microsecond'
  AND r.released_at < 'epoch'::timestamptz + %(end_us)s * interval '1 microsecond'
  AND (%(service)s::text IS NULL OR r.service = %(service)s)
ORDER BY r.released_at DESC, r.key
LIMIT %(rows)s
"""


def find_releases(
    project_id: int, start_ns: int, end_ns: int, service: str | None = None, limit: int = 500
) -> list[ReleaseRow]:
    """The releases posted for [start_ns, end_ns), newest first."""
    return db.fetch(_RELEASES, _parameters(project_id, start_ns, end_ns, service, limit), ReleaseRow)


def _parameters(project_id: int, start_ns: int, end_ns: int, service: str | None, limit: int) -> dict[str, object]:
    return {
        "project": project_id,
        "start_ns": start_ns,
        "end_ns": end_ns,
        "start_us": -(-start_ns // 1_000),
        "end_us": -(-end_ns // 1_000),
        "service": service,
        "rows": limit,
    }


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment that charts mark. label: the version. url: of a release, None where it gave none."""

    time_ns: int
    service: str
    label: str
    kind: Literal["first_seen", "release"]
    version_set: str | None
    url: str | None


class Markers(list[Marker]):
    """In the order of time. cut: there were more than MOST_MARKERS; the latest are here."""

    cut = False


_FIRST_SEEN: Final = """
SELECT v.first_seen_ns AS time_ns, v.service, coalesce(v.service_version, left(replace(v.id::text, '-', ''), 7)) AS label,
  'first_seen' AS kind, replace(v.id::text, '-', '') AS version_set, NULL::text AS url
FROM version_set AS v
WHERE v.project = %(project)s
  AND v.first_seen_ns >= %(start_ns)s AND v.first_seen_ns < %(end_ns)s
  AND (%(service)s::text IS NULL OR v.service = %(service)s)
ORDER BY v.first_seen_ns DESC, v.id
LIMIT %(rows)s
"""


def find_markers(project_id: int, start_ns: int, end_ns: int, service: str | None = None) -> Markers:
    """First seen version sets and posted releases of [start_ns, end_ns), at most MOST_MARKERS, in the order of time."""
    seen = db.fetch(_FIRST_SEEN, _parameters(project_id, start_ns, end_ns, service, MOST_MARKERS + 1), Marker)
    posted = [_marker(row) for row in find_releases(project_id, start_ns, end_ns, service, MOST_MARKERS + 1)]
    every = sorted([*seen, *posted], key=lambda one: (one.time_ns, one.kind, one.service, one.label))
    found = Markers(every[-MOST_MARKERS:])
    found.cut = len(every) > MOST_MARKERS
    return found


def _marker(row: ReleaseRow) -> Marker:
    return Marker(row.time_ns, row.service, row.name or row.version, "release", row.version_set, row.url or None)
