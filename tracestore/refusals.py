"""How are refused requests remembered? Counts by project, signal, minute and reason, added up in `ledger_refusal`."""

from collections.abc import Mapping

from tracestore import db

ADD = """
INSERT INTO ledger_refusal (project, signal, minute, reason, requests)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (project, signal, minute, reason)
DO UPDATE SET requests = ledger_refusal.requests + EXCLUDED.requests
"""
Refusal = tuple[int, str, int, str]  # project (0: unknown), signal, Unix minute, reason


def add(counts: Mapping[Refusal, int]) -> None:
    """Adds the counts, all or none, in key order. Raises psycopg.Error or db.Unavailable: then keep them and try again."""
    rows = [(*key, requests) for key, requests in sorted(counts.items())]
    with db.WRITES.connection() as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(ADD, rows)
