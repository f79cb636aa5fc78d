"""`manage.py backup FILE`: everything into one file, while Fourline runs or not."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dashboard import backups
from dashboard.embedded import serving
from dashboard.embedded.home import HomeError
from dashboard.embedded.programs import postgres_folder


class Command(BaseCommand):
    help = "Write the database and the secret key into one file. Ingest goes on; nothing old is removed meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--pg-bin", type=Path, help="folder of pg_dump; default: the one that came with Fourline")
        parser.add_argument("--without-secret-key", action="store_true", help="leave out the key that signs sessions")

    def handle(self, *args: Any, file: Path, pg_bin: Path | None, without_secret_key: bool, **options: Any) -> None:
        key = None if without_secret_key or settings.SECRET_KEY_IS_EPHEMERAL else settings.SECRET_KEY
        began = time.monotonic()
        try:
            with serving.database(settings.HOME):
                made = backups.make(file, backups.Tools(pg_bin or postgres_folder()), key, timezone.now())
        except (backups.BackupError, HomeError) as error:
            raise CommandError(str(error)) from None
        size = file.stat().st_size / 1e6
        self.stdout.write(f"{file}: {made.rows:,} rows, {size:,.1f} MB, {time.monotonic() - began:.1f} s")
        if key:
            self.stdout.write("It holds the secret key: keep it as you would keep a password.")
