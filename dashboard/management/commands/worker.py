"""The Celery worker: `manage.py worker`."""

from typing import Any

from django.core.management.base import BaseCommand

from dashboard.celery import run_worker


class Command(BaseCommand):
    help = "Run the background jobs when the broker rings."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        run_worker()
