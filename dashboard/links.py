"""Which address shows the same page with something changed? The address is the state of a page."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode


def with_query(path: str, query: Mapping[str, str], **changes: str | int | None) -> str:
    """path with query and changes; None or "" takes a name away. A name that is a Python word ends in _: from_."""
    merged = dict(query)
    for name, value in changes.items():
        merged[name.rstrip("_")] = "" if value is None else str(value)
    kept = {name: value for name, value in merged.items() if value != ""}
    return f"{path}?{urlencode(kept, quote_via=quote, safe=':*')}" if kept else path


def in_project(slug: str, *parts: str) -> str:
    """An address below a project; parts may hold anything an emitter sent."""
    return "/".join(["/p", slug, *(quote(part, safe="") for part in parts)])


def quoted(value: str) -> str:
    """A value for a filter term, in quotation marks where it needs them."""
    if value and all(character.isalnum() or character in "-_./@" for character in value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def in_ns(at: datetime) -> int:
    """Nanoseconds since the epoch of an aware time, exact to the microsecond."""
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000
