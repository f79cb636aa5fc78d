"""Makes traces, calls, tool executions and version sets again from the spans that are kept."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management.projects import add_project, chosen_id
from tracestore.jobs import rebuild


class Command(BaseCommand):
    help = "Compute everything derived from spans again. Ingest may go on; safe to stop and to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_project(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        done = rebuild.run(datetime.now(UTC), chosen_id(options["project"]))
        self.stdout.write(f"{done.projects} projects, {done.traces} traces from {done.spans} spans")
