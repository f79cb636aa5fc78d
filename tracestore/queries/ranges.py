"""Which storage days can hold what started in a range of time?"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from tracestore import db

NS = 1_000_000_000
Days = tuple[date, date]  # first and last storage day
EVER: Final[Days] = (date(1970, 1, 1), date(9999, 12, 31))
_FIRST, _LAST = date(1970, 1, 1), date(2262, 4, 11)  # what 64-bit nanoseconds reach


def day_of(time_ns: int) -> date:
    """The UTC day of a time, clipped to what nanoseconds since 1970 in 64 bits can say."""
    seconds = time_ns // NS
    if seconds < 0:
        return _FIRST
    if seconds > (_LAST - _FIRST).days * 86_400:
        return _LAST
    return datetime.fromtimestamp(seconds, UTC).date()


def day_bounds(start_ns: int, end_ns: int, before: int = 1, after: int = 1) -> dict[str, Any]:
    """Parameters first_day and last_day for [start_ns, end_ns), widened by whole days.

    Rows lie under the day of their start, or of their receipt where an emitter's clock is wrong; a day on either side
    costs one index probe and spares questions at midnight.
    """
    return {
        "first_day": _shift(day_of(start_ns), -before),
        "last_day": _shift(day_of(max(start_ns, end_ns - 1)), after),
    }


_REACH = "SELECT reach_days FROM rollup_state WHERE project = %(project)s"


def days_of_ended(project_id: int, start_ns: int, end_ns: int) -> dict[str, Any]:
    """Parameters first_day and last_day for what ended in [start_ns, end_ns): as long before it as anything has lasted."""
    found = db.fetch_tuples(_REACH, {"project": project_id})
    return day_bounds(start_ns, end_ns, before=found[0][0] if found else 1)


def _shift(day: date, days: int) -> date:
    return min(max(day + timedelta(days=days), _FIRST), _LAST)


@dataclass(frozen=True, slots=True)
class _Kept:
    day: date


# What has a partition of traces, by its name.
_KEPT = """
SELECT kept.day
FROM (
  SELECT to_date(right(child.relname, 8), 'YYYYMMDD') AS day
  FROM pg_inherits
  JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
  WHERE pg_inherits.inhparent = 'trace'::regclass
) AS kept
WHERE kept.day BETWEEN %(first)s AND %(last)s
ORDER BY kept.day
LIMIT 1000
"""


def kept_days(first: date, last: date, *, newest_first: bool = False) -> list[date]:
    """The days of [first, last] that can hold traces at all: a range may span centuries."""
    days = [row.day for row in db.fetch(_KEPT, {"first": first, "last": last}, _Kept)]
    return days[::-1] if newest_first else days
