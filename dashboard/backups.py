"""How does a backup look, how is it made and put back? One zip file: a dump, a manifest to check it by, the secret key.

The dump is pg_dump's own format, not compressed again, so `unzip` and `pg_restore` read it without us. The manifest counts
and sums in the snapshot that the dump was made in, and a restore is measured by it.
"""

import hashlib
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import msgspec
import psycopg
from django.db.migrations.loader import MigrationLoader
from psycopg.conninfo import make_conninfo

from tracestore import db
from tracestore.jobs.partitions import RETENTION_LOCK
from tracestore.queries.checksums import Line, checksums

FORMAT = 1
DUMP, MANIFEST, SECRETS = "database.dump", "manifest.json", "secrets.json"
PIECE = 1 << 20
DAY_MS = 86_400_000


class BackupError(Exception):
    """It cannot be done; the message says why and what to do, in a sentence."""


class Manifest(msgspec.Struct, frozen=True):
    """postgres: major version of the server. migrations: "app.name" of those applied. lines: what the database holds."""

    format: int
    made_at: datetime
    postgres: int
    migrations: list[str]
    dump_sha256: str
    lines: list[Line]

    @property
    def rows(self) -> int:
        return sum(line.rows for line in self.lines)


@dataclass(frozen=True, slots=True)
class Tools:
    """pg_dump and pg_restore. folder: where they are."""

    folder: Path

    def program(self, name: str) -> str:
        found = self.folder / name
        if not found.exists():
            raise BackupError(f"{found} does not exist: name the folder of PostgreSQL's programs with --pg-bin.")
        return str(found)

    def major(self) -> int:
        said = subprocess.run([self.program("pg_dump"), "--version"], capture_output=True, text=True, check=True).stdout
        return int(said.split()[-1].split(".")[0])


@contextmanager
def connected() -> Iterator[psycopg.Connection]:
    with db.connect(DAY_MS, statement_timeout="0", idle_in_transaction_session_timeout="0") as connection:
        yield connection


# ---- make


def make(file: Path, tools: Tools, secret_key: str | None, now: datetime) -> Manifest:
    """Writes a backup. It appears under its name when it is whole, readable by its owner alone."""
    if file.exists():
        raise BackupError(f"{file} exists. Choose another name, or remove it first.")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "r+b") as out:
            manifest = _write(out, tools, secret_key, now)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, file)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def _write(out: IO[bytes], tools: Tools, secret_key: str | None, now: datetime) -> Manifest:
    with connected() as connection, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        major = connection.info.server_version // 10_000
        if major > tools.major():
            raise BackupError(
                f"Your server is PostgreSQL {major}, and pg_dump {tools.major()} cannot read it. Install the client"
                f" programs of PostgreSQL {major} and name their folder with --pg-bin."
            )
        connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", RETENTION_LOCK)  # no table goes meanwhile
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert snapshot is not None
        sha256 = _dump(archive, tools, snapshot[0])
        manifest = Manifest(FORMAT, now, major, _applied(connection), sha256, checksums(connection))
        archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        if secret_key:
            archive.writestr(SECRETS, json.dumps({"secret_key": secret_key}))
    return manifest


def _dump(archive: zipfile.ZipFile, tools: Tools, snapshot: str) -> str:
    """sha256 of the dump, in hex digits."""
    command = [tools.program("pg_dump"), "--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges"]
    command += [f"--snapshot={snapshot}", f"--dbname={_target()}"]
    digest = hashlib.sha256()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        with archive.open(DUMP, "w", force_zip64=True) as entry:
            while piece := program.stdout.read(PIECE):
                digest.update(piece)
                entry.write(piece)
        said = program.stderr.read().decode(errors="replace")
    if program.returncode != 0:
        raise BackupError(f"pg_dump failed: {last_line(said)}")
    return digest.hexdigest()


def _target() -> str:
    """libpq's text for our database, without the password: that goes by the environment."""
    return make_conninfo(**{name: value for name, value in db.conninfo().items() if name != "password"})


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "PGPASSWORD": str(db.conninfo().get("password", ""))}


def last_line(said: str) -> str:
    return next((line.strip() for line in reversed(said.splitlines()) if "error" in line), said.strip())[:300]


def _applied(connection: psycopg.Connection) -> list[str]:
    row = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    if row is None or row[0] is None:
        raise BackupError("This database holds no Fourline yet: there is nothing to back up.")
    return [f"{app}.{name}" for app, name in connection.execute("SELECT app, name FROM django_migrations ORDER BY id")]


# ---- put back


@contextmanager
def opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """A whole backup of a version we know, every byte of it looked at. Raises BackupError."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
            _check(archive, manifest, file)
            yield archive, manifest
    except FileNotFoundError:
        raise BackupError(f"There is no file {file}.") from None
    except PermissionError:
        raise BackupError(f"{file} cannot be read: it belongs to another user.") from None
    except (zipfile.BadZipFile, KeyError, EOFError, msgspec.MsgspecError):
        raise BackupError(
            f"{file} is not a whole backup of Fourline: it is cut off, damaged, or something else."
        ) from None


def _check(archive: zipfile.ZipFile, manifest: Manifest, file: Path) -> None:
    ours = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or ()}
    newer = sorted(set(manifest.migrations) - ours)
    if manifest.format > FORMAT or newer:
        raise BackupError(
            f"{file} was made by a newer Fourline ({', '.join(newer) or 'format'}): update this one first."
        )
    digest = hashlib.sha256()
    with archive.open(DUMP) as entry:
        while piece := entry.read(PIECE):
            digest.update(piece)
    if digest.hexdigest() != manifest.dump_sha256:
        raise BackupError(f"{file} is damaged: its dump is not the one that its manifest describes.")


def secret_key(archive: zipfile.ZipFile) -> str | None:
    if SECRETS not in archive.namelist():
        return None
    found: dict[str, Any] = json.loads(archive.read(SECRETS))
    return found.get("secret_key")


def put_back(archive: zipfile.ZipFile, manifest: Manifest, tools: Tools, *, force: bool) -> list[Line]:
    """Fills the database and compares what it holds then; returns the lines of the manifest that differ.

    One transaction: a restore that fails leaves an empty database. force: whatever is there is removed first.
    """
    with connected() as connection:
        _require_room(connection, manifest, force=force)
    _restore(archive, tools)
    with connected() as connection:
        connection.execute("ANALYZE")
        found = {(line.table, line.project, line.day): line for line in checksums(connection)}
    wanted = {(line.table, line.project, line.day): line for line in manifest.lines}
    return [wanted.get(key) or found[key] for key in sorted(wanted.keys() | found.keys(), key=str)
            if wanted.get(key) != found.get(key)]  # fmt: skip


HELD = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')"
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def _require_room(connection: psycopg.Connection, manifest: Manifest, *, force: bool) -> None:
    major = connection.info.server_version // 10_000
    if major < manifest.postgres:
        raise BackupError(
            f"The backup was made on PostgreSQL {manifest.postgres}, and this server is {major}: restore it into"
            f" {manifest.postgres} or newer."
        )
    if _number(connection, OTHERS):
        raise BackupError(
            "Somebody is connected to this database. Stop Fourline and whatever else uses it, then try again."
        )
    if not _number(connection, HELD):
        return
    if not force:
        raise BackupError(
            "This database is not empty. Restore into an empty one, or add --force to REMOVE ALL that is in it first."
        )
    connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _restore(archive: zipfile.ZipFile, tools: Tools) -> None:
    command: Sequence[str] = [
        tools.program("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
        f"--dbname={_target()}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()) as program:
        assert program.stdin is not None
        assert program.stderr is not None
        with archive.open(DUMP) as entry:
            try:
                while piece := entry.read(PIECE):
                    program.stdin.write(piece)
                program.stdin.close()
            except BrokenPipeError:
                pass  # it says why itself
        said = program.stderr.read().decode(errors="replace")
    if program.returncode != 0:
        hint = " Raise max_locks_per_transaction of the server." if "shared memory" in said else ""
        raise BackupError(f"pg_restore failed, the database is left empty: {last_line(said)}{hint}")
