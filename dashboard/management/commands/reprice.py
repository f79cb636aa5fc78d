"""Computes costs again with the prices of now."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tracestore.jobs import reprice
from tracestore.models import Project


class Command(BaseCommand):
    help = "Compute the cost of stored calls again: bundled prices, and the project's own on top."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="slug of one project; without it, all of them")

    def handle(self, *args: Any, **options: Any) -> None:
        projects = Project.objects.order_by("id")
        if options["project"]:
            projects = projects.filter(slug=options["project"])
        if not projects:
            raise CommandError("no such project")
        for project in projects:
            done = reprice.run(datetime.now(UTC), project.id)
            self.stdout.write(f"{project.slug}: {done.changed} of {done.read} spans have another cost now")
