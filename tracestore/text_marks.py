"""Whose texts are to be indexed? Marks are set where traces are settled, and taken by jobs/search.py."""

from collections.abc import Mapping

import psycopg

from tracestore.partitions import date_of
from tracestore.settling_reads import as_uuids

MARK = """
INSERT INTO text_mark (project, trace_id, start_ns, first_day, last_day, marked_ns)
SELECT %(project)s, trace_id, start_ns, first_day, last_day, %(now_ns)s
FROM unnest(%(traces)s::uuid[], %(starts)b::bigint[], %(firsts)b::date[], %(lasts)b::date[])
  AS settled (trace_id, start_ns, first_day, last_day)
"""


def mark_texts(
    connection: psycopg.Connection,
    project_id: int,
    days: Mapping[bytes, tuple[int, int]],
    starts: Mapping[bytes, int],
    now_ns: int,
) -> None:
    """days: first and last storage day of each trace, now and before. starts: of those that still have spans."""
    parameters = {
        "project": project_id,
        "traces": as_uuids(days),
        "starts": [starts.get(trace_id, 0) for trace_id in days],
        "firsts": [date_of(first) for first, _ in days.values()],
        "lasts": [date_of(last) for _, last in days.values()],
        "now_ns": now_ns,
    }
    connection.execute(MARK, parameters)
