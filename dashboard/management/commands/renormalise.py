"""Understands stored spans again, with the dialects of now. Here, since jobs know nothing of the edge."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management.projects import add_project, chosen_projects
from ingest.conventions import MAPPING_VERSION, normalise
from tracestore.jobs import renormalise


class Command(BaseCommand):
    help = "Run the mapping of now over stored spans: fields, cost, versions. Ingest may go on; safe to stop and to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_project(parser)
        parser.add_argument(
            "--all", action="store_true", help="also what this version of the mapping understood already"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for project in chosen_projects(options["project"]):
            done = renormalise.run(datetime.now(UTC), project.id, normalise, MAPPING_VERSION, options["all"])
            lost = f", {done.lost} have no payload any more" if done.lost else ""
            self.stdout.write(f"{project.slug}: {done.written} of {done.read} spans were written again{lost}")
