"""When is a notification tried again, when does a channel rest, and when is it too late at night for a ticket?"""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

# Between attempts, seconds; together just under a day. The first is made at once.
WAITS_S: Final = (5, 30, 120, 600, 1_800, 7_200, 14_400, 28_800, 32_400)
MOST_ATTEMPTS: Final = len(WAITS_S) + 1
ELSEWHERE_AFTER: Final = 7  # attempts: the one after two hours has failed too, so somebody else must be told
PATIENCE_S: Final = 1_800  # what asks to wait for longer is called again then, and somebody else is told at once
JITTER: Final = 0.2  # of the wait, added at most
TRIPS_AT: Final = 5  # failures in a row
REST_S: Final = (30, 60, 120, 300, 600)  # the first, the second, ... rest of a channel


def wait_s(attempts: int, lot: int, asked_s: int | None = None) -> float | None:
    """Seconds until the next attempt after `attempts` failed ones; None = give up.

    lot: a number that is the same for the same attempt, it decides the jitter. asked_s: what the other side asked to wait, at
    least.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    base = WAITS_S[max(attempts, 1) - 1]
    return max(base * (1 + JITTER * (lot % 1_000) / 1_000), float(asked_s or 0))


def rest_s(failures: int) -> int | None:
    """How long a channel rests after so many failures in a row; None = not yet. Then one delivery is tried."""
    return REST_S[min(failures - TRIPS_AT, len(REST_S) - 1)] if failures >= TRIPS_AT else None


def quiet_until(quiet_from: time | None, quiet_to: time | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the quiet hours that `now` lies in end; None outside of them. They may reach over midnight; from == to is none.

    Local times: where a clock is set forward over the end, they end with the jump.
    """
    if quiet_from is None or quiet_to is None or quiet_from == quiet_to:
        return None
    local = now.astimezone(zone)
    at = local.time().replace(tzinfo=None)
    over_midnight = quiet_to < quiet_from
    inside = (at >= quiet_from or at < quiet_to) if over_midnight else quiet_from <= at < quiet_to
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if over_midnight and at >= quiet_from else 0)
    return datetime.combine(day, quiet_to, zone).astimezone(now.tzinfo)
