"""Creates the day partitions that are missing and removes what is no longer kept; the background does it too."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from tracestore.actions.access import COMMAND_LINE, permit_removal
from tracestore.jobs import partitions

WHY = {
    "clock": "the clock of this machine jumped; nothing is removed until it has been steady for an hour",
    "many": "more days are due at once than a day's work; is the clock right? Then run it again with --confirm",
    "in use": "a long transaction or a backup uses these tables; the next run goes on",
    "backup": "a backup is being made; the next run goes on",
    "time": "the next run goes on",
}


class Command(BaseCommand):
    help = "Create the day partitions that are missing, remove what is no longer kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--confirm", action="store_true", help="remove all that is due, however many days it is")

    def handle(self, *args: Any, confirm: bool, **options: Any) -> None:
        now = datetime.now(UTC)
        if confirm:
            permit_removal(now, COMMAND_LINE)
        done = partitions.run(now)
        self.stdout.write(f"{done.created} created, {done.removed} removed, {done.held} held back")
        if done.reason:
            self.stdout.write(f"Held back: {WHY[done.reason]}.")
