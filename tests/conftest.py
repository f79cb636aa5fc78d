"""What every test may ask for. Servers start when the first test needs them, never on import.

db          rolls back after the test (pytest-django); for tests of one thread that need no commit.
database    a fresh database of its own; for tests that commit, use threads, processes or tracestore.db.
broker_url  a real Redis for the run.
site        the application on a free port (pages, API, OTLP), on a `database` of its own; its base address.
chromium    a headless browser for the run.
"""

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.servers import PLAIN, TEMPLATE, Servers

SERVERS = Servers.prepare()
for leftover in [name for name in os.environ if name.startswith("FOURLINE_")]:
    del os.environ[leftover]  # a developer's own settings change no test
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    "FOURLINE_HOME": str(SERVERS.folder),
    "FOURLINE_DATABASE_URL": SERVERS.url(PLAIN),
    "FOURLINE_BROKER_URL": SERVERS.redis.url,
    "DJANGO_ALLOW_ASYNC_UNSAFE": "1",  # playwright's sync interface keeps a loop in the test's thread
    "FOURLINE_SECRET_KEY": "a key of the tests, known to everyone who reads this file",
}
_numbers = itertools.count(1)
# Files whose tests take longest. They begin first, so that no worker is left alone with one at the end.
LONGEST = (
    "tests/faults/test_histories.py",
    "tests/security/test_browser.py",
    "tests/platform/test_up.py",
    "tests/journeys/test_accessibility.py",
    "tests/journeys/test_truth.py",
    "tests/faults/test_updates.py",
    "tests/journeys/test_screenshots.py",
    "tests/sdk/test_restart.py",
    "tests/corpus/test_stored.py",
    "tests/store/test_scores.py",
    "tests/faults/test_cut_off.py",
    "tests/journeys/test_trace_journey.py",
)


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "numprocesses", None):
        _leave_to_workers()
        return
    import django
    from django.conf import settings

    django.setup()
    settings.PASSWORD_HASHERS = ["tests.hasher.QuickArgon2"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {path: place for place, path in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def _leave_to_workers() -> None:
    """Each worker makes servers of its own; settings it inherited would be read before its conftest is."""
    for name in [name for name in os.environ if name.startswith("FOURLINE_")] + ["DJANGO_SETTINGS_MODULE"]:
        del os.environ[name]


def pytest_unconfigure() -> None:
    SERVERS.stop()


@dataclass(frozen=True, slots=True)
class Database:
    """name and url of a database; `url` suits FOURLINE_DATABASE_URL of a subprocess (os.environ has it already)."""

    name: str
    url: str


def _point_django_at(name: str) -> None:
    """Every connection made from now on, in any thread, goes to the database `name`."""
    from django.conf import settings
    from django.db import connections

    from tracestore import db as store

    connections.close_all()
    _close_pools()
    for pool in (store.READS, store.WRITES, store.JOBS):
        pool.close()
    settings.DATABASES["default"]["NAME"] = name
    connections["default"].settings_dict["NAME"] = name
    os.environ["FOURLINE_DATABASE_URL"] = SERVERS.url(name)


def _close_pools() -> None:
    from django.db.backends.postgresql.base import DatabaseWrapper

    for pool in DatabaseWrapper._connection_pools.values():
        pool.close()
    DatabaseWrapper._connection_pools.clear()


@pytest.fixture(scope="session")
def postgres(django_test_environment: None, django_db_blocker) -> Iterator[Servers]:  # type: ignore[no-untyped-def]
    """The run's Postgres with a template: migrated, with partitions for [today - 30, today + 2].

    fsync is off: no test may conclude anything about durability here.
    """
    from django.core.management import call_command

    from tracestore import db as store
    from tracestore import partitions

    SERVERS.start_postgres()
    with django_db_blocker.unblock():
        _point_django_at(TEMPLATE)
        call_command("migrate", verbosity=0)
        with store.JOBS.connection() as connection:
            partitions.ensure(connection, datetime.now(UTC), retention_days=30)
        _point_django_at(PLAIN)
    SERVERS.clone(PLAIN)
    yield SERVERS


@pytest.fixture(scope="session")
def django_db_setup(postgres: Servers) -> None:
    """pytest-django's own database is a clone as well."""


@pytest.fixture
def database(postgres: Servers, django_db_blocker) -> Iterator[Database]:  # type: ignore[no-untyped-def]
    """A fresh migrated database, the one that Django and tracestore.db use during the test; dropped afterwards."""
    name = f"test_{next(_numbers)}"
    postgres.clone(name)
    with django_db_blocker.unblock():
        _point_django_at(name)
        try:
            yield Database(name, postgres.url(name))
        finally:
            _point_django_at(PLAIN)
            postgres.drop(name)


@pytest.fixture(scope="session")
def broker_url() -> str:
    """A real Redis that lives as long as the run."""
    return SERVERS.start_redis().url


@pytest.fixture
def site(database: Database) -> Iterator[str]:
    """The address of the running application."""
    from django.conf import settings

    from ingest import otlp_http
    from tests.site import serve

    otlp_http.edge.cache_clear()  # its threads hold connections of a former test, made without a pool
    pool = settings.DATABASES["default"]["OPTIONS"]
    pool["pool"] = {
        "min_size": 0,
        "max_size": 12,
    }  # each thread of ingest keeps one, here those of HTTP and gRPC together
    with serve() as address:
        yield address
    _close_pools()
    del pool["pool"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A playwright Browser on the system's Chromium; skips where there is none, which CI does not accept."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        assert os.environ.get("CI") != "true" or os.geteuid() != 0, "no chromium: run .ci/browser"
        pytest.skip("no chromium on this machine: install it, or run `make test` as root")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _clean_caches() -> None:
    from django.core.cache import cache

    cache.clear()
