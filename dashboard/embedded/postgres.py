"""How is the embedded Postgres made, started and stopped? Its own programs, a unix socket, passwords, no TCP."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from dashboard.embedded import tuning
from dashboard.embedded.home import HomeError, write_private
from dashboard.embedded.parent import die_with_parent
from dashboard.embedded.programs import Programs
from dashboard.embedded.system_user import ServerUser

PORT = 5432  # of the socket's name; nothing listens on TCP
SUPERUSER = "postgres"
START_TIMEOUT_S = 120  # recovery after a crash replays up to max_wal_size
STOP_TIMEOUT_S = 60
HBA = "# Every connection comes over the unix socket and proves a password.\nlocal all all scram-sha-256\n"


@dataclass(slots=True)
class Postgres:
    """One embedded server. run: the 0700 folder of its socket. extra: settings on top of the tuned ones (tests)."""

    programs: Programs
    user: ServerUser
    data: Path
    run: Path
    superuser_password: str
    extra: Mapping[str, str] = field(default_factory=dict)

    def create(self) -> None:
        """initdb, unless the data folder holds a database already. A half-made one is never left under its name."""
        if (self.data / "PG_VERSION").exists():
            return
        draft = self.data.with_name(f"{self.data.name}.new")
        _require_empty(self.data)
        password_file = self.run / "superuser-password"
        subprocess.run(["rm", "-rf", str(draft)], check=True)
        draft.mkdir(mode=0o700)
        self.user.own(draft)
        write_private(password_file, self.superuser_password)
        self.user.own(password_file)
        try:
            self._initdb(draft, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        (draft / "pg_hba.conf").write_text(HBA)
        if self.data.exists():
            self.data.rmdir()
        os.replace(draft, self.data)

    def _initdb(self, data: Path, password_file: Path) -> None:
        command = [self.programs.postgres("initdb"), "-D", str(data), "-U", SUPERUSER, "--pwfile", str(password_file)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"]
        command += ["--no-sync"] if self.extra.get("fsync") == "off" else []
        done = subprocess.run(
            command, capture_output=True, text=True, cwd="/", env=_environment(), **self.user.popen_options()
        )
        if done.returncode != 0:
            raise HomeError(f"initdb failed: {(done.stderr or done.stdout).strip()}")

    def command(self) -> list[str]:
        """The exact command line of the server. Later settings win, so durability cannot be relaxed by a tuned one."""
        settings = tuning.this_machine(self.data) | tuning.LOG_SETTINGS | self._fixed() | dict(self.extra)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.programs.postgres("postgres"), "-D", str(self.data), *options]

    def _fixed(self) -> dict[str, str]:
        return {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.run),
            "unix_socket_permissions": "0700",
            "password_encryption": "scram-sha-256",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
        }

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server; it stops cleanly (fast shutdown) when its parent dies. wait_ready() tells when it answers."""
        return subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGINT),
            **self.user.popen_options(),
        )

    def stop_stale(self) -> None:
        """Stop a server that an earlier supervisor left on this data folder (killed with no time to stop it)."""
        pid = self._running_pid()
        if pid is None:
            return
        command = [self.programs.postgres("pg_ctl"), "stop", "-D", str(self.data), "-m", "fast", "-w"]
        command += ["-t", str(STOP_TIMEOUT_S)]
        subprocess.run(
            command, capture_output=True, cwd="/", env=_environment(), check=False, **self.user.popen_options()
        )

    def _running_pid(self) -> int | None:
        """The process that postmaster.pid names, if it is a server on our data: numbers of processes are used again."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.data) in command.split(b"\0") else None

    def answers(self) -> bool:
        """Asked only once the server says that it is ready, so that its log is not full of refusals."""
        try:
            if "ready" not in (self.data / "postmaster.pid").read_text():
                return False
            self.connect().close()
        except (psycopg.OperationalError, OSError):
            return False
        return True

    def wait_ready(self, server: subprocess.Popen[bytes], timeout_s: float = START_TIMEOUT_S) -> None:
        """Return when the server answers. Raises HomeError when it ended or did not answer in time."""
        deadline = time.monotonic() + timeout_s
        while not self.answers():
            if server.poll() is not None:
                raise HomeError(f"Postgres did not start (exit code {server.returncode}).")
            if time.monotonic() > deadline:
                raise HomeError(f"Postgres did not answer within {timeout_s:.0f} s.")
            time.sleep(0.05)

    def connect(self, dbname: str = "postgres") -> psycopg.Connection:
        """A superuser connection in autocommit mode, for roles and databases only."""
        return psycopg.connect(
            host=str(self.run),
            port=PORT,
            user=SUPERUSER,
            password=self.superuser_password,
            dbname=dbname,
            autocommit=True,
            connect_timeout=5,
        )

    def ensure_database(self, name: str, role: str, password: str) -> None:
        """A database and the plain role (no superuser) that owns it; the role's password is set every time."""
        with self.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(role))
                )


def _require_empty(data: Path) -> None:
    if data.exists() and any(data.iterdir()):
        raise HomeError(f"{data} holds files but no database. Move them away, then start again.")


def _environment() -> dict[str, str]:
    """No PG* variable of the caller may change what the programs do."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
