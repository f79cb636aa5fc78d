"""A database of one's own that is cut off without a word (F13): refusals in time, no thread stuck, well again alone."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from benchmarks.stack import ROOT, free_ports
from dashboard.embedded.home import Home
from dashboard.embedded.servers import ROLE
from tests.faults import network
from tests.faults.check import SLOWEST_ANSWER_S, check
from tests.faults.installation import Installation, stopped
from tests.faults.load import FULL, Bodies, Journal, Traffic
from tests.faults.scene import PAUSED, duration_s, read

pytestmark = pytest.mark.timeout(600 if FULL else 180)
DATABASE = "cut_off"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where the database is reached, and how it is cut off: cut() for the time of its block."""

    host: str
    port: int
    cut: Callable[[], AbstractContextManager[None]]


@contextmanager
def frozen_relay(target: Path) -> Iterator[Relay]:
    (port,) = free_ports(1)
    with relay([], "127.0.0.1", port, target) as process:
        yield Relay("127.0.0.1", port, lambda: stopped([psutil.Process(process.pid)], PAUSED))


@contextmanager
def lost_link(target: Path) -> Iterator[Relay]:
    """The relay in a network of its own, whose only cable is pulled."""
    with network.network(), relay(network.EXECUTE, network.INSIDE, 5432, target):
        yield Relay(network.INSIDE, 5432, network.pulled)


@contextmanager
def relay(prefix: list[str], host: str, port: int, target: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [*prefix, sys.executable, "-m", "tests.faults.relay", host, str(port), str(target)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


WAYS = [lost_link, frozen_relay]


@pytest.mark.parametrize("way", WAYS if FULL else WAYS[:1], ids=lambda way: way.__name__)
def test_a_database_cut_off_without_a_word_blocks_nobody(
    installation: Installation, tmp_path: Path, way: Callable[[Path], AbstractContextManager[Relay]]
) -> None:
    if network.missing():
        way = frozen_relay  # test_this_machine_can_inject has said so
    with (
        way(Home(installation.stack.home).run_folder() / ".s.PGSQL.5432") as found,
        beside(installation, found) as made,
    ):
        traffic = Traffic(made.opens(3, 1), Bodies(1301, time.time_ns()), Journal(tmp_path / "journal")).start()
        try:
            traffic.wait_for(15)
            with found.cut(), ThreadPoolExecutor(2) as readers:
                reads = [readers.submit(read, made, path) for path in ("/api/v1/traces", "/projects")]
                time.sleep(duration_s(8, 60))
            traffic.wait_for(15)
        finally:
            traffic.stop()
        for status, told_when, took_s in (one.result() for one in reads):
            assert (status, told_when) == (503, True) and took_s < SLOWEST_ANSWER_S
        assert traffic.refusals, "the cut was not felt"
        with made.connect() as connection:
            check(connection, traffic)


@contextmanager
def beside(installation: Installation, found: Relay) -> Iterator[Installation]:
    """A second installation, whose database is one of the first one's server, behind the relay."""
    home = Home(installation.stack.home)
    password = home.read_secrets()["database_password"]
    create_database(installation)
    made = Installation.prepare(
        small_disk=False, FOURLINE_DATABASE_URL=f"postgresql://{ROLE}:{password}@{found.host}:{found.port}/{DATABASE}"
    )
    made.database = f"host={home.run_folder()} dbname={DATABASE} user={ROLE} password={password}"
    try:
        made.stack.start()
        yield made
    finally:
        made.stack.stop()
        made.remove()


def create_database(installation: Installation) -> None:
    home = Home(installation.stack.home)
    with psycopg.connect(
        host=str(home.run_folder()),
        dbname="postgres",
        user="postgres",
        password=home.read_secrets()["superuser_password"],
        autocommit=True,
    ) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
