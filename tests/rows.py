"""Rows put straight into the signal tables, for tests of the reads: what a test does not name gets a harmless value."""

import itertools
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from tracestore import db

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
NOW_NS = int(NOW.timestamp()) * 10**9
DAY_NS = 86_400 * 10**9
_numbers = itertools.count(1)
_HARMLESS = {
    "text": "",
    "date": NOW.date(),
    "jsonb": "{}",
    "ARRAY": [],
    "boolean": False,
    "bytea": b"",
    "uuid": "0" * 32,
}


def insert(table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Commits the rows. NOT NULL columns that a row leaves out become empty, zero or today."""
    with db.connect(10_000) as connection:
        needed = _needed(connection, table)
        for row in rows:
            full = needed | dict(row)
            names = ", ".join(full)
            places = ", ".join("%s" for _ in full)
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", [_cell(v) for v in full.values()])


def _needed(connection: Any, table: str) -> dict[str, Any]:
    columns = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO'"
        " AND is_identity = 'NO' AND column_default IS NULL",
        [table],
    )
    return {name: _HARMLESS.get(kind, 0) for name, kind in columns}


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value


def day_of(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).date()


def span_row(
    trace_id: str, project: int = 1, start_ns: int = NOW_NS, duration_ns: int = 10**6, **fields: Any
) -> dict[str, Any]:
    number = next(_numbers)
    return {
        "project": project,
        "day": day_of(start_ns),
        "trace_id": trace_id,
        "span_id": number,
        "start_ns": start_ns,
        "end_ns": start_ns + duration_ns,
        "received_ns": start_ns + duration_ns,
        "name": f"span {number}",
        "operation": "other",
        "service": "shop",
        "record_hash": number,
        **fields,
    }


def trace_row(
    trace_id: str, project: int = 1, start_ns: int = NOW_NS, duration_ns: int = 10**6, **fields: Any
) -> dict[str, Any]:
    day = day_of(start_ns)
    return {
        "project": project,
        "day": day,
        "trace_id": trace_id,
        "start_ns": start_ns,
        "end_ns": start_ns + duration_ns,
        "duration_ns": duration_ns,
        "name": "root",
        "operation": "agent",
        "service": "shop",
        "span_count": 1,
        "complete_from_ns": start_ns,
        "first_day": day,
        "last_day": day,
        **fields,
    }


def fill(table: str, columns: Mapping[str, str], source: str) -> None:
    """Many rows in one statement. columns: name -> SQL over `source`, such as generate_series(1, 1000) AS i."""
    with db.connect(120_000) as connection:
        needed = {name: _literal(value) for name, value in _needed(connection, table).items()}
        full = needed | dict(columns)
        connection.execute(f"INSERT INTO {table} ({', '.join(full)}) SELECT {', '.join(full.values())} FROM {source}")
        connection.execute(f"ANALYZE {table}")


def _literal(value: Any) -> str:
    if value in ([], "{}"):
        return "'{}'"
    if isinstance(value, bytes):
        return "''::bytea"
    return str(value) if isinstance(value, int | bool) else f"'{value}'"
