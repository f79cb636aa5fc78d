"""Makes traces, calls, tool executions and version sets again from the spans that are kept."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from tracestore.jobs import rebuild


class Command(BaseCommand):
    help = "Compute everything derived from spans again. Ingest may go on; safe to stop and to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", type=int, help="id of one project; without it, all of them")

    def handle(self, *args: Any, **options: Any) -> None:
        done = rebuild.run(datetime.now(UTC), options["project"])
        self.stdout.write(f"{done.projects} projects, {done.traces} traces from {done.spans} spans")
