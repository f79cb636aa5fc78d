"""Which traces match, newest or slowest or dearest first?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node, free_text, terms
from tracestore.queries import cursors, search
from tracestore.queries.filter_targets import NEARBY_TRACE, SPAN_NAMES, TRACE
from tracestore.queries.filters import condition
from tracestore.queries.ranges import day_bounds, day_of, kept_days
from tracestore.queries.trace_sorts import SORTS, Among, Part, Sort, above_a_bound, parts
from tracestore.queries.traces import COLUMNS, TraceRow


@dataclass(frozen=True, slots=True)
class TracePage:
    """stopped: the search for a phrase has looked at as many traces as it may at once; next_cursor goes on from there."""

    items: list[TraceRow]
    next_cursor: str | None
    stopped: bool = False


_LIST = sql.SQL("""
SELECT {columns}
FROM trace AS t
WHERE t.project = %(project)s
  AND {days}
  AND t.start_ns >= %(start_ns)s
  AND t.start_ns < %(end_ns)s
  AND {matches}
  AND {condition}
ORDER BY {order}
LIMIT %(rows)s
""")
# One day is one partition, planned by what that day holds: a value that only last week knew is not sought in every row of
# today, and the newest page touches no other day.
_DAY = sql.SQL("t.day = {}")
# Several days in one statement, as a search asks: where one day does not fill a page, those beyond it are cheap together.
_OWN_DAYS = sql.SQL("t.day BETWEEN %(first_day)s AND %(last_day)s")
_BEST = sql.SQL("SELECT {columns} FROM ({days}) AS t ORDER BY {order} LIMIT %(rows)s")
# The same among the first few by some order only: what the filter costs is bounded, whatever the planner believes of it.
_AMONG = sql.SQL("""
SELECT {columns}
FROM (
  SELECT t.*, t.xmin
  FROM trace AS t
  WHERE t.project = %(project)s
    AND t.day BETWEEN %(first_day)s AND %(last_day)s
    AND t.start_ns >= %(start_ns)s
    AND t.start_ns < %(end_ns)s
    AND {among}
  ORDER BY {among_order}
  LIMIT %(among)s
) AS t
WHERE {matches} AND {condition}
ORDER BY {order}
LIMIT %(rows)s
""")
_HOW_MANY = sql.SQL("""
SELECT count(*) AS traces
FROM (
  SELECT
  FROM trace AS t
  WHERE t.project = %(project)s
    AND t.day BETWEEN %(first_day)s AND %(last_day)s
    AND t.start_ns >= %(start_ns)s
    AND t.start_ns < %(end_ns)s
    AND {among}
  ORDER BY {among_order}
  LIMIT %(among)s
) AS t
""")
_FEW = 1_000  # looked at one by one in 5 to 10 ms


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
    if filter is not None and free_text(filter):
        found = search.find(project_id, filter, question, begin, limit)
        return TracePage(found.rows, cursors.encode(f"traces{sort}", found.last) if found.last else None, found.stopped)
    rows = question.filtered(filter, begin, limit + 1)
    last = question.place(rows[limit - 1]) if len(rows) > limit else None
    return TracePage(rows[:limit], cursors.encode(f"traces{sort}", last) if last else None)


@dataclass(frozen=True, slots=True)
class _Question:
    """The list of a range in an order."""

    project_id: int
    start_ns: int
    end_ns: int
    now_ns: int
    order: Sort
    patience: Callable[[], None]

    @property
    def newest_first(self) -> bool | None:
        """None: not by start."""
        return self.order.descending if self.order.field == "start_ns" else None

    def within(self, start_ns: int, end_ns: int) -> "_Question":
        return replace(self, start_ns=start_ns, end_ns=end_ns)

    def filtered(self, filter: Node | None, begin: cursors.Cursor | None, limit: int) -> list[TraceRow]:
        """The first `limit` that match behind `begin`. Where few lie above a bound, those alone are looked at.

        The common name of a span is found in the nearest traces; the index gives a rare one, but all of its spans at once.
        """
        if filter is not None and self.newest_first is not None and any(t.field in SPAN_NAMES for t in terms(filter)):
            part = parts(self.order, begin)[0]
            nearest = Among(part.condition, part.order)
            near = self._among(condition(filter, NEARBY_TRACE), begin, part, limit, nearest)
            if len(near) >= limit:
                return near
        above = above_a_bound(filter) if self.newest_first is not None else None
        if above is not None and self._how_many(above) <= _FEW:
            return self._among(condition(filter, TRACE), begin, parts(self.order, begin)[0], limit, above)
        return self.rows(condition(filter, TRACE), begin, limit)

    def rows(
        self, matches: search.Matches, begin: cursors.Cursor | None, limit: int, how: search.How | None = None
    ) -> list[TraceRow]:
        """The first `limit` that match behind `begin`. how: as a search asks."""
        stretches = parts(self.order, begin)
        if self.newest_first is not None:
            if how is not None:
                return self._at_once(matches, begin, stretches[0], limit, how)
            return self._by_start(matches, begin, stretches[0], limit)
        days = kept_days(day_of(self.start_ns), day_of(self.end_ns - 1))
        found: list[TraceRow] = []
        for part in stretches:
            if len(found) < limit:
                found += self._best(matches, begin, part, days, limit - len(found), how)
        return found

    def place(self, row: TraceRow) -> cursors.Cursor:
        """Where a page that ends with this row goes on."""
        return cursors.Cursor(_value(self.order, row), row.trace_id)

    def _by_start(
        self, matches: search.Matches, begin: cursors.Cursor | None, part: Part, limit: int
    ) -> list[TraceRow]:
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
        days = [day for day in kept_days(first, last, newest_first=newest_first) if day != leading]
        for some in _in_growing_windows(days):
            if len(found) < limit:
                found += self._best(matches, begin, part, some, limit - len(found))
        return found

    def _ask(
        self, matches: search.Matches, begin: cursors.Cursor | None, part: Part, day: date, limit: int
    ) -> list[TraceRow]:
        where, values = matches
        query = _LIST.format(
            columns=sql.SQL(COLUMNS),
            days=_DAY.format(sql.Placeholder("day")),
            matches=where,
            condition=part.condition,
            order=part.order,
        )
        return self._fetch(query, self._bounds(begin, limit) | values | {"day": day} | _spans_since(day))

    def _best(
        self,
        matches: search.Matches,
        begin: cursors.Cursor | None,
        part: Part,
        days: Sequence[date],
        limit: int,
        how: search.How | None = None,
    ) -> list[TraceRow]:
        """The first of each day, and of those the first: one statement, whose rows become objects only at the end."""
        if not days:
            return []
        where, values = matches
        of_days = [
            _LIST.format(
                columns=sql.SQL("t.*, t.xmin"), days=_DAY.format(sql.Placeholder(f"day_{number}")), matches=where,
                condition=part.condition, order=part.order,
            )
            for number in range(len(days))
        ]  # fmt: skip
        union = sql.SQL(" UNION ALL ").join(sql.SQL("({})").format(one) for one in of_days)
        query = _BEST.format(columns=sql.SQL(COLUMNS), days=union, order=part.order)
        named = {f"day_{number}": day for number, day in enumerate(days)} | _spans_since(min(days))
        return self._fetch(query, self._bounds(begin, limit) | values | named, how)

    def _at_once(
        self, matches: search.Matches, begin: cursors.Cursor | None, part: Part, limit: int, how: search.How
    ) -> list[TraceRow]:
        if how.among is not None:
            return self._among(matches, begin, part, limit, Among(part.condition, part.order), how)
        where, values = matches
        query = _LIST.format(
            columns=sql.SQL(COLUMNS),
            days=_OWN_DAYS,
            matches=where,
            condition=part.condition,
            order=part.order,
        )
        return self._fetch(query, self._bounds(begin, limit) | values | self._own_days(), how)

    def _among(
        self,
        matches: search.Matches,
        begin: cursors.Cursor | None,
        part: Part,
        limit: int,
        among: Among,
        how: search.How | None = None,
    ) -> list[TraceRow]:
        """What matches of the first few by another order, or by its own."""
        where, values = matches
        query = _AMONG.format(
            columns=sql.SQL(COLUMNS), matches=where, condition=part.condition, order=part.order,
            among=among.condition, among_order=among.order,
        )  # fmt: skip
        bound = {"among": (how and how.among) or _FEW, "than": among.than}
        return self._fetch(query, self._bounds(begin, limit) | values | self._own_days() | bound, how)

    def _how_many(self, among: Among) -> int:
        """One more than _FEW at most."""
        query = _HOW_MANY.format(among=among.condition, among_order=among.order)
        self.patience()
        parameters = self._bounds(None, 0) | self._own_days() | {"among": _FEW + 1, "than": among.than}
        return int(db.fetch_tuples(query, parameters)[0][0])

    def _own_days(self) -> dict[str, date]:
        return {"first_day": day_of(self.start_ns), "last_day": day_of(self.end_ns - 1)}

    def _fetch(self, query: sql.Composed, parameters: dict[str, Any], how: search.How | None = None) -> list[TraceRow]:
        self.patience()
        return db.fetch(query, parameters, TraceRow, session=how.session if how else None)

    def _bounds(self, begin: cursors.Cursor | None, limit: int) -> dict[str, Any]:
        parameters: dict[str, Any] = day_bounds(self.start_ns, self.end_ns)
        parameters |= {"project": self.project_id, "start_ns": self.start_ns, "end_ns": self.end_ns}
        parameters |= {"now_ns": self.now_ns, "rows": limit}
        return parameters | ({"after_value": begin.value, "after_id": begin.id} if begin else {})


def _spans_since(day: date) -> dict[str, date]:
    """The parameter first_day of a filter: no span of a trace of the day, or of its texts, is stored before."""
    return {"first_day": day_bounds(ns := (day - date(1970, 1, 1)).days * search.DAY_NS, ns + 1)["first_day"]}


def _in_growing_windows(days: Sequence[date]) -> Iterator[Sequence[date]]:
    """1, 1, 4, 16, ... days: the last day may have just begun, and where two days do not fill a page many are cheap together."""
    first, size = 0, 1
    while first < len(days):
        yield days[first : first + size]
        first, size = first + size, size if not first else 4 * size


def _value(order: Sort, row: TraceRow) -> int | None:
    if order.field != "tokens":
        return getattr(row, order.field)  # type: ignore[no-any-return]
    if row.input_tokens is None and row.output_tokens is None:
        return None
    return (row.input_tokens or 0) + (row.output_tokens or 0)
