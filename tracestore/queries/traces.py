"""Which traces match, newest or slowest or dearest first, and what is the sum of one?"""

from collections.abc import Callable, Sequence
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
    background has not reached it yet (lists show settled traces only). written_by: the transaction that settled it.
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
    written_by: int = 0


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
  t.xmin::text::bigint AS written_by"""


# One day is one partition, planned by what that day holds: a value that only last week knew is not sought in every row of
# today, and the newest page touches no other day.
_OF_DAY = sql.SQL("""
SELECT {columns}
FROM trace AS t
WHERE t.project = %(project)s
  AND t.day = {day}
  AND t.start_ns >= %(start_ns)s
  AND t.start_ns < %(end_ns)s
  AND {matches}
  AND {condition}
ORDER BY {order}
LIMIT %(rows)s
""")
_BEST = sql.SQL("SELECT {columns} FROM ({days}) AS t ORDER BY {order} LIMIT %(rows)s")


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
    question = _Question(project_id, start_ns, end_ns, now_ns, SORTS[sort], db.patience())
    begin = cursors.decode(f"traces{sort}", cursor)
    found = question.rows(condition(filter, TRACE), begin, limit + 1)
    if len(found) <= limit:
        return TracePage(found, None)
    return TracePage(found[:limit], cursors.encode(f"traces{sort}", question.place(found[limit - 1])))


Matches = tuple[sql.Composable, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Question:
    """The list of a range in an order."""

    project_id: int
    start_ns: int
    end_ns: int
    now_ns: int
    order: Sort
    patience: Callable[[], None]

    def rows(self, matches: Matches, begin: cursors.Cursor | None, limit: int) -> list[TraceRow]:
        """The first `limit` that match behind `begin`."""
        stretches = parts(self.order, begin)
        if self.order.field == "start_ns":
            return self._by_start(matches, begin, stretches[0], limit)
        days = kept_days(day_of(self.start_ns), day_of(self.end_ns - 1))
        found: list[TraceRow] = []
        for part in stretches:
            if len(found) < limit:
                found += self._best(matches, begin, part, days, limit - len(found))
        return found

    def place(self, row: TraceRow) -> cursors.Cursor:
        """Where a page that ends with this row goes on."""
        return cursors.Cursor(_value(self.order, row), row.trace_id)

    def _by_start(self, matches: Matches, begin: cursors.Cursor | None, part: Part, limit: int) -> list[TraceRow]:
        """Day by day until there are enough. A trace lies under the day of its start: days in order are starts in order."""
        start_ns, end_ns, newest_first = self.start_ns, self.end_ns, self.order.descending
        if begin is not None and begin.value is not None:
            start_ns = start_ns if newest_first else max(start_ns, begin.value)
            end_ns = min(end_ns, begin.value + 1) if newest_first else end_ns
        first, last = day_of(start_ns), day_of(max(start_ns, end_ns - 1))
        leading = last if newest_first else first
        found = self._ask(matches, begin, part, leading, limit)
        if len(found) >= limit or first == last:
            return found
        for day in kept_days(first, last, newest_first=newest_first):
            if day != leading and len(found) < limit:
                found += self._ask(matches, begin, part, day, limit - len(found))
        return found

    def _ask(self, matches: Matches, begin: cursors.Cursor | None, part: Part, day: date, limit: int) -> list[TraceRow]:
        self.patience()
        where, values = matches
        query = _OF_DAY.format(
            columns=sql.SQL(COLUMNS),
            day=sql.Placeholder("day"),
            matches=where,
            condition=part.condition,
            order=part.order,
        )
        return db.fetch(query, self._parameters(begin, limit) | values | {"day": day}, TraceRow)

    def _best(
        self, matches: Matches, begin: cursors.Cursor | None, part: Part, days: Sequence[date], limit: int
    ) -> list[TraceRow]:
        """The first of each day, and of those the first: one statement, whose rows become objects only at the end."""
        if not days:
            return []
        self.patience()
        where, values = matches
        of_days = [
            _OF_DAY.format(
                columns=sql.SQL("t.*, t.xmin"), day=sql.Placeholder(f"day_{number}"), matches=where,
                condition=part.condition, order=part.order,
            )
            for number in range(len(days))
        ]  # fmt: skip
        union = sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(one) for one in of_days)
        query = _BEST.format(columns=sql.SQL(COLUMNS), days=union, order=part.order)
        parameters = self._parameters(begin, limit) | values
        return db.fetch(query, parameters | {f"day_{number}": day for number, day in enumerate(days)}, TraceRow)

    def _parameters(self, begin: cursors.Cursor | None, limit: int) -> dict[str, Any]:
        parameters = day_bounds(self.start_ns, self.end_ns) | {"project": self.project_id, "now_ns": self.now_ns}
        parameters |= {"start_ns": self.start_ns, "end_ns": self.end_ns, "rows": limit}
        return parameters | ({"after_value": begin.value, "after_id": begin.id} if begin else {})


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
