"""Which address shows the same page with something changed? The address is the state of a page."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from tracestore.analysis.filter_words import quoted as quoted


def with_query(path: str, query: Mapping[str, str], **changes: str | int | None) -> str:
    """path with query and changes; None or "" takes a name away. A name that is a Python word ends in _: from_."""
    merged = {name: query[name] for name in query}  # not dict(): a QueryDict would give lists
    for name, value in changes.items():
        merged[name.rstrip("_")] = "" if value is None else str(value)
    kept = {name: value for name, value in merged.items() if value != ""}
    return f"{path}?{urlencode(kept, quote_via=quote, safe=':*')}" if kept else path


def in_project(slug: str, *parts: str) -> str:
    """An address below a project; parts may hold anything an emitter sent."""
    return "/".join(["/p", slug, *(quote(part, safe="") for part in parts)])


class TraceId:
    """URL converter: 32 lower-case hex digits."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class AnyText:
    """URL converter: any text at all. Django's own `path` ends at a line break, which a session id may hold."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
