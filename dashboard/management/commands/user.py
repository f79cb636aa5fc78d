"""`manage.py user create|reset-link ADDRESS`: the way in when no mail leaves this installation."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tracestore.actions.access import Refused, create_user, reset_link
from tracestore.models.access import User
from tracestore.queries.access import find_user


class Command(BaseCommand):
    help = "Make an account, or print a link that sets a new password (good for one hour and one use)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make an account and print a link that sets its password")
        create.add_argument("email")
        create.add_argument("--admin", action="store_true", help="may create projects")
        link = verbs.add_parser("reset-link", help="print a link that sets a new password")
        link.add_argument("email")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = self._created(options) if options["verb"] == "create" else self._found(options["email"])
        self.stdout.write(reset_link(user))

    def _created(self, options: dict[str, Any]) -> User:
        try:
            return create_user(options["email"], options["admin"], timezone.now())
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal

    def _found(self, email: str) -> User:
        user = find_user(email)
        if user is None or not user.is_active:
            raise CommandError("There is no active account with this address.")
        return user
