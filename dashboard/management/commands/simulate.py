"""`manage.py simulate`: keeps sending what the demo's agents do to an OTLP/HTTP endpoint, until it is stopped."""

import json
import logging
import signal
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

WAIT_S = 300


class Command(BaseCommand):
    help = "Send living sample data of five agents: some hours of history, then as it happens."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--endpoint", default=f"http://127.0.0.1:{settings.OTLP_PORT}", help="base address of an OTLP/HTTP receiver"
        )
        parser.add_argument(
            "--api",
            default=f"http://127.0.0.1:{settings.PORT}",
            help="base address of pages and API, for feedback and releases",
        )
        parser.add_argument("--key", help="ingest key; default: the one of the first start, if this is its home")
        parser.add_argument("--hours", type=float, default=24.0, help="hours of whole history to send (default 24)")
        parser.add_argument(
            "--days", type=float, default=14.0, help="days back to which one session in twelve is sent too (default 14)"
        )
        parser.add_argument("--rate", type=float, default=0.6, help="1.0 = about 1.4 traces a second (default 0.6)")
        parser.add_argument(
            "--objectives",
            action="store_true",
            help="create the demo's objectives in this installation's first project, if it never had any",
        )
        parser.add_argument("--seed", type=int, default=1, help="another seed tells another story")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from dashboard.demo.sender import Sender
        except ImportError as error:
            raise CommandError(f"The demo needs the OpenTelemetry SDK ({error}). `make demo` installs it.") from error
        from dashboard.demo.simulator import Pace, Simulator, run

        signal.signal(signal.SIGTERM, _stop)
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        _wait_until_open(options["endpoint"])
        sender = Sender(options["endpoint"], options["api"], options["key"] or _first_key())
        pace = Pace(options["seed"], options["rate"], options["hours"], options["days"])
        promised = _promise if options["objectives"] else _nothing
        try:
            run(Simulator(sender, pace, time.time_ns()), time.time_ns, time.sleep, promised)
        except KeyboardInterrupt:
            sender.close()


def _nothing() -> None: ...


def _promise() -> None:
    """When the last day is in: budgets of an hour would look spent after one bad release."""
    from dashboard.demo.promises import promise
    from tracestore.models import Project

    project = Project.objects.filter(deleted_at=None).order_by("pk").first()
    if project is not None and (created := promise(project.pk, datetime.now(UTC))):
        print(f"{created} objectives created in {project.name}", flush=True)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def _first_key() -> str | None:
    try:
        return str(json.loads(settings.HOME.credentials_file.read_text())["ingest_key"])
    except (OSError, ValueError, KeyError):
        return None


def _wait_until_open(endpoint: str) -> None:
    """Return when something answers there."""
    address = urlsplit(endpoint)
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        connection = HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.5)
        finally:
            connection.close()
    raise CommandError(f"Nothing answers at {endpoint}. Start `make up`, or name another --endpoint.")
