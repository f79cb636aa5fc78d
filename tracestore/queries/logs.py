"""Which log records match?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.payload import decode_value
from tracestore.queries import cursors
from tracestore.queries.filter_targets import LOG
from tracestore.queries.filters import condition
from tracestore.queries.ranges import day_bounds


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log record. id: 32 hex digits. severity: OTLP 0-24. body: with its types; body_text: <= 256 characters."""

    id: str
    day: date
    time_ns: int
    received_ns: int
    trace_id: str | None
    span_id: str | None
    severity: int
    severity_text: str | None
    event_name: str | None
    service: str
    environment: str | None
    body_text: str | None
    flags: int
    body: Any
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogPage:
    items: list[LogRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Stored:
    id: str
    day: date
    time_ns: int
    received_ns: int
    trace_id: str | None
    span_id: str | None
    severity: int
    severity_text: str | None
    event_name: str | None
    service: str
    environment: str | None
    body_text: str | None
    flags: int
    packed: bytes


_COLUMNS: Final = """
  replace(l.hash::text, '-', '') AS id, l.day, l.time_ns, l.received_ns, replace(l.trace_id::text, '-', '') AS trace_id,
  lpad(to_hex(l.span_id), 16, '0') AS span_id, l.severity, l.severity_text, l.event_name, l.service, l.environment,
  l.body_text, l.flags, l.body AS packed"""

_FIND = sql.SQL("""
SELECT {columns}
FROM log_record AS l
WHERE l.project = %(project)s
  AND l.day BETWEEN %(first_day)s AND %(last_day)s
  AND l.time_ns >= %(start_ns)s
  AND l.time_ns < %(end_ns)s
  AND (%(trace_id)s::uuid IS NULL OR l.trace_id = %(trace_id)s::uuid)
  AND {matches}
  AND {after}
ORDER BY l.time_ns DESC, l.hash
LIMIT %(rows)s
""")
_AFTER = sql.SQL("l.time_ns <= %(after_value)s AND (l.time_ns < %(after_value)s OR l.hash > %(after_id)s::uuid)")


def find_logs(
    project_id: int,
    start_ns: int,
    end_ns: int,
    *,
    filter: Node | None = None,  # the word of the contract
    trace_id: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> LogPage:
    """A page of the records of [start_ns, end_ns), newest first. Raises CursorError; psycopg QueryCanceled past 5 s."""
    begin = cursors.decode("logs", cursor)
    matches, values = condition(filter, LOG)
    after = _AFTER if begin and begin.value is not None else sql.SQL("TRUE")
    parameters = values | day_bounds(start_ns, end_ns)
    parameters |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "trace_id": trace_id}
    parameters |= {"rows": limit + 1, **({"after_value": begin.value, "after_id": begin.id} if begin else {})}
    query = _FIND.format(columns=sql.SQL(_COLUMNS), matches=matches, after=after)
    found = db.fetch(query, parameters, _Stored)
    items = [_row(stored) for stored in found[:limit]]
    if len(found) <= limit:
        return LogPage(items, None)
    return LogPage(items, cursors.encode("logs", cursors.Cursor(items[-1].time_ns, items[-1].id)))


_OF_SPAN = sql.SQL("""
SELECT {columns}
FROM log_record AS l
WHERE l.project = %(project)s AND l.trace_id = %(trace_id)s AND l.span_id = %(span_id)s
ORDER BY l.time_ns, l.hash
LIMIT %(rows)s
""").format(columns=sql.SQL(_COLUMNS))


def logs_of_span(project_id: int, trace_id: str, span_id: int, limit: int = 1_000) -> list[LogRow]:
    """The records that name a span, oldest first."""
    parameters = {"project": project_id, "trace_id": trace_id, "span_id": span_id, "rows": limit}
    return [_row(stored) for stored in db.fetch(_OF_SPAN, parameters, _Stored)]


def _row(stored: _Stored) -> LogRow:
    known = {name: getattr(stored, name) for name in _Stored.__dataclass_fields__ if name != "packed"}
    return LogRow(**known, **_unpack(stored.packed))


def _unpack(packed: bytes) -> Mapping[str, Any]:
    body, attributes, *_ = decode_value(packed)
    return {"body": body, "attributes": attributes}
