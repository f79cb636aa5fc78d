"""Which versions ran, since when, and how do two of them differ?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tracestore import db
from tracestore.analysis.histogram import merge, quantile, unpack
from tracestore.analysis.versions import diff
from tracestore.facts import REQUESTS
from tracestore.queries.rollups import Sums, find_sums

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
    """A set and what ran with it in the range: traces, failed ones, cost (nano-USD). None = unknown.

    p95_duration_ns: of a bucket, at most 4.4 % off (analysis.histogram.ERROR_MAX).
    """

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

_SEEN = f"""
SELECT {_COLUMNS}
FROM version_set AS v
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
    """The sets seen in [start_ns, end_ns), by service, newest first, with the traces that ended there.

    A trace counts under each of its sets. Raises psycopg QueryCanceled past 5 s.
    """
    parameters = {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "service": service, "rows": limit}
    seen = db.fetch(_SEEN, parameters, VersionSetRow)
    sums = find_sums(REQUESTS, project_id, start_ns, end_ns, by=_BY) if seen else []
    used: dict[str, list[Sums]] = {}
    for one in sums:
        for set_id in _sets_of(*one.key):
            used.setdefault(set_id, []).append(one)
    return [_use(row, used.get(row.id, [])) for row in seen]


_BY: Final = ("version_set", "version_sets")


def _sets_of(version_set: str | None, version_sets: str | None) -> list[str]:
    """All sets that some traces ran with: the root's alone unless version_sets says otherwise."""
    found = version_set if version_sets is None else version_sets
    return found.split(",") if found else []


def _use(row: VersionSetRow, sums: Sequence[Sums]) -> VersionSetUse:
    costs = [cost for one in sums if (cost := one.measures["cost_nanousd"]) is not None]
    durations = merge(unpack(one.histograms[name]) for one in sums for name in ("duration", "failed_duration"))
    p95 = quantile(durations, 0.95)
    return VersionSetUse(
        id=row.id,
        service=row.service,
        service_version=row.service_version,
        parts=row.parts,
        first_seen_ns=row.first_seen_ns,
        last_seen_ns=row.last_seen_ns,
        traces=sum(one.measures["requests"] or 0 for one in sums),
        error_traces=sum(one.measures["errors"] or 0 for one in sums),
        cost_nanousd=sum(costs) if costs else None,
        p95_duration_ns=round(p95.value) if p95 else None,
    )


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


# A version of the code has several sets: a trace that made no model call knows no model. So: the version that ran when this
# one began (not the last that began before it: that may have been rolled back long ago), else this version's own earlier
# sets; of those the set that knows most of the parts known here.
_PREVIOUS = f"""
WITH it AS (
  SELECT one.*, (
    SELECT min(s.first_seen_ns) FROM version_set AS s
    WHERE s.project = one.project AND s.service = one.service
      AND s.service_version IS NOT DISTINCT FROM one.service_version
  ) AS begun_ns
  FROM version_set AS one
  WHERE one.project = %(project)s AND one.id = %(id)s
),
before AS (
  SELECT s.service_version
  FROM it
  JOIN version_set AS s ON s.project = it.project AND s.service = it.service AND s.first_seen_ns < it.begun_ns
    AND s.service_version IS DISTINCT FROM it.service_version
  GROUP BY s.service_version, it.begun_ns
  ORDER BY least(max(s.last_seen_ns), it.begun_ns) DESC, min(s.first_seen_ns) DESC
  LIMIT 1
)
SELECT {_COLUMNS}
FROM it
JOIN version_set AS v ON v.project = it.project AND v.service = it.service AND v.first_seen_ns < it.first_seen_ns
LEFT JOIN before ON TRUE
WHERE CASE
  WHEN EXISTS (SELECT FROM before) THEN v.service_version IS NOT DISTINCT FROM before.service_version
  ELSE v.service_version IS NOT DISTINCT FROM it.service_version
END
ORDER BY
  (SELECT count(*) FROM jsonb_object_keys(v.parts) AS part WHERE it.parts ? part) DESC, v.first_seen_ns DESC, v.id
LIMIT 1
"""  # noqa: S608  # constants only


def previous_version_set(project_id: int, set_id: str) -> VersionSetRow | None:
    """The set to compare this one with: of the service's version before this one, as complete as there is."""
    return db.fetch_one(_PREVIOUS, {"project": project_id, "id": set_id}, VersionSetRow)


def get_version_diff(project_id: int, a: str, b: str) -> VersionDiff | None:
    """How set b differs from set a; None when the project lacks one of them."""
    found = version_sets_by_id(project_id, [a, b])
    if a not in found or b not in found:
        return None
    return VersionDiff(found[a], found[b], _differences(found[a].parts, found[b].parts))


def _differences(a: dict[str, list[str]], b: dict[str, list[str]]) -> list[PartDiff]:
    changes = diff(a, b)
    rows = [(one.name, list(one.removed), list(one.added), list(one.kept)) for one in changes]
    differing = {one.name for one in changes}
    equal: list[PartDiff] = [(name, [], [], sorted(values)) for name, values in a.items() if name not in differing]
    return sorted(rows + equal)
