"""`manage.py restore FILE`: a backup into an empty database, compared with what the backup says it holds."""

import os
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard import backups
from dashboard.embedded import serving
from dashboard.embedded.home import HomeError
from dashboard.embedded.programs import postgres_folder
from tracestore.queries.checksums import Line


def place(line: Line) -> str:
    of = f" of project {line.project}" if line.project is not None else ""
    return f"{line.table}{of}{f' on {line.day}' if line.day else ''}"


class Command(BaseCommand):
    help = "Fill an empty database from a backup and check every table, project and day. Fourline must be stopped."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--force", action="store_true", help="REMOVE ALL that is in the database first")
        parser.add_argument(
            "--pg-bin", type=Path, help="folder of pg_restore; default: the one that came with Fourline"
        )

    def handle(self, *args: Any, file: Path, force: bool, pg_bin: Path | None, **options: Any) -> None:
        began = time.monotonic()
        try:
            with backups.opened(file) as (archive, manifest), serving.database(settings.HOME):
                wrong = backups.put_back(archive, manifest, backups.Tools(pg_bin or postgres_folder()), force=force)
                key = backups.secret_key(archive)
        except (backups.BackupError, HomeError) as error:
            raise CommandError(str(error)) from None
        if wrong:
            named = ", ".join(place(line) for line in wrong[:5])
            raise CommandError(f"The restored database differs from the backup in {len(wrong)} places: {named}.")
        self.stdout.write(f"{manifest.rows:,} rows restored and checked in {time.monotonic() - began:.1f} s.")
        self.stdout.write(self.adopt(key))

    def adopt(self, key: str | None) -> str:
        """The key that signs sessions and that hashes of redaction rules depend on comes along."""
        if key is None:
            return "The backup holds no secret key: everybody signs in again, and hashes of redaction rules change."
        given = os.environ.get("FOURLINE_SECRET_KEY", "").strip()
        if given:
            same = "is that of the backup" if given == key else "is another than the backup's: everybody signs in again"
            return f"FOURLINE_SECRET_KEY {same}."
        settings.HOME.create()
        settings.HOME.adopt_secret("secret_key", key)
        return f"The secret key is in {settings.HOME.secrets_file}. Start with: make up"
