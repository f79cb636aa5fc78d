"""One private Postgres (and Redis, when asked for) for a test run, and a fresh database cloned from a template in no time."""

import os
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from psycopg import sql

from dashboard.embedded.home import Home, private_folder
from dashboard.embedded.postgres import Postgres
from dashboard.embedded.programs import find_programs
from dashboard.embedded.redis import Redis
from dashboard.embedded.system_user import ServerUser, admit, server_user

MEMORY_FREE = 8 * 2**30  # bytes of /dev/shm from which on the servers live there
ROLE, PASSWORD = "fourline", "password-of-the-tests"
TEMPLATE, PLAIN = "template_fourline", "plain"


@dataclass(slots=True)
class Servers:
    """folder: short, so that socket paths are. fast: fsync off (fault tests start servers of their own)."""

    folder: Path
    user: ServerUser
    fast: bool = True
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def prepare(cls, fast: bool = True) -> "Servers":
        user = server_user()
        folder = Path(tempfile.mkdtemp(prefix="flt-", dir=_in_memory() if fast else "/tmp"))
        admit(user, folder)
        (folder / "programs").mkdir()
        (folder / "programs").chmod(0o755)
        private_folder(folder / "run", user.uid, user.gid)
        return cls(folder, user, fast)

    @property
    def run(self) -> Path:
        return Home(self.folder).run_folder()

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}:{PASSWORD}@/{database}?host={quote(str(self.run))}"

    @property
    def postgres(self) -> Postgres:
        extra = {"shared_buffers": "128MB", "max_connections": "200", "max_wal_size": "1GB"}
        extra |= {"fsync": "off", "full_page_writes": "off", "file_copy_method": "copy"} if self.fast else {}
        programs = find_programs(self.user, self.folder / "programs")
        return Postgres(programs, self.user, self.folder / "postgres", self.run, PASSWORD, extra)

    @property
    def redis(self) -> Redis:
        return Redis(find_programs(self.user, self.folder / "programs"), self.user, self.run, PASSWORD)

    def start_postgres(self) -> None:
        postgres = self.postgres
        postgres.create()
        server = self._start(postgres.start())
        postgres.wait_ready(server)
        postgres.ensure_database(TEMPLATE, ROLE, PASSWORD)

    def start_redis(self) -> Redis:
        redis = self.redis
        redis.wait_ready(self._start(redis.start()))
        return redis

    def _start(self, server: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        assert server.stdout is not None
        threading.Thread(target=server.stdout.read, daemon=True).start()  # their lines help nobody here
        self._running.append(server)
        return server

    def clone(self, name: str) -> None:
        """A database like the migrated template."""
        with self.postgres.connect() as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY {}")
            strategy = sql.Identifier("file_copy" if self.fast else "wal_log")
            parts = [sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier(ROLE), strategy]
            connection.execute(statement.format(*parts))

    def drop(self, name: str) -> None:
        with self.postgres.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        for server in reversed(self._running):
            server.send_signal(3 if "postgres" in str(server.args) else 15)
            server.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


def _in_memory() -> str:
    """A database is 3,100 files: copying them takes 0.2 s in memory, and seconds on a disk that others write to."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < MEMORY_FREE:
        return "/tmp"
    runs_programs = not os.statvfs(memory).f_flag & os.ST_NOEXEC
    return str(memory) if runs_programs else "/tmp"


def environment(servers: Servers, database: str) -> dict[str, str]:
    """os.environ for a subprocess that works on database."""
    return dict(os.environ) | {"FOURLINE_DATABASE_URL": servers.url(database), "FOURLINE_HOME": str(servers.folder)}
