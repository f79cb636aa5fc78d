"""Which traces match, newest or slowest or dearest first, and what is the sum of one?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node, free_text
from tracestore.queries import cursors, search
from tracestore.queries.filter_targets import TRACE
from tracestore.queries.filters import condition
from tracestore.queries.ranges import day_bounds


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One trace. Ids are lower-case hex; times and durations nanoseconds; money integer nano-USD; None = unknown.

    status: 0 unset, 1 ok, 2 error. settled: False while the row was computed just now from the spans, because the
    background has not reached it yet (lists show settled traces only).
    """

    trace_id: str
    day: date
    start_ns: int
    end_ns: int
    duration_ns: int
    root_span_id: str | None
    name: str
    operation: str
    service: str
    service_version: str | None
    environment: str | None
    status: int
    error_type: str | None
    span_count: int
    error_count: int
    llm_calls: int
    llm_errors: int
    embedding_calls: int
    tool_calls: int
    tool_errors: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    embedding_tokens: int | None
    cost_nanousd: int | None
    unpriced_calls: int
    ttft_ns: int | None
    session_id: str | None
    user_id: str | None
    tenant_id: str | None
    services: list[str]
    models: list[str]
    environments: list[str]
    versions: list[str]
    version_sets: list[str]
    tools: list[str]
    operations: list[str]
    attrs: dict[str, Any]
    first_day: date
    last_day: date
    complete: bool
    flags: int
    settled: bool = True


@dataclass(frozen=True, slots=True)
class TracePage:
    """stopped: the search for a phrase has looked at as many traces as it may at once; next_cursor goes on from there."""

    items: list[TraceRow]
    next_cursor: str | None
    stopped: bool = False


# trace AS t, parameter now_ns
COLUMNS: Final = """
  replace(t.trace_id::text, '-', '') AS trace_id, t.day, t.start_ns, t.end_ns, t.duration_ns,
  lpad(to_hex(t.root_span_id), 16, '0') AS root_span_id, t.name, t.operation, t.service, t.service_version,
  t.environment, t.status, t.error_type, t.span_count, t.error_count, t.llm_calls, t.llm_errors, t.embedding_calls,
  t.tool_calls, t.tool_errors, t.input_tokens, t.output_tokens, t.cache_read_tokens, t.cache_creation_tokens,
  t.reasoning_tokens, t.embedding_tokens, t.cost_nanousd, t.unpriced_calls, t.ttft_ns, t.session_id, t.user_id,
  t.tenant_id, t.services, t.models, t.environments, t.versions,
  ARRAY(SELECT replace(one::text, '-', '') FROM unnest(t.version_sets) AS one) AS version_sets, t.tools, t.operations,
  t.attrs, t.first_day, t.last_day, coalesce(t.complete_from_ns <= %(now_ns)s, FALSE) AS complete, t.flags"""


@dataclass(frozen=True, slots=True)
class _Sort:
    """key: what is ordered by. nullable: rows without it come last, in either direction."""

    key: sql.SQL
    field: str
    descending: bool
    nullable: bool = False


_TOKENS = sql.SQL(
    "CASE WHEN t.input_tokens IS NULL AND t.output_tokens IS NULL THEN NULL"
    " ELSE coalesce(t.input_tokens, 0) + coalesce(t.output_tokens, 0) END"
)
_KEYS = {
    "start": (sql.SQL("t.start_ns"), "start_ns", False),
    "duration": (sql.SQL("t.duration_ns"), "duration_ns", False),
    "cost": (sql.SQL("t.cost_nanousd"), "cost_nanousd", True),
    "errors": (sql.SQL("t.error_count"), "error_count", False),
    "tokens": (_TOKENS, "tokens", True),
}
SORTS: Mapping[str, _Sort] = {
    f"{sign}{name}": _Sort(key, field, sign == "-", nullable)
    for name, (key, field, nullable) in _KEYS.items()
    for sign in ("-", "")
}

_FIND = sql.SQL("""
SELECT {columns}
FROM trace AS t
WHERE t.project = %(project)s
  AND t.day BETWEEN %(first_day)s AND %(last_day)s
  AND t.start_ns >= %(start_ns)s
  AND t.start_ns < %(end_ns)s
  AND {matches}
  AND {after}
ORDER BY {order}
LIMIT %(rows)s
""")


# The same among the first few of the range only: what the filter costs is bounded, whatever the planner believes of it.
_FIND_AMONG = sql.SQL("""
SELECT {columns}
FROM (
  SELECT *
  FROM trace AS t
  WHERE t.project = %(project)s
    AND t.day BETWEEN %(first_day)s AND %(last_day)s
    AND t.start_ns >= %(start_ns)s
    AND t.start_ns < %(end_ns)s
    AND {after}
  ORDER BY {order}
  LIMIT %(among)s
) AS t
WHERE {matches}
ORDER BY {order}
LIMIT %(rows)s
""")


def find_traces(
    project_id: int,
    start_ns: int,
    end_ns: int,
    *,
    now_ns: int,
    filter: Node | None = None,
    sort: str = "-start",
    limit: int = 50,
    cursor: str | None = None,
) -> TracePage:
    """A page of the traces that started in [start_ns, end_ns) and match.

    sort: a key of SORTS; unknown cost or tokens come last. Raises CursorError; psycopg QueryCanceled past 5 s.
    """
    question = _Question(project_id, start_ns, end_ns, now_ns, SORTS[sort])
    begin = cursors.decode(f"traces{sort}", cursor)
    if filter is not None and free_text(filter):
        found = search.find(project_id, filter, question, begin, limit)
        return TracePage(found.rows, cursors.encode(f"traces{sort}", found.last) if found.last else None, found.stopped)
    rows = question.rows(condition(filter, TRACE), begin, limit + 1)
    last = question.place(rows[limit - 1]) if len(rows) > limit else None
    return TracePage(rows[:limit], cursors.encode(f"traces{sort}", last) if last else None)


@dataclass(frozen=True, slots=True)
class _Question:
    """The list of a range in an order. more_days: how far rows may lie from the days of the range."""

    project_id: int
    start_ns: int
    end_ns: int
    now_ns: int
    order: _Sort
    more_days: int = 1

    @property
    def newest_first(self) -> bool | None:
        return self.order.descending if self.order.field == "start_ns" else None

    def within(self, start_ns: int, end_ns: int) -> "_Question":
        return replace(self, start_ns=start_ns, end_ns=end_ns, more_days=0)

    def rows(
        self, matches: search.Matches, begin: cursors.Cursor | None, limit: int, how: search.How | None = None
    ) -> list[TraceRow]:
        """The first `limit` behind `begin`. how: as a search asks, in full only among so many."""
        where, values = matches
        parts = {"columns": sql.SQL(COLUMNS), "matches": where, "after": _after(self.order, begin)}
        parameters = values | day_bounds(self.start_ns, self.end_ns, self.more_days, self.more_days)
        parameters |= {"project": self.project_id, "start_ns": self.start_ns, "end_ns": self.end_ns}
        parameters |= {"now_ns": self.now_ns, "rows": limit}
        parameters |= {"after_value": begin.value, "after_id": begin.id} if begin else {}
        if how is None:
            return db.fetch(_FIND.format(order=_order(self.order), **parts), parameters, TraceRow)
        find = _FIND if how.among is None else _FIND_AMONG
        return db.fetch(
            find.format(order=_order(self.order), **parts),
            parameters | {"among": how.among},
            TraceRow,
            session=how.session,
        )

    def place(self, row: TraceRow) -> cursors.Cursor:
        return cursors.Cursor(_value(self.order, row), row.trace_id)


def _value(order: _Sort, row: TraceRow) -> int | None:
    if order.field != "tokens":
        return getattr(row, order.field)  # type: ignore[no-any-return]
    if row.input_tokens is None and row.output_tokens is None:
        return None
    return (row.input_tokens or 0) + (row.output_tokens or 0)


def _order(order: _Sort) -> sql.Composable:
    """Ids run against the key's direction, as in the index (project, start_ns DESC, trace_id), read either way."""
    text = "{} DESC {}, t.trace_id" if order.descending else "{} {}, t.trace_id DESC"
    return sql.SQL(text).format(order.key, sql.SQL("NULLS LAST" if order.nullable else ""))


def _after(order: _Sort, cursor: cursors.Cursor | None) -> sql.Composable:
    if cursor is None:
        return sql.SQL("TRUE")
    further = sql.SQL("<" if order.descending else ">")
    same = sql.SQL("t.trace_id {} %(after_id)s::uuid").format(sql.SQL(">" if order.descending else "<"))
    if cursor.value is None:
        return sql.SQL("({} IS NULL AND {})").format(order.key, same)
    ahead = sql.SQL(
        "({key} {further}= %(after_value)s::bigint AND ({key} {further} %(after_value)s::bigint OR {same}))"
    )
    known = ahead.format(key=order.key, further=further, same=same)
    return sql.SQL("({} OR {} IS NULL)").format(known, order.key) if order.nullable else known


_ONE = sql.SQL("""
SELECT {columns}, NOT EXISTS (
  SELECT FROM settle_mark AS m WHERE m.project = %(project)s AND m.trace_id = %(trace_id)s
) AS settled
FROM trace AS t
WHERE t.project = %(project)s AND t.trace_id = %(trace_id)s
ORDER BY t.settled_ns DESC
LIMIT 1
""").format(columns=sql.SQL(COLUMNS))


def settled_trace(project_id: int, trace_id: str, now_ns: int) -> TraceRow | None:
    """What the background has made of a trace; settled = False when spans came since."""
    return db.fetch_one(_ONE, {"project": project_id, "trace_id": trace_id, "now_ns": now_ns}, TraceRow)
