"""Computes costs again with the prices of now."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management.projects import add_project, chosen_projects
from tracestore.jobs import reprice


class Command(BaseCommand):
    help = "Compute the cost of stored calls again: bundled prices, and the project's own on top."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_project(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        for project in chosen_projects(options["project"]):
            done = reprice.run(datetime.now(UTC), project.id)
            self.stdout.write(f"{project.slug}: {done.changed} of {done.read} spans have another cost now")
