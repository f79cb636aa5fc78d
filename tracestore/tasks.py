"""The timetable as Celery tasks. A task is a doorbell: its job finds its own work in Postgres."""

import logging
import time
import traceback
import zlib
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from django.db import close_old_connections

from tracestore import db
from tracestore.actions import background
from tracestore.queries.background import is_due
from tracestore.timetable import RETRY_S, RING_S, TIMETABLE, Entry

log = logging.getLogger(__name__)

LANE_LOCK = 4_002  # first half of the advisory lock; the second is the lane
NOTE_EVERY_S = 5.0  # a job that runs every second need not say so each time
_noted: dict[str, float] = {}


def register(app: Celery) -> None:
    """Give the application one task for each entry."""
    for entry in TIMETABLE:
        app.task(_task(entry), name=entry.task)


def _task(entry: Entry) -> Any:
    def run() -> None:
        run_once(entry, datetime.now(UTC))

    return run


def run_once(entry: Entry, now: datetime) -> bool:
    """Run a job unless it is not due or another one of its lane is running (False). A failure is noted and ends with the next turn."""
    close_old_connections()
    try:
        with db.JOBS.connection(3600) as guard:
            if not _claim(guard, entry.lane):
                return False
            try:
                if not _due(entry, now):
                    return False
                _run(entry, now)
            finally:
                guard.execute("SELECT pg_advisory_unlock(%s, %s)", [LANE_LOCK, _lane_number(entry.lane)])
        return True
    except db.Unavailable:
        log.warning("job %s waits for the database", entry.name)
        return False
    finally:
        close_old_connections()


def _claim(guard: Any, lane: str) -> bool:
    row = guard.execute("SELECT pg_try_advisory_lock(%s, %s)", [LANE_LOCK, _lane_number(lane)]).fetchone()
    return bool(row[0])


def _due(entry: Entry, now: datetime) -> bool:
    """Whether it is time: rings come more often than rare jobs run."""
    return entry.every_s <= RING_S or is_due(entry.name, now, entry.every_s, RETRY_S)


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
