"""`manage.py generate --spans N --project NAME`: fills a project with made-up traces, to measure how a large store reads."""

import gc
import multiprocessing
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any, Final

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from psycopg import sql

from dashboard.generate.hours import HOUR_S, Plan, traces_of
from ingest.auth import ProjectContext
from ingest.receive import span_of
from ingest.redact import Redactor
from tracestore import db
from tracestore.analysis.pricing import PriceBook
from tracestore.jobs.rollups import fill_project
from tracestore.models import Project
from tracestore.queries import access
from tracestore.records import Batch, Price, RawSpan
from tracestore.writer_bulk import store_whole

SPANS_AT_ONCE: Final = 4_000  # of one transaction
MINUTE_NS: Final = 60 * 10**9
VACUUMED: Final = (
    "trace",
    "llm_call",
    "tool_call",
    "span",
    "span_payload",
    "ledger_minute",
    "usage_rollup",
    "call_rollup",
    "request_rollup",
    "request_tools_rollup",
    "tool_rollup",
)


class Command(BaseCommand):
    help = "Fill a project with made-up traces of several agents over some days. The same seed and end make the same traces."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--spans", type=int, required=True)
        parser.add_argument("--project", required=True, help="slug of a project that holds no traces yet")
        parser.add_argument("--days", type=int, default=14)
        parser.add_argument("--until", help="a whole hour, such as 2026-11-25T18:00:00Z; default: the last one")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--processes", type=int, default=2)
        parser.add_argument("--add", action="store_true", help="also to a project that holds traces already")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"no project has the slug {options['project']}; see `manage.py project create`")
        if not options["add"] and has_traces(project.pk):
            raise CommandError("this project holds traces already; --add puts more beside them")
        if options["days"] >= project.retention_days:
            raise CommandError(f"the project keeps {project.retention_days} days; --days must be less")
        plan = Plan(options["spans"], options["days"], end_of(options["until"], now), options["seed"])
        self.fill(plan, project.pk, options["processes"])

    def fill(self, plan: Plan, project_id: int, processes: int) -> None:
        began, done = time.monotonic(), 0
        connections.close_all()
        db.WRITES.close()
        db.READS.close()
        work = [(plan, project_id, hour) for hour in plan.hours]
        with multiprocessing.get_context("fork").Pool(processes, initializer=gc.disable) as pool:
            for number, spans in enumerate(pool.imap_unordered(fill_hour, work), 1):
                done += spans
                if number % 24 == 0:
                    rate = done / (time.monotonic() - began)
                    self.stdout.write(f"{number // 24} of {plan.days} days, {done:,} spans, {rate:,.0f} a second")
        with db.JOBS.connection(24 * 3600) as connection:
            fill_project(connection, project_id, datetime.now(UTC))
        vacuum()
        self.stdout.write(f"{done:,} spans in {time.monotonic() - began:,.0f} s")


def has_traces(project_id: int) -> bool:
    with db.connection() as connection:
        query = "SELECT EXISTS (SELECT FROM trace WHERE project = %s)"
        row = connection.execute(query, [project_id]).fetchone()
    return bool(row and row[0])


def end_of(text: str | None, now: datetime) -> int:
    """Unix seconds of the whole hour before which everything happened."""
    try:
        chosen = datetime.fromisoformat(text) if text else now
    except ValueError as error:
        raise CommandError("--until must be a time such as 2026-11-25T18:00:00Z") from error
    if chosen.tzinfo is None or chosen > now:
        raise CommandError("--until must carry its offset (Z) and not lie in the future")
    return int(chosen.timestamp()) // HOUR_S * HOUR_S


def fill_hour(work: tuple[Plan, int, int]) -> int:
    """Stores one hour's traces; returns the number of spans."""
    plan, project_id, hour = work
    context = _context(project_id)
    stored = 0
    for batches in _parcels(batch_of(context, minute) for minute in by_minute(traces_of(plan, hour))):
        stored += store_whole(batches, plan.end_s * 10**9)
    return stored


@cache
def _context(project_id: int) -> ProjectContext:
    """The project's own prices hold; its redaction rules do not: there is nothing to hide."""
    row = access.project_context_row(project_id)
    if row is None:
        raise CommandError("the project is deleted")
    return ProjectContext(
        project_id, None, Redactor.from_rules([]), PriceBook.for_project(row.prices), row.retention_days
    )


def by_minute(traces: Sequence[list[RawSpan]]) -> Iterator[list[RawSpan]]:
    """The spans of the traces that begin in one minute: what came in one request."""
    for _, members in groupby(traces, key=lambda trace: trace[0].start_ns // MINUTE_NS):
        yield [span for trace in members for span in trace]


def batch_of(context: ProjectContext, raws: list[RawSpan]) -> Batch:
    """Understood and priced as ingest does it, received a second after its last end."""
    prices: dict[int, Price] = {}
    return Batch(
        project_id=context.project_id,
        signal="traces",
        received_ns=max(raw.end_ns for raw in raws) + 10**9,
        sent=len(raws),
        spans=[span_of(raw, context, prices) for raw in raws],
        prices=prices,
        retention_days=context.retention_days,
    )


def _parcels(batches: Iterator[Batch]) -> Iterator[list[Batch]]:
    found: list[Batch] = []
    for batch in batches:
        found.append(batch)
        if sum(len(one.spans) for one in found) >= SPANS_AT_ONCE:
            yield found
            found = []
    if found:
        yield found


def vacuum() -> None:
    """As autovacuum leaves a store that has been there for days: statistics known, pages all visible."""
    with psycopg.connect(**db.conninfo(), autocommit=True) as connection:
        for table in VACUUMED:
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))
