"""Which times stand below an axis, and how do they read in the reader's zone? Pure."""

from datetime import UTC, datetime, timedelta, tzinfo

MOST = 7
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
SPACINGS_S = (
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 14, 28)),
)


def ticks(start_s: int, end_s: int, zone: tzinfo) -> tuple[list[int], list[str]]:
    """At most MOST round local times within [start_s, end_s), Unix seconds, and their words; a midnight reads as its date."""
    spacing = next((one for one in SPACINGS_S if (end_s - start_s) / one <= MOST), SPACINGS_S[-1] * 4)
    found = [at for at in _round_times(start_s, end_s, spacing, zone) if start_s <= at < end_s]
    return found, [_word(local(at, zone)) for at in found]


def _round_times(start_s: int, end_s: int, spacing_s: int, zone: tzinfo) -> list[int]:
    """Counted from a local midnight on the wall clock, so that a change of the clock moves no tick off its hour."""
    first = local(start_s, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if spacing_s >= _DAY:  # on the same days, wherever the range begins
        first -= timedelta(days=first.toordinal() % (spacing_s // _DAY))
    times: list[int] = []
    step = 0
    while not times or times[-1] < end_s:
        wall = first + timedelta(seconds=step * spacing_s)
        times.append(int(wall.replace(tzinfo=zone).timestamp()))
        step += 1
    return times


def _word(at: datetime) -> str:
    return f"{at.day} {at:%b}" if (at.hour, at.minute) == (0, 0) else f"{at:%H:%M}"


def when(start_s: int, end_s: int, zone: tzinfo) -> str:
    """A step in words: 25 Nov 12:15 – 12:30; days apart name both, whole days only days."""
    first, last = local(start_s, zone), local(end_s, zone)
    if end_s - start_s == _DAY and (first.hour, first.minute) == (0, 0):
        return f"{first:%a} {first.day} {first:%b}"
    left = f"{first.day} {first:%b} {first:%H:%M}"
    return f"{left} – {last:%H:%M}" if first.date() == last.date() else f"{left} – {last.day} {last:%b} {last:%H:%M}"


def local(at_s: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_s, UTC).astimezone(zone)
