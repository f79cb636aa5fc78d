"""How do we reach Postgres for signals? Bounded pools of psycopg connections with deadlines, and rows as dataclasses.

The control plane uses Django's ORM; signals come and go through here. Every connection answers or fails within a known
time: a statement timeout in the server, and a watchdog here that cuts the socket when the server itself is stopped.
"""

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.rows import class_row

Row = TypeVar("Row")
Query = str | sql.SQL | sql.Composed
Params = Mapping[str, Any] | Sequence[Any] | None

READ_TIMEOUT_MS = 5_000
WRITE_TIMEOUT_MS = 10_000
JOB_TIMEOUT_MS = 60_000
GRACE_S = 2.0  # the server is given this long beyond its own timeout before the socket is cut
ANSWER_S = 5.0  # the control plane asks small questions


# Over TCP: a client that was cut off holds locks until the server notices, by default for two hours. Ignored on a socket.
TELL_A_GONE_CLIENT = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "5000",
}


class Unavailable(Exception):
    """The database did not take it, for a reason that passes: ask again. Nothing was changed."""


# Ours: a connection is given up 5 s after something sent was not received, 25 s after the last word of an idle server.
CUT_OFF: dict[str, Any] = {
    "connect_timeout": 3,
    "tcp_user_timeout": 5_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


def conninfo() -> dict[str, Any]:
    """psycopg's keywords for the database of the settings, as they are now (tests switch it)."""
    database = settings.DATABASES["default"]
    options = {k: v for k, v in database.get("OPTIONS", {}).items() if k not in ("pool", "isolation_level")}
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {key: str(database[name]) for key, name in named.items() if database.get(name)}
    return CUT_OFF | options | given


def connect(timeout_ms: int, **session: str) -> psycopg.Connection:
    """A connection in autocommit mode; transactions are opened where they are meant. session: settings of the server."""
    given = {
        **TELL_A_GONE_CLIENT,
        "statement_timeout": str(timeout_ms),
        "lock_timeout": str(timeout_ms // 2),
        "idle_in_transaction_session_timeout": "30000",
        "timezone": "UTC",
        **session,
    }
    info = conninfo()
    settings_text = " ".join(f"-c {name}={value}" for name, value in given.items())
    info["options"] = f"{info.get('options', '')} {settings_text}".strip()
    return psycopg.connect(**info, autocommit=True)


class Impatient(psycopg.Connection[Any]):
    """For the control plane (Django's ORM): ANSWER_S without an answer is an error, since a stopped server never gives one."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or ANSWER_S)
        except psycopg.errors._WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError("the database does not answer") from error


# Threads of web workers and gRPC come and go, so their connections come from a pool of the process. min_size 0: a process
# that only ingests needs none.
CONTROL_POOL = {"min_size": 0, "max_size": 4, "timeout": 5, "max_idle": 60, "connection_class": Impatient}


class _Watchdog:
    """Cuts the socket of a connection that is past its deadline, so that whoever waits on it gets an error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[object, tuple[int, float]] = {}  # each watch -> descriptor, deadline
        self._pid: int | None = None

    @contextmanager
    def watch(self, connection: psycopg.Connection, seconds: float) -> Iterator[None]:
        """May be nested: a block of statements has a deadline, and each of them a shorter one."""
        watch = object()
        with self._lock:
            self._start()
            self._watched[watch] = (connection.fileno(), time.monotonic() + seconds)
        try:
            yield
        finally:
            with self._lock:
                self._watched.pop(watch, None)

    def _start(self) -> None:
        if self._pid == os.getpid():
            return
        self._pid, self._watched = os.getpid(), {}
        threading.Thread(target=self._run, name="db-watchdog", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(0.25)
            with self._lock:
                now = time.monotonic()
                for watch, (fd, deadline) in list(self._watched.items()):
                    if deadline < now:
                        del self._watched[watch]
                        _cut(fd)


def _cut(fd: int) -> None:
    try:
        with socket.socket(fileno=os.dup(fd)) as line:
            line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it broke by itself


_watchdog = _Watchdog()


class Pool:
    """At most `size` connections of this process; whoever waits longer than `wait_s` is told Unavailable.

    Broken connections are thrown away, so the pool mends itself when the database comes back.
    """

    def __init__(self, size: int, wait_s: float, timeout_ms: int, **session: str) -> None:
        self.size, self.wait_s, self.timeout_ms = size, wait_s, timeout_ms
        self._session = session
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._places = threading.BoundedSemaphore(self.size)
        self._idle: list[tuple[dict[str, Any], psycopg.Connection]] = []

    @contextmanager
    def connection(self, seconds: float | None = None) -> Iterator[psycopg.Connection]:
        """A connection of one's own for the block, at most `seconds` long (default: the timeout and a grace)."""
        with self._lock:
            if self._pid != os.getpid():
                self._reset()  # forked: the parent's connections are not ours
        places = self._places
        if not places.acquire(timeout=self.wait_s):
            raise Unavailable("all database connections are in use")
        try:
            yield from self._borrow(seconds or self.timeout_ms / 1000 + GRACE_S)
        finally:
            places.release()

    def _borrow(self, seconds: float) -> Iterator[psycopg.Connection]:
        info = conninfo()
        connection = self._take(info)
        with _watchdog.watch(connection, seconds):
            try:
                yield connection
            except BaseException:
                _tidy(connection)
                raise
            finally:
                if not connection.closed:
                    self._idle.append((info, connection))

    def _take(self, info: dict[str, Any]) -> psycopg.Connection:
        while self._idle:
            made_for, connection = self._idle.pop()
            if made_for == info and not connection.closed and not _has_news(connection):
                return connection
            connection.close()
        try:
            return connect(self.timeout_ms, **self._session)
        except psycopg.Error as error:
            raise Unavailable(f"cannot reach the database: {type(error).__name__}") from error

    def close(self) -> None:
        """Closes what is idle (tests drop their database)."""
        while self._idle:
            self._idle.pop()[1].close()


def _has_news(connection: psycopg.Connection) -> bool:
    """An idle connection with something to read is one that the server has closed (1 us to ask)."""
    line = select.poll()
    line.register(connection.fileno(), select.POLLIN)
    return bool(line.poll(0))


def _tidy(connection: psycopg.Connection) -> None:
    """After an error: a connection that is not plainly idle is closed rather than trusted."""
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        connection.close()


# Planned for the values that are asked for: which days are read and which index is right depends on them.
READS = Pool(size=8, wait_s=3, timeout_ms=READ_TIMEOUT_MS, plan_cache_mode="force_custom_plan")
WRITES = Pool(size=4, wait_s=2, timeout_ms=WRITE_TIMEOUT_MS)  # with the grace 14 s: no thread is stuck for longer
JOBS = Pool(size=2, wait_s=30, timeout_ms=JOB_TIMEOUT_MS)

_current = threading.local()  # .connection: the snapshot that this thread reads in


@contextmanager
def connection() -> Iterator[psycopg.Connection]:
    """A connection to read with: that of the snapshot we are in, else one from the pool."""
    current = getattr(_current, "connection", None)
    if current is not None:
        yield current
        return
    with READS.connection(60) as mine:
        yield mine


@contextmanager
def snapshot() -> Iterator[None]:
    """All reads of this thread within see one moment of the database."""
    with READS.connection(60) as mine, mine.transaction():
        mine.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        _current.connection = mine
        try:
            yield
        finally:
            _current.connection = None


def fetch(
    query: Query,
    params: Params,
    row_type: type[Row],
    timeout_ms: int | None = None,
    session: Mapping[str, str] | None = None,
) -> list[Row]:
    """All rows of a statement, column names mapped to the fields of row_type.

    timeout_ms: instead of READ_TIMEOUT_MS. session: settings of the server for this statement, which is then planned for its
    parameters each time. Raises psycopg.errors.QueryCanceled past the timeout, Unavailable without a database.
    """
    chosen = dict(session or {}) | ({} if timeout_ms is None else {"statement_timeout": str(timeout_ms)})
    seconds = (timeout_ms or READ_TIMEOUT_MS) / 1000 + GRACE_S
    with connection() as mine, _watchdog.watch(mine, seconds), mine.cursor(row_factory=class_row(row_type)) as cursor:
        if not chosen:
            return cursor.execute(query, params).fetchall()
        with mine.transaction():
            for name, value in chosen.items():
                mine.execute("SELECT set_config(%s, %s, TRUE)", [name, value])
            return cursor.execute(query, params, prepare=False if session else None).fetchall()


def patience() -> Callable[[], None]:
    """For a question of several statements: to be called before each further one.

    Raises psycopg.errors.QueryCanceled when they have taken longer together than one statement may.
    """
    stop_at = time.monotonic() + READ_TIMEOUT_MS / 1000

    def check() -> None:
        if time.monotonic() > stop_at:
            raise psycopg.errors.QueryCanceled("the statements of one question took too long together")

    return check


def fetch_tuples(query: Query, params: Params, timeout_ms: int | None = None) -> list[tuple[Any, ...]]:
    """All rows, as they come in binary form: for thousands of them, where a row of named fields costs 20 us more."""
    with connection() as mine, mine.cursor(binary=True) as cursor:
        if timeout_ms is None:
            return cursor.execute(query, params).fetchall()
        with mine.transaction(), _watchdog.watch(mine, timeout_ms / 1000 + GRACE_S):
            mine.execute("SELECT set_config('statement_timeout', %s, TRUE)", [str(timeout_ms)])
            return cursor.execute(query, params).fetchall()


def fetch_one(query: Query, params: Params, row_type: type[Row], timeout_ms: int | None = None) -> Row | None:
    rows = fetch(query, params, row_type, timeout_ms)
    return rows[0] if rows else None
