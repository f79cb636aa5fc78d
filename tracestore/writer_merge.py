"""What happens to a span that is stored already? Of two records of one span the larger in merge order wins whole.

The merge order is (end_ns, number of attributes, hash of the record): it does not depend on arrival, so neither does what
is stored. Staging tables belong to the connection; the order is decided by the database under its row locks.
"""

import psycopg
from psycopg import sql

from tracestore.writer_rows import BLOCK_COLUMNS, SPAN_COLUMNS, Rows
from tracestore.writer_transaction import copy_rows

STAGES = """
CREATE TEMPORARY TABLE IF NOT EXISTS stage_span (LIKE span) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_span_payload (LIKE span_payload) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_won (day date, trace_id uuid, block_id bigint) ON COMMIT DELETE ROWS;
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""

INSERT_NEW = """
WITH new AS (
  INSERT INTO span ({columns})
  SELECT {columns} FROM stage_span ORDER BY day, trace_id, span_id
  ON CONFLICT DO NOTHING
  RETURNING day, trace_id, block_id
)
INSERT INTO stage_won SELECT day, trace_id, block_id FROM new
"""

REPLACE_SMALLER = """
WITH replaced AS (
  UPDATE span AS stored SET ({columns}) = ROW ({staged})
  FROM stage_span AS stage
  WHERE stored.project = stage.project AND stored.trace_id = stage.trace_id AND stored.span_id = stage.span_id
    AND stored.day = stage.day
    AND (stage.end_ns, stage.attribute_count, stage.record_hash)
      > (stored.end_ns, stored.attribute_count, stored.record_hash)
  RETURNING stored.day, stored.trace_id, stored.block_id
)
INSERT INTO stage_won SELECT day, trace_id, block_id FROM replaced
"""

INSERT_BLOCKS = """
INSERT INTO span_payload ({columns})
SELECT {columns} FROM stage_span_payload
WHERE (day, trace_id, block_id) IN (SELECT day, trace_id, block_id FROM stage_won)
ORDER BY project, trace_id, block_id, day
ON CONFLICT DO NOTHING
"""


def _statement(template: str, columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(template).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        staged=sql.SQL(", ").join(sql.Identifier("stage", column) for column in columns),
    )


_INSERT_NEW = _statement(INSERT_NEW, SPAN_COLUMNS)
_REPLACE_SMALLER = _statement(REPLACE_SMALLER, SPAN_COLUMNS)
_INSERT_BLOCKS = _statement(INSERT_BLOCKS, BLOCK_COLUMNS)


def merge(connection: psycopg.Connection, rows: Rows) -> int:
    """Stores spans of which some may be stored already; returns how many are new. rows: sorted, each key once.

    Blocks none of whose records won are not stored.
    """
    connection.execute(STAGES)
    copy_rows(connection, "stage_span", SPAN_COLUMNS, rows.spans)
    copy_rows(connection, "stage_span_payload", BLOCK_COLUMNS, rows.blocks)
    accepted = connection.execute(_INSERT_NEW).rowcount
    connection.execute(_REPLACE_SMALLER)
    connection.execute(_INSERT_BLOCKS)
    return accepted
