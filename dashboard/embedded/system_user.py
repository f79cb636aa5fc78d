"""Which user runs the servers? Postgres refuses to run as root, so root lends it a system user of its own."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.embedded.home import HomeError

DEFAULT_NAME = "fourline"


@dataclass(frozen=True, slots=True)
class ServerUser:
    """uid, gid of the servers. `other`: they are not ours, so a program is started under them."""

    uid: int
    gid: int
    name: str
    other: bool

    def popen_options(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.other else {}

    def own(self, path: Path) -> None:
        if self.other:
            os.chown(path, self.uid, self.gid)


def server_user() -> ServerUser:
    """Ourselves, or, as root, the system user that FOURLINE_SYSTEM_USER names (made when missing)."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), pwd.getpwuid(os.geteuid()).pw_name, other=False)
    name = os.environ.get("FOURLINE_SYSTEM_USER", "").strip() or DEFAULT_NAME
    entry = _find(name) or _create(name)
    if entry.pw_uid == 0:
        raise HomeError("FOURLINE_SYSTEM_USER must not be root: Postgres refuses to run as root.")
    return ServerUser(entry.pw_uid, entry.pw_gid, name, other=True)


def require_reach(user: ServerUser, path: Path) -> None:
    """Raise HomeError when user cannot enter every folder above path. No permission is ever changed here."""
    for folder in reversed(path.parents):
        if user.other and not may_enter(user, folder.stat()):
            raise HomeError(
                f"Postgres runs as user {user.name!r} here, who cannot enter {folder} (its permissions are left as they are). "
                "Set FOURLINE_HOME to a folder that user can reach, such as /var/lib/fourline, or run Fourline as an ordinary user."
            )


def may_enter(user: ServerUser, found: os.stat_result) -> bool:
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == user.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def admit(user: ServerUser, home: Path) -> None:
    """Let the servers' user pass through the home (0710, its group), no further: it can list nothing there."""
    found = home.stat()
    if not user.other or may_enter(user, found):
        return
    if found.st_uid != 0:
        raise HomeError(f"{home} belongs to another user (uid {found.st_uid}). Set FOURLINE_HOME to a folder of root.")
    os.chown(home, 0, user.gid)
    home.chmod(0o710)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create(name: str) -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if useradd is None:
        raise HomeError(
            f"There is no user {name!r} to run Postgres and no useradd to make one. Create it, or run as an ordinary user."
        )
    command = [
        useradd,
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        name,
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    entry = _find(name)
    if entry is None:
        raise HomeError(f"useradd could not make the user {name!r}: {made.stderr.strip()}")
    return entry
