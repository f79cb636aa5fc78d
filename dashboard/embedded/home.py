"""Where does an installation keep its things? FOURLINE_HOME: secrets, data of the servers, the lock, the sockets' folder."""

import fcntl
import hashlib
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_SOCKET_PATH_BYTES = 100  # sun_path holds 108 on Linux, 104 on BSD
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
SECRET_NAMES = ("secret_key", "database_password", "superuser_password", "broker_password")


class HomeError(Exception):
    """The home cannot be used; the message says what to do."""


def default_home() -> Path:
    """/var/lib/fourline for root (Postgres runs under a system user, who could not enter /root), else ~/.fourline."""
    return Path("/var/lib/fourline") if os.geteuid() == 0 else Path.home() / ".fourline"


@dataclass(frozen=True, slots=True)
class Home:
    path: Path

    @property
    def secrets_file(self) -> Path:
        return self.path / "secrets.json"

    @property
    def credentials_file(self) -> Path:
        return self.path / "credentials.json"

    @property
    def postgres_data(self) -> Path:
        return self.path / "postgres"

    @property
    def mails(self) -> Path:
        """What the demo would have sent."""
        return self.path / "mails"

    @property
    def programs(self) -> Path:
        return self.path / "programs"

    def create(self) -> None:
        """Make the folder (0700) when it is missing. Parents are made if needed, and never changed when they exist."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)

    def read_secrets(self) -> dict[str, str]:
        """The generated secrets, or an empty dict before the first start."""
        try:
            return dict(json.loads(self.secrets_file.read_text()))
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            return {}

    def ensure_secrets(self) -> dict[str, str]:
        """Read the secrets; generate and keep (0600) those that are missing."""
        known = self.read_secrets()
        missing = [name for name in SECRET_NAMES if name not in known]
        if missing:
            known |= {name: secrets.token_urlsafe(48) for name in missing}
            write_private(self.secrets_file, json.dumps(known, indent=2) + "\n")
        return known

    def adopt_secret(self, name: str, value: str) -> None:
        """Keep a secret that came from elsewhere, a backup, in the place of our own."""
        write_private(self.secrets_file, json.dumps(self.read_secrets() | {name: value}, indent=2) + "\n")

    def run_folder(self) -> Path:
        """The folder of the sockets: inside the home, or, when that path is too long for a socket, a short one keyed by it."""
        inside = self.path / "run"
        if len(os.fsencode(inside / LONGEST_SOCKET_NAME)) < MAX_SOCKET_PATH_BYTES:
            return inside
        key = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        if os.geteuid() == 0:
            return Path("/run") / f"fourline-{key}"
        return Path("/tmp") / f"fourline-{os.geteuid()}-{key}"  # noqa: S108  checked by private_folder

    def lock(self) -> IO[str]:
        """Hold the home for as long as the returned file is open. Raises HomeError when another process holds it."""
        file = open(self.path / "lock", "a+")  # noqa: SIM115  open means held
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise HomeError(
                f"Fourline already runs on {self.path} (process {holder}). Stop it first, or give this one another FOURLINE_HOME."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file


def current_home() -> Home:
    """The home that FOURLINE_HOME names, or the default one."""
    named = os.environ.get("FOURLINE_HOME", "").strip()
    return Home(Path(os.path.abspath(os.path.expanduser(named))) if named else default_home())


def write_private(path: Path, content: str) -> None:
    """Write atomically with mode 0600."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def private_folder(path: Path, uid: int, gid: int) -> None:
    """Make path a 0700 folder of uid. Raises HomeError when something else of that name is there."""
    try:
        path.mkdir(mode=0o700)
        if os.geteuid() != uid:
            os.chown(path, uid, gid)
    except FileExistsError:
        pass
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise HomeError(f"{path} must be a folder of user {uid} with mode 0700. Remove it, then start again.")
