"""Start everything, with agents that keep sending sample data: `manage.py demo`."""

import importlib.util
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Like `up`, and a simulator that keeps sending believable traces of several agents."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if importlib.util.find_spec("opentelemetry.sdk") is None:
            raise CommandError(
                "The demo sends through the OpenTelemetry SDK: pip install 'fourline[demo]', or run `make demo`."
            )
        os.execv(sys.executable, [sys.executable, "-m", "dashboard.stack", "--demo"])  # noqa: S606
