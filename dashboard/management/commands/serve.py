"""Serve pages, API and OTLP/HTTP: `manage.py serve` (web workers of `up` are the same command with --fd)."""

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from dashboard.listeners import AddressTaken, listen
from tracestore.db import CONTROL_POOL


class Command(BaseCommand):
    help = "Serve pages, API and OTLP/HTTP on FOURLINE_PORT and FOURLINE_OTLP_PORT."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, action="append", default=[], help="an inherited listening socket")

    def handle(self, *args: Any, fd: list[int], **options: Any) -> None:
        if settings.SECRET_KEY_IS_EPHEMERAL:
            raise CommandError("Set FOURLINE_SECRET_KEY, or run `manage.py up`, which makes one.")
        if not fd and settings.WEB_WORKERS > 1:
            os.execv(sys.executable, [sys.executable, "-m", "dashboard.web"])  # noqa: S606
        try:
            sockets = [socket.socket(fileno=number) for number in fd] or self.own_sockets()
        except AddressTaken as error:
            raise CommandError(str(error)) from None
        self.serve(sockets)

    def own_sockets(self) -> list[socket.socket]:
        return [
            listen(settings.BIND, settings.PORT, "FOURLINE_PORT"),
            listen(settings.BIND, settings.OTLP_PORT, "FOURLINE_OTLP_PORT"),
        ]

    def serve(self, sockets: list[socket.socket]) -> None:
        """Threads come and go under ASGI, so their connections come from a pool rather than belong to them."""
        connections["default"].settings_dict["OPTIONS"]["pool"] = CONTROL_POOL
        from dashboard.asgi import application
        from dashboard.server import serve

        serve(application, sockets)
        connections["default"].close_pool()
