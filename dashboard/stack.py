"""What does `manage.py up` run? Postgres and Redis, the web workers, gRPC, the Celery worker and beat, under one supervisor.

The supervisor imports the application once and forks its children, which then share that memory (a fifth of what six
processes of their own would need) and start again within milliseconds. It opens no connection and starts no thread.
"""

import contextlib
import http.client
import importlib
import os
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable, Sequence

import django
from django.core.exceptions import ImproperlyConfigured

from dashboard.children import Child
from dashboard.demo import mailbox
from dashboard.embedded.home import HomeError, current_home
from dashboard.embedded.postgres import Postgres
from dashboard.embedded.redis import NOISE
from dashboard.embedded.servers import DATABASE, ROLE, EmbeddedServers, make_ready, open_home
from dashboard.forks import ForkedProcess, settle_memory
from dashboard.listeners import AddressTaken, listen, local_address, require_free
from dashboard.supervisor import Stopped, Supervisor, announce, complain, say
from tracestore.analysis.price_data import bundled
from tracestore.timetable import TIMETABLE

SHARED_MODULES = (
    "dashboard.asgi",
    "dashboard.urls",
    "dashboard.server",
    "dashboard.celery",
    "tracestore.tasks",
    "uvloop",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
    "kombu.transport.redis",
)
READY_TIMEOUT_S = 120.0
PREPARE_TIMEOUT_S = 900.0  # a migration of a large database takes its time


def main(demo: bool = False) -> int:
    """Run until a signal; 0 after an orderly stop, 1 with a sentence on stderr when the start failed.

    demo: also keep sending the sample data of dashboard.demo.
    """
    home = current_home()
    try:
        open_home(home)
        with home.lock():
            home.ensure_secrets()  # before the settings are read
            return _supervise(demo, _mailbox() if demo else None)
    except (HomeError, AddressTaken, ImproperlyConfigured, TimeoutError) as error:
        complain(str(error))
        return 1


def _mailbox() -> socket.socket | None:
    """Where the demo's mails go, unless they have somewhere to go. Before the settings are read, as they name it."""
    if os.environ.get("FOURLINE_EMAIL_URL", "").strip():
        return None
    listening = listen("127.0.0.1", 0, "FOURLINE_EMAIL_URL")
    os.environ["FOURLINE_EMAIL_URL"] = mailbox.address_of(listening)
    return listening


def _supervise(demo: bool, mails: socket.socket | None) -> int:
    from dashboard import settings

    supervisor = Supervisor()
    supervisor.install_signals()
    started = time.monotonic()
    try:
        sockets = [
            listen(settings.BIND, settings.PORT, "FOURLINE_PORT"),
            listen(settings.BIND, settings.OTLP_PORT, "FOURLINE_OTLP_PORT"),
        ]
        require_free(settings.BIND, settings.GRPC_PORT, "FOURLINE_GRPC_PORT")
        load_application()
        servers = make_ready(settings.HOME, settings.EMBEDDED_DATABASE, settings.EMBEDDED_BROKER)
        _start_servers(supervisor, servers)
        _prepare(supervisor)
        descriptors = [made.fileno() for made in sockets]
        supervisor.start([command_child("worker")])
        supervisor.start([command_child("beat")])
        supervisor.start([*web_children(settings.WEB_WORKERS, descriptors), command_child("grpc")])
        _await_readiness(supervisor)
        announce(_ready_line(time.monotonic() - started) + (f", mails in {settings.HOME.mails}" if mails else ""))
        if demo:
            supervisor.start([_simulation(), *([_mail_server(mails)] if mails else [])])
        supervisor.run()
        say("up", "stopping")
    except Stopped:
        say("up", "stopping before everything was started")
    finally:
        supervisor.stop()
    return 0


def _simulation() -> Child:
    from dashboard import settings

    endpoint, api = _address(settings.OTLP_PORT), _address(settings.PORT)
    return command_child("simulate", objectives=True, endpoint=endpoint, api=api)


def _mail_server(listening: socket.socket) -> Child:
    from dashboard import settings

    keep = [listening.fileno()]
    return Child("mails", lambda: ForkedProcess("mails", lambda: mailbox.serve(listening, settings.HOME.mails), keep))


def load_application() -> None:
    """Import what the children have in common. Not gRPC: its threads would not survive a fork."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # for developers, and the tests show them
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    django.setup()
    for module in SHARED_MODULES:
        importlib.import_module(module)
    for entry in TIMETABLE:
        entry.load()
    bundled("openai", "gpt-4o")  # reads the price list: 18 MB that each web worker would make for itself
    settle_memory()


def _start_servers(supervisor: Supervisor, servers: EmbeddedServers) -> None:
    if servers.postgres is not None:
        _start_postgres(supervisor, servers.postgres)
    if servers.redis is not None:
        _start_server(supervisor, Child("redis", servers.redis.start, noise=NOISE), servers.redis.answers)


def _start_postgres(supervisor: Supervisor, postgres: Postgres) -> None:
    from dashboard import settings

    postgres.stop_stale()
    postgres.create()
    _start_server(supervisor, Child("postgres", postgres.start, stop_signal=signal.SIGINT), postgres.answers)
    postgres.ensure_database(DATABASE, ROLE, settings.HOME.read_secrets()["database_password"])


def _start_server(supervisor: Supervisor, child: Child, answers: Callable[[], bool]) -> None:
    """Return when it answers. One that ends before that will not do better the next time."""
    child.lasting = False
    supervisor.start([child])
    supervisor.wait(lambda: not child.running or answers(), READY_TIMEOUT_S, f"{child.name} did not answer in time.")
    if not child.running:
        supervisor.turn(0)
        raise HomeError(f"{child.name} ended while it was starting; its own lines above say why.")
    child.lasting = True


def _prepare(supervisor: Supervisor) -> None:
    """Migrations, first admin and keys, in a process of its own, so that its memory is given back."""
    child = command_child("prepare")
    child.lasting = False
    supervisor.start([child])
    supervisor.wait(lambda: not child.running, PREPARE_TIMEOUT_S, "preparing the database took too long")
    supervisor.turn(0)
    assert child.process is not None
    if child.process.returncode != 0:
        raise HomeError("the database could not be prepared; the lines above say why.")
    supervisor.forget(child)


def command_child(name: str, keep: Sequence[int] = (), **options: object) -> Child:
    """A manage.py command as a forked child; options: of the command. It is killed with us: what it acknowledged is kept."""

    def run() -> None:
        from django.core.management import CommandError, call_command

        try:
            call_command(name.partition("-")[0], **options)
        except CommandError as error:  # a sentence for people, as on a command line
            sys.exit(str(error))

    return Child(name, lambda: ForkedProcess(name, run, keep))


def web_children(count: int, descriptors: Sequence[int]) -> list[Child]:
    """Workers that accept from the same inherited sockets: when one ends, the other goes on, and no queue is lost."""
    return [command_child(f"serve-{n + 1}", descriptors, fd=list(descriptors)) for n in range(count)]


def _await_readiness(supervisor: Supervisor) -> None:
    """Return when /readyz says 200. What is not ready for long is named, and goes on being mended and waited for."""
    from dashboard import settings

    while True:
        try:
            supervisor.wait(lambda: _is_ready(settings.BIND, settings.PORT), READY_TIMEOUT_S, "not ready")
            return
        except TimeoutError:
            say("up", f"not ready for {READY_TIMEOUT_S:.0f} s; /readyz and `manage.py doctor` say what is missing")


def _is_ready(bind: str, port: int) -> bool:
    connection = http.client.HTTPConnection(local_address(bind), port, timeout=2)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/readyz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    return False


def _address(port: int) -> str:
    from dashboard import settings

    return f"http://{local_address(settings.BIND)}:{port}"


def _ready_line(seconds: float) -> str:
    from dashboard import settings

    host = local_address(settings.BIND)
    return (
        f"Fourline is ready after {seconds:.1f} s: {settings.SITE_URL} (pages, API), OTLP/HTTP {_address(settings.OTLP_PORT)},"
        f" OTLP/gRPC {host}:{settings.GRPC_PORT}, credentials in {settings.HOME.credentials_file}"
    )


if __name__ == "__main__":
    sys.exit(main(demo="--demo" in sys.argv[1:]))
