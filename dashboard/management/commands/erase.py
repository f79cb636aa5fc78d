"""`manage.py erase --project P --user U`: all that a project stored of a user, gone when the command ends."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tracestore.actions.access import COMMAND_LINE
from tracestore.actions.traces import erase_user
from tracestore.models import Project


class Command(BaseCommand):
    help = "Erase a user of a project: spans, texts, logs and all that was derived. There is no way back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="the project's name in its address")
        parser.add_argument("--user", required=True, help="the user's id, exactly as the agents send it")

    def handle(self, *args: Any, project: str, user: str, **options: Any) -> None:
        found = Project.objects.filter(slug=project, deleted_at=None).first()
        if found is None:
            raise CommandError(f"There is no project {project!r}.")
        done = erase_user(found.pk, user, timezone.now(), COMMAND_LINE)
        said = ", ".join(f"{count} {name}" for name, count in done.numbers().items())
        self.stdout.write(f"Erased: {said}. Backups made before keep what they hold.")
