"""What did the address of a list page ask for: time range, filter, order, page, live?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from dashboard.links import with_query
from dashboard.params import BadParam, Range, in_ns, parse_range, parse_zone
from dashboard.templatetags.units import moment
from tracestore.analysis import filters

RANGES = (
    ("15m", "last 15 min"),
    ("1h", "last hour"),
    ("6h", "last 6 h"),
    ("24h", "last 24 h"),
    ("7d", "last 7 days"),
    ("30d", "last 30 days"),
    ("90d", "last 90 days"),
)
KEPT = ("range", "from", "to", "tz", "sort", "live", "compare", "split", "a", "b", "by")
RANGE_KEPT = ("q", "sort", "compare", "split", "a", "b", "by")


@dataclass(frozen=True, slots=True)
class Choice:
    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Hidden:
    """A name and value that a GET form carries along."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Listing:
    """errors: what in the address could not be read and what to do about it; the page shows it and uses the default.

    from_local, to_local: the range for <input type="datetime-local">, in `zone`. filter: None = no filter.
    """

    path: str
    range: Range
    range_label: str
    ranges: list[Choice]
    from_local: str
    to_local: str
    zone: str
    q: str
    filter: filters.Node | None
    errors: list[str]
    sort: str
    cursor: str | None
    live: bool
    live_href: str
    clear_href: str
    first_href: str
    filter_keeps: list[Hidden]
    range_keeps: list[Hidden]
    now_ns: int


def read_listing(path: str, query: Mapping[str, str], now: datetime, default: str = "24h", zone: str = "") -> Listing:
    """Never raises: what cannot be read is named in errors. zone: of the times that the range is written in, "" = the reader's."""
    zone = zone or timezone.get_current_timezone_name()
    errors: list[str] = []
    chosen = _range(query, now, default, errors)
    q = query.get("q", "").strip()
    live = query.get("live") == "1"
    return Listing(
        path=path,
        range=chosen,
        range_label=range_label(chosen, zone),
        ranges=range_choices(path, query, chosen),
        from_local=_local(chosen.start_ns, zone),
        to_local=_local(chosen.end_ns, zone),
        zone=zone,
        q=q,
        filter=_filter(q, errors),
        errors=errors,
        sort=query.get("sort", ""),
        cursor=query.get("cursor") or None,
        live=live,
        live_href=with_query(path, query, live=None if live else 1, cursor=None),
        clear_href=with_query(path, query, q=None, cursor=None),
        first_href=with_query(path, query, cursor=None),
        filter_keeps=[Hidden(name, query[name]) for name in KEPT if query.get(name)],
        range_keeps=[Hidden(name, query[name]) for name in RANGE_KEPT if query.get(name)],
        now_ns=in_ns(now),
    )


def _range(query: Mapping[str, str], now: datetime, default: str, errors: list[str]) -> Range:
    try:
        return parse_range(query, now, default)
    except BadParam as bad:
        errors.append(f"{bad.detail} Showing the {dict(RANGES)[default]} instead.")
        return parse_range({}, now, default)


def _filter(q: str, errors: list[str]) -> filters.Node | None:
    try:
        return filters.parse(q)
    except filters.FilterError as bad:
        errors.append(f"{str(bad).rstrip('.')}. Nothing was filtered.")
        return None


def range_label(chosen: Range, zone: str = "UTC") -> str:
    if chosen.name:
        return dict(RANGES).get(chosen.name, f"last {chosen.name}")
    first, last = _short(chosen.start_ns, zone), _short(chosen.end_ns, zone)
    day, _, time = last.rpartition(" ")
    return f"{first} – {time if day and first.startswith(f'{day} ') else last} {zone}"


def range_choices(path: str, query: Mapping[str, str], chosen: Range) -> list[Choice]:
    return [
        Choice(label, with_query(path, query, range=name, from_=None, to=None, cursor=None), name == chosen.name)
        for name, label in RANGES
    ]


def _short(ns: int, zone: str) -> str:
    at = _in_zone(ns, zone)
    return f"{at.day} {at:%b %H:%M}" if at else str(ns)


def _local(ns: int, zone: str) -> str:
    at = _in_zone(ns, zone)
    return f"{at:%Y-%m-%dT%H:%M}" if at else ""


def _in_zone(ns: int, zone: str) -> datetime | None:
    at = moment(ns)
    return at.astimezone(parse_zone(zone)) if at else None
