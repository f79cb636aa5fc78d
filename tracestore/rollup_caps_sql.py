"""What is kept apart where there are too many values of a dimension, or combinations: the statements of tracestore/rollups.py."""

from collections.abc import Iterable
from functools import cache
from typing import LiteralString

from psycopg import sql

from tracestore.facts import OTHER, Rollup
from tracestore.rollups_sql import OF_ROLLUP, insert, sum_names, sums

_COMMA = sql.SQL(",\n  ")


# Caps. What is kept apart is decided by weight, then by name, within each minute, hour or day (and within `apart`).
@cache
def overfull(rollup: Rollup) -> sql.Composed:
    """Whether there may be more than `most` of anything: one row, or none."""
    return sql.SQL(
        "SELECT 1 FROM {table} AS r WHERE {these} GROUP BY r.start_s{apart} HAVING count(*) > %(most)s LIMIT 1"
    ).format(table=sql.Identifier(rollup.table), these=sql.SQL(OF_ROLLUP), apart=_within(rollup.apart))


def _within(columns: Iterable[LiteralString]) -> sql.Composed:
    return sql.SQL("").join(sql.SQL(", r.{}").format(sql.Identifier(name)) for name in columns)


@cache
def cap_values(rollup: Rollup, dimension: LiteralString) -> sql.Composed:
    """Values of one dimension beyond the first `values` become OTHER; the rows stay apart until cap_rows.

    IS TRUE keeps the planner from joining, row by row where a table has no statistics yet: 2.3 s for 3,000 rows.
    """
    return sql.SQL("""UPDATE {table} AS r SET {dimension} = {other}
WHERE {these} AND ((r.start_s{apart}, r.{dimension}) IN (
  SELECT ranked.start_s{ranked_apart}, ranked.{dimension}
  FROM (
    SELECT r.start_s{apart}, r.{dimension},
      row_number() OVER (PARTITION BY r.start_s{apart} ORDER BY sum({weight}) DESC, r.{dimension} COLLATE "C") AS place
    FROM {table} AS r
    WHERE {these} AND r.{dimension} <> {other}
    GROUP BY r.start_s{apart}, r.{dimension}
  ) AS ranked
  WHERE ranked.place > %(values)s
)) IS TRUE""").format(
        table=sql.Identifier(rollup.table),
        dimension=sql.Identifier(dimension),
        other=sql.Literal(OTHER),
        these=sql.SQL(OF_ROLLUP),
        apart=_within(rollup.apart),
        ranked_apart=sql.SQL("").join(sql.SQL(", ranked.{}").format(sql.Identifier(name)) for name in rollup.apart),
        weight=sql.SQL(rollup.weight),
    )


@cache
def cap_rows(rollup: Rollup) -> sql.Composed:
    """Combinations beyond the first `rows` become OTHER in all that is capped, and what is equal now becomes one row.

    Returns (rows before, rows that became OTHER).
    """
    names = [one.name for one in rollup.dimensions]
    own = sql.SQL(", ").join(sql.SQL("r.{}").format(sql.Identifier(name)) for name in names)
    kept = sql.SQL(", ").join(_kept_or_other(rollup, name) for name in names)
    return sql.SQL("""WITH taken AS (
  DELETE FROM {table} AS r WHERE {these} RETURNING r.*
), summed AS (
  SELECT r.start_s, {own}, {sums}
  FROM taken AS r
  GROUP BY r.start_s, {own}
), ranked AS (
  SELECT r.*, row_number() OVER (
    PARTITION BY r.start_s{apart} ORDER BY {weight} DESC, ({own})::text COLLATE "C"
  ) > %(rows)s AS beyond
  FROM summed AS r
), stored AS (
  {insert}SELECT %(project)s, %(grain)s, r.start_s, {kept}, {sums}
  FROM ranked AS r
  GROUP BY r.start_s, {kept}
)
SELECT count(*) FILTER (WHERE beyond) FROM ranked""").format(
        table=sql.Identifier(rollup.table),
        these=sql.SQL(OF_ROLLUP),
        own=own,
        sums=_COMMA.join(
            sql.SQL("{} AS {}").format(value, sql.Identifier(name))
            for value, name in zip(sums(rollup), sum_names(rollup), strict=True)
        ),
        apart=_within(rollup.apart),
        weight=sql.SQL(rollup.weight),
        insert=insert(rollup),
        kept=kept,
    )


def _kept_or_other(rollup: Rollup, name: LiteralString) -> sql.Composed:
    if name in rollup.apart:
        return sql.SQL("r.{}").format(sql.Identifier(name))
    return sql.SQL("CASE WHEN r.beyond THEN {} ELSE r.{} END").format(sql.Literal(OTHER), sql.Identifier(name))


@cache
def usage_others() -> sql.Composed:
    """Which dimensions of usage have a key OTHER."""
    return sql.SQL("SELECT DISTINCT r.dimension FROM usage_rollup AS r WHERE {these} AND r.key = {other}").format(
        these=sql.SQL(OF_ROLLUP), other=sql.Literal(OTHER)
    )
