"""Which traces hold these words? The index of texts says which may, the texts themselves whether a phrase stands there.

The index knows the words of a trace, not where they stand, so a phrase is looked up in the texts of the traces that hold all
its words. By time, days are walked until the page is full: a common word is answered by a day or two, a rare one by few rows.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, Protocol, Self, TypeVar

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node, Term, free_text, negation_inwards
from tracestore.analysis.text_terms import folded, loosened, sought_by
from tracestore.analysis.words import Wanted, holds
from tracestore.queries.cursors import Cursor
from tracestore.queries.filter_targets import NEARBY_TRACE, TRACE
from tracestore.queries.filters import Parameters, Target, condition
from tracestore.queries.trace_texts import PROBES, TraceText, read_logs, read_spans, read_texts, texts_said

LOOKED_UP_AT_ONCE, LOOKED_UP_AT_MOST = 60, 240  # twice as many each time: one statement reads them all
LOOK_UP_S = 0.5  # of one page; the next page goes on
DAY_NS = 86_400_000_000_000

Matches = tuple[sql.Composable, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class How:
    """How a list is asked for. session: settings of the server. among: only this many of its first rows are looked at."""

    session: Mapping[str, str]
    among: int | None = None


PLAIN = How({"max_parallel_workers_per_gather": "0"})  # starting workers takes longer than the answer
NEAREST = How(PLAIN.session, among=1_000)


class Row(Protocol):
    """What is needed of a row of a list of traces."""

    @property
    def trace_id(self) -> str: ...
    @property
    def first_day(self) -> date: ...
    @property
    def last_day(self) -> date: ...
    @property
    def attrs(self) -> Mapping[str, Any]: ...


R = TypeVar("R", bound=Row)


class Question(Protocol[R]):
    """A list of traces in an order. newest_first: None = not by start, so that days cannot be walked."""

    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...
    @property
    def newest_first(self) -> bool | None: ...
    def within(self, start_ns: int, end_ns: int) -> Self: ...
    def rows(self, matches: Matches, begin: Cursor | None, limit: int, how: How | None = None) -> list[R]: ...
    def place(self, row: R) -> Cursor: ...


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """A page. last: where the next one begins, None when there is none. stopped: the page is short because looking up ended."""

    rows: list[R]
    last: Cursor | None
    stopped: bool = False


def find(project_id: int, node: Node, question: Question[R], begin: Cursor | None, limit: int) -> Found[R]:
    """A page of at most `limit` traces. Raises psycopg QueryCanceled past 5 s."""
    if any(sought_by(term).is_phrase for term in free_text(node)):
        return _looked_up(project_id, node, question, begin, limit)
    rows = _candidates(question, negation_inwards(node), begin, limit + 1)
    return Found(rows[:limit], question.place(rows[limit - 1]) if len(rows) > limit else None)


# --- by days --------------------------------------------------------------------------------------------------------------


def _candidates(question: Question[R], node: Node | None, begin: Cursor | None, limit: int) -> list[R]:
    """Common words fill a page from the nearest traces. Any other has few rows a day, which the index of words gives."""
    matches = condition(node and folded(node), TRACE)
    if question.newest_first is None:
        return question.rows(matches, begin, limit, PLAIN)
    days = list(windows(question.start_ns, question.end_ns, question.newest_first, begin))
    near = [time_ns for window in days[:2] for time_ns in window]  # the first day may have just begun
    nearest = (
        question.within(min(near), max(near)).rows(condition(node, NEARBY_TRACE), begin, limit, NEAREST) if near else []
    )
    if len(nearest) >= limit:
        return nearest
    found: list[R] = []
    for window in days:
        found += question.within(*window).rows(matches, begin, limit - len(found), PLAIN)
        if len(found) >= limit:
            break
    return found


def windows(start_ns: int, end_ns: int, newest_first: bool, begin: Cursor | None) -> Iterator[tuple[int, int]]:
    """The range from where a page begins, in whole days: one, then 4, 16, 64. A trace lies under the day of its start.

    Where a day does not fill a page, the days beyond it are cheap together.
    """
    days = 1
    if begin is not None and begin.value is not None:
        start_ns, end_ns = (
            (start_ns, min(end_ns, begin.value + 1)) if newest_first else (max(start_ns, begin.value), end_ns)
        )
    while start_ns < end_ns:
        if newest_first:
            middle = max(start_ns, ((end_ns - 1) // DAY_NS + 1 - days) * DAY_NS)
            yield middle, end_ns
            end_ns = middle
        else:
            middle = min(end_ns, (start_ns // DAY_NS + days) * DAY_NS)
            yield start_ns, middle
            start_ns = middle
        days *= 4


# --- phrases --------------------------------------------------------------------------------------------------------------


def _looked_up(project_id: int, node: Node, question: Question[R], begin: Cursor | None, limit: int) -> Found[R]:
    """Traces that may match, more and more at a time, until the page is full or the time is up."""
    stop_at, at_once = time.monotonic() + LOOK_UP_S, LOOKED_UP_AT_ONCE
    possible = loosened(negation_inwards(node))
    kept: list[R] = []
    while True:
        rows = _candidates(question, possible, begin, at_once)
        kept += _exactly(project_id, node, rows)
        if len(kept) > limit:
            return Found(kept[:limit], question.place(kept[limit - 1]))
        if len(rows) < at_once:
            return Found(kept, None)
        begin = question.place(rows[-1])
        if time.monotonic() > stop_at:
            return Found(kept, begin, stopped=True)
        at_once = min(2 * at_once, LOOKED_UP_AT_MOST)


_EXACT = sql.SQL("""
SELECT replace(t.trace_id::text, '-', '') AS trace_id
FROM trace AS t
WHERE t.project = %(project)s
  AND t.trace_id = ANY (%(traces)s::uuid[])
  AND t.day BETWEEN %(first_day)s AND %(last_day)s
  AND {matches}
""")


@dataclass(frozen=True, slots=True)
class _Id:
    trace_id: str


def _exactly(project_id: int, node: Node, rows: Sequence[R]) -> list[R]:
    """Those rows that match when each phrase is true where it stands."""
    if not rows:
        return []
    matches, values = condition(node, _with_phrases(_holders(project_id, node, rows)))
    values |= {"project": project_id, "traces": [row.trace_id for row in rows]}
    values |= {"first_day": min(row.first_day for row in rows), "last_day": max(row.last_day for row in rows)}
    exact = {found.trace_id for found in db.fetch(_EXACT.format(matches=matches), values, _Id, session=PLAIN.session)}
    return [row for row in rows if row.trace_id in exact]


def _with_phrases(holders: Mapping[Wanted, list[str]]) -> Target:
    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        if sought_by(term) not in holders:
            return TRACE["text"](term, parameters)
        return sql.SQL("t.trace_id = ANY ({}::uuid[])").format(parameters.add(holders[sought_by(term)]))

    return {**TRACE, "text": ask}


def _holders(project_id: int, node: Node, rows: Sequence[R]) -> dict[Wanted, list[str]]:
    """Phrase -> ids of those traces in whose texts it stands."""
    phrases = {sought for term in free_text(node) if (sought := sought_by(term)).is_phrase}
    attrs = {bytes.fromhex(row.trace_id): row.attrs for row in rows}
    first, last = min(row.first_day for row in rows), max(row.last_day for row in rows)
    with db.connection() as connection, connection.transaction():
        connection.execute(PROBES)
        spans = read_spans(connection, project_id, attrs, first, last)
        logs = read_logs(connection, project_id, attrs, first, last)
        said = read_texts(connection, project_id, spans, logs, attrs)
        of_trace = texts_said(connection, project_id, said.values())
    found: dict[Wanted, list[str]] = {phrase: [] for phrase in phrases}
    for trace_id, trace in said.items():
        for phrase in _held(trace, phrases, of_trace):
            found[phrase].append(trace_id.hex())
    return found


def _held(trace: TraceText, phrases: set[Wanted], of_trace: Callable[[TraceText], Iterator[str]]) -> set[Wanted]:
    held: set[Wanted] = set()
    for text in of_trace(trace):
        held |= {phrase for phrase in phrases - held if holds(text, phrase)}
        if held == phrases:
            break
    return held
