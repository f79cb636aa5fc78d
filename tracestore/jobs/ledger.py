"""Folds the ledger: one row a batch becomes one row a project, signal and minute."""

from dataclasses import dataclass
from datetime import datetime

from tracestore import db, failpoints

LEDGER_LOCK = 6


@dataclass(frozen=True, slots=True)
class Summary:
    """batches: rows that were folded."""

    batches: int


# Exactly the rows that are deleted are summed. Sorted, so that two folds would wait and not deadlock.
FOLD = """
WITH taken AS (
  DELETE FROM ingest_ledger
  WHERE id IN (SELECT id FROM ingest_ledger ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
  RETURNING project, signal, received_ns / 60000000000 AS minute, sent, accepted, deduplicated, rejected
), reasons AS (
  SELECT project, signal, minute, reason.key, sum(reason.value::bigint) AS n
  FROM taken, jsonb_each_text(coalesce(rejected, '{}')) AS reason
  GROUP BY project, signal, minute, reason.key
), rejections AS (
  SELECT project, signal, minute, jsonb_object_agg(key, n) AS rejected FROM reasons GROUP BY project, signal, minute
), folded AS (
  INSERT INTO ledger_minute AS kept (project, signal, minute, sent, accepted, deduplicated, rejected)
  SELECT project, signal, minute, sum(sent), sum(accepted), sum(deduplicated), coalesce(rejections.rejected, '{}')
  FROM taken LEFT JOIN rejections USING (project, signal, minute)
  GROUP BY project, signal, minute, rejections.rejected
  ORDER BY project, signal, minute
  ON CONFLICT (project, signal, minute) DO UPDATE SET
    sent = kept.sent + excluded.sent,
    accepted = kept.accepted + excluded.accepted,
    deduplicated = kept.deduplicated + excluded.deduplicated,
    rejected = (
      SELECT coalesce(jsonb_object_agg(key, n), '{}')
      FROM (
        SELECT key, sum(value::bigint) AS n
        FROM (SELECT * FROM jsonb_each_text(kept.rejected) UNION ALL SELECT * FROM jsonb_each_text(excluded.rejected)) AS both_
        GROUP BY key
      ) AS summed
    )
)
SELECT count(*) FROM taken
"""
AT_ONCE = 5_000


def run(now: datetime) -> Summary:
    """Folds what is there, a bounded number of rows in each transaction. now: unused, all jobs have it."""
    folded = 0
    with db.JOBS.connection() as connection:
        while True:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", [LEDGER_LOCK])
                row = connection.execute(FOLD, {"limit": AT_ONCE}).fetchone()
                failpoints.reach("mid-fold")
            taken = row[0] if row else 0
            folded += taken
            if taken < AT_ONCE:
                return Summary(folded)
