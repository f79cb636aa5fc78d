"""What was spent in a range of time, by whom and on what? From rollups; what they do not know from rows of a few days."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.analysis.histogram import unpack
from tracestore.facts import CALLS, REQUESTS
from tracestore.queries.filter_targets import TRACE
from tracestore.queries.filters import condition
from tracestore.queries.ranges import days_of_ended
from tracestore.queries.rollups import ROWS_DAYS, find_sums
from tracestore.queries.row_targets import CALL
from tracestore.queries.usage import UsageRow, usage

OF_SUMS: Final[dict[str, str]] = {
    "model": "model",
    "service": "service",
    "version": "service_version",
    "operation": "operation",
    "prompt": "prompt_name",
}
OF_USAGE: Final = ("user", "tenant")
OF_ROWS: Final[dict[str, str]] = {
    "user": "user_id",
    "tenant": "tenant_id",
    "session": "session_id",
}
MEASURES: Final = (
    "calls", "errors", "cost_nanousd", "input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens",
    "unpriced_calls",
)  # fmt: skip
OF_REQUESTS: Final = ("requests", "cost_nanousd", "budgeted", "budget_overruns", "cost")
DAY_NS: Final = 86_400 * 10**9
DEAREST_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Spent:
    """Of billable calls. key: of a group; None = unknown. Tokens and money: None = nothing was reported, or has a price.

    input_tokens include what the cache served. unpriced: calls with tokens and without a cost.
    """

    key: str | None
    calls: int = 0
    errors: int = 0
    cost_nanousd: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    reasoning_tokens: int | None = None
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Requests:
    """priced: those whose cost is known. budgeted: those with a token budget, None where none has one."""

    requests: int
    priced: int
    cost_nanousd: int | None
    budgeted: int | None
    overruns: int | None


@dataclass(frozen=True, slots=True)
class Dearest:
    """The dearest DEAREST_SHARE of the requests whose cost is known. n: all of those; top: the dearest, at least one."""

    n: int
    top: int
    cost_nanousd: int
    top_nanousd: int


@dataclass(frozen=True, slots=True)
class DearRequest:
    trace_id: str
    start_ns: int
    name: str
    service: str
    service_version: str | None
    status: int
    duration_ns: int
    llm_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost_nanousd: int
    session_id: str | None


def total_spent(project_id: int, start_ns: int, end_ns: int, filter: Node | None = None) -> Spent:
    """All calls that ended in [start_ns, end_ns). Raises psycopg QueryCanceled past 5 s."""
    found = find_sums(CALLS, project_id, start_ns, end_ns, filter=filter, only=MEASURES)
    return _spent(None, found[0].measures) if found else Spent(None)


def total_requests(project_id: int, start_ns: int, end_ns: int, filter: Node | None = None) -> Requests:
    found = find_sums(REQUESTS, project_id, start_ns, end_ns, filter=filter, only=OF_REQUESTS)
    measures = found[0].measures if found else {}
    return Requests(
        requests=measures.get("requests") or 0,
        priced=sum(unpack(found[0].histograms["cost"]).values()) if found else 0,
        cost_nanousd=measures.get("cost_nanousd"),
        budgeted=measures.get("budgeted"),
        overruns=measures.get("budget_overruns"),
    )


def spent_by_step(
    project_id: int, start_ns: int, end_ns: int, step_s: int, filter: Node | None = None
) -> list[tuple[int, Spent]]:
    """(start of the step in Unix seconds, spent in it), in order; steps without a call are left out."""
    found = find_sums(CALLS, project_id, start_ns, end_ns, step_s=step_s, filter=filter, only=MEASURES)
    return [(one.start_s, _spent(None, one.measures)) for one in found]


def series_by(
    project_id: int, start_ns: int, end_ns: int, by: str, step_s: int, filter: Node | None = None
) -> dict[str | None, list[int]]:
    """nano-USD of each group, step by step over the whole range, 0 where it spent nothing. by: of OF_SUMS."""
    found = find_sums(
        CALLS, project_id, start_ns, end_ns, by=[OF_SUMS[by]], step_s=step_s, filter=filter, only=["cost_nanousd"]
    )
    first = start_ns // 10**9 // step_s
    steps = (end_ns - 1) // 10**9 // step_s - first + 1
    series: dict[str | None, list[int]] = {}
    for one in found:
        of_key = series.setdefault(one.key[0], [0] * steps)
        of_key[one.start_s // step_s - first] += one.measures["cost_nanousd"] or 0
    return series


def _spent(key: str | None, measures: dict[str, int | None]) -> Spent:
    return Spent(
        key=key,
        calls=measures["calls"] or 0,
        errors=measures["errors"] or 0,
        cost_nanousd=measures["cost_nanousd"],
        input_tokens=measures["input_tokens"],
        output_tokens=measures["output_tokens"],
        cache_read_tokens=measures["cache_read_tokens"],
        reasoning_tokens=measures["reasoning_tokens"],
        unpriced=measures["unpriced_calls"] or 0,
    )


def spent_by(
    project_id: int, start_ns: int, end_ns: int, by: str, filter: Node | None = None, limit: int = 1_000
) -> list[Spent]:
    """Groups, dearest first. by: of OF_SUMS, OF_USAGE or OF_ROWS.

    Sessions, and users and tenants under a filter, are read from rows of the last ROWS_DAYS days of the range (rows_from
    says where they begin).

    Raises psycopg QueryCanceled past 5 s.
    """
    if by in OF_SUMS:
        found = find_sums(CALLS, project_id, start_ns, end_ns, by=[OF_SUMS[by]], filter=filter, only=MEASURES)
        groups = [_spent(one.key[0], one.measures) for one in found]
        return sorted((one for one in groups if _counts(one)), key=_dearest_first)[:limit]
    if by in OF_USAGE and filter is None:
        return [_of_usage(row) for row in usage(project_id, start_ns, end_ns, by, limit) if _calls(row)]
    return _of_rows(project_id, rows_from(start_ns, end_ns), end_ns, by, filter, limit)


def rows_from(start_ns: int, end_ns: int) -> int:
    return max(start_ns, end_ns - ROWS_DAYS * DAY_NS)


def is_of_rows(by: str, filter: Node | None) -> bool:
    return by not in OF_SUMS and (by not in OF_USAGE or filter is not None)


def _counts(one: Spent) -> bool:
    return bool(one.calls or one.cost_nanousd)


def _calls(row: UsageRow) -> bool:
    return bool(row.llm_calls or row.embedding_calls or row.cost_nanousd)


def _dearest_first(one: Spent) -> tuple[int, int, bool, str]:
    return (-(one.cost_nanousd or 0), -one.calls, one.key is None, one.key or "")


def _of_usage(row: UsageRow) -> Spent:
    return Spent(
        key=row.key,
        calls=row.llm_calls + row.embedding_calls,
        errors=row.llm_errors,
        cost_nanousd=row.cost_nanousd,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
        reasoning_tokens=row.reasoning_tokens,
        unpriced=row.unpriced_calls,
    )


_BY_ROWS = sql.SQL("""
SELECT
  {key} AS key,
  count(*) FILTER (WHERE c.call) AS calls,
  count(*) FILTER (WHERE c.call AND c.status = 2) AS errors,
  bounded(sum(c.cost_nanousd)) AS cost_nanousd,
  bounded(sum(c.input_tokens) FILTER (WHERE {talks})) AS input_tokens,
  bounded(sum(c.output_tokens) FILTER (WHERE {talks})) AS output_tokens,
  bounded(sum(c.cache_read_tokens) FILTER (WHERE {talks})) AS cache_read_tokens,
  bounded(sum(c.reasoning_tokens) FILTER (WHERE {talks})) AS reasoning_tokens,
  count(*) FILTER (WHERE c.call AND c.cost_nanousd IS NULL AND coalesce(c.input_tokens, c.output_tokens) IS NOT NULL)
    AS unpriced
FROM llm_call AS c
WHERE c.project = %(project)s
  AND c.day BETWEEN %(first_day)s AND %(last_day)s
  AND c.end_ns >= %(start_ns)s
  AND c.end_ns < %(end_ns)s
  AND c.billable
  AND {matches}
GROUP BY 1
ORDER BY coalesce(bounded(sum(c.cost_nanousd)), 0) DESC, 2 DESC, {key} IS NULL, {key} COLLATE "C"
LIMIT %(rows)s
""")
_TALKS: Final = sql.SQL("NOT c.call OR c.operation IN ('chat', 'completion')")


def _of_rows(project_id: int, start_ns: int, end_ns: int, by: str, filter: Node | None, limit: int) -> list[Spent]:
    matches, values = condition(filter, CALL)
    query = _BY_ROWS.format(key=sql.Identifier("c", OF_ROWS[by]), talks=_TALKS, matches=matches)
    return db.fetch(query, values | _range(project_id, start_ns, end_ns) | {"rows": limit}, Spent)


def _range(project_id: int, start_ns: int, end_ns: int) -> dict[str, object]:
    days = days_of_ended(project_id, start_ns, end_ns)
    return {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, **days}


_OF_REQUESTS = sql.SQL("""
FROM trace AS t
WHERE t.project = %(project)s
  AND t.day BETWEEN %(first_day)s AND %(last_day)s
  AND t.end_ns >= %(start_ns)s
  AND t.end_ns < %(end_ns)s
  AND t.cost_nanousd IS NOT NULL
  AND {matches}
""")
# A sort of the few on top: a window over all of them takes three times as long.
_DEAREST = sql.SQL("""
WITH spent AS MATERIALIZED (
  SELECT t.cost_nanousd
  {of_requests}
), counted AS (
  SELECT count(*) AS n, ceil(count(*) * %(share)s::numeric)::bigint AS top, coalesce(bounded(sum(cost_nanousd)), 0) AS cost_nanousd
  FROM spent
)
SELECT n, top, counted.cost_nanousd, coalesce(bounded(dearest.sum), 0) AS top_nanousd
FROM counted
CROSS JOIN (
  SELECT sum(cost_nanousd)
  FROM (SELECT cost_nanousd FROM spent ORDER BY cost_nanousd DESC LIMIT (SELECT top FROM counted)) AS on_top
) AS dearest
""")
_DEAR_REQUESTS = sql.SQL("""
SELECT
  replace(t.trace_id::text, '-', '') AS trace_id, t.start_ns, t.name, t.service, t.service_version, t.status, t.duration_ns,
  t.llm_calls, t.input_tokens, t.output_tokens, t.cost_nanousd, t.session_id
{of_requests}
ORDER BY t.cost_nanousd DESC, t.trace_id
LIMIT %(rows)s
""")


def find_dearest(
    project_id: int, start_ns: int, end_ns: int, filter: Node | None = None, limit: int = 10
) -> tuple[Dearest, Sequence[DearRequest]]:
    """How concentrated cost is among requests that ended in [start_ns, end_ns); the dearest of them.

    Exact, from rows. Raises psycopg QueryCanceled past 5 s.
    """
    matches, values = condition(filter, TRACE)
    of_requests = _OF_REQUESTS.format(matches=matches)
    parameters = values | _range(project_id, start_ns, end_ns) | {"share": str(DEAREST_SHARE), "rows": limit}
    with db.snapshot():
        (summed,) = db.fetch(_DEAREST.format(of_requests=of_requests), parameters, Dearest)
        requests = db.fetch(_DEAR_REQUESTS.format(of_requests=of_requests), parameters, DearRequest)
    return summed, requests
