"""What happened in one trace, span by span?"""

import threading
from dataclasses import dataclass, field
from operator import attrgetter

import msgspec

from tracestore import db
from tracestore.analysis.tree import Node, Row, Tree, arrange
from tracestore.queries import cursors
from tracestore.queries.spans import MERGE_ORDER, SpanRow, hex_id, spans_by_id
from tracestore.queries.trace_now import find_trace
from tracestore.queries.traces import TraceRow

MAX_SKELETON = 300_000


@dataclass(frozen=True, slots=True)
class TraceDetail:
    """One trace and a window of its spans, in start order (parents before their children at equal times).

    spans_total: all spans of the trace. next_cursor: the next window, None at the end. missing_parents: ids that spans
    name as their parent and that never arrived.
    """

    trace: TraceRow
    spans: list[SpanRow]
    spans_total: int
    next_cursor: str | None
    missing_parents: list[str] = field(default_factory=list)


_SKELETON = f"""
SELECT span_id, parent_span_id, start_ns, end_ns, status, operation
FROM (
  SELECT DISTINCT ON (s.span_id)
    s.span_id, s.parent_span_id, s.start_ns, s.end_ns, s.status, s.operation, s.received_ns
  FROM span AS s
  WHERE s.project = %(project)s AND s.trace_id = %(trace_id)s AND s.day BETWEEN %(first_day)s AND %(last_day)s
  ORDER BY s.span_id, {MERGE_ORDER}
) AS folded
ORDER BY received_ns, span_id
LIMIT %(rows)s
"""  # noqa: S608  # constants only
# Within a day the database holds a span once.
_SKELETON_OF_DAY = """
SELECT s.span_id, s.parent_span_id, s.start_ns, s.end_ns, s.status, s.operation
FROM span AS s
WHERE s.project = %(project)s AND s.trace_id = %(trace_id)s AND s.day = %(first_day)s
ORDER BY s.received_ns, s.span_id
LIMIT %(rows)s
"""


def trace_tree(project_id: int, trace: TraceRow) -> Tree:
    """Every span of a trace, folded to one record each, as a tree; at most MAX_SKELETON.

    The tree of a large trace that has settled is kept: it stays as it is until the trace is settled again.
    """
    key = (str(db.conninfo().get("dbname")), project_id, trace.trace_id, trace.written_by)
    found = _TREES.get(key) if trace.settled else None
    if found is None:
        found = arrange(_skeleton(project_id, trace))
        if trace.settled:
            _TREES.keep(key, found)
    return found


def _skeleton(project_id: int, trace: TraceRow) -> list[Node]:
    """In order of arrival."""
    parameters = {"project": project_id, "trace_id": trace.trace_id, "rows": MAX_SKELETON}
    parameters |= {"first_day": trace.first_day, "last_day": trace.last_day}
    query = _SKELETON_OF_DAY if trace.first_day == trace.last_day else _SKELETON
    return list(map(Node._make, db.fetch_tuples(query, parameters)))


class _Trees:
    """The trees of the large traces that were looked at last, by what they were made of."""

    FROM_LINES, LINES = 2_000, 110_000  # a line takes 350 B: 40 MB at most

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int, str, int], Tree] = {}

    def get(self, key: tuple[str, int, str, int]) -> Tree | None:
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found
            return found

    def keep(self, key: tuple[str, int, str, int], tree: Tree) -> None:
        if not self.FROM_LINES <= len(tree.rows) <= self.LINES:
            return
        with self._lock:
            self._kept[key] = tree
            while sum(len(one.rows) for one in self._kept.values()) > self.LINES:
                del self._kept[next(iter(self._kept))]


_TREES = _Trees()


def get_trace(
    project_id: int, trace_id: str, *, now_ns: int, spans_limit: int = 1_000, cursor: str | None = None
) -> TraceDetail | None:
    """A trace with the window of its spans that begins at the cursor. None: the project has no such trace.

    spans_limit: at most queries.spans.MAX_SPANS. Raises CursorError.
    """
    begin = cursors.decode(f"spans{trace_id}", cursor, "")
    with db.snapshot():
        trace = find_trace(project_id, trace_id, now_ns=now_ns)
        if trace is None:
            return None
        rows = trace_tree(project_id, trace).rows
        places = _in_start_order(rows)
        first = (begin.value or 0) if begin else 0
        window = places[first : first + spans_limit]
        ids = [place.span_id for place in window] if len(window) < len(places) else None
        days = (trace.first_day, trace.last_day)
        spans = {span.span_id: span for span in spans_by_id(project_id, trace_id, ids, days)}
    more = first + spans_limit < len(places)
    return TraceDetail(
        trace=trace,
        spans=[_placed(spans[hex_id(place.span_id)], place, rows) for place in window],
        spans_total=len(places),
        next_cursor=cursors.encode(f"spans{trace_id}", cursors.Cursor(first + spans_limit, "")) if more else None,
        missing_parents=[hex_id(row.span_id) for row in rows if row.missing],
    )


def _in_start_order(rows: list[Row]) -> list[Row]:
    """By start; the tree's own order (parents first, then arrival) where starts are equal."""
    return sorted((row for row in rows if not row.missing), key=_start)


_start = attrgetter("start_ns")


def _placed(span: SpanRow, place: Row, rows: list[Row]) -> SpanRow:
    orphan = place.parent is not None and rows[place.parent].missing
    return msgspec.structs.replace(
        span, depth=_depth(place, rows), children=place.children, descendants=place.descendants, orphan=orphan
    )


def _depth(place: Row, rows: list[Row]) -> int:
    """Depth below the nearest span that has no parent here: stand-ins of parents that never came do not count."""
    top = place
    while top.parent is not None:
        top = rows[top.parent]
    return place.depth - top.missing
