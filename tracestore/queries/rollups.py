"""How is a range of time read from rollups? The plan of sums and rows that together are exact, and its parameters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import sql

from tracestore import db
from tracestore.analysis.cover import NS, Kept, Piece, Plan, cover
from tracestore.facts import GRAINS, USAGE, Rollup
from tracestore.queries.ranges import day_bounds
from tracestore.rollups_sql import sum_names, sums, values_of_rows

_COMMA = sql.SQL(", ")


@dataclass(frozen=True, slots=True)
class Mark:
    """grain_s 0: not a mark but the bounds of the project, repeated in each row otherwise left None."""

    grain_s: int
    start_s: int
    reach_days: int | None = None
    frozen_before_s: int | None = None
    minutes_from_s: int | None = None


# One statement a question: bounds and marks of one moment.
_MARKS = """
SELECT 0 AS grain_s, 0::bigint AS start_s, reach_days, frozen_before_s, minutes_from_s
FROM rollup_state
WHERE project = %(project)s
UNION ALL
SELECT grain_s, start_s, NULL, NULL, NULL
FROM rollup_mark
WHERE project = %(project)s AND start_s > %(start_s)s - grain_s AND start_s < %(end_s)s
"""


def find_plan(project_id: int, start_ns: int, end_ns: int, grains: Sequence[int] = GRAINS) -> tuple[Plan, int]:
    """(what to read of [start_ns, end_ns), how many days before its end a row may be stored).

    To be asked in the same snapshot (db.snapshot) as what is read by it.
    """
    parameters = {"project": project_id, "start_s": start_ns // NS, "end_s": -(-end_ns // NS)}
    marks = db.fetch(_MARKS, parameters, Mark)
    bounds = next((mark for mark in marks if not mark.grain_s), Mark(0, 0))
    kept = Kept(bounds.frozen_before_s or 0, bounds.minutes_from_s or 0)
    stale = [(mark.grain_s, mark.start_s) for mark in marks if mark.grain_s]
    return cover(start_ns, end_ns, stale, grains, kept), bounds.reach_days or 1


def parameters(project_id: int, plan: Plan, reach_days: int) -> dict[str, Any]:
    """What SUMS and ROWS ask for."""
    return {
        "project": project_id,
        "grains": [piece.grain_s for piece in plan.sums],
        "sums_from": [piece.start_ns // NS for piece in plan.sums],
        "sums_to": [piece.end_ns // NS for piece in plan.sums],
        "rows_from": [piece.start_ns for piece in plan.rows],
        "rows_to": [piece.end_ns for piece in plan.rows],
        "days": days_of(plan.rows, reach_days),
    }


def days_of(pieces: Iterable[Piece], reach_days: int) -> list[date]:
    """The storage days of rows that ended in any of the pieces."""
    days: set[int] = set()
    for piece in pieces:
        bounds = day_bounds(piece.start_ns, piece.end_ns, before=reach_days)
        days.update(range(bounds["first_day"].toordinal(), bounds["last_day"].toordinal() + 1))
    return [date.fromordinal(day) for day in sorted(days)]


SUMS = sql.SQL("""unnest(%(grains)s::integer[], %(sums_from)s::bigint[], %(sums_to)s::bigint[]) AS piece (grain_s, from_s, to_s)
JOIN {table} AS r ON r.project = %(project)s
  AND r.grain_s = piece.grain_s
  AND r.start_s >= piece.from_s
  AND r.start_s < piece.to_s""")
ROWS = sql.SQL("""unnest(%(rows_from)s::bigint[], %(rows_to)s::bigint[]) AS piece (from_ns, to_ns)
JOIN {fact} AS x ON x.project = %(project)s
  AND x.day = ANY(%(days)s::date[])
  AND x.end_ns >= piece.from_ns
  AND x.end_ns < piece.to_ns""")


@dataclass(frozen=True, slots=True)
class Sums:
    """One group, in one step. start_s: of the step, Unix seconds. key: the values of the dimensions asked for.

    measures: None where nothing was reported. histograms: cells as stored, None for none; tracestore.analysis.histogram
    unpacks and reads them.
    """

    start_s: int
    key: list[str | None]
    measures: dict[str, int | None]
    histograms: dict[str, list[int] | None]


_FIND = sql.SQL("""SELECT r.start_s, ARRAY[{by}]::text[] AS key, jsonb_build_object({measures}) AS measures,
  jsonb_build_object({histograms}) AS histograms
FROM (
  SELECT r.start_s / {step} * {step}, {columns}
  FROM {sums}
  UNION ALL
  SELECT x.end_ns / 1000000000 / {step} * {step}, {values}
  FROM {rows}
  WHERE {counted}
  GROUP BY 1, {dimensions}
) AS r (start_s, {names})
WHERE {where}
GROUP BY 1, 2
ORDER BY 1, 2
LIMIT 100000""")
_ONE_STEP_S = 2**40


def find_sums(
    rollup: Rollup,
    project_id: int,
    start_ns: int,
    end_ns: int,
    by: Sequence[str] = (),
    where: Mapping[str, str | None] | None = None,
    step_s: int = _ONE_STEP_S,
) -> list[Sums]:
    """What ended in [start_ns, end_ns), exactly, by steps and dimensions, in their order: what a chart is drawn from.

    rollup: of facts.FACTS. by, where: names of its dimensions; a value of None asks for what is unknown. step_s: steps are
    [n * step_s, (n + 1) * step_s), cut off at the ends of the range; without it all is one step that begins at 0.
    Raises ValueError for an unknown dimension or a step that is not whole minutes, QueryCanceled past 5 s.
    """
    asked_for = where or {}
    if step_s % GRAINS[0] and step_s != _ONE_STEP_S:
        raise ValueError("a step is a number of whole minutes")
    if unknown := {*by, *asked_for} - {one.name for one in rollup.dimensions}:
        raise ValueError(f"{rollup.table} does not know {', '.join(sorted(unknown))}")
    grains = [grain for grain in GRAINS if step_s == _ONE_STEP_S or not step_s % grain]
    with db.snapshot():
        plan, reach_days = find_plan(project_id, start_ns, end_ns, grains)
        wanted = {f"where_{name}": value for name, value in asked_for.items()}
        statement = _find_statement(rollup, by, asked_for, step_s)
        return db.fetch(statement, parameters(project_id, plan, reach_days) | wanted, Sums)


def _find_statement(rollup: Rollup, by: Sequence[str], where: Iterable[str], step_s: int) -> sql.Composed:
    dimensions = [one.name for one in rollup.dimensions]
    names = list(map(sql.Identifier, [*dimensions, *sum_names(rollup)]))
    summed = [
        sql.SQL("{}, {}").format(sql.Literal(name), value)
        for name, value in zip(sum_names(rollup), sums(rollup), strict=True)
    ]
    return _FIND.format(
        by=_COMMA.join(sql.SQL("r.{}").format(sql.Identifier(name)) for name in by),
        measures=_COMMA.join(summed[: len(rollup.measures)]),
        histograms=_COMMA.join(summed[len(rollup.measures) :]),
        step=sql.Literal(step_s),
        columns=_COMMA.join(sql.SQL("r.{}").format(name) for name in names),
        sums=SUMS.format(table=sql.Identifier(rollup.table)),
        values=_COMMA.join(values_of_rows(rollup)),
        rows=ROWS.format(fact=sql.Identifier(rollup.fact)),
        counted=sql.SQL(rollup.counted),
        dimensions=_COMMA.join(sql.SQL(one.of_row) for one in rollup.dimensions),
        names=_COMMA.join(names),
        where=sql.SQL(" AND ").join([sql.SQL("TRUE"), *map(_is, where)]),
    )


def _is(dimension: str) -> sql.Composed:
    wanted = sql.Placeholder(f"where_{dimension}")
    return sql.SQL("r.{} IS NOT DISTINCT FROM {}::text").format(sql.Identifier(dimension), wanted)


@dataclass(frozen=True, slots=True)
class _Capped:
    rollup: str
    dimension: str


_CAPPED = """
SELECT rollup, dimension
FROM rollup_capped
WHERE project = %(project)s AND last_start_s >= %(since)s
ORDER BY rollup, dimension
LIMIT 50
"""


def capped_dimensions(project_id: int, since_s: int) -> list[str]:
    """What had more values, or combinations, in a minute, hour or day since then than are kept apart.

    Users and tenants are left out: that the first thousand of them are kept is no surprise.
    """
    found = db.fetch(_CAPPED, {"project": project_id, "since": since_s}, _Capped)
    return [_in_words(row) for row in found if row.dimension not in ("user", "tenant")]


def _in_words(row: _Capped) -> str:
    of_what = row.rollup.removesuffix("_rollup")
    if row.rollup == USAGE.table:
        return f"{row.dimension} of usage"
    return f"{row.dimension} of {of_what}s" if row.dimension else f"combinations of {of_what}s"
