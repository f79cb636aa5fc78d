"""Is the database there for a command that needs nothing else? One of your own is; the embedded one may have to be started."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import psycopg
from django.conf import settings

from dashboard.embedded.home import Home
from dashboard.embedded.postgres import STOP_TIMEOUT_S, Postgres
from dashboard.embedded.servers import DATABASE, ROLE, make_ready, open_home
from tracestore import db


@contextlib.contextmanager
def database(home: Home) -> Iterator[bool]:
    """The database answers within the block. Yields whether it was started for it. Raises HomeError."""
    if not settings.EMBEDDED_DATABASE or _answers():
        yield False
        return
    open_home(home)
    with home.lock():
        servers = make_ready(home, want_postgres=True, want_redis=False)
        assert servers.postgres is not None
        settings.DATABASES["default"]["PASSWORD"] = home.read_secrets()["database_password"]
        with _running(servers.postgres, home):
            yield True


@contextlib.contextmanager
def _running(postgres: Postgres, home: Home) -> Iterator[None]:
    postgres.stop_stale()
    postgres.create()
    server = postgres.start()
    assert server.stdout is not None
    threading.Thread(target=server.stdout.read, daemon=True).start()
    try:
        postgres.wait_ready(server)
        postgres.ensure_database(DATABASE, ROLE, home.read_secrets()["database_password"])
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(STOP_TIMEOUT_S)


def _answers() -> bool:
    try:
        psycopg.connect(**db.conninfo()).close()
    except psycopg.Error:
        return False
    return True
