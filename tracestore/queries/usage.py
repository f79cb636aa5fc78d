"""How many calls, tokens and dollars, and whose?"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, get_args

from psycopg import sql

from tracestore import db
from tracestore.queries.ranges import day_bounds

GroupBy = Literal["none", "model", "service", "user", "session", "tenant", "version", "version_set", "operation"]
GROUPS: Final[tuple[str, ...]] = get_args(GroupBy)
MAX_GROUPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One group. key: None where the group's value is unknown (or group_by is none). Money: nano-USD. None = unknown.

    llm_calls: billable chat and completion calls, failed ones included and counted again in llm_errors; tokens are
    theirs (and those of agent spans without a call below). tool_calls: executions, each once.
    """

    key: str | None
    traces: int = 0
    spans: int = 0
    error_spans: int = 0
    llm_calls: int = 0
    llm_errors: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    reasoning_tokens: int | None = None
    embedding_calls: int = 0
    embedding_tokens: int | None = None
    cost_nanousd: int | None = None
    unpriced_calls: int = 0
    tool_calls: int = 0
    tool_errors: int = 0


def _each(array: str) -> str:
    """One row for each element, one with NULL for an empty array: a trace without any is counted as unknown."""
    return f"unnest(CASE WHEN cardinality({array}) = 0 THEN ARRAY[NULL] ELSE {array} END)"


# What a group's key is in each table; the four statements below are merged by it.
_KEYS: Final[dict[str, dict[str, str]]] = {
    "none": {"calls": "NULL::text", "tools": "NULL::text", "traces": "NULL::text", "spans": ""},
    "model": {
        "calls": "c.model",
        "tools": "c.model",
        "traces": _each("t.models"),
        "spans": "coalesce(s.response_model, s.request_model)",
    },
    "service": {"calls": "c.service", "tools": "c.service", "traces": _each("t.services"), "spans": "s.service"},
    "user": {"calls": "c.user_id", "tools": "c.user_id", "traces": "t.user_id", "spans": ""},
    "session": {"calls": "c.session_id", "tools": "c.session_id", "traces": "t.session_id", "spans": ""},
    "tenant": {"calls": "c.tenant_id", "tools": "c.tenant_id", "traces": "t.tenant_id", "spans": ""},
    "version": {
        "calls": "c.service_version",
        "tools": "c.service_version",
        "traces": _each("t.versions"),
        "spans": "s.service_version",
    },
    "version_set": {
        "calls": "replace(c.version_set::text, '-', '')",
        "tools": "replace(c.version_set::text, '-', '')",
        "traces": "replace(" + _each("t.version_sets::text[]") + ", '-', '')",
        "spans": "replace(sets.id::text, '-', '')",
    },
    "operation": {
        "calls": "c.operation",
        "tools": "'tool'",
        "traces": _each("t.operations"),
        "spans": "s.operation",
    },
}

# Grain: one row a group. Indexes: llm_call_end, tool_call_end; the others by day and project.
_CALLS = sql.SQL("""
SELECT
  {key} AS key,
  count(*) FILTER (WHERE c.call AND c.operation IN ('chat', 'completion')) AS llm_calls,
  count(*) FILTER (WHERE c.call AND c.operation IN ('chat', 'completion') AND c.status = 2) AS llm_errors,
  bounded(sum(c.input_tokens) FILTER (WHERE NOT c.call OR c.operation IN ('chat', 'completion'))) AS input_tokens,
  bounded(sum(c.output_tokens) FILTER (WHERE NOT c.call OR c.operation IN ('chat', 'completion'))) AS output_tokens,
  bounded(sum(c.cache_read_tokens) FILTER (WHERE NOT c.call OR c.operation IN ('chat', 'completion')))
    AS cache_read_tokens,
  bounded(sum(c.cache_creation_tokens) FILTER (WHERE NOT c.call OR c.operation IN ('chat', 'completion')))
    AS cache_creation_tokens,
  bounded(sum(c.reasoning_tokens) FILTER (WHERE NOT c.call OR c.operation IN ('chat', 'completion')))
    AS reasoning_tokens,
  count(*) FILTER (WHERE c.call AND c.operation = 'embedding') AS embedding_calls,
  bounded(sum(c.input_tokens) FILTER (WHERE c.call AND c.operation = 'embedding')) AS embedding_tokens,
  bounded(sum(c.cost_nanousd)) AS cost_nanousd,
  count(*) FILTER (WHERE c.call AND c.cost_nanousd IS NULL AND coalesce(c.input_tokens, c.output_tokens) IS NOT NULL)
    AS unpriced_calls
FROM llm_call AS c
WHERE c.project = %(project)s
  AND c.day BETWEEN %(first_day)s AND %(last_day)s
  AND c.end_ns >= %(start_ns)s
  AND c.end_ns < %(end_ns)s
  AND c.billable
GROUP BY 1
HAVING %(keys)s::text[] IS NULL OR {key} = ANY(%(keys)s)
ORDER BY cost_nanousd DESC NULLS LAST, 1
LIMIT %(rows)s
""")
_TOOLS = sql.SQL("""
SELECT {key} AS key, count(*) AS tool_calls, count(*) FILTER (WHERE c.status = 2) AS tool_errors
FROM tool_call AS c
WHERE c.project = %(project)s
  AND c.day BETWEEN %(first_day)s AND %(last_day)s
  AND c.end_ns >= %(start_ns)s
  AND c.end_ns < %(end_ns)s
GROUP BY 1
HAVING %(keys)s::text[] IS NULL OR {key} = ANY(%(keys)s)
ORDER BY tool_calls DESC, 1
LIMIT %(rows)s
""")
# A trace counts under each of its models, services, ...; its spans only where the key is the trace's own.
_TRACES = sql.SQL("""
SELECT
  key,
  count(*) AS traces,
  sum(span_count)::bigint AS spans,
  sum(error_count)::bigint AS error_spans
FROM (
  SELECT {key} AS key, t.span_count, t.error_count
  FROM trace AS t
  WHERE t.project = %(project)s
    AND t.day BETWEEN %(first_day)s AND %(last_day)s
    AND t.end_ns >= %(start_ns)s
    AND t.end_ns < %(end_ns)s
) AS one
GROUP BY 1
HAVING %(keys)s::text[] IS NULL OR key = ANY(%(keys)s)
ORDER BY traces DESC, 1
LIMIT %(rows)s
""")
_SPANS = sql.SQL("""
SELECT {key} AS key, count(*) AS spans, count(*) FILTER (WHERE s.status = 2) AS error_spans
FROM span AS s
{joined}
WHERE s.project = %(project)s
  AND s.day BETWEEN %(first_day)s AND %(last_day)s
  AND CASE WHEN s.end_ns > s.received_ns + 600000000000 THEN s.received_ns ELSE s.end_ns END >= %(start_ns)s
  AND CASE WHEN s.end_ns > s.received_ns + 600000000000 THEN s.received_ns ELSE s.end_ns END < %(end_ns)s
GROUP BY 1
HAVING %(keys)s::text[] IS NULL OR {key} = ANY(%(keys)s)
ORDER BY spans DESC, 1
LIMIT %(rows)s
""")

# Which set each service of a trace ran with, for the spans of the range.
_SETS = sql.SQL("""
LEFT JOIN (
  SELECT t.trace_id, v.service, v.id
  FROM trace AS t
  CROSS JOIN unnest(t.version_sets) AS one (id)
  JOIN version_set AS v ON v.project = t.project AND v.id = one.id
  WHERE t.project = %(project)s AND t.day BETWEEN %(first_day)s AND %(last_day)s
) AS sets ON sets.trace_id = s.trace_id AND sets.service = s.service
""")


def usage(project_id: int, start_ns: int, end_ns: int, group_by: str = "none", limit: int = 1_000) -> list[UsageRow]:
    """What ended in [start_ns, end_ns), by group: dearest first, then by calls. group_by none: exactly one row.

    group_by: of GROUPS. limit: groups at most; a group is never shown with only a part of its numbers. Beyond
    MAX_GROUPS groups those with the unknown key are left out.
    Raises psycopg QueryCanceled past 5 s.
    """
    parameters = day_bounds(start_ns, end_ns, before=2)  # a row lies under the day of its start and counts at its end
    parameters |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "rows": MAX_GROUPS, "keys": None}
    with db.snapshot():
        found = _fetch(group_by, parameters)
        ranked = _ranked(found, group_by)
        if any(len(rows) >= MAX_GROUPS for rows in found):  # each statement kept groups of its own choice
            chosen = [row.key for row in ranked[:limit] if row.key is not None]
            ranked = _ranked(_fetch(group_by, parameters | {"keys": chosen}), group_by)
    return ranked[:limit]


def _fetch(group_by: str, parameters: dict[str, Any]) -> list[list[UsageRow]]:
    keys = _KEYS[group_by]
    return [
        db.fetch(_statement(statement, keys[table], group_by), parameters, UsageRow)
        for table, statement in _STATEMENTS.items()
        if keys[table]
    ]


def _ranked(found: Iterable[list[UsageRow]], group_by: str) -> list[UsageRow]:
    merged = _merge(found, own_spans=not _KEYS[group_by]["spans"])
    if group_by == "none":
        return [merged.get(None, UsageRow(None))]
    return sorted(merged.values(), key=_dearest_first)


def _statement(statement: sql.SQL, key: str, group_by: str) -> sql.Composed:
    return statement.format(key=sql.SQL(key), joined=_SETS if group_by == "version_set" else sql.SQL(""))


_STATEMENTS = {"calls": _CALLS, "tools": _TOOLS, "traces": _TRACES, "spans": _SPANS}


def _merge(tables: Iterable[list[UsageRow]], own_spans: bool) -> dict[str | None, UsageRow]:
    """One row a key. own_spans: the traces statement tells the spans too, else the spans statement does."""
    merged: dict[str | None, UsageRow] = {}
    for rows in tables:
        for row in rows:
            counted = row if own_spans or not row.traces else replace(row, spans=0, error_spans=0)
            merged[row.key] = _add(merged.get(row.key), counted)
    return merged


def _add(one: UsageRow | None, other: UsageRow) -> UsageRow:
    if one is None:
        return other
    sums = {name: _sum(getattr(one, name), getattr(other, name)) for name in _NUMBERS}
    return UsageRow(one.key, **sums)  # type: ignore[arg-type]  # by name


_NUMBERS = tuple(field.name for field in fields(UsageRow) if field.name != "key")


def _sum(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _dearest_first(row: UsageRow) -> tuple[int, int, int, int, str]:
    return (-(row.cost_nanousd or 0), -row.llm_calls, -row.spans, row.key is None, row.key or "")


@dataclass(frozen=True, slots=True)
class UnpricedModel:
    model: str
    calls: int


_UNPRICED = """
SELECT c.model, count(*) AS calls
FROM llm_call AS c
WHERE c.project = %(project)s
  AND c.day >= %(first_day)s
  AND c.end_ns >= %(start_ns)s
  AND c.billable
  AND c.call
  AND c.model IS NOT NULL
  AND c.cost_nanousd IS NULL
  AND CASE WHEN c.operation IN ('chat', 'completion') THEN c.output_tokens ELSE c.input_tokens END IS NOT NULL
GROUP BY c.model
ORDER BY calls DESC, c.model
LIMIT 5
"""


def unpriced_models(project_id: int, start_ns: int) -> list[tuple[str, int]]:
    """(model, calls) of the models without a price that were called since start_ns, the five most frequent.

    A call whose tokens are unknown, or only those of its input, has no cost whatever its model's price; one without a
    model's name has none to look up.
    """
    parameters = {"project": project_id, "start_ns": start_ns, **day_bounds(start_ns, start_ns)}
    return [(row.model, row.calls) for row in db.fetch(_UNPRICED, parameters, UnpricedModel)]
