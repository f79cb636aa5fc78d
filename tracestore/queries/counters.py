"""What has the installation received since it keeps count, and how much is waiting? Few numbers, for monitoring."""

from dataclasses import dataclass

from tracestore import db


@dataclass(frozen=True, slots=True)
class RecordCount:
    """Records of one signal, over all time kept."""

    signal: str
    sent: int
    accepted: int
    deduplicated: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """marks: traces that wait for settling. oldest_ns: since when the first of them does, None when none does."""

    marks: int
    oldest_ns: int | None


# Grain: one signal. Index: ledger_minute's key (project first); without a project a scan of one row a minute.
_RECORDS = """
SELECT signal, sum(sent)::bigint AS sent, sum(accepted)::bigint AS accepted, sum(deduplicated)::bigint AS deduplicated
FROM (
  SELECT project, signal, sent, accepted, deduplicated FROM ledger_minute
  UNION ALL
  SELECT project, signal, sent, accepted, deduplicated FROM ingest_ledger
) AS every
WHERE %(project)s::integer IS NULL OR project = %(project)s
GROUP BY signal
ORDER BY signal
"""
_WAITING = """
SELECT count(*) AS marks, min(marked_ns) AS oldest_ns
FROM settle_mark
WHERE %(project)s::integer IS NULL OR project = %(project)s
"""
_SIZE = "SELECT pg_database_size(current_database()) AS bytes"


@dataclass(frozen=True, slots=True)
class _Size:
    bytes: int


def count_records(project_id: int | None) -> list[RecordCount]:
    """One row for each signal that was ever received. project_id None: over all projects."""
    return db.fetch(_RECORDS, {"project": project_id}, RecordCount)


def waiting(project_id: int | None) -> Waiting:
    return db.fetch(_WAITING, {"project": project_id}, Waiting)[0]


def database_bytes() -> int:
    return db.fetch(_SIZE, None, _Size)[0].bytes


_MARKED_SUMS = """
SELECT count(*) AS marks, NULL::bigint AS oldest_ns
FROM rollup_mark
WHERE %(project)s::integer IS NULL OR project = %(project)s
"""


def marked_sums(project_id: int | None) -> int:
    """Minutes, hours and days that are to be summed again; readers take them from rows meanwhile."""
    return db.fetch(_MARKED_SUMS, {"project": project_id}, Waiting)[0].marks
