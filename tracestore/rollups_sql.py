"""The statements that fill rollups, made of their declarations in tracestore/facts.py."""

from collections.abc import Mapping
from functools import cache
from typing import Final, LiteralString

from psycopg import sql

from tracestore.facts import CALLS, PROFILED, REQUESTS, TOOLS, USAGE, USAGE_MEASURES, Histogram, Rollup

_COMMA = sql.SQL(",\n  ")
Values = Mapping[str, LiteralString]

# Rows of a fact that ended in some minutes (or quarters): parameters project, grain, starts (Unix seconds), days (storage days
# to look at).
_MINUTES = sql.SQL("""unnest(%(starts)s::bigint[]) AS m (start_s)
JOIN {fact} AS x ON x.project = %(project)s
  AND x.day = ANY(%(days)s::date[])
  AND x.end_ns >= m.start_s * 1000000000
  AND x.end_ns < (m.start_s + %(grain)s) * 1000000000""")
_INSERT = sql.SQL("INSERT INTO {table} (project, grain_s, start_s, {columns})\n")


def values_of_rows(rollup: Rollup, *, packed: bool = True) -> list[sql.Composable]:
    """Dimensions, measures and histograms as columns of a statement that groups rows x of the fact by the dimensions.

    packed: each bucket of a histogram once; otherwise a cell for each value, which is quicker.
    """
    dimensions = [sql.SQL(one.of_row) for one in rollup.dimensions]
    measures = [sql.SQL(one.of_rows) for one in rollup.measures]
    return [*dimensions, *measures, *map(_packed if packed else _cells, rollup.histograms)]


@cache
def fill_from_rows(rollup: Rollup) -> sql.Composed:
    """Sums the rows of its fact, at its finest grain. The minutes (or quarters) are empty before."""
    return insert(rollup) + sql.SQL("""SELECT %(project)s, %(grain)s, m.start_s, {values}
FROM {rows}
WHERE {counted}
GROUP BY m.start_s, {dimensions}
ORDER BY m.start_s""").format(
        values=_COMMA.join(values_of_rows(rollup)),
        rows=_MINUTES.format(fact=sql.Identifier(rollup.fact)),
        counted=sql.SQL(rollup.counted),
        dimensions=_COMMA.join(sql.SQL(one.of_row) for one in rollup.dimensions),
    )


def _cells(histogram: Histogram) -> sql.Composed:
    return sql.SQL("array_agg((histogram_bucket({value}) << 40) + 1) FILTER (WHERE {counted})").format(
        value=sql.SQL(histogram.value), counted=sql.SQL(histogram.counted)
    )


def _packed(histogram: Histogram) -> sql.Composed:
    """A call of histogram_pack takes 85 us, and where tools are told apart most groups hold one value."""
    return sql.SQL("CASE WHEN cardinality({cells}) > 1 THEN histogram_pack({cells}) ELSE {cells} END").format(
        cells=_cells(histogram)
    )


def insert(rollup: Rollup) -> sql.Composed:
    names = [one.name for one in rollup.dimensions] + sum_names(rollup)
    return _INSERT.format(table=sql.Identifier(rollup.table), columns=_COMMA.join(map(sql.Identifier, names)))


def sum_names(rollup: Rollup) -> list[LiteralString]:
    return [one.name for one in rollup.measures] + [one.name for one in rollup.histograms]


def sums(rollup: Rollup) -> list[sql.Composed]:
    """Measures and histograms of rows r of a rollup, summed."""
    measures = [sql.SQL("bounded(sum(r.{}))").format(sql.Identifier(one.name)) for one in rollup.measures]
    merged = [sql.SQL("histogram_sum(r.{})").format(sql.Identifier(one.name)) for one in rollup.histograms]
    return measures + merged


@cache
def fill_from_finer(rollup: Rollup) -> sql.Composed:
    """Hours from minutes, days from hours: parameters project, grain, finer, starts. They are empty before."""
    dimensions = [sql.SQL("r.{}").format(sql.Identifier(one.name)) for one in rollup.dimensions]
    return insert(rollup) + sql.SQL("""SELECT %(project)s, %(grain)s, g.start_s, {values}
FROM unnest(%(starts)s::bigint[]) AS g (start_s)
JOIN {table} AS r ON r.project = %(project)s
  AND r.grain_s = %(finer)s
  AND r.start_s >= g.start_s
  AND r.start_s < g.start_s + %(grain)s
GROUP BY g.start_s, {dimensions}
ORDER BY g.start_s""").format(
        values=_COMMA.join([*dimensions, *sums(rollup)]),
        table=sql.Identifier(rollup.table),
        dimensions=_COMMA.join(dimensions),
    )


OF_ROLLUP = "r.project = %(project)s AND r.grain_s = %(grain)s AND r.start_s = ANY(%(starts)s)"


@cache
def empty(rollup: Rollup) -> sql.Composed:
    return sql.SQL("DELETE FROM {table} AS r WHERE {of_rollup}").format(
        table=sql.Identifier(rollup.table), of_rollup=sql.SQL(OF_ROLLUP)
    )


# The minutes of the other rollups are there already: usage is summed from them, but for what only rows know.
_CALL_KEYS: Final[Values] = {
    "none": "NULL::text",
    "model": "r.model",
    "service": "r.service",
    "version": "r.service_version",
    "version_set": "r.version_set",
    "operation": "r.operation",
}
_TOOL_KEYS: Final[Values] = {**_CALL_KEYS, "operation": "'tool'"}
_TRACE_KEYS: Final[Values] = {"none": "NULL::text"}
_UNREPORTED = frozenset(name for name in USAGE_MEASURES if name.endswith("_tokens")) | {"cost_nanousd"}


def usage_values(known: Values, alias: LiteralString = "") -> sql.Composed:
    """The measures of usage in their order: those that a part of it knows, and nothing for the others."""
    nothing = {name: sql.SQL("NULL::bigint" if name in _UNREPORTED else "0::bigint") for name in USAGE_MEASURES}
    values = nothing | {name: sql.SQL(value) for name, value in known.items()}
    return _COMMA.join(sql.SQL("{} AS {}").format(values[name], sql.Identifier(name)) for name in USAGE_MEASURES)


def of_rows(rollup: Rollup) -> dict[str, LiteralString]:
    """The measures of usage that a fact knows, as aggregates over its rows."""
    return {one.name: one.of_rows for one in rollup.measures if one.name in USAGE_MEASURES}


OF_TRACES: Final[Values] = {"traces": "count(*)", "spans": "sum(x.span_count)", "error_spans": "sum(x.error_count)"}
OF_PROFILES: Final[Values] = {
    "traces": "sum(n.traces * (counted.value ->> 1)::bigint)",
    "spans": "sum(n.traces * (counted.value ->> 2)::bigint)",
    "error_spans": "sum(n.traces * (counted.value ->> 3)::bigint)",
}


def _from_rollup(rollup: Rollup, keys: Values, known: Values) -> sql.Composed:
    keyed = sql.SQL(", ").join(
        sql.SQL("({}, {})").format(sql.Literal(name), sql.SQL(key)) for name, key in keys.items()
    )
    return sql.SQL("""SELECT r.start_s, d.dimension, d.key, {values}
FROM {table} AS r
CROSS JOIN LATERAL (VALUES {keyed}) AS d (dimension, key)
WHERE r.project = %(project)s AND r.grain_s = 60 AND r.start_s = ANY(%(starts)s)""").format(
        values=usage_values(known), table=sql.Identifier(rollup.table), keyed=keyed
    )


def _by_person(rollup: Rollup, known: Values) -> sql.Composed:
    return sql.SQL("""SELECT m.start_s, CASE WHEN grouping(x.user_id) = 0 THEN 'user' ELSE 'tenant' END,
  CASE WHEN grouping(x.user_id) = 0 THEN x.user_id ELSE x.tenant_id END, {values}
FROM {rows}
WHERE {counted}
GROUP BY GROUPING SETS ((m.start_s, x.user_id), (m.start_s, x.tenant_id))""").format(
        values=usage_values(known),
        rows=_MINUTES.format(fact=sql.Identifier(rollup.fact)),
        counted=sql.SQL(rollup.counted),
    )


def _from_profiles() -> sql.Composed:
    """Under each model, service, ... that its spans have: profiles first, since few of them are many traces."""
    return sql.SQL("""SELECT n.start_s, d.dimension, counted.value ->> 0, {values}
FROM (
  SELECT m.start_s, x.day, x.profile_id, count(*) AS traces
  FROM {rows}
  GROUP BY m.start_s, x.day, x.profile_id
) AS n
JOIN span_profile AS profile ON profile.project = %(project)s AND profile.day = n.day AND profile.id = n.profile_id
  AND profile.day = ANY(%(days)s::date[])
CROSS JOIN unnest({dimensions}::text[]) AS d (dimension)
CROSS JOIN LATERAL jsonb_array_elements(profile.counts -> d.dimension) AS counted (value)
GROUP BY n.start_s, d.dimension, counted.value ->> 0""").format(
        values=usage_values(OF_PROFILES),
        rows=_MINUTES.format(fact=sql.Identifier(REQUESTS.fact)),
        dimensions=sql.Literal(list(PROFILED)),
    )


@cache
def fill_usage_minutes() -> sql.Composed:
    shared = {name: f"r.{name}" for name in USAGE_MEASURES}
    parts = [
        _from_rollup(CALLS, _CALL_KEYS, {name: shared[name] for name in of_rows(CALLS)}),
        _from_rollup(TOOLS, _TOOL_KEYS, {name: shared[name] for name in of_rows(TOOLS)}),
        _from_rollup(
            REQUESTS, _TRACE_KEYS, {"traces": "r.requests", "spans": "r.spans", "error_spans": "r.error_spans"}
        ),
        _from_profiles(),
        _by_person(CALLS, of_rows(CALLS)),
        _by_person(TOOLS, of_rows(TOOLS)),
        _by_person(REQUESTS, OF_TRACES),
    ]
    return insert(USAGE) + sql.SQL("""SELECT %(project)s, 60, r.start_s, r.dimension, r.key, {values}
FROM (
{parts}
) AS r (start_s, dimension, key, {names})
GROUP BY r.start_s, r.dimension, r.key
ORDER BY r.start_s""").format(
        values=_COMMA.join(sums(USAGE)),
        parts=sql.SQL("\nUNION ALL\n").join(parts),
        names=sql.SQL(", ").join(map(sql.Identifier, USAGE_MEASURES)),
    )


@cache
def forget_minutes(rollup: Rollup) -> sql.Composed:
    """Some minutes and quarters before `before`."""
    return sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY(ARRAY("
        "SELECT ctid FROM {table} WHERE project = %(project)s AND grain_s IN (60, 900) AND start_s < %(before)s LIMIT 20000))"
    ).format(table=sql.Identifier(rollup.table))
