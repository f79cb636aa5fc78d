"""How guessing is made slow: failures counted in Postgres, so that every process sees them."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection
from django.utils.crypto import salted_hmac

from tracestore.models.access import Throttle

WINDOW = timedelta(minutes=15)

COUNT = """
INSERT INTO throttle AS t (key, failures, since) VALUES (%(key)s, 1, %(now)s)
ON CONFLICT (key) DO UPDATE SET
  failures = CASE WHEN t.since <= %(cutoff)s THEN 1 ELSE t.failures + 1 END,
  since = CASE WHEN t.since <= %(cutoff)s THEN %(now)s ELSE t.since END
RETURNING failures
"""


def attempt(limits: Mapping[str, int], now: datetime) -> bool:
    """Count one attempt before it is made, under each name; False when one is over its limit for this window.

    limits: {what is counted, such as "sign-in account bob@x.org": attempts allowed in 15 minutes}. Names are kept as
    keyed hashes. Counting first means that parallel guesses cannot slip through.
    """
    within = [_count(name, now) <= limit for name, limit in sorted(limits.items())]  # count all, also after the first
    return all(within)


def forgive(names: list[str]) -> None:
    """Forget the attempts under these names: one of them was right."""
    Throttle.objects.filter(key__in=[_key(name) for name in names]).delete()


def _count(name: str, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"key": _key(name), "now": now, "cutoff": now - WINDOW})
        (failures,) = cursor.fetchone()
    return int(failures)


def _key(name: str) -> str:
    return salted_hmac("tracestore.throttle", name, algorithm="sha256").hexdigest()
