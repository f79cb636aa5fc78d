"""Which conversations were there, and what happened in one of them?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.queries import cursors
from tracestore.queries.filter_targets import SESSION
from tracestore.queries.filters import condition
from tracestore.queries.ranges import day_bounds, day_of, kept_days
from tracestore.queries.traces import COLUMNS as TRACE_COLUMNS
from tracestore.queries.traces import TraceRow


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session within a time range. duration_ns: first start to last end. last_ns: start of its last trace. None = unknown."""

    session_id: str
    start_ns: int
    end_ns: int
    duration_ns: int
    last_ns: int
    trace_count: int
    error_traces: int
    span_count: int
    error_count: int
    llm_calls: int
    tool_calls: int
    tool_errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_nanousd: int | None
    user_id: str | None
    tenant_id: str | None
    services: list[str]
    models: list[str]
    versions: list[str]


@dataclass(frozen=True, slots=True)
class SessionPage:
    items: list[SessionRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """A session over all time and a window of its traces, oldest first."""

    session: SessionRow
    traces: list[TraceRow]
    next_cursor: str | None


_SUMS: Final = sql.SQL("""
  t.session_id,
  min(t.start_ns) AS start_ns,
  max(t.end_ns) AS end_ns,
  max(t.start_ns) AS last_ns,
  count(*) AS trace_count,
  count(*) FILTER (WHERE t.status = 2) AS error_traces,
  sum(t.span_count)::bigint AS span_count,
  sum(t.error_count)::bigint AS error_count,
  sum(t.llm_calls)::bigint AS llm_calls,
  sum(t.tool_calls)::bigint AS tool_calls,
  sum(t.tool_errors)::bigint AS tool_errors,
  bounded(sum(t.input_tokens)) AS input_tokens,
  bounded(sum(t.output_tokens)) AS output_tokens,
  bounded(sum(t.cost_nanousd)) AS cost_nanousd,
  max(t.user_id) AS user_id,
  max(t.tenant_id) AS tenant_id""")

# The page is cut before the names of services, models and versions are looked up: for its sessions only.
_FIND = sql.SQL("""
SELECT g.*, greatest(g.end_ns - g.start_ns, 0) AS duration_ns, names.services, names.models, names.versions
FROM (
  SELECT g.*
  FROM (
    SELECT {sums}
    FROM trace AS t
    WHERE t.project = %(project)s
      AND t.day BETWEEN %(first_day)s AND %(last_day)s
      AND t.start_ns >= %(start_ns)s
      AND t.start_ns < %(end_ns)s
      AND t.session_id IS NOT NULL
      AND {sessions}
    GROUP BY t.session_id
  ) AS g
  WHERE {matches} AND {after}
  ORDER BY g.last_ns DESC, g.session_id
  LIMIT %(rows)s
) AS g
CROSS JOIN LATERAL (
  SELECT
    coalesce(array_agg(DISTINCT one.name) FILTER (WHERE one.kind = 1), '{{}}') AS services,
    coalesce(array_agg(DISTINCT one.name) FILTER (WHERE one.kind = 2), '{{}}') AS models,
    coalesce(array_agg(DISTINCT one.name) FILTER (WHERE one.kind = 3), '{{}}') AS versions
  FROM trace AS t
  CROSS JOIN LATERAL (
    SELECT 1 AS kind, unnest(t.services) AS name
    UNION ALL SELECT 2, unnest(t.models)
    UNION ALL SELECT 3, unnest(t.versions)
  ) AS one
  WHERE t.project = %(project)s
    AND t.session_id = g.session_id
    AND t.day BETWEEN %(first_day)s AND %(last_day)s
    AND t.start_ns >= %(start_ns)s
    AND t.start_ns < %(end_ns)s
) AS names
ORDER BY g.last_ns DESC, g.session_id
""")
_AFTER = sql.SQL("(g.last_ns < %(after_value)s OR (g.last_ns = %(after_value)s AND g.session_id > %(after_id)s))")


def find_sessions(
    project_id: int,
    start_ns: int,
    end_ns: int,
    *,
    filter: Node | None = None,  # the word of the contract
    limit: int = 50,
    cursor: str | None = None,
) -> SessionPage:
    """Sessions with a trace that started in [start_ns, end_ns), last active first; sums are of those traces.

    Last active: by the start of the last trace. Raises CursorError; psycopg QueryCanceled past 5 s.
    """
    begin = cursors.decode("sessions", cursor, ".{0,256}")
    asked = _Asked(project_id, start_ns, end_ns, filter, begin)
    found = _find(asked, limit + 1) if filter else _find_newest(asked, limit + 1)
    if len(found) <= limit:
        return SessionPage(found, None)
    last = cursors.Cursor(found[limit - 1].last_ns, found[limit - 1].session_id)
    return SessionPage(found[:limit], cursors.encode("sessions", last))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question for a list of sessions."""

    project_id: int
    start_ns: int
    end_ns: int
    filter: Node | None = None
    begin: cursors.Cursor | None = None


def _find(asked: _Asked, rows: int, session_ids: list[str] | None = None) -> list[SessionRow]:
    """session_ids: of these sessions alone, which an index finds; None: of all that have a trace in the range."""
    matches, values = condition(asked.filter, SESSION)
    begin = asked.begin
    after = _AFTER if begin and begin.value is not None else sql.SQL("TRUE")
    parameters = values | day_bounds(asked.start_ns, asked.end_ns)
    parameters |= {"project": asked.project_id, "start_ns": asked.start_ns, "end_ns": asked.end_ns}
    parameters |= {"session_ids": session_ids, "rows": rows}
    parameters |= {"after_value": begin.value, "after_id": begin.id} if begin else {}
    of_these = sql.SQL("TRUE" if session_ids is None else "t.session_id = ANY (%(session_ids)s::text[])")
    query = _FIND.format(sums=_SUMS, sessions=of_these, matches=matches, after=after)
    return db.fetch(query, parameters, SessionRow)


def _find_newest(asked: _Asked, rows: int) -> list[SessionRow]:
    """The sessions of the newest traces, further back until there are enough: nobody groups a week to show a page."""
    found: list[SessionRow] = []
    seen: set[str] = set()
    for heads in _newest_traces(asked):
        fresh = [
            session_id for session_id in dict.fromkeys(head.session_id for head in heads) if session_id not in seen
        ]
        seen.update(fresh)
        for first in range(0, len(fresh), rows):
            found += sorted(_find(asked, rows, fresh[first : first + rows]), key=_last_active)
            if len(found) >= rows:
                return found[:rows]
    return found


def _last_active(row: SessionRow) -> tuple[int, str]:
    return (-row.last_ns, row.session_id)


@dataclass(frozen=True, slots=True)
class _Head:
    session_id: str
    start_ns: int


_HEADS = """
SELECT t.session_id, t.start_ns
FROM trace AS t
WHERE t.project = %(project)s
  AND t.day = %(day)s
  AND t.start_ns >= %(start_ns)s
  AND t.start_ns < %(end_ns)s
  AND t.session_id IS NOT NULL
ORDER BY t.start_ns DESC
FETCH FIRST %(rows)s ROWS WITH TIES
"""
_HEADS_AT_ONCE = 300


def _newest_traces(asked: _Asked) -> Iterator[list[_Head]]:
    """Sessions of traces, newest first, day by day, in growing pieces; traces of one start come together."""
    begin, end_ns, rows, patience = asked.begin, asked.end_ns, _HEADS_AT_ONCE, db.patience()
    if begin and begin.value is not None:
        end_ns = min(end_ns, begin.value + 1)
    for day in kept_days(day_of(asked.start_ns), day_of(max(asked.start_ns, end_ns - 1)), newest_first=True):
        before_ns: int | None = end_ns
        while before_ns is not None:
            patience()
            parameters = {"project": asked.project_id, "day": day, "start_ns": asked.start_ns, "end_ns": before_ns}
            heads = db.fetch(_HEADS, {**parameters, "rows": rows}, _Head)
            yield heads
            before_ns = heads[-1].start_ns if len(heads) >= rows else None
            rows = min(2 * rows, 5_000)


_TRACES = sql.SQL("""
SELECT {columns}
FROM trace AS t
WHERE t.project = %(project)s
  AND t.session_id = %(session_id)s
  AND (t.start_ns, t.trace_id) > (%(after_value)s, %(after_id)s::uuid)
ORDER BY t.start_ns, t.trace_id
LIMIT %(rows)s
""").format(columns=sql.SQL(TRACE_COLUMNS))
_FIRST = cursors.Cursor(-1, "0" * 32)
_EVER = (0, 2**63 - 1)
MAX_ID_CHARS: Final = 256


def get_session(
    project_id: int, session_id: str, *, now_ns: int, limit: int = 200, cursor: str | None = None
) -> SessionDetail | None:
    """A session over all that is kept and its traces, oldest first. None: unknown. Raises CursorError."""
    if "\x00" in session_id or len(session_id) > MAX_ID_CHARS:
        return None  # no such id can be stored, and the database takes no NUL
    begin = cursors.decode(f"session{session_id}", cursor) or _FIRST
    parameters = {"project": project_id, "session_id": session_id, "now_ns": now_ns, "rows": limit + 1}
    parameters |= {"after_value": begin.value, "after_id": begin.id}
    with db.snapshot():
        sums = _find(_Asked(project_id, *_EVER), 1, [session_id])
        traces = db.fetch(_TRACES, parameters, TraceRow) if sums else []
    if not sums:
        return None
    more = len(traces) > limit
    last = cursors.Cursor(traces[limit - 1].start_ns, traces[limit - 1].trace_id) if more else None
    return SessionDetail(sums[0], traces[:limit], cursors.encode(f"session{session_id}", last) if last else None)
