"""Settle: what traces came to, recomputed from their spans a moment after they arrive.

One settler at a time for a project: without the lock two of them lose updates, the one with the older snapshot writing
last. Marks are read after the lock, in a later snapshot, and exactly those are deleted in the same transaction as what
was computed from them. So settling may be repeated, raced and killed anywhere: the numbers are those of the spans.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from tracestore import db, failpoints
from tracestore.settling import lock, recompute
from tracestore.settling_reads import Before, Mark, marked_projects, read_before, read_marks

MARKS_AT_ONCE = 4_000
SPANS_AT_ONCE = 20_000
REST_NS_A_SPAN = 100_000  # a trace of 100 000 spans is settled at most every 10 s
REST_MAX_NS = 60_000_000_000
BUDGET_S = 20.0  # of one run; the next tick goes on


@dataclass(frozen=True, slots=True)
class Summary:
    """traces, spans: settled in this run. left: marks were left for later (large traces at rest, or no time)."""

    traces: int
    spans: int
    left: bool


@dataclass(frozen=True, slots=True)
class Pass:
    """One transaction. last_mark: where the next one goes on; None: nothing is left behind it."""

    traces: int
    spans: int
    last_mark: int | None
    resting: bool


def run(now: datetime) -> Summary:
    """Settles what is marked, project by project, for at most BUDGET_S."""
    now_ns, stop_at = int(now.timestamp() * 1e9), time.monotonic() + BUDGET_S
    traces = spans = 0
    left = False
    with db.JOBS.connection(BUDGET_S + 120) as connection:
        for project_id in marked_projects(connection, "settle_mark"):
            after: int | None = 0
            while after is not None and time.monotonic() < stop_at:
                done = settle_some(connection, project_id, now_ns, after)
                after, traces, spans = done.last_mark, traces + done.traces, spans + done.spans
                left = left or done.resting
            left = left or after is not None
    return Summary(traces, spans, left)


def settle_some(
    connection: psycopg.Connection, project_id: int, now_ns: int, after: int = 0, *, rest: bool = True
) -> Pass:
    """Settles the traces of the next marks behind `after`, in one transaction of bounded size. rest: large ones may wait."""
    with connection.transaction():
        lock(connection, project_id)
        marks = read_marks(connection, project_id, after, MARKS_AT_ONCE)
        if not marks:
            return Pass(0, 0, None, resting=False)
        before = read_before(connection, project_id, {mark.trace_id for mark in marks})
        chosen, skipped = choose(marks, before if rest else {}, now_ns)
        traces, spans = recompute(connection, project_id, days_of(chosen, before), before, now_ns)
        connection.execute("DELETE FROM settle_mark WHERE project = %s AND id = ANY(%s)", [project_id, _ids(chosen)])
        failpoints.reach("settled")
    seen = len(chosen) + len(skipped)
    more = seen < len(marks) or len(marks) == MARKS_AT_ONCE
    return Pass(traces, spans, marks[seen - 1].id if more else None, resting=bool(skipped))


def choose(marks: Sequence[Mark], before: Mapping[bytes, Before], now_ns: int) -> tuple[list[Mark], list[Mark]]:
    """(to settle, at rest) of the first marks that fit into one transaction. A large trace rests in proportion to its size."""
    chosen: list[Mark] = []
    resting: list[Mark] = []
    spans = 0
    counted: set[bytes] = set()
    for mark in marks:
        was = before.get(mark.trace_id)
        if (
            was
            and now_ns - was.settled_ns < min(was.span_count * REST_NS_A_SPAN, REST_MAX_NS)
            and was.span_count > 1_000
        ):
            resting.append(mark)
            continue
        cost = mark.spans + (was.span_count if was and mark.trace_id not in counted else 0)
        if chosen and spans + cost > SPANS_AT_ONCE:
            break
        chosen.append(mark)
        counted.add(mark.trace_id)
        spans += cost
    return chosen, resting


def days_of(marks: Iterable[Mark], before: Mapping[bytes, Before]) -> dict[bytes, tuple[int, int]]:
    """The storage days of all spans of the marked traces."""
    days: dict[bytes, tuple[int, int]] = {}
    for mark in marks:
        was = days.get(mark.trace_id) or before.get(mark.trace_id)
        first, last = (was[0], was[1]) if was else (mark.first_day, mark.last_day)
        days[mark.trace_id] = (min(first, mark.first_day), max(last, mark.last_day))
    return days


def _ids(marks: Iterable[Mark]) -> list[int]:
    return [mark.id for mark in marks]
