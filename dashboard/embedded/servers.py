"""What does an embedded installation need on this machine? The home made ready, and its two servers."""

import os
from dataclasses import dataclass
from pathlib import Path

from dashboard.embedded.home import Home, HomeError, private_folder
from dashboard.embedded.postgres import Postgres
from dashboard.embedded.programs import Programs, find_programs
from dashboard.embedded.redis import Redis
from dashboard.embedded.system_user import ServerUser, admit, require_reach, server_user

DATABASE = ROLE = "fourline"


@dataclass(frozen=True, slots=True)
class EmbeddedServers:
    """Either is None when FOURLINE_DATABASE_URL or FOURLINE_BROKER_URL names one of your own."""

    postgres: Postgres | None
    redis: Redis | None


def make_ready(home: Home, want_postgres: bool, want_redis: bool) -> EmbeddedServers:
    """Folders, secrets, programs. The caller holds the home's lock. Raises HomeError with what to do."""
    secrets = home.ensure_secrets()
    if not want_postgres and not want_redis:
        return EmbeddedServers(None, None)
    user = server_user()
    programs = _programs(home, user)
    run = home.run_folder()
    private_folder(run, user.uid, user.gid)
    postgres = Postgres(programs, user, home.postgres_data, run, secrets["superuser_password"])
    redis = Redis(programs, user, run, secrets["broker_password"])
    return EmbeddedServers(postgres if want_postgres else None, redis if want_redis else None)


def open_home(home: Home) -> None:
    """Make the home, within reach of the servers' user. Raises HomeError; permissions of its parents never change."""
    user = server_user()
    _require_parent(user, home.path)
    try:
        home.create()
    except OSError as error:
        raise HomeError(
            f"{home.path} cannot be made ({error.strerror}). Set FOURLINE_HOME to a folder of yours."
        ) from None
    if not os.access(home.path, os.W_OK | os.X_OK):
        raise HomeError(f"{home.path} cannot be written to. Set FOURLINE_HOME to a folder of yours.")
    admit(user, home.path)


def _require_parent(user: ServerUser, path: Path) -> None:
    """The nearest parent that exists must let the servers' user in; those we make will."""
    existing = next(parent for parent in path.parents if parent.exists())
    require_reach(user, existing / path.name)


def _programs(home: Home, user: ServerUser) -> Programs:
    home.programs.mkdir(exist_ok=True)
    home.programs.chmod(0o755)  # within the home, whose own mode decides who gets here
    return find_programs(user, home.programs)
