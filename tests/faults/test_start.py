"""A setting that cannot work stops the start at once, with one line that says what to do (F30)."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.stack import ROOT, free_ports
from tests.conftest import Database

pytestmark = pytest.mark.timeout(50)  # the start waits 60 s for a database that may still come


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the servers' user can enter."""
    with tempfile.TemporaryDirectory(prefix="fls-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "home"


def run(command: str, home: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FOURLINE_")}
    ports = dict(
        zip(("FOURLINE_PORT", "FOURLINE_OTLP_PORT", "FOURLINE_GRPC_PORT"), map(str, free_ports(3)), strict=True)
    )
    environment = inherited | ports | {"FOURLINE_HOME": str(home)} | settings
    return subprocess.run(
        [sys.executable, "manage.py", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_a_wrong_password_stops_the_whole_start(database: Database, home: Path) -> None:
    wrong = database.url.replace("password-of-the-tests", "hidden-mistake")
    done = run("up", home, FOURLINE_DATABASE_URL=wrong, FOURLINE_BROKER_URL="redis://127.0.0.1:1/0")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "password authentication failed" in said and "Check FOURLINE_DATABASE_URL" in said
    assert "Traceback" not in said and "hidden-mistake" not in said


def test_a_database_that_does_not_exist_is_named(database: Database, tmp_path: Path) -> None:
    missing = database.url.replace(database.name, "not_there")
    done = run("prepare", tmp_path, FOURLINE_DATABASE_URL=missing, FOURLINE_SECRET_KEY="k" * 50)
    assert done.returncode == 1
    assert '"not_there" does not exist' in done.stderr and len(done.stderr.strip().splitlines()) == 1
