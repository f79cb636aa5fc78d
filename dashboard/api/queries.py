"""What may a request of the API ask? The query strings of its endpoints, as OpenAPI shows them."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from dashboard.params import NS, BadParam, Range, parse_cursor, parse_filter, parse_range
from tracestore.analysis.filters import Node
from tracestore.queries.usage import GroupBy

Time = Annotated[str | None, Field(description="RFC 3339, such as 2026-11-21T09:30:00Z")]
Limit = Annotated[int, Field(ge=1, le=1000, description="Items at most")]
Cursor = Annotated[str | None, Field(description="next_cursor of the page before")]
Q = Annotated[str, Field(description="Filter, see docs/api.md: service:shop -status:error duration:>2s")]
Sort = Literal[
    "-start", "start", "-duration", "duration", "-cost", "cost", "-errors", "errors", "-tokens", "tokens"
]  # the keys of tracestore.queries.trace_sorts.SORTS
Split = Literal[
    "version", "version_set", "service", "environment", "operation", "provider", "model", "tool", "name", "source"
]  # the keys of tracestore.queries.lines.SPLITS
MIN_STEP_S, MAX_STEPS = 1, 2_000


class RangeQuery(Schema):
    """range or from and to; without any: the last 24 hours."""

    from_: Annotated[Time, Field(alias="from")] = None
    to: Time = None
    range: Annotated[str | None, Field(description="15m 1h 6h 24h 7d 30d 90d, instead of from and to")] = None
    tz: Annotated[str | None, Field(description="IANA zone of times without an offset; UTC if left out")] = None


class ListQuery(RangeQuery):
    q: Q = ""
    limit: Limit = 50
    cursor: Cursor = None


class TracesQuery(ListQuery):
    sort: Sort = "-start"


class SpansQuery(Schema):
    spans_limit: Annotated[int, Field(ge=1, le=5000, description="Spans at most; next_cursor leads on")] = 5000
    cursor: Cursor = None


class SessionQuery(Schema):
    limit: Limit = 200
    cursor: Cursor = None


class LogsQuery(ListQuery):
    trace_id: Annotated[str | None, Field(description="32 hex digits")] = None
    limit: Limit = 100


class UsageQuery(RangeQuery):
    group_by: GroupBy = "none"
    limit: Annotated[int, Field(ge=1, le=10_000, description="Groups at most")] = 1000


class SeriesQuery(RangeQuery):
    name: Annotated[str | None, Field(max_length=512, description="Metric name; without one the series alone")] = None
    step: Annotated[str | None, Field(description="Seconds, or 30s 5m 1h 1d; default: a hundredth of the range")] = None
    limit: Annotated[int, Field(ge=1, le=100, description="Series at most")] = 100


class LinesQuery(RangeQuery):
    q: Q = ""
    step: Annotated[str | None, Field(description="60, 5m, 1h, 1d: whole minutes; default: by the range")] = None
    compare: Annotated[
        str, Field(max_length=300, description="previous, week, version:v11, or FROM/TO: what stands beside it")
    ] = ""
    split: Annotated[Split | None, Field(description="One series a value, the 6 largest and the rest")] = None
    members: Annotated[str, Field(max_length=2000, description="Names with commas; default: all")] = ""
    anomalies: Annotated[bool, Field(description="Whether to look for hours that stand out as well")] = False
    format: Annotated[Literal["json", "csv"] | None, Field(description="Default: by Accept, else json")] = None


class VersionsQuery(RangeQuery):
    service: Annotated[str | None, Field(max_length=256)] = None
    limit: Limit = 500


class DiffQuery(Schema):
    a: Annotated[str, Field(description="Id of a version set")]
    b: Annotated[str, Field(description="Id of the set it is compared with")]


def is_storable(request: HttpRequest) -> bool:
    """No query string may hold what no stored text can: NUL."""
    return not any("\x00" in text for name, values in request.GET.lists() for text in (name, *values))


def range_of(query: RangeQuery, now: datetime) -> Range:
    words = {"from": query.from_, "to": query.to, "range": query.range, "tz": query.tz}
    return parse_range({name: word for name, word in words.items() if word}, now)


def list_of(query: ListQuery, now: datetime) -> tuple[Range, Node | None, str | None]:
    """(range, filter, cursor). Raises BadParam."""
    return range_of(query, now), parse_filter(query.q), parse_cursor(query.cursor or "")


_STEP_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def step_of(text: str | None, of: Range) -> int:
    """Whole seconds, at most MAX_STEPS of them in the range. Raises BadParam."""
    length_s = -(-(of.end_ns - of.start_ns) // NS)
    if not text:
        return max(MIN_STEP_S, -(-length_s // 100))
    number, unit = text.rstrip("smhd"), text.lstrip("0123456789")
    if not (number.isascii() and number.isdigit() and len(number) <= 9 and unit in _STEP_S and int(number)):
        raise BadParam("step: must be whole seconds such as 60, or 30s, 5m, 1h, 1d.")
    step_s = int(number) * _STEP_S[unit]
    if length_s > step_s * MAX_STEPS:
        raise BadParam(f"step: makes more than {MAX_STEPS} steps; use at least {-(-length_s // MAX_STEPS)} seconds.")
    return step_s
