"""What does Prometheus read?"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from dashboard.exposition_text import Sample, family
from dashboard.slo_exposition import slo_families
from tracestore.queries.background import JobState, find_job_states
from tracestore.queries.counters import RecordCount, count_records, database_bytes, marked_sums, waiting
from tracestore.queries.search_lag import index_waiting
from tracestore.timetable import expected_jobs


def exposition(now: datetime, project_id: int | None) -> str:
    """All families. project_id: the project of the key that asks; None (endpoint open): sums over all projects."""
    marks = waiting(project_id)
    oldest_s = 0.0 if marks.oldest_ns is None else max(0.0, now.timestamp() - marks.oldest_ns / 1e9)
    texts = index_waiting(project_id)
    texts_s = 0.0 if texts.oldest_ns is None else max(0.0, now.timestamp() - texts.oldest_ns / 1e9)
    jobs = find_job_states(now, expected_jobs())
    families = [
        family(
            "fourline_records", "counter", "Records sent, by signal and outcome.", _records(count_records(project_id))
        ),
        family("fourline_settle_waiting", "gauge", "Batches of a trace that wait for settling.", [({}, marks.marks)]),
        family("fourline_settle_oldest_seconds", "gauge", "How long the first of them has waited.", [({}, oldest_s)]),
        family(
            "fourline_rollup_marks",
            "gauge",
            "Minutes, hours and days to be summed again.",
            [({}, marked_sums(project_id))],
        ),
        family("fourline_search_waiting", "gauge", "Traces that wait for the index of texts.", [({}, texts.traces)]),
        family("fourline_search_oldest_seconds", "gauge", "How long the first of them has waited.", [({}, texts_s)]),
        family("fourline_job_age_seconds", "gauge", "Since the last finished run of a background job.", _ages(jobs)),
        family("fourline_job_fresh", "gauge", "1 when the job runs as often as it should.", _fresh(jobs)),
    ]
    if project_id is None:
        size: list[Sample] = [({}, float(database_bytes()))]
        families.append(family("fourline_database_bytes", "gauge", "Size of the database.", size))
    return "".join([*families, *slo_families(now, project_id)])


def _records(rows: Sequence[RecordCount]) -> Iterable[Sample]:
    for row in rows:
        rejected = row.sent - row.accepted - row.deduplicated
        outcomes = {"accepted": row.accepted, "deduplicated": row.deduplicated, "rejected": rejected}
        for outcome, count in outcomes.items():
            yield {"signal": row.signal, "outcome": outcome}, float(count)


def _ages(jobs: Sequence[JobState]) -> Iterable[Sample]:
    return [({"job": job.name}, round(job.age_s, 1)) for job in jobs if job.age_s is not None]


def _fresh(jobs: Sequence[JobState]) -> Iterable[Sample]:
    return [({"job": job.name}, float(job.fresh)) for job in jobs]
