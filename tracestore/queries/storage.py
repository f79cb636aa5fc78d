"""How many bytes does what take, by day, and how much of it is each project's? Sizes are the server's own, of files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import psycopg

from tracestore import db

TIMEOUT_MS = 3_000
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class DayBytes:
    """One partition with its indexes and long values."""

    table: str
    day: date
    bytes: int


@dataclass(frozen=True, slots=True)
class TableBytes:
    """One table without days."""

    table: str
    bytes: int


@dataclass(frozen=True, slots=True)
class DayRecords:
    """Records that were stored for a project on a day of receipt. signal: traces | logs | metrics."""

    project: int
    signal: str
    day: date
    records: int


# Files are asked for their size: 0.2 ms a partition with eight indexes.
_PARTITIONS = """
SELECT parent.relname AS table, child.relname AS name, pg_total_relation_size(child.oid) AS bytes
FROM pg_inherits
JOIN pg_class AS parent ON parent.oid = pg_inherits.inhparent
JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
WHERE parent.relkind = 'p' AND parent.relname = ANY(%(tables)s) AND parent.relnamespace = 'public'::regnamespace
"""
_TABLES = """
SELECT relname AS table, pg_total_relation_size(oid) AS bytes
FROM pg_class
WHERE relkind = 'r' AND NOT relispartition AND relnamespace = 'public'::regnamespace
"""
# Grain: project, signal, day. The ledger holds a row a minute.
_RECORDS = """
SELECT project, signal, (to_timestamp(minute * 60) AT TIME ZONE 'UTC')::date AS day, sum(accepted)::bigint AS records
FROM ledger_minute
WHERE minute >= %(since)s
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class _Partition:
    table: str
    name: str
    bytes: int | None


def partition_bytes(tables: Sequence[str]) -> list[DayBytes] | None:
    """Of the partitions of these tables. None: the server took too long to look at its files."""
    try:
        rows = db.fetch(_PARTITIONS, {"tables": list(tables)}, _Partition, TIMEOUT_MS)
    except psycopg.errors.QueryCanceled:
        return None
    return [
        DayBytes(row.table, date.fromisoformat(row.name.rpartition("_")[2]), row.bytes)
        for row in rows
        if row.bytes is not None
    ]


def table_bytes() -> list[TableBytes]:
    return db.fetch(_TABLES, None, TableBytes, TIMEOUT_MS)


def records_by_day(since: date) -> list[DayRecords] | None:
    """Of all projects. None: too much to add up quickly."""
    minute = (since - _EPOCH).days * 1_440
    try:
        return db.fetch(_RECORDS, {"since": minute}, DayRecords, TIMEOUT_MS)
    except psycopg.errors.QueryCanceled:
        return None
