"""What was said of answers?"""

from dataclasses import dataclass
from typing import Final

from tracestore import db
from tracestore.queries import cursors
from tracestore.queries.ranges import day_bounds

MOST_OF_A_TRACE: Final = 1_000


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """id: 32 hex digits. trace_id, span_id: what it is about. source: people code judge otlp. passed: None = not known."""

    id: str
    trace_id: str | None
    span_id: str | None
    time_ns: int
    received_ns: int
    name: str
    source: str
    score: float | None
    label: str | None
    passed: bool | None
    adoption: str | None
    comment: str | None
    user_id: str | None
    response_id: str | None


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    items: list[EvaluationRow]
    next_cursor: str | None


_COLUMNS: Final = """
  replace(e.hash::text, '-', '') AS id, replace(e.trace_id::text, '-', '') AS trace_id,
  lpad(to_hex(e.span_id), 16, '0') AS span_id, e.time_ns, e.received_ns, e.name, e.source, e.score, e.label, e.passed,
  e.adoption, e.comment, e.user_id, e.response_id"""

# The rules of settling_scores.py: the record that carried it is the span's last, and of one under two days the later counts.
_COUNTS: Final = """
  (e.record_hash IS NULL OR e.record_hash = coalesce((
    SELECT s.record_hash
    FROM span AS s
    WHERE s.project = e.project AND s.trace_id = e.trace_id AND s.span_id = e.carrier_id
    ORDER BY s.end_ns DESC, s.attribute_count DESC, s.record_hash DESC
    LIMIT 1
  ), e.record_hash))
  AND NOT EXISTS (
    SELECT FROM evaluation AS other
    WHERE other.project = e.project AND other.subject = e.subject AND other.hash = e.hash AND other.day <> e.day
      AND (other.time_ns, other.digest, e.received_ns, e.day) > (e.time_ns, e.digest, other.received_ns, other.day)
  )"""

_DAYS = "SELECT day FROM evaluation_day WHERE project = %(project)s AND subject = %(trace_id)s::uuid"
_OF_TRACE = f"""
SELECT {_COLUMNS}
FROM evaluation AS e
WHERE e.project = %(project)s AND e.subject = %(trace_id)s::uuid AND e.day = ANY(%(days)s) AND {_COUNTS}
ORDER BY e.time_ns, e.hash
LIMIT %(rows)s
"""  # noqa: S608  # constants only


def evaluations_of_trace(project_id: int, trace_id: str) -> list[EvaluationRow]:
    """In the order they were given, the first MOST_OF_A_TRACE."""
    parameters = {"project": project_id, "trace_id": trace_id, "rows": MOST_OF_A_TRACE}
    days = [day for (day,) in db.fetch_tuples(_DAYS, parameters)]
    return db.fetch(_OF_TRACE, parameters | {"days": days}, EvaluationRow) if days else []


_FIND = f"""
SELECT {_COLUMNS}
FROM evaluation AS e
WHERE e.project = %(project)s
  AND e.day BETWEEN %(first_day)s AND %(last_day)s
  AND e.time_ns >= %(start_ns)s
  AND e.time_ns < %(end_ns)s
  AND (%(name)s::text IS NULL OR e.name = %(name)s)
  AND (%(source)s::text IS NULL OR e.source = %(source)s)
  AND (%(after)s::bigint IS NULL OR e.time_ns < %(after)s OR (e.time_ns = %(after)s AND e.hash > %(after_id)s::uuid))
  AND {_COUNTS}
ORDER BY e.time_ns DESC, e.hash
LIMIT %(rows)s
"""  # noqa: S608  # constants only


def find_evaluations(
    project_id: int,
    start_ns: int,
    end_ns: int,
    *,
    name: str | None = None,
    source: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> EvaluationPage:
    """What was said in [start_ns, end_ns), newest first. Raises CursorError; psycopg QueryCanceled past 5 s."""
    begin = cursors.decode("evaluations", cursor)
    parameters = day_bounds(start_ns, end_ns) | {
        "project": project_id,
        "start_ns": start_ns,
        "end_ns": end_ns,
        "name": name,
        "source": source,
        "after": begin.value if begin else None,
        "after_id": begin.id if begin else None,
        "rows": limit + 1,
    }
    found = db.fetch(_FIND, parameters, EvaluationRow)
    items = found[:limit]
    if len(found) <= limit:
        return EvaluationPage(items, None)
    return EvaluationPage(items, cursors.encode("evaluations", cursors.Cursor(items[-1].time_ns, items[-1].id)))


@dataclass(frozen=True, slots=True)
class _Judged:
    name: str


_JUDGED: Final = """
SELECT DISTINCT name
FROM score_rollup
WHERE project = %(project)s AND grain_s = 86400 AND start_s >= %(from_s)s AND passed + failed > 0
LIMIT 1000
"""


def find_judged(project_id: int, from_s: int) -> set[str]:
    """Names of the evaluations that said passed or failed of something, since the UTC day of from_s (Unix seconds)."""
    asked = {"project": project_id, "from_s": from_s // 86_400 * 86_400}
    return {row.name for row in db.fetch(_JUDGED, asked, _Judged)}
