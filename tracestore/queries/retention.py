"""What is not kept any more, what would go next, and why does nothing go?"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import psycopg

from tracestore import db
from tracestore.analysis.retention import Kept, kept
from tracestore.models.access import Project

COUNT_TIMEOUT_MS = 2_000


def kept_by(project: Project) -> Kept:
    """For how many days a project keeps each signal."""
    return kept(
        project.pk,
        project.retention_days,
        project.text_retention_days,
        project.log_retention_days,
        project.metric_retention_days,
    )


@dataclass(frozen=True, slots=True)
class _Steady:
    steady: bool


_STEADY = """
SELECT %(now)s - steady_since >= interval '1 hour' AND %(now)s - last_run BETWEEN interval '-1 hour' AND interval '1 hour'
  AS steady
FROM partition_clock
"""


def clock_is_steady(now: datetime) -> bool:
    """Whether the job that removes old days has seen no jump of the clock lately, and ran lately by this clock."""
    found = db.fetch_one(_STEADY, {"now": now}, _Steady)
    return found is not None and found.steady


@dataclass(frozen=True, slots=True)
class Held:
    """What the job that removes old days left behind. reason: see tracestore.jobs.partitions.Summary; "" = nothing."""

    reason: str
    since: datetime | None
    days: int


_HELD = (
    "SELECT held_reason AS reason, held_since AS since, held_days AS days FROM partition_clock WHERE held_reason <> ''"
)


def held() -> Held | None:
    return db.fetch_one(_HELD, None, Held)


# Each with an index that begins with the project.
_COUNTS = {
    "traces": "SELECT count(*) AS rows FROM trace WHERE project = %(project)s AND day < %(before)s",
    "logs": "SELECT count(*) AS rows FROM log_record WHERE project = %(project)s AND day < %(before)s",
    "metrics": "SELECT count(*) AS rows FROM metric_point WHERE project = %(project)s AND day < %(before)s",
}


@dataclass(frozen=True, slots=True)
class _Count:
    rows: int


def count_before(project_id: int, signal: str, before: date) -> int | None:
    """How many traces, log records or metric points a project has before a day; None: too many to count quickly."""
    try:
        return db.fetch(_COUNTS[signal], {"project": project_id, "before": before}, _Count, COUNT_TIMEOUT_MS)[0].rows
    except psycopg.errors.QueryCanceled:
        return None


@dataclass(frozen=True, slots=True)
class _Here:
    here: bool


_TEXTS = """
SELECT EXISTS (
  SELECT FROM span_payload
  WHERE trace_id = %(trace)s AND project = %(project)s AND day BETWEEN %(first)s AND %(last)s
) AS here
"""


def has_texts(project_id: int, trace_id: str, first_day: date, last_day: date) -> bool:
    """Whether anything that the spans of a trace said is still stored."""
    parameters = {"project": project_id, "trace": UUID(trace_id), "first": first_day, "last": last_day}
    return db.fetch(_TEXTS, parameters, _Here)[0].here
