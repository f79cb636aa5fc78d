"""How does a tool fail, and what happens then? What sums do not know is read from the calls themselves, of 7 days at most."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from tracestore import db
from tracestore.analysis.attempts import Attempts, ToolRun, attempts
from tracestore.queries.ranges import days_of_ended

DAY_NS: Final = 86_400 * 10**9
REACH_NS: Final = 7 * DAY_NS
CALLS: Final = 4_000  # of the tool, the newest: 200 ms with their traces
RUNS: Final = 40_000
FAILURES: Final = 20_000
MODES: Final = 20
EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class FailureMode:
    """error_type: None = not reported. trace_ids, days: of the newest ones, as many as there are, EXAMPLES at most."""

    error_type: str | None
    calls: int
    last_ns: int
    trace_ids: list[str]
    days: list[date]

    @property
    def examples(self) -> list[tuple[str, date]]:
        return list(zip(self.trace_ids, self.days, strict=True))


# Relies on tool_call_end.
_FAILURES = """
SELECT error_type, count(*) AS calls, max(end_ns) AS last_ns,
  (array_agg(trace_id ORDER BY end_ns DESC, trace_id))[:%(examples)s] AS trace_ids,
  (array_agg(day ORDER BY end_ns DESC, trace_id))[:%(examples)s] AS days
FROM (
  SELECT x.error_type, x.end_ns, replace(x.trace_id::text, '-', '') AS trace_id, x.day
  FROM tool_call AS x
  WHERE x.project = %(project)s
    AND x.day BETWEEN %(first_day)s AND %(last_day)s
    AND x.end_ns >= %(start_ns)s
    AND x.end_ns < %(end_ns)s
    AND x.tool_name = %(tool)s
    AND x.status = 2
  ORDER BY x.end_ns DESC
  LIMIT %(failures)s
) AS failed
GROUP BY error_type
ORDER BY calls DESC, error_type
LIMIT %(modes)s
"""


def find_failure_modes(project_id: int, tool: str, start_ns: int, end_ns: int) -> list[FailureMode]:
    """What the tool's calls that ended in [start_ns, end_ns) failed with, most frequent first.

    Of the last 7 days of that range, and of the newest FAILURES. Raises psycopg QueryCanceled past 5 s.
    """
    asked = _asked(project_id, tool, start_ns, end_ns)
    return db.fetch(_FAILURES, asked | {"failures": FAILURES, "modes": MODES, "examples": EXAMPLES}, FailureMode)


# Traces are looked up by tool_call_trace.
_RUNS = """
WITH picked AS MATERIALIZED (
  SELECT DISTINCT newest.trace_id
  FROM (
    SELECT x.trace_id
    FROM tool_call AS x
    WHERE x.project = %(project)s
      AND x.day BETWEEN %(first_day)s AND %(last_day)s
      AND x.end_ns >= %(start_ns)s
      AND x.end_ns < %(end_ns)s
      AND x.tool_name = %(tool)s
    ORDER BY x.end_ns DESC
    LIMIT %(calls)s
  ) AS newest
)
SELECT replace(o.trace_id::text, '-', '') AS trace_id, o.tool_name = %(tool)s AS mine, o.status = 2 AS failed,
  o.start_ns, o.end_ns
FROM picked
JOIN tool_call AS o ON o.trace_id = picked.trace_id
  AND o.project = %(project)s
  AND o.day BETWEEN %(first_day)s AND %(last_day)s
ORDER BY o.trace_id, o.start_ns, o.span_id
LIMIT %(runs)s
"""


def find_attempts(project_id: int, tool: str, start_ns: int, end_ns: int) -> Attempts:
    """What came of the tool's calls in their traces: of the last 7 days of the range, and of the newest CALLS calls.

    Raises psycopg QueryCanceled past 5 s.
    """
    asked = _asked(project_id, tool, start_ns, end_ns)
    return attempts(db.fetch(_RUNS, asked | {"calls": CALLS, "runs": RUNS}, ToolRun))


def _asked(project_id: int, tool: str, start_ns: int, end_ns: int) -> dict[str, Any]:
    from_ns = max(start_ns, end_ns - REACH_NS)
    days = days_of_ended(project_id, from_ns, end_ns)
    return {"project": project_id, "tool": tool, "start_ns": from_ns, "end_ns": end_ns, **days}
