"""The installation that is hurt: `manage.py up` on ports, a home and, where we may mount one, a small disk of its own."""

import contextlib
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import redis

from benchmarks.stack import Stack, kill, title
from dashboard.embedded.home import Home
from tests.faults.load import GrpcLine, HttpLine, Opens

DISK_MB = 1500
# Titles of processes.
WEB, GRPC, BEAT, REDIS = "fourline: manage.py serve", "fourline: manage.py grpc", "celery beat]", "redis-server"
WORKER, CHILD = "MainProcess]", "ForkPoolWorker"
POSTMASTER, BACKEND, POSTGRES = "bin/postgres", "postgres: fourline", "postgres"


@dataclass(slots=True)
class Installation:
    """stack: running. failpoints: where points are armed. disk: the mounted one that its home is on, or None.

    database: psycopg's words for one that is not its own.
    """

    stack: Stack
    failpoints: Path
    disk: Path | None
    database: str | None = None

    @classmethod
    def prepare(cls, small_disk: bool = True, **settings: str) -> "Installation":
        """settings: FOURLINE_* variables."""
        stack = Stack.prepare(**settings)
        folder = stack.home.parent
        disk = folder if small_disk and _mount(folder) else None
        failpoints = folder / "failpoints"
        failpoints.mkdir()
        stack.settings["FOURLINE_FAILPOINTS"] = str(failpoints)
        return cls(stack, failpoints, disk)

    def remove(self) -> None:
        if self.disk:
            subprocess.run(["umount", "--lazy", str(self.disk)], check=False)
        self.stack.remove()

    def opens(self, http: int, grpc: int) -> list[Opens]:
        key = self.stack.credentials()["ingest_key"]
        return [lambda: HttpLine(self.stack.otlp, key)] * http + [lambda: GrpcLine(self.stack.grpc, key)] * grpc

    def find(self, words: str) -> list[psutil.Process]:
        return self.stack.find(words)

    def kill_one(self, words: str, r: random.Random) -> None:
        """kill -9 of one process of this title; none may be there while it starts again."""
        if found := self.find(words):
            kill(r.choice(found))

    def worker_family(self) -> list[psutil.Process]:
        return [process for process in self.stack.family() if WORKER in title(process) or CHILD in title(process)]

    def connect(self, timeout_s: float = 60) -> psycopg.Connection:
        """To its database, in autocommit mode; waits for a server that is starting again."""
        return eventually(self._connect, psycopg.OperationalError, timeout_s)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.database, autocommit=True) if self.database else self.stack.connect()

    def broker(self) -> redis.Redis:
        home = Home(self.stack.home)
        password = home.read_secrets()["broker_password"]
        return redis.Redis(unix_socket_path=str(home.run_folder() / "redis.sock"), password=password)

    def wait_for_settling(self, timeout_s: float = 60) -> None:
        """Until a trace has been settled after this moment: the background works."""
        since_ns, deadline = time.time_ns(), time.monotonic() + timeout_s
        while True:
            with self.connect() as connection:
                row = connection.execute("SELECT max(settled_ns) FROM trace").fetchone()
            if row and row[0] and row[0] > since_ns:
                return
            assert time.monotonic() < deadline, f"nothing was settled within {timeout_s:.0f} s\n{self.last_lines()}"
            time.sleep(0.2)

    def end_rest(self) -> None:
        """Filling rests in proportion to what it cost, up to five minutes on a busy machine; who waits for it cannot."""
        with contextlib.suppress(psycopg.Error), self.connect() as connection:
            connection.execute("UPDATE rollup_state SET rest_until_ns = 0 WHERE rest_until_ns > 0")

    def wait_for_running_job(self, timeout_s: float = 20) -> None:
        """Until a worker is in the middle of a lane; without that its kill would prove nothing."""
        from tracestore.tasks import LANE_LOCK

        held, deadline = (
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s",
            time.monotonic() + timeout_s,
        )
        with self.connect() as connection:
            while not connection.execute(held, [LANE_LOCK]).fetchone():
                assert time.monotonic() < deadline, "no job is running"

    def last_lines(self) -> str:
        return "\n".join(self.stack.lines[-30:])


def eventually(
    attempt: Callable[[], psycopg.Connection], error: type[Exception], timeout_s: float
) -> psycopg.Connection:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return attempt()
        except error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _mount(folder: Path) -> bool:
    """A disk in memory that a test may fill. What is killed here are processes, so it keeps what a disk would keep."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "fourline-faults", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def stopped(processes: list[psutil.Process], signals: tuple[int, int]) -> Iterator[None]:
    """The first signal to all of them, at the end of the block the second."""
    for number in signals[:1]:
        _signal(processes, number)
    try:
        yield
    finally:
        _signal(processes, signals[1])


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
