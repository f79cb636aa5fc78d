"""Make the database ready: `manage.py prepare` checks its durability, migrates it and makes the first admin and keys."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, transaction

from dashboard.embedded.home import write_private
from tracestore import db, partitions
from tracestore.actions import access
from tracestore.analysis.retention import DEFAULT_DAYS
from tracestore.queries import durability

MIGRATION_LOCK = 4_001  # advisory; two containers may start at once
# While a migration waits for a table, whoever comes after it waits too: so it gives up soon, and tries again.
LOCK_TIMEOUT, MIGRATION_TRIES, PAUSE_S = "2s", 60, 1.0


class Command(BaseCommand):
    help = "Check the database's durability settings, migrate it, make the first admin, project and keys."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.wait_for_database()
        problems = durability.problems()
        if problems:
            raise CommandError(" ".join(problems))
        now = datetime.now(UTC)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        self.migrate()
        with db.JOBS.connection(600) as store:
            partitions.ensure_ahead(store, now, DEFAULT_DAYS)
        self.bootstrap(now)

    def wait_for_database(self) -> None:
        try:
            durability.wait_for_database(timeout_s=60)
        except OperationalError as error:
            reason = str(error).strip().splitlines()[0]
            where = "" if settings.EMBEDDED_DATABASE else " Check FOURLINE_DATABASE_URL."
            raise CommandError(f"The database cannot be reached: {reason}.{where}") from None

    def migrate(self) -> None:
        """A migration that is not atomic must be safe to repeat."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, FALSE)", [LOCK_TIMEOUT])
        for _ in range(MIGRATION_TRIES):
            try:
                call_command("migrate", verbosity=0)
            except OperationalError as error:
                if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                    raise
                time.sleep(PAUSE_S)
            else:
                return
        raise CommandError(
            "The migration found its tables in use for minutes: end long transactions, then start again."
        )

    def bootstrap(self, now: datetime) -> None:
        """The first admin; the file is written before the commit, so that no password exists that nobody knows."""
        file = settings.HOME.credentials_file
        with transaction.atomic():
            made = access.bootstrap(now)
            if made is None:
                return
            settings.HOME.create()
            known = {name: getattr(made, name) for name in made.__slots__}
            write_private(file, json.dumps({"url": settings.SITE_URL} | known, indent=2) + "\n")
        self.stdout.write(f"The first administrator, project and keys are in {file} (readable by you alone).")
