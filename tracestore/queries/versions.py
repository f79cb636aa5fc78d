"""Which versions ran, since when, and how do two of them differ?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tracestore import db
from tracestore.analysis.versions import diff
from tracestore.queries.ranges import day_bounds

PartDiff = tuple[str, list[str], list[str], list[str]]


@dataclass(frozen=True, slots=True)
class VersionSetRow:
    """What one service of a trace ran with. id: 32 hex digits. parts: name -> values (models, prompts, tools, ...).

    had_earlier: the service ran with another set before.
    """

    id: str
    service: str
    service_version: str | None
    parts: dict[str, list[str]]
    first_seen_ns: int
    last_seen_ns: int
    had_earlier: bool = False


@dataclass(frozen=True, slots=True)
class VersionSetUse:
    """A set and what ran with it in the range: traces, failed ones, cost (nano-USD). None = unknown."""

    id: str
    service: str
    service_version: str | None
    parts: dict[str, list[str]]
    first_seen_ns: int
    last_seen_ns: int
    traces: int
    error_traces: int
    cost_nanousd: int | None
    p95_duration_ns: int | None


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """rows: (part name, values only in a, values only in b, values in both), names sorted, equal parts too."""

    a: VersionSetRow
    b: VersionSetRow
    rows: list[PartDiff]


_COLUMNS: Final = """
  replace(v.id::text, '-', '') AS id, v.service, v.service_version, v.parts, v.first_seen_ns, v.last_seen_ns"""

_IN_USE = f"""
SELECT {_COLUMNS},
  coalesce(used.traces, 0) AS traces, coalesce(used.error_traces, 0) AS error_traces, used.cost_nanousd,
  used.p95_duration_ns
FROM version_set AS v
LEFT JOIN (
  SELECT
    one.id,
    count(*) AS traces,
    count(*) FILTER (WHERE t.status = 2) AS error_traces,
    bounded(sum(t.cost_nanousd)) AS cost_nanousd,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY t.duration_ns) AS p95_duration_ns
  FROM trace AS t
  CROSS JOIN unnest(t.version_sets) AS one (id)
  WHERE t.project = %(project)s
    AND t.day BETWEEN %(first_day)s AND %(last_day)s
    AND t.start_ns >= %(start_ns)s
    AND t.start_ns < %(end_ns)s
  GROUP BY one.id
) AS used ON used.id = v.id
WHERE v.project = %(project)s
  AND v.first_seen_ns < %(end_ns)s
  AND v.last_seen_ns >= %(start_ns)s
  AND (%(service)s::text IS NULL OR v.service = %(service)s::text)
ORDER BY v.service, v.first_seen_ns DESC, v.id
LIMIT %(rows)s
"""  # noqa: S608  # constants only


def find_version_sets(
    project_id: int, start_ns: int, end_ns: int, service: str | None = None, limit: int = 500
) -> list[VersionSetUse]:
    """The sets seen in [start_ns, end_ns), by service, newest first."""
    parameters = day_bounds(start_ns, end_ns)
    parameters |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "service": service, "rows": limit}
    return db.fetch(_IN_USE, parameters, VersionSetUse)


_BY_ID = f"""
SELECT {_COLUMNS}, EXISTS (
  SELECT FROM version_set AS e
  WHERE e.project = v.project AND e.service = v.service AND e.first_seen_ns < v.first_seen_ns
) AS had_earlier
FROM version_set AS v
WHERE v.project = %(project)s AND v.id = ANY (%(ids)s::uuid[])
LIMIT 1000
"""  # noqa: S608  # constants only


def version_sets_by_id(project_id: int, ids: Sequence[str]) -> dict[str, VersionSetRow]:
    """The sets that exist among at most 1 000 ids of 32 hex digits."""
    if not ids:
        return {}
    rows = db.fetch(_BY_ID, {"project": project_id, "ids": list(ids)[:1000]}, VersionSetRow)
    return {row.id: row for row in rows}


def get_version_set(project_id: int, set_id: str) -> VersionSetRow | None:
    return version_sets_by_id(project_id, [set_id]).get(set_id)


_PREVIOUS = f"""
SELECT {_COLUMNS}
FROM version_set AS v
JOIN version_set AS n ON n.project = v.project AND n.service = v.service AND n.id = %(id)s
WHERE v.project = %(project)s AND v.first_seen_ns < n.first_seen_ns
ORDER BY v.first_seen_ns DESC, v.id
LIMIT 1
"""  # noqa: S608  # constants only


def previous_version_set(project_id: int, set_id: str) -> VersionSetRow | None:
    """The set of the same service that appeared last before this one."""
    return db.fetch_one(_PREVIOUS, {"project": project_id, "id": set_id}, VersionSetRow)


def get_version_diff(project_id: int, a: str, b: str) -> VersionDiff | None:
    """How set b differs from set a; None when the project lacks one of them."""
    found = version_sets_by_id(project_id, [a, b])
    if a not in found or b not in found:
        return None
    return VersionDiff(found[a], found[b], _differences(found[a].parts, found[b].parts))


def _differences(a: dict[str, list[str]], b: dict[str, list[str]]) -> list[PartDiff]:
    changes = diff(_parts(a), _parts(b))
    rows = [(one.name, list(one.removed), list(one.added), list(one.kept)) for one in changes]
    differing = {one.name for one in changes}
    equal: list[PartDiff] = [(name, [], [], sorted(values)) for name, values in a.items() if name not in differing]
    return sorted(rows + equal)


def _parts(parts: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in parts.items()}
