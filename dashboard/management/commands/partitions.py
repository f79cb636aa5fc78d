"""Creates the day partitions that are missing and drops those that are no longer kept; the background does it too."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from tracestore.jobs import partitions


class Command(BaseCommand):
    help = "Create the day partitions that are missing, drop those that are no longer kept."

    def handle(self, *args: Any, **options: Any) -> None:
        done = partitions.run(datetime.now(UTC))
        self.stdout.write(f"{done.created} created, {done.dropped} dropped, {done.held} held back")
