"""`manage.py gate --project P SERVICE [VERSION]`: the release gate on the machine itself; exit codes as of dashboard.gate."""

import sys
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils import timezone

from dashboard.api.slo_answers import gate
from dashboard.gate import UNASKED, add_question, exit_code, sentences
from tracestore.db import Unavailable
from tracestore.models import Project
from tracestore.queries.gate import ask_gate


class Command(BaseCommand):
    help = "May this version be released? Exit code 0 yes (and warn, unless --warn-fails), 1 no, 2 could not ask."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="the project's name in its address")
        add_question(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        sys.exit(self._ask(options))

    def _ask(self, options: dict[str, Any]) -> int:
        service, version = options["service"], options["version"]
        try:
            project = Project.objects.filter(slug=options["project"], deleted_at=None).first()
            if project is None:
                self.stderr.write(f"There is no project {options['project']!r}.")
                return UNASKED
            decision = ask_gate(project.pk, service, version, options["caller"], timezone.now())
        except (DatabaseError, psycopg.Error, Unavailable) as error:
            self.stderr.write(f"The database does not answer: {type(error).__name__}.")
            return UNASKED
        body = gate(service, version, decision)
        self.stdout.write("\n".join(sentences(body)))
        return exit_code(body, options["warn_fails"])
