"""How far is the index of texts behind, and what does it leave out?"""

from dataclasses import dataclass

from tracestore import db
from tracestore.queries.ranges import day_bounds

LOOKED_AT = 20_000  # marks, the oldest first: a queue may be as long as the store
CUT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Lag:
    """traces: with a mark, so that their texts, or the newest of them, are not found yet. oldest_ns: when the first of them
    was settled. more: the queue is longer than LOOKED_AT, so `traces` may be more."""

    traces: int
    oldest_ns: int | None
    more: bool


# The oldest marks of one project come from the primary key.
_OF_A_RANGE = """
SELECT count(DISTINCT trace_id) FILTER (WHERE start_ns >= %(start_ns)s AND start_ns < %(end_ns)s) AS traces,
  min(marked_ns) FILTER (WHERE start_ns >= %(start_ns)s AND start_ns < %(end_ns)s) AS oldest_ns,
  count(*) >= %(limit)s AS more
FROM (
  SELECT trace_id, start_ns, marked_ns FROM text_mark WHERE project = %(project)s ORDER BY id LIMIT %(limit)s
) AS queue
"""
_OF_ALL = """
SELECT count(*) AS traces, min(marked_ns) AS oldest_ns, FALSE AS more
FROM text_mark
WHERE %(project)s::integer IS NULL OR project = %(project)s
"""
_CUT = """
SELECT count(*) AS count
FROM (
  SELECT FROM trace_text
  WHERE project = %(project)s AND day BETWEEN %(first_day)s AND %(last_day)s AND cut
  LIMIT %(limit)s
) AS found
"""


@dataclass(frozen=True, slots=True)
class _Count:
    count: int


def index_lag(project_id: int, start_ns: int, end_ns: int) -> Lag:
    """Of traces that started in [start_ns, end_ns)."""
    parameters = {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "limit": LOOKED_AT}
    return db.fetch(_OF_A_RANGE, parameters, Lag)[0]


def index_waiting(project_id: int | None) -> Lag:
    """Of all that is kept; traces counts marks. project_id None: over all projects."""
    return db.fetch(_OF_ALL, {"project": project_id}, Lag)[0]


def cut_traces(project_id: int, start_ns: int, end_ns: int) -> int:
    """How many traces of these days have texts that are not searched to their end; at most CUT_MAX are counted."""
    parameters = {"project": project_id, "limit": CUT_MAX} | day_bounds(start_ns, end_ns, 0, 0)
    return db.fetch(_CUT, parameters, _Count)[0].count
