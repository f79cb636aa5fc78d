"""`manage.py project create NAME [--json]`: a project with its keys, from the command line."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tracestore.actions.access import Refused, create_project


class Command(BaseCommand):
    help = "Create a project. Its keys are printed once and kept as hashes only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="create a project with one key a scope")
        create.add_argument("name")
        create.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            created = create_project(options["name"], timezone.now())
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        shown = {key: value for key, value in asdict(created).items() if key != "id"}
        if options["json"]:
            self.stdout.write(json.dumps(shown))
            return
        for key, value in shown.items():
            self.stdout.write(f"{key.replace('_', ' '):12}{value}")
