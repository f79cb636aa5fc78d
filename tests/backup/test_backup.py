"""A backup made under load comes back equal, elsewhere; one that is not whole is refused in a sentence."""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.builders import NOW_NS, span, store, trace_id
from tests.conftest import Database, _point_django_at
from tests.servers import ROLE, Servers
from tests.store.state import derived, rows
from tests.store.test_other import log
from tests.store.test_settle import agent
from tests.world import make_world
from tracestore import db, writer
from tracestore.jobs.partitions import RETENTION_LOCK
from tracestore.queries.checksums import checksums
from tracestore.records import Batch

SPANS = 5  # of a batch: all of them are in a snapshot, or none


@pytest.fixture
def elsewhere(postgres: Servers, database: Database) -> Callable[[], None]:
    """Goes to an empty database."""
    name = f"{database.name}_restored"
    with postgres.postgres.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
    yield lambda: _point_django_at(name)
    _point_django_at(database.name)
    postgres.drop(name)


def restore(file: Path, **options: object) -> None:
    call_command("restore", str(file), stdout=io.StringIO(), **options)


def backup(file: Path) -> Path:
    call_command("backup", str(file), stdout=io.StringIO())
    return file


def fill() -> None:
    make_world()
    for project in (1, 2):
        store(project, agent(trace_id(1)) + [span(trace_id(2), at=-86_400 * 3, attributes={"a": "text " * 100})])
        writer.write(Batch(project, "logs", NOW_NS, 1, logs=[log("a")]))


def test_a_backup_made_under_load_restores_to_equal_counts_and_checksums(
    database: Database, elsewhere: Callable[[], None], tmp_path: Path
) -> None:
    fill()
    acknowledged: list[int] = []
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            number = 1000 + len(acknowledged)
            store(3, [span(trace_id(number)) for _ in range(SPANS)], settle=False)
            acknowledged.append(number)

    sender = threading.Thread(target=send)
    sender.start()
    while len(acknowledged) < 5:
        pass
    before = len(acknowledged)
    file = backup(tmp_path / "b.zip")
    after = len(acknowledged)
    done.set()
    sender.join()
    assert file.stat().st_mode & 0o777 == 0o600
    assert after > before, "ingest went on"
    settled = derived(1)

    elsewhere()
    restore(file)
    assert derived(1) == settled
    with db.JOBS.connection() as connection:
        per_trace = connection.execute("SELECT trace_id, count(*) FROM span WHERE project = 3 GROUP BY 1").fetchall()
        lines = checksums(connection)
    assert {count for _, count in per_trace} == {SPANS}
    assert before <= len(per_trace) <= after + 1
    manifest = json.loads(zipfile.ZipFile(file).read("manifest.json"))
    assert [(line.table, line.project, line.day, line.rows, line.checksum) for line in lines] == [
        tuple(line.values()) for line in manifest["lines"]
    ]
    assert {"span", "span_payload", "trace", "log_record", "project", "access_user"} <= {line.table for line in lines}
    store(1, [span(trace_id(9))])
    assert len(rows("span", 1)) == 7, "it takes spans"


def test_a_restore_that_differs_from_the_manifest_is_told(
    database: Database, elsewhere: Callable[[], None], tmp_path: Path
) -> None:
    fill()
    whole = backup(tmp_path / "b.zip")
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(other, "w") as target:
        manifest = json.loads(source.read("manifest.json"))
        line = next(line for line in manifest["lines"] if line["table"] == "span")
        line["checksum"] = str(int(line["checksum"]) + 1)
        target.writestr("manifest.json", json.dumps(manifest))
        target.writestr("database.dump", source.read("database.dump"))
    elsewhere()
    with pytest.raises(CommandError, match="differs from the backup in 1 places: span of project 1"):
        restore(other)
    with pytest.raises(CommandError, match="not empty.*--force"):
        restore(whole)
    restore(whole, force=True)


def test_what_is_not_a_whole_backup_is_refused_before_anything_is_touched(database: Database, tmp_path: Path) -> None:
    fill()
    whole = backup(tmp_path / "b.zip").read_bytes()
    middle = len(whole) // 2
    cases = {
        "cut.zip": whole[:middle],
        "flipped.zip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "empty.zip": b"",
        "other.zip": b"PK not really" * 50,
    }
    before = rows("span", 1)
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CommandError, match="is not a whole backup|is damaged"):
            restore(tmp_path / name, force=True)
    with pytest.raises(CommandError, match="There is no file"):
        restore(tmp_path / "nothing.zip")
    newer = tmp_path / "newer.zip"
    with zipfile.ZipFile(tmp_path / "b.zip") as source, zipfile.ZipFile(newer, "w") as target:
        manifest = json.loads(source.read("manifest.json"))
        manifest["migrations"].append("tracestore.9999_later")
        target.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(CommandError, match="newer Fourline.*9999_later"):
        restore(newer, force=True)
    with pytest.raises(CommandError, match="exists"):
        backup(tmp_path / "b.zip")
    assert rows("span", 1) == before


def test_a_database_in_use_is_not_restored_over(database: Database, tmp_path: Path) -> None:
    fill()
    file = backup(tmp_path / "b.zip")
    with db.connect(60_000) as other:
        other.execute("SELECT 1")
        with pytest.raises(CommandError, match="Somebody is connected"):
            restore(file, force=True)


def test_a_backup_waits_for_what_is_being_removed_and_holds_it_off(database: Database, tmp_path: Path) -> None:
    fill()
    with db.connect(60_000) as retention:
        retention.execute("SELECT pg_advisory_lock(%s, %s)", RETENTION_LOCK)
        made = threading.Thread(target=backup, args=[tmp_path / "b.zip"])
        made.start()
        made.join(1)
        assert made.is_alive()
    made.join(60)
    assert (tmp_path / "b.zip").exists()


@pytest.mark.timeout(300)
def test_a_new_home_is_made_from_a_backup_and_backed_up_while_stopped(database: Database) -> None:
    """The embedded servers: restore before the first start, the secret key comes along, and nothing is left running."""
    fill()
    folder = Path(tempfile.mkdtemp(prefix="flt-restore-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        file = backup(folder / "b.zip")
        home = folder / "home"
        restored = manage(home, "restore", str(file))
        assert restored.returncode == 0, restored.stderr
        assert "rows restored and checked" in restored.stdout
        assert json.loads((home / "secrets.json").read_text())["secret_key"] == settings.SECRET_KEY
        again = manage(home, "backup", str(folder / "again.zip"))
        assert again.returncode == 0, again.stderr
        first, second = (json.loads(zipfile.ZipFile(one).read("manifest.json")) for one in (file, folder / "again.zip"))
        assert second["lines"] == first["lines"]
        refused = manage(home, "restore", str(folder / "nothing.zip"))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("CommandError: There is no file")
        assert not (home / "postgres" / "postmaster.pid").exists()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def manage(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("FOURLINE_", "DJANGO_"))}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, env=own | {"FOURLINE_HOME": str(home)}, capture_output=True, text=True, timeout=140)
