"""What did a query string ask for: time range, filter, order, page, time zone? Pure; the words of pages and API."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from tracestore.analysis import filters
from tracestore.queries.cursors import CursorError

NS = 1_000_000_000
RANGES = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
MAX_LIMIT = 1_000
MAX_CURSOR = 2_000
_MAX_NS = 2**63 - 1
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*([Zz]|[+\- ]\d\d:?\d\d)?", re.ASCII
)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+){0,2}")


class BadParam(ValueError):
    """A parameter cannot be read. detail: which one, and what to write instead."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Range:
    """[start_ns, end_ns), nanoseconds since the epoch. name: "24h" when it was chosen by name, else None."""

    start_ns: int
    end_ns: int
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ListParams:
    range: Range
    q: str
    filter: filters.Node | None
    sort: str
    limit: int
    cursor: str | None


def parse_list(
    query: Mapping[str, str],
    now: datetime,
    *,
    sorts: Collection[str] = ("-start",),
    default_range: str = "24h",
    default_limit: int = 50,
) -> ListParams:
    """All that a list understands. The first of sorts is the default. Raises BadParam."""
    q = query.get("q", "")
    return ListParams(
        range=parse_range(query, now, default_range),
        q=q,
        filter=parse_filter(q),
        sort=_one_of("sort", query.get("sort", ""), list(sorts)),
        limit=parse_limit(query.get("limit", ""), default_limit),
        cursor=parse_cursor(query.get("cursor", "")),
    )


def parse_filter(q: str) -> filters.Node | None:
    """The tree of a filter. Raises BadParam."""
    try:
        return filters.parse(q)
    except filters.FilterError as error:
        raise BadParam(f"q: {error}.") from error


def parse_limit(text: str, default: int, most: int = MAX_LIMIT) -> int:
    if not text:
        return default
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise BadParam(f"limit: must be a whole number from 1 to {most}.")
    return int(text)


def parse_cursor(text: str) -> str | None:
    """Its shape; whether it belongs to the list is for the query to say (see `answerable`)."""
    if len(text) > MAX_CURSOR:
        raise BadParam("cursor: this is not one that a list gave; leave it out to begin at the first page.")
    return text or None


@contextmanager
def answerable() -> Iterator[None]:
    """Turns what only a query notices (a cursor of another list) into BadParam."""
    try:
        yield
    except CursorError as error:
        raise BadParam(f"cursor: {error}.") from error


def parse_range(query: Mapping[str, str], now: datetime, default: str = "24h") -> Range:
    """`range=24h`, or `from` and `to` (RFC 3339, or local times with `tz=Europe/Berlin`; `to` may be left out: now).

    from alone reaches until now; to alone begins `default` before it. Raises BadParam.
    """
    start, end = query.get("from", ""), query.get("to", "")
    if not start and not end:
        return _named(query.get("range", "") or default, now)
    zone = parse_zone(query.get("tz", ""))
    end_ns = parse_time("to", end, zone) if end else in_ns(now)
    start_ns = parse_time("from", start, zone) if start else max(0, end_ns - _in_ns(RANGES[default]))
    if start_ns >= end_ns:
        raise BadParam("from: must lie before to." if end else "from: must not lie in the future; give to as well.")
    return Range(start_ns, end_ns)


def _named(name: str, now: datetime) -> Range:
    if name not in RANGES:
        raise BadParam(f"range: must be one of {' '.join(RANGES)}, or use from and to.")
    end_ns = in_ns(now)
    return Range(end_ns - _in_ns(RANGES[name]), end_ns, name)


def parse_zone(name: str) -> tzinfo:
    """An IANA zone, UTC without a name. Raises BadParam."""
    if not name or name.upper() == "UTC":
        return UTC
    try:
        if not _ZONE.fullmatch(name) or len(name) > 64:
            raise ValueError(name)
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise BadParam("tz: must be an IANA time zone such as Europe/Berlin.") from error


def parse_time(name: str, text: str, zone: tzinfo = UTC) -> int:
    """Nanoseconds since the epoch; all nine decimals count. zone: for times that carry none. Raises BadParam."""
    found = _TIME.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        day, minute, second, fraction, offset = found.groups()
        moment = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}{_offset(offset)}")
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        time_ns = in_ns(aware) + int((fraction or "0").ljust(9, "0"))
    except (ValueError, OverflowError) as error:
        raise BadParam(f"{name}: must be a time such as 2026-11-21T09:30:00Z.") from error
    return min(max(time_ns, 0), _MAX_NS)


def _offset(text: str | None) -> str:
    """A plus that a URL turned into a space is a plus again."""
    if text is None:
        return ""
    return "+00:00" if text in "Zz" else text.replace(" ", "+")


def _one_of(name: str, text: str, allowed: list[str]) -> str:
    if text and text not in allowed:
        raise BadParam(f"{name}: must be one of {' '.join(allowed)}.")
    return text or allowed[0]


def in_ns(moment: datetime) -> int:
    """Exact: no float on the way."""
    return _in_ns(moment - datetime(1970, 1, 1, tzinfo=UTC))


def _in_ns(span: timedelta) -> int:
    return (span.days * 86_400 + span.seconds) * NS + span.microseconds * 1_000
