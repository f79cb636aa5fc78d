"""The timetable as Celery tasks. A task is a doorbell: its job finds its own work in Postgres."""

import logging
import time
import traceback
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from celery import Celery
from django.db import DatabaseError, close_old_connections

from tracestore import db
from tracestore.actions import background
from tracestore.queries.background import find_job_ages
from tracestore.timetable import Entry, lanes, limits, task_name

log = logging.getLogger(__name__)

LANE_LOCK = 4_002  # first half of the advisory lock; the second is the lane
EARLY = 0.8  # a ring that comes a little before the time counts, or every second one would be missed
NEVER = float("inf")
NOTE_EVERY_S = 5.0  # a job that runs every second need not say so each time
_noted: dict[str, float] = {}


def register(app: Celery) -> None:
    """Give the application one task for each lane."""
    for lane, entries in lanes().items():
        app.task(_task(lane, entries), name=task_name(lane), **limits(entries))


def _task(lane: str, entries: Sequence[Entry]) -> Any:
    def run() -> None:
        run_lane(lane, entries, datetime.now(UTC))

    return run


def run_lane(lane: str, entries: Sequence[Entry], now: datetime) -> list[str]:
    """Run what is due, one after the other; returns the names. Nothing when another worker is at it, or without a database."""
    close_old_connections()
    try:
        with db.JOBS.connection(3600) as guard:
            if not _claim(guard, lane):
                return []
            try:
                due = _due(entries, now)
                for entry in due:
                    _run(entry, datetime.now(UTC))
            finally:
                guard.execute("SELECT pg_advisory_unlock(%s, %s)", [LANE_LOCK, _lane_number(lane)])
        return [entry.name for entry in due]
    except (db.Unavailable, psycopg.Error, DatabaseError) as error:
        log.warning("lane %s waits for the database: %s", lane, type(error).__name__)
        return []
    finally:
        close_old_connections()


def _due(entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """A ring is for the most frequent ones of a lane; rare jobs share it, and when they last ran stands in Postgres."""
    soonest_s = min(entry.every_s for entry in entries)
    if all(entry.every_s == soonest_s for entry in entries):
        return list(entries)
    ages = find_job_ages(now)
    return [
        entry for entry in entries if entry.every_s == soonest_s or ages.get(entry.name, NEVER) >= entry.every_s * EARLY
    ]


def _claim(guard: Any, lane: str) -> bool:
    row = guard.execute("SELECT pg_try_advisory_lock(%s, %s)", [LANE_LOCK, _lane_number(lane)]).fetchone()
    return bool(row[0])


def _lane_number(lane: str) -> int:
    return zlib.crc32(lane.encode()) & 0x7FFFFFFF


def _run(entry: Entry, now: datetime) -> None:
    started = time.monotonic()
    try:
        entry.load()(now)
    except Exception as error:  # a job may fail for any reason; the next turn tries again, /readyz shows it
        place = traceback.extract_tb(error.__traceback__)[-1]
        failure = f"{type(error).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno}"
        log.error("job %s failed: %s", entry.name, failure)
        background.note_failure(entry.name, datetime.now(UTC), failure)
        return
    _note(entry, int((time.monotonic() - started) * 1000))


def _note(entry: Entry, duration_ms: int) -> None:
    now = time.monotonic()
    if now - _noted.get(entry.name, -NOTE_EVERY_S) >= NOTE_EVERY_S:
        background.note_success(entry.name, datetime.now(UTC), duration_ms)
        _noted[entry.name] = now
