"""How long is an OpenSLO duration? `\\d+[mhdwMQY]`: m are minutes, M months."""

import re
from dataclasses import dataclass
from typing import Final

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
_SECONDS: Final = {
    "m": MINUTE_S,
    "h": HOUR_S,
    "d": DAY_S,
    "w": 7 * DAY_S,
    "M": 30 * DAY_S,  # of rolling windows, as the SDK counts; calendar ones have real months
    "Q": 90 * DAY_S,
    "Y": 365 * DAY_S,
}
_DURATION = re.compile("([0-9]{1,6})([mhdwMQY])", re.ASCII)
HINT: Final = "a whole number and one of m h d w M Q Y, such as 28d (m are minutes, M months)"


@dataclass(frozen=True, slots=True)
class Duration:
    count: int
    unit: str

    @property
    def seconds(self) -> int:
        return self.count * _SECONDS[self.unit]


def parse_duration(text: object) -> Duration | None:
    """None for what is none."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    return Duration(int(found[1]), found[2]) if found else None


def duration_of(seconds: int) -> str:
    """Whole minutes as short as they can be written: 3600 -> "1h"."""
    for unit in ("d", "h"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds // MINUTE_S}m"
