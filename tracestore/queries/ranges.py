"""Which storage days can hold what started in a range of time?"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

NS = 1_000_000_000
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


def _shift(day: date, days: int) -> date:
    return min(max(day + timedelta(days=days), _FIRST), _LAST)
