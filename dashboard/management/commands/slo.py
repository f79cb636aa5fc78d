"""`manage.py slo apply | export | prometheus`: objectives as code, in OpenSLO v1, and as rules for Prometheus."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dashboard.prometheus_rules import HEADERS, alertmanager_file, rule_file
from tracestore.actions.access import COMMAND_LINE, Refused
from tracestore.actions.openslo import Applied, apply_objectives, export_objectives
from tracestore.analysis.openslo.importing import import_documents
from tracestore.analysis.openslo.reading import MAX_BYTES, Unreadable, read_documents, write_documents
from tracestore.models import Project


class Command(BaseCommand):
    help = "Objectives as code: OpenSLO v1 in and out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        apply = verbs.add_parser("apply", help="make the project's objectives those of a file; all of it or nothing")
        apply.add_argument("-f", "--file", required=True, help="OpenSLO v1 YAML; - is the standard input")
        apply.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
        apply.add_argument("--prune", action="store_true", help="delete objectives that the file does not hold")
        apply.add_argument("--strict", action="store_true", help="refuse what the OpenSLO SDK refuses")
        export = verbs.add_parser("export", help="write the project's objectives")
        prometheus = verbs.add_parser("prometheus", help="write rules for Prometheus, or a route for Alertmanager")
        prometheus.add_argument("--alertmanager", action="store_true", help="the route")
        for verb in (apply, export, prometheus):
            verb.add_argument("--project", required=True, help="the project's name in its address")

    def handle(self, *_args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"], deleted_at=None).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        if options["verb"] == "apply":
            self._apply(project.pk, options)
        elif options["verb"] == "export":
            self.stdout.write(write_documents(export_objectives(project.pk)), ending="")
        else:
            self.stdout.write(_prometheus(project.slug, options["alertmanager"]), ending="")

    def _apply(self, project_id: int, options: dict[str, Any]) -> None:
        try:
            imported = import_documents(read_documents(_text(options["file"])), options["strict"])
            flags = {"prune": options["prune"], "dry_run": options["dry_run"]}
            applied = apply_objectives(project_id, imported, COMMAND_LINE, timezone.now(), **flags)
        except (Unreadable, Refused) as fault:
            raise CommandError(str(fault)) from fault
        for note in applied.notes:
            self.stderr.write(f"{note.level}: {note}")
        if applied.failed:
            raise CommandError(f"Nothing was changed: {sum(note.level == 'error' for note in applied.notes)} errors.")
        for line in _lines(applied, "would be " if options["dry_run"] else ""):
            self.stdout.write(line)


def _prometheus(slug: str, alertmanager: bool) -> str:
    if alertmanager:
        return HEADERS["alertmanager"] + write_documents([alertmanager_file(slug)])
    return HEADERS["rules"] + write_documents([rule_file(slug, settings.PUBLIC_URL)])


def _text(name: str) -> str:
    try:
        if name == "-":
            return sys.stdin.read(MAX_BYTES + 1)
        with Path(name).open(encoding="utf-8") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {error}") from error


def _lines(applied: Applied, would: str) -> list[str]:
    return [
        *(f"{name} {would}created" for name in applied.created),
        *(f"{name} {would}changed: {', '.join(differing)}" for name, differing in applied.changed.items()),
        *(f"{name} unchanged" for name in applied.unchanged),
        *(f"{name} {would}deleted" for name in applied.deleted),
    ]
