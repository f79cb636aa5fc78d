"""What does the database hold, in numbers that a copy must equal? Rows and a checksum for each table, project and day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

# Partitioned tables as a whole; what their partitions are called says nothing about what they hold.
TABLES = """
SELECT c.relname,
  array_agg(a.attname::text) FILTER (WHERE a.attname IN ('project', 'project_id', 'day')) AS grains,
  bool_or(t.typname IN ('tsvector', '_tsvector', 'json', 'xml', 'varbit', 'bit')) AS has_unhashable
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
GROUP BY c.relname
ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class Line:
    """checksum: the sum over the rows of a 64-bit hash of each, so the order of the rows does not matter."""

    table: str
    project: int | None
    day: str | None
    rows: int
    checksum: str


def checksums(connection: psycopg.Connection) -> list[Line]:
    """Of all tables, as the transaction of this connection sees them. Reads everything."""
    tables = connection.execute(TABLES).fetchall()
    return [line for table, grains, has_unhashable in tables for line in _of(connection, table, grains, has_unhashable)]


def _of(connection: psycopg.Connection, table: str, grains: Sequence[str] | None, as_text: bool) -> Iterator[Line]:
    project = next((name for name in grains or () if name.startswith("project")), None)
    names: dict[str, sql.Composable] = {
        "project": sql.Identifier(project) if project else sql.SQL("NULL::integer"),
        "day": sql.SQL("day::text") if "day" in (grains or ()) else sql.SQL("NULL::text"),
        "hash": sql.SQL("hashtextextended(t::text, 0)" if as_text else "hash_record_extended(t, 0)"),
        "table": sql.Identifier(table),
    }
    statement = sql.SQL(
        "SELECT {project}, {day}, count(*), coalesce(sum({hash}), 0)::text FROM {table} AS t GROUP BY 1, 2 ORDER BY 1, 2"
    ).format(**names)
    rows: list[Any] = connection.execute(statement).fetchall()
    return (Line(table, *row) for row in rows)
