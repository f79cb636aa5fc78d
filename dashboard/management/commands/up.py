"""Start everything in the foreground: `manage.py up`."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Start Postgres, Redis, the web workers, gRPC, the Celery worker and beat; stop them all on SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Become the supervisor: a fresh process, since the settings are read anew once the home has its secrets."""
        os.execv(sys.executable, [sys.executable, "-m", "dashboard.stack"])  # noqa: S606
