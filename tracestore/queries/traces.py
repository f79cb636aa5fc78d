"""Which traces match, newest or slowest or dearest first, and what is the sum of one?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.queries import cursors
from tracestore.queries.filter_targets import TRACE
from tracestore.queries.filters import condition
from tracestore.queries.ranges import EVER, day_bounds, day_of, kept_days
from tracestore.queries.trace_sorts import SORTS, Part, Sort, parts


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
    settled_ns: int = 0


@dataclass(frozen=True, slots=True)
class TracePage:
    items: list[TraceRow]
    next_cursor: str | None


# trace AS t, parameter now_ns
COLUMNS: Final = """
  replace(t.trace_id::text, '-', '') AS trace_id, t.day, t.start_ns, t.end_ns, t.duration_ns,
  lpad(to_hex(t.root_span_id), 16, '0') AS root_span_id, t.name, t.operation, t.service, t.service_version,
  t.environment, t.status, t.error_type, t.span_count, t.error_count, t.llm_calls, t.llm_errors, t.embedding_calls,
  t.tool_calls, t.tool_errors, t.input_tokens, t.output_tokens, t.cache_read_tokens, t.cache_creation_tokens,
  t.reasoning_tokens, t.embedding_tokens, t.cost_nanousd, t.unpriced_calls, t.ttft_ns, t.session_id, t.user_id,
  t.tenant_id, t.services, t.models, t.environments, t.versions,
  ARRAY(SELECT replace(one::text, '-', '') FROM unnest(t.version_sets) AS one) AS version_sets, t.tools, t.operations,
  t.attrs, t.first_day, t.last_day, coalesce(t.complete_from_ns <= %(now_ns)s, FALSE) AS complete, t.flags,
  t.settled_ns"""


# One day is one partition, planned by what that day holds: a value that only last week knew is not sought in every row of
# today, and the newest page touches no other day.
_OF_DAY = sql.SQL("""(
SELECT t.*
FROM trace AS t
WHERE t.project = %(project)s
  AND t.day = {day}
  AND t.start_ns >= %(start_ns)s
  AND t.start_ns < %(end_ns)s
  AND {matches}
  AND {condition}
ORDER BY {order}
LIMIT %(rows)s
)""")
_FIND = sql.SQL("SELECT {columns} FROM ({days}) AS t ORDER BY {order} LIMIT %(rows)s")


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

    sort: a key of SORTS; unknown cost or tokens come last. Raises CursorError; psycopg QueryCanceled past 5 s a statement.
    """
    order = SORTS[sort]
    begin = cursors.decode(f"traces{sort}", cursor)
    matches, values = condition(filter, TRACE)
    parameters = values | day_bounds(start_ns, end_ns)
    parameters |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "now_ns": now_ns}
    parameters |= {"after_value": begin.value, "after_id": begin.id} if begin else {}
    read = _by_start if order.field == "start_ns" else _by_key
    found = read(_Asked(order, begin, matches, parameters), limit + 1)
    if len(found) <= limit:
        return TracePage(found, None)
    last = cursors.Cursor(_value(order, found[limit - 1]), found[limit - 1].trace_id)
    return TracePage(found[:limit], cursors.encode(f"traces{sort}", last))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a list was asked. parameters: of the statements, all but how many rows."""

    order: Sort
    begin: cursors.Cursor | None
    matches: sql.Composable
    parameters: Mapping[str, Any]


def _by_start(asked: _Asked, rows: int) -> list[TraceRow]:
    """Day by day until there are enough. A trace lies under the day of its start, so days in order are starts in order."""
    (part,) = parts(asked.order, asked.begin)
    start_ns, end_ns = asked.parameters["start_ns"], asked.parameters["end_ns"]
    here = asked.begin.value if asked.begin else None
    if here is not None:
        start_ns, end_ns = (
            (start_ns, min(end_ns, here + 1)) if asked.order.descending else (max(start_ns, here), end_ns)
        )
    first, last = day_of(start_ns), day_of(max(start_ns, end_ns - 1))
    leading = last if asked.order.descending else first
    found = _ask(asked, part, [leading], rows)
    if len(found) >= rows or first == last:
        return found
    for day in kept_days(first, last, newest_first=asked.order.descending):
        if day != leading and len(found) < rows:
            found += _ask(asked, part, [day], rows - len(found))
    return found


def _by_key(asked: _Asked, rows: int) -> list[TraceRow]:
    """The best of every day, and the best of those."""
    days = kept_days(day_of(asked.parameters["start_ns"]), day_of(asked.parameters["end_ns"] - 1))
    found: list[TraceRow] = []
    for part in parts(asked.order, asked.begin):
        if len(found) < rows:
            found += _ask(asked, part, days, rows - len(found))
    return found


def _ask(asked: _Asked, part: Part, days: Sequence[date], rows: int) -> list[TraceRow]:
    if not days:
        return []
    of_days = [
        _OF_DAY.format(day=sql.Literal(day), matches=asked.matches, condition=part.condition, order=part.order)
        for day in days
    ]
    query = _FIND.format(columns=sql.SQL(COLUMNS), days=sql.SQL(" UNION ALL ").join(of_days), order=part.order)
    return db.fetch(query, {**asked.parameters, "rows": rows}, TraceRow)


def _value(order: Sort, row: TraceRow) -> int | None:
    if order.field != "tokens":
        return getattr(row, order.field)  # type: ignore[no-any-return]
    if row.input_tokens is None and row.output_tokens is None:
        return None
    return (row.input_tokens or 0) + (row.output_tokens or 0)


_ONE = sql.SQL("""
SELECT {columns}, NOT EXISTS (
  SELECT FROM settle_mark AS m WHERE m.project = %(project)s AND m.trace_id = %(trace_id)s
) AS settled
FROM trace AS t
WHERE t.project = %(project)s AND t.trace_id = %(trace_id)s AND t.day BETWEEN %(first_day)s AND %(last_day)s
ORDER BY t.settled_ns DESC
LIMIT 1
""").format(columns=sql.SQL(COLUMNS))


def settled_trace(project_id: int, trace_id: str, now_ns: int, day: date | None = None) -> TraceRow | None:
    """What the background has made of a trace; settled = False when spans came since. day: where it should be."""
    parameters = {"project": project_id, "trace_id": trace_id, "now_ns": now_ns}
    if day is not None:
        found = db.fetch_one(_ONE, {**parameters, "first_day": day, "last_day": day}, TraceRow)
        if found is not None:
            return found
    return db.fetch_one(_ONE, {**parameters, "first_day": EVER[0], "last_day": EVER[1]}, TraceRow)
