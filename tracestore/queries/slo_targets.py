"""Which rows are the events of an objective's unit, and what does a filter ask of them?

Each statement gives the rows that ended in the minutes %(starts)s, with minute_s, set_id (32 hex digits, '' = unknown) and
trace_id; %(days)s are the storage days to look at.
"""

from dataclasses import dataclass
from typing import Final, LiteralString

from tracestore.queries.filter_targets import SESSION, TRACE
from tracestore.queries.filters import Target
from tracestore.queries.row_targets import CALL, SCORE, TOOL


@dataclass(frozen=True, slots=True)
class UnitTarget:
    """alias: what the target calls a row of `events`."""

    alias: str
    target: Target
    events: LiteralString


_OF_MINUTES: Final = """WHERE x.project = %(project)s
  AND x.day = ANY(%(days)s::date[])
  AND x.end_ns >= %(start_ns)s
  AND x.end_ns < %(end_ns)s
  AND x.end_ns / 60000000000 * 60 = ANY(%(starts)s::bigint[])"""
_EVENT: Final = """SELECT x.*, x.end_ns / 60000000000 * 60 AS minute_s,
  coalesce(replace(x.version_set::text, '-', ''), '') AS set_id"""

# A session is one event, at the end of its last request; its version set is that request's.
_SESSIONS: Final = """SELECT whole.*, whole.end_ns / 60000000000 * 60 AS minute_s
FROM (
  SELECT t.session_id, min(t.start_ns) AS start_ns, max(t.end_ns) AS end_ns, bounded(sum(t.cost_nanousd)) AS cost_nanousd,
    bounded(sum(t.input_tokens)) AS input_tokens, bounded(sum(t.output_tokens)) AS output_tokens,
    (array_agg(coalesce(replace(t.version_set::text, '-', ''), '') ORDER BY t.end_ns DESC, t.trace_id))[1] AS set_id,
    (array_agg(t.trace_id ORDER BY t.end_ns DESC, t.trace_id))[1] AS trace_id
  FROM trace AS t
  WHERE t.project = %(project)s
    AND t.day BETWEEN %(first_day)s - %(session_days)s AND %(last_day)s + %(session_days)s
    AND t.session_id IN (
      SELECT x.session_id
      FROM trace AS x
      WHERE x.project = %(project)s
        AND x.day = ANY(%(days)s::date[])
        AND x.end_ns >= %(start_ns)s
        AND x.end_ns < %(end_ns)s
        AND x.end_ns / 60000000000 * 60 = ANY(%(starts)s::bigint[])
        AND x.session_id IS NOT NULL
    )
  GROUP BY t.session_id
) AS whole
WHERE whole.end_ns / 60000000000 * 60 = ANY(%(starts)s::bigint[])"""


TARGETS: Final[dict[str, UnitTarget]] = {
    "request": UnitTarget("t", TRACE, f"{_EVENT}\nFROM trace AS x\n{_OF_MINUTES}"),
    "llm_call": UnitTarget("c", CALL, f"{_EVENT}\nFROM llm_call AS x\n{_OF_MINUTES}\n  AND x.call AND x.billable"),
    "tool_call": UnitTarget("k", TOOL, f"{_EVENT}\nFROM tool_call AS x\n{_OF_MINUTES}"),
    "session": UnitTarget("g", SESSION, _SESSIONS),
    "evaluation": UnitTarget("e", SCORE, f"{_EVENT}\nFROM score AS x\n{_OF_MINUTES}"),
}
