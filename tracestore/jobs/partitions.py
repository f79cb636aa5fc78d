"""Creates the partitions of the days to come and drops those that are no longer kept."""

from dataclasses import dataclass
from datetime import datetime

from tracestore import db, partitions

RETENTION = "SELECT coalesce(max(retention_days), 30) FROM project"


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of partitions. held: due to be dropped, but the clock jumped or a lock was not to be had."""

    created: int
    dropped: int
    held: int


def run(now: datetime) -> Summary:
    """Partitions are shared by all projects: they are kept for as long as the longest retention asks."""
    with db.JOBS.connection(300) as connection:
        row = connection.execute(RETENTION).fetchone()
        done = partitions.keep(connection, now, row[0] if row else 30)
    return Summary(len(done.created), len(done.dropped), len(done.held))
