"""Celery beat: `manage.py beat`."""

from typing import Any

from django.core.management.base import BaseCommand

from dashboard.celery import run_beat


class Command(BaseCommand):
    help = "Ring for the background jobs of tracestore/timetable.py."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        run_beat()
