"""Receive OTLP over gRPC: `manage.py grpc`."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from tracestore.db import CONTROL_POOL


class Command(BaseCommand):
    help = "Receive OTLP/gRPC on FOURLINE_GRPC_PORT."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Each thread keeps the connection that it asks about keys with until it asks again, so there is one for each."""
        pool = CONTROL_POOL | {"max_size": settings.INGEST_THREADS + 1}
        connections["default"].settings_dict["OPTIONS"]["pool"] = pool
        from ingest.otlp_grpc import serve

        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            serve(settings.BIND, settings.GRPC_PORT, stop)
        except RuntimeError as error:
            raise CommandError(f"FOURLINE_GRPC_PORT: {error}") from None
        connections["default"].close_pool()
