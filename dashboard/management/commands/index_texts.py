"""Fills the index of free-text search now, rather than behind ingest."""

import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management.projects import add_project, chosen_id
from tracestore.jobs import search


class Command(BaseCommand):
    help = "Mark every trace and index its texts, without yielding to ingest. What is indexed is skipped; safe to stop and repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_project(parser)
        parser.add_argument("--mark-only", action="store_true", help="leave the work to the job behind ingest")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        done = search.refill(datetime.now(UTC), chosen_id(options["project"]), mark_only=options["mark_only"])
        self.stdout.write(f"{done.traces} traces marked, {done.indexed} indexed in {time.monotonic() - began:.0f} s")
