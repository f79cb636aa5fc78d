"""Does the database keep what it has committed? We acknowledge after the commit, so a relaxed server is refused."""

import time

from django.db import OperationalError, connection

REQUIRED = ("fsync", "full_page_writes", "synchronous_commit")
MINIMUM_VERSION = 150000
# What waiting does not mend. libpq gives no code for a refused connection; in another language we wait the whole time.
REFUSED = ("password authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied")


def problems() -> list[str]:
    """Sentences that say what must change before Fourline starts on this database; empty when all is well."""
    with connection.cursor() as cursor:
        found = [f"The database has {name} = off: set it to on." for name in REQUIRED if _shown(cursor, name) == "off"]
        version = int(_shown(cursor, "server_version_num"))
        encoding = _shown(cursor, "server_encoding")
    if version < MINIMUM_VERSION:
        found.append(f"The database is PostgreSQL {version // 10000}; Fourline needs 15 or newer.")
    if encoding != "UTF8":
        found.append(f"The database is encoded in {encoding}: create it with ENCODING 'UTF8'.")
    return found


def _shown(cursor, name: str) -> str:  # type: ignore[no-untyped-def]
    cursor.execute("SELECT current_setting(%s)", [name])
    return str(cursor.fetchone()[0])


def wait_for_database(timeout_s: float) -> None:
    """Return when the database answers. Raises OperationalError when it does not in time, or refuses us for good."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            if time.monotonic() > deadline or any(words in str(error) for words in REFUSED):
                raise
            time.sleep(0.5)
        else:
            return
