"""Which metric series are there, and how did they move?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from tracestore import db
from tracestore.analysis.distribution import read
from tracestore.analysis.metrics import MetricStep, Point, steps
from tracestore.payload import decode_value
from tracestore.queries.ranges import day_bounds

MAX_SERIES: Final = 100
MAX_POINTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One metric series. series: 32 hex digits. temporality: 0 unspecified, 1 delta, 2 cumulative."""

    series: str
    name: str
    description: str
    unit: str
    kind: str
    temporality: int
    monotonic: bool
    service: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MetricName:
    """A metric name with how many series carry it."""

    name: str
    unit: str
    kind: str
    description: str
    series: int


@dataclass(frozen=True, slots=True)
class SeriesSteps:
    """A series and its steps. cut: there were more points than are read at once; the latest are missing."""

    series: SeriesRow
    steps: list[MetricStep]
    cut: bool = False


_NAMES = """
SELECT m.name, m.unit, m.kind, max(m.description) AS description, count(*) AS series
FROM metric_series AS m
WHERE m.project = %(project)s
GROUP BY m.name, m.unit, m.kind
ORDER BY m.name, m.unit, m.kind
LIMIT %(rows)s
"""


def metric_names(project_id: int, limit: int = 1_000) -> list[MetricName]:
    return db.fetch(_NAMES, {"project": project_id, "rows": limit}, MetricName)


_SERIES = """
SELECT
  replace(m.series::text, '-', '') AS series, m.name, m.description, m.unit, m.kind, m.temporality, m.monotonic,
  m.service, m.attributes
FROM metric_series AS m
WHERE m.project = %(project)s
  AND (%(name)s::text IS NULL OR m.name = %(name)s::text)
ORDER BY m.name, m.series
LIMIT %(rows)s
"""


def find_series(project_id: int, name: str | None = None, limit: int = MAX_SERIES) -> list[SeriesRow]:
    """The series of a name, or of all names."""
    return db.fetch(_SERIES, {"project": project_id, "name": name, "rows": limit}, SeriesRow)


@dataclass(frozen=True, slots=True)
class _Stored:
    series: str
    start_ns: int
    time_ns: int
    value: float | None
    body: bytes | None


# The points of the range and, for each series, the last one before it, against which a cumulative series is read.
_POINTS = """
SELECT replace(p.series::text, '-', '') AS series, p.start_ns, p.time_ns, p.value, p.body
FROM (
  SELECT before.*
  FROM unnest(%(series)s::uuid[]) AS wanted (id)
  CROSS JOIN LATERAL (
    SELECT b.series, b.start_ns, b.time_ns, b.value, b.body
    FROM metric_point AS b
    WHERE b.project = %(project)s
      AND b.series = wanted.id
      AND b.day BETWEEN %(before_day)s AND %(last_day)s
      AND b.time_ns < %(start_ns)s
    ORDER BY b.time_ns DESC, b.start_ns DESC
    LIMIT 1
  ) AS before
  UNION ALL
  SELECT i.series, i.start_ns, i.time_ns, i.value, i.body
  FROM metric_point AS i
  WHERE i.project = %(project)s
    AND i.series = ANY (%(series)s::uuid[])
    AND i.day BETWEEN %(first_day)s AND %(last_day)s
    AND i.time_ns >= %(start_ns)s
    AND i.time_ns < %(end_ns)s
) AS p
ORDER BY p.series, p.time_ns, p.start_ns
LIMIT %(rows)s
"""


def read_series(
    project_id: int, series: Sequence[SeriesRow], start_ns: int, end_ns: int, step_s: int
) -> list[SeriesSteps]:
    """How at most MAX_SERIES series moved in [start_ns, end_ns), in steps of step_s seconds from start_ns.

    Series without a point in the range are left out. Raises psycopg QueryCanceled past 5 s.
    """
    chosen = {one.series: one for one in series[:MAX_SERIES]}
    parameters = day_bounds(start_ns, end_ns)
    parameters |= {"before_day": parameters["first_day"], "project": project_id, "series": list(chosen)}
    parameters |= {"start_ns": start_ns, "end_ns": end_ns, "rows": MAX_POINTS + 1}
    points = db.fetch(_POINTS, parameters, _Stored)
    full = len(points) > MAX_POINTS
    found = [
        _steps(chosen[series_id], list(of), start_ns, end_ns, step_s, full and series_id == points[-1].series)
        for series_id, of in groupby(points, key=lambda point: point.series)
    ]
    return [one for one in found if one.steps]


def _steps(
    series: SeriesRow, stored: Sequence[_Stored], start_ns: int, end_ns: int, step_s: int, cut: bool
) -> SeriesSteps:
    points = [_point(series.kind, one) for one in stored]
    made = steps(
        series.kind, series.temporality, series.monotonic, points, start_ns, end_ns, step_ns=step_s * 1_000_000_000
    )
    return SeriesSteps(series, made, cut)


def _point(kind: str, stored: _Stored) -> Point:
    if stored.body is None:
        return Point(stored.start_ns, stored.time_ns, stored.value)
    body: Mapping[str, Any] = decode_value(stored.body)
    return Point(stored.start_ns, stored.time_ns, distribution=read(kind, body))
