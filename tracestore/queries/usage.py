"""How many calls, tokens and dollars, and whose?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, LiteralString, get_args

from psycopg import sql

from tracestore import db
from tracestore.analysis.cover import RAW, Piece, Plan
from tracestore.facts import CALLS, REQUESTS, TOOLS, USAGE, USAGE_KEYS, USAGE_MEASURES, Rollup
from tracestore.queries.sum_plans import ROWS, SUMS, find_plan, parameters
from tracestore.rollups_sql import OF_PROFILES, OF_TRACES, of_rows, sums, usage_values

GroupBy = Literal["none", "model", "service", "user", "session", "tenant", "version", "version_set", "operation"]
GROUPS: Final[tuple[str, ...]] = get_args(GroupBy)
FOR_EVER_NS: Final = 2**63 - 1


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


_COMMA = sql.SQL(",\n  ")
_ROLLED_UP = sql.SQL("""SELECT r.key, {values}
FROM {sums}
WHERE r.dimension = %(dimension)s
GROUP BY r.key""")
_OF_FACT = sql.SQL("""SELECT {key}, {values}
FROM {rows}
WHERE {counted}
GROUP BY 1""")
_OF_PROFILES = sql.SQL("""SELECT counted.value ->> 0, {values}
FROM (
  SELECT x.day, x.profile_id, count(*) AS traces
  FROM {rows}
  GROUP BY x.day, x.profile_id
) AS n
JOIN span_profile AS profile ON profile.project = %(project)s AND profile.day = n.day AND profile.id = n.profile_id
  AND profile.day = ANY(%(days)s::date[])
CROSS JOIN LATERAL jsonb_array_elements(profile.counts -> %(dimension)s) AS counted (value)
GROUP BY counted.value ->> 0""")
# Grain: one row a group; a group is never shown with only a part of its numbers.
_USAGE = sql.SQL("""SELECT key, {sums}
FROM (
{parts}
) AS r (key, {names})
GROUP BY key
ORDER BY coalesce(bounded(sum(cost_nanousd)), 0) DESC, sum(llm_calls) DESC, sum(spans) DESC, key IS NULL, key COLLATE "C"
LIMIT %(limit)s""")


def usage(project_id: int, start_ns: int, end_ns: int, group_by: str = "none", limit: int = 1_000) -> list[UsageRow]:
    """What ended in [start_ns, end_ns), by group: dearest first, then by calls. group_by none: exactly one row.

    A trace counts at its end, and its spans with it, in every grouping. group_by: of GROUPS. limit: groups at most.
    Sessions are counted from rows, the others from sums; where there were too many values the rest is `__other__`.
    Raises psycopg QueryCanceled past 5 s.
    """
    with db.snapshot():
        plan, reach_days = find_plan(project_id, start_ns, end_ns)
        if not USAGE_KEYS[group_by].rolled_up:
            plan = Plan([], [Piece(RAW, start_ns, end_ns)])
        asked = parameters(project_id, plan, reach_days) | {"dimension": group_by, "limit": limit}
        found = db.fetch(usage_statement(group_by), asked, UsageRow)
    return found or ([UsageRow(None)] if group_by == "none" else [])


@cache
def usage_statement(group_by: str) -> sql.Composed:
    """The sums of whole minutes, hours and days, and the rows of the rest, by key."""
    key = USAGE_KEYS[group_by]
    parts = [
        _ROLLED_UP.format(values=_COMMA.join(sums(USAGE)), sums=SUMS.format(table=sql.Identifier(USAGE.table))),
        _of_fact(CALLS, key.call, of_rows(CALLS)),
        _of_fact(TOOLS, key.tool, of_rows(TOOLS)),
        _of_fact(REQUESTS, key.trace, OF_TRACES) if key.trace else _of_profiles(),
    ]
    return _USAGE.format(
        sums=_COMMA.join(
            sql.SQL("bounded(sum({name})) AS {name}").format(name=sql.Identifier(name)) for name in USAGE_MEASURES
        ),
        parts=sql.SQL("\nUNION ALL\n").join(parts),
        names=sql.SQL(", ").join(map(sql.Identifier, USAGE_MEASURES)),
    )


def _of_fact(rollup: Rollup, key: LiteralString, known: Mapping[str, LiteralString]) -> sql.Composed:
    return _OF_FACT.format(
        key=sql.SQL(key),
        values=usage_values(known),
        rows=ROWS.format(fact=sql.Identifier(rollup.fact)),
        counted=sql.SQL(rollup.counted),
    )


def _of_profiles() -> sql.Composed:
    return _OF_PROFILES.format(values=usage_values(OF_PROFILES), rows=ROWS.format(fact=sql.Identifier(REQUESTS.fact)))


@dataclass(frozen=True, slots=True)
class UnpricedModel:
    model: str
    calls: int


_UNPRICED = sql.SQL("""SELECT model, sum(calls)::bigint AS calls
FROM (
  SELECT r.model, sum(r.lacking_price)
  FROM {sums}
  WHERE r.lacking_price > 0
  GROUP BY r.model
  UNION ALL
  SELECT x.model, {lacking}
  FROM {rows}
  WHERE {counted}
  GROUP BY x.model
) AS counted (model, calls)
GROUP BY model
HAVING sum(calls) > 0
ORDER BY calls DESC, model
LIMIT 5""").format(
    sums=SUMS.format(table=sql.Identifier(CALLS.table)),
    lacking=sql.SQL(next(one.of_rows for one in CALLS.measures if one.name == "lacking_price")),
    rows=ROWS.format(fact=sql.Identifier(CALLS.fact)),
    counted=sql.SQL(CALLS.counted),
)


def unpriced_models(project_id: int, start_ns: int) -> list[tuple[str, int]]:
    """(model, calls) of the models without a price that were called since start_ns, the five most frequent.

    A call whose tokens are unknown, or only those of its input, has no cost whatever its model's price; one without a
    model's name has none to look up.
    """
    with db.snapshot():
        plan, reach_days = find_plan(project_id, start_ns, FOR_EVER_NS)
        found = db.fetch(_UNPRICED, parameters(project_id, plan, reach_days), UnpricedModel)
    return [(row.model, row.calls) for row in found]
