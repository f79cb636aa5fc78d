"""Is this process alive, is the installation ready, and what does it count?"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_safe

from dashboard.access import key_view, public
from dashboard.exposition import exposition
from tracestore import db
from tracestore.queries.background import JobState, find_job_states
from tracestore.queries.watchdog import STALE_AFTER, EvaluatorState, find_evaluator_state
from tracestore.timetable import expected_jobs


@public
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives. Touches nothing else, so that a database outage restarts no web process."""
    return HttpResponse("ok\n", content_type="text/plain")


@public
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, its migrations are ours and the background jobs are fresh; else 503 and why."""
    checks = readiness(datetime.now(UTC))
    ready = all(check["ok"] for check in checks.values())
    response = JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)
    response._has_been_logged = True  # Django would log each 503 of a start
    return response


def readiness(now: datetime) -> dict[str, dict[str, Any]]:
    """database, migrations, jobs, objectives: each {"ok", "problem"}. What cannot be known without the database is not ok."""
    try:
        missing = _missing_migrations()
        return _unprepared(missing) if missing else _running(now)
    except (DatabaseError, psycopg.Error, db.Unavailable) as error:
        unknown = _check("unknown without the database")
        problem = f"the database does not answer ({type(error).__name__})"
        return {"database": _check(problem), "migrations": unknown, "jobs": unknown, "objectives": unknown}


def _unprepared(missing: list[str]) -> dict[str, dict[str, Any]]:
    problem = f"not applied: {', '.join(missing)}. Run `manage.py prepare`."
    unknown = _check("unknown before the migrations")
    return {"database": _check(None), "migrations": _check(problem), "jobs": unknown, "objectives": unknown}


def _running(now: datetime) -> dict[str, dict[str, Any]]:
    """One objective that is broken leaves the installation ready: only that none at all is evaluated does not."""
    late = [job for job in find_job_states(now, expected_jobs()) if not job.fresh]
    still = _standstill(find_evaluator_state(now), now)
    return {
        "database": _check(None),
        "migrations": _check(None),
        "jobs": _check(_lateness(late)),
        "objectives": _check(still),
    }


def _check(problem: str | None) -> dict[str, Any]:
    return {"ok": problem is None, "problem": problem}


def _standstill(state: EvaluatorState, now: datetime) -> str | None:
    if not state.stands_still(now):
        return None
    return f"none of {state.working} was evaluated in the last {STALE_AFTER.total_seconds() / 60:.0f} minutes"


def _lateness(late: list[JobState]) -> str | None:
    return "; ".join(_late_job(job) for job in late) or None


def _late_job(job: JobState) -> str:
    since = "has not finished yet" if job.age_s is None else f"last finished {job.age_s:.0f} s ago"
    return f"{job.name} {since}{f' (last failure: {job.failure})' if job.failure else ''}"


@cache
def _our_migrations() -> frozenset[tuple[str, str]]:
    """Read from the disk once a process."""
    return frozenset(MigrationLoader(None).disk_migrations or ())


def _missing_migrations() -> list[str]:
    """Migrations of this version that the database has not seen. Newer ones there are welcome."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations')")
        row = cursor.fetchone()
        if row is None or row[0] is None:
            return ["all of them"]
        cursor.execute("SELECT app, name FROM django_migrations")
        applied = set(cursor.fetchall())
    return sorted(f"{app}.{name}" for app, name in _our_migrations() - applied)


@public  # FOURLINE_METRICS_OPEN=1 only; otherwise it asks for a read key itself
@require_safe
def metrics(request: HttpRequest) -> HttpResponseBase:
    """Prometheus text: of the read key's project, or, when FOURLINE_METRICS_OPEN=1, of the whole installation."""
    return _exposition(None) if settings.METRICS_OPEN else _metrics_of_project(request)


@key_view("read")
def _metrics_of_project(request: HttpRequest) -> HttpResponseBase:
    return _exposition(request.key.project_id)


def _exposition(project_id: int | None) -> HttpResponse:
    text = exposition(datetime.now(UTC), project_id)
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")
