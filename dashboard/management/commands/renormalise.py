"""Understands stored spans again, with the dialects of now. Here, since jobs know nothing of the edge."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.conventions import MAPPING_VERSION, normalise
from tracestore.jobs import renormalise
from tracestore.models import Project


class Command(BaseCommand):
    help = "Run the mapping of now over stored spans: fields, cost, versions. Ingest may go on; safe to stop and to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="slug of one project; without it, all of them")
        parser.add_argument(
            "--all", action="store_true", help="also what this version of the mapping understood already"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        projects = Project.objects.order_by("id")
        if options["project"]:
            projects = projects.filter(slug=options["project"])
        if not projects:
            raise CommandError("no such project")
        for project in projects:
            done = renormalise.run(datetime.now(UTC), project.id, normalise, MAPPING_VERSION, options["all"])
            lost = f", {done.lost} have no payload any more" if done.lost else ""
            self.stdout.write(f"{project.slug}: {done.written} of {done.read} spans were written again{lost}")
