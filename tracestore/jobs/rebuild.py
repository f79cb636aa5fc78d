"""Makes everything derived again from the spans that are kept: `manage.py rebuild`."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from tracestore import db
from tracestore.jobs.rollups import fill_project
from tracestore.jobs.traces import settle_some
from tracestore.settling import lock

# Traces that have a row but no span left are marked too: settling them removes the row.
MARK_ALL = """
INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
SELECT %(project)s, trace_id, min(first_day), max(last_day), sum(spans), %(now_ns)s
FROM (
  SELECT trace_id, day AS first_day, day AS last_day, 1 AS spans FROM span WHERE project = %(project)s
  UNION ALL
  SELECT trace_id, first_day, last_day, 0 FROM trace WHERE project = %(project)s
  UNION ALL
  SELECT subject, day, day, 0 FROM evaluation WHERE project = %(project)s
) AS known
GROUP BY trace_id
"""
EVALUATION_DAYS = """
INSERT INTO evaluation_day (project, subject, day)
SELECT DISTINCT project, subject, day FROM evaluation WHERE project = %(project)s
ON CONFLICT DO NOTHING
"""
ORPHANS = tuple(
    f"DELETE FROM {table} AS row WHERE project = %s AND NOT EXISTS"  # noqa: S608  # constants
    " (SELECT FROM trace WHERE trace.project = row.project AND trace.trace_id = row.trace_id)"
    for table in ("llm_call", "tool_call")
)
# Whatever is summed of the project, and whatever might be; what is frozen is refused when it comes to be summed.
MARK_SUMS = """
INSERT INTO rollup_mark (project, grain_s, start_s)
SELECT project, grain_s, start_s FROM request_rollup WHERE project = %(project)s
UNION SELECT project, grain_s, start_s FROM call_rollup WHERE project = %(project)s
UNION SELECT project, grain_s, start_s FROM tool_rollup WHERE project = %(project)s
UNION SELECT project, grain_s, start_s FROM usage_rollup WHERE project = %(project)s
UNION SELECT project, 60, end_ns / 60000000000 * 60 FROM trace WHERE project = %(project)s
UNION SELECT project, 60, end_ns / 60000000000 * 60 FROM llm_call WHERE project = %(project)s
UNION SELECT project, 60, end_ns / 60000000000 * 60 FROM tool_call WHERE project = %(project)s
UNION SELECT project, grain_s, start_s FROM score_rollup WHERE project = %(project)s
UNION SELECT project, 60, end_ns / 60000000000 * 60 FROM score WHERE project = %(project)s
ON CONFLICT DO NOTHING
"""
# Whatever is counted for objectives and whatever might be: settling marks what it makes again, this what it does not.
MARK_COUNTS = """
INSERT INTO slo_mark (project, start_s)
SELECT DISTINCT project, start_s FROM slo_count WHERE project = %(project)s AND grain_s = 60
ON CONFLICT DO NOTHING
"""
PROJECTS = (
    "SELECT DISTINCT project FROM span UNION SELECT DISTINCT project FROM trace UNION SELECT project FROM evaluation"
)


@dataclass(frozen=True, slots=True)
class Summary:
    projects: int
    traces: int
    spans: int


def run(now: datetime, project_id: int | None = None) -> Summary:
    """One project, or all of them. Ingest and settling go on meanwhile; safe to stop and to repeat."""
    with db.JOBS.connection(24 * 3600) as connection:
        connection.execute("SET statement_timeout = 0")
        found = [project_id] if project_id is not None else [row[0] for row in connection.execute(PROJECTS)]
        done = [_rebuild(connection, project, now) for project in found]
        connection.execute("RESET statement_timeout")
    return Summary(len(found), sum(traces for traces, _ in done), sum(spans for _, spans in done))


def _rebuild(connection: psycopg.Connection, project_id: int, now: datetime) -> tuple[int, int]:
    now_ns = int(now.timestamp() * 1e9)
    with connection.transaction():
        lock(connection, project_id)
        connection.execute(MARK_SUMS, {"project": project_id})
        connection.execute(MARK_COUNTS, {"project": project_id})
        connection.execute("DELETE FROM version_set WHERE project = %s", [project_id])
        connection.execute("DELETE FROM settle_mark WHERE project = %s", [project_id])
        for orphans in ORPHANS:
            connection.execute(orphans, [project_id])
        connection.execute(EVALUATION_DAYS, {"project": project_id})
        connection.execute(MARK_ALL, {"project": project_id, "now_ns": now_ns})
    settled = settle_all(connection, project_id, now_ns)
    fill_project(connection, project_id, now)
    return settled


def settle_all(connection: psycopg.Connection, project_id: int, now_ns: int) -> tuple[int, int]:
    """Settles every mark of a project, large traces too: (traces, spans)."""
    traces = spans = 0
    after: int | None = 0
    while after is not None:
        done = settle_some(connection, project_id, now_ns, after, rest=False)
        after, traces, spans = done.last_mark, traces + done.traces, spans + done.spans
    return traces, spans
