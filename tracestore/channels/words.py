"""How numbers, times and foreign names read in a notification, where there is no page around them."""

import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MAX_NAME_CHARS = 200
DASH = "–"


def one_line(text: str, limit: int) -> str:
    """Control and direction characters become spaces, at most `limit` characters: fit for a header.

    Without this a name with a line break would make Django refuse the whole mail (BadHeaderError).
    """
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    return " ".join(plain.split())[:limit]


def name(text: str, limit: int = MAX_NAME_CHARS) -> str:
    """A name out of telemetry: on one line, and no URL in it is one that a mail program makes clickable."""
    return one_line(text.replace("://", "[:]//"), limit)


def percent(share: float) -> str:
    """0.0982 -> 9.8 %; never rounds up to 100 % or down to 0 %."""
    value = share * 100
    if share in (0, 1) or abs(value) >= 10:
        return f"{value:.0f} %" if not 99 < value < 100 else f"{min(value, 99.99):.2f} %"
    return f"{value:.1f} %" if abs(value) >= 0.1 else f"{value:.2f} %" if abs(value) >= 0.005 else "< 0.01 %"


def share(bad: int, total: int) -> str:
    """98 of 1,000 (9.8 %)."""
    return f"{bad:,} of {total:,} ({percent(bad / total)})" if total else "none measured"


def times(burn: float | None) -> str:
    """A burn rate: 22.1 ×."""
    if burn is None:
        return DASH
    return f"{burn:,.1f} ×" if burn < 100 else f"{burn:,.0f} ×"


def lasting(seconds: float) -> str:
    """Two units at most: 45 s, 42 min, 3 h 10 min, 4 d 6 h."""
    whole = max(0, int(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min"
    if whole < 48 * 3_600:
        return _two(whole // 3_600, "h", whole % 3_600 // 60, "min")
    return _two(whole // 86_400, "d", whole % 86_400 // 3_600, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def clock(unix_s: int, zone: str) -> str:
    """Thu 26 Nov, 04:12 CET."""
    at = datetime.fromtimestamp(unix_s, UTC).astimezone(zone_of(zone))
    return f"{at:%a} {at.day} {at:%b, %H:%M %Z}"


def zone_of(zone: str) -> ZoneInfo:
    """UTC where there is no such zone (its name may have left the tz database)."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
