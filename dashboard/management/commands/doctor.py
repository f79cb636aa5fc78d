"""What is wrong, and what to do about it? `manage.py doctor` looks at everything that Fourline leans on."""

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from dashboard.listeners import local_address
from dashboard.pages.health import readiness
from tracestore.db import Unavailable
from tracestore.queries import durability
from tracestore.queries.search_lag import index_waiting
from tracestore.space import RESERVE_BYTES, disk_free_bytes

SEARCH_LATE_S = 3600
LOW_DISK_BYTES = 2 * 1024**3


class Finding(NamedTuple):
    name: str
    problem: str | None  # None: all is well


class Command(BaseCommand):
    help = "Check settings, home, database, broker, jobs and ports, and say what to do."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(self.findings(datetime.now(UTC)))
        for finding in found:
            self.stdout.write(f"{'ok  ' if finding.problem is None else 'FAIL'} {finding.name}{_after(finding)}")
        if any(finding.problem for finding in found):
            raise CommandError("something needs your attention")

    def findings(self, now: datetime) -> Iterator[Finding]:
        yield Finding("secrets", _secrets())
        yield Finding("disk", _disk())
        yield Finding("durability", _durability())
        yield Finding("search", _search(now))
        for name, check in readiness(now).items():
            yield Finding(name, check["problem"])
        yield Finding("broker", _broker())
        yield Finding("pages", _answers(settings.PORT, "FOURLINE_PORT"))
        yield Finding("otlp/http", _answers(settings.OTLP_PORT, "FOURLINE_OTLP_PORT"))


def _after(finding: Finding) -> str:
    return f": {finding.problem}" if finding.problem else ""


def _secrets() -> str | None:
    if settings.SECRET_KEY_IS_EPHEMERAL:
        return f"no secrets in {settings.HOME.path}: start Fourline once with `make up`, or set FOURLINE_SECRET_KEY"
    return None


def _disk() -> str | None:
    free = disk_free_bytes()
    if free is None or free >= LOW_DISK_BYTES:
        return None
    return f"{free // 1024**2} MB free at {settings.HOME.path}: ingest stops (503) at {RESERVE_BYTES // 1024**2}; make room"


def _search(now: datetime) -> str | None:
    try:
        lag = index_waiting(None)
    except (Unavailable, psycopg.Error):
        return None  # the database is another finding
    waited_s = 0.0 if lag.oldest_ns is None else now.timestamp() - lag.oldest_ns / 1e9
    if waited_s < SEARCH_LATE_S:
        return None
    return f"{lag.traces} traces wait for free-text search, the first for {waited_s / 60:.0f} min: run manage.py index_texts"


def _durability() -> str | None:
    try:
        return " ".join(durability.problems()) or None
    except OperationalError:
        where = "start Fourline with `make up`" if settings.EMBEDDED_DATABASE else "check FOURLINE_DATABASE_URL"
        return f"unknown, the database does not answer: {where}"


def _broker() -> str | None:
    from dashboard.celery import broker_answers

    if broker_answers(timeout_s=3):
        return None
    where = "start Fourline with `make up`" if settings.EMBEDDED_BROKER else "check FOURLINE_BROKER_URL"
    return f"Redis does not answer: {where}. Nothing is lost meanwhile, settling waits."


def _answers(port: int, setting: str) -> str | None:
    connection = http.client.HTTPConnection(local_address(settings.BIND), port, timeout=3)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return f"nothing answers on port {port} ({setting})"
    finally:
        connection.close()
    return None if status == 200 else f"port {port} ({setting}) answers {status}: another program may own it"
