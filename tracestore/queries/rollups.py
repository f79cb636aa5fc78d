"""How much of what ended when? Sums of a rollup by step and dimension, under a filter: what charts are drawn from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg import sql

from tracestore import db
from tracestore.analysis.cover import NS
from tracestore.analysis.filters import FilterTooWide, Node, terms
from tracestore.analysis.histogram import added_up
from tracestore.facts import DAY_S, MINUTE_S, USAGE, Rollup
from tracestore.queries.filters import condition
from tracestore.queries.ranges import EVER, day_bounds
from tracestore.queries.row_targets import OF_FACT
from tracestore.queries.sum_plans import ROWS, SUMS, find_plan, parameters
from tracestore.queries.sum_targets import SUMMED, summed, undecided
from tracestore.rollups_sql import sum_names, values_of_rows

ROWS_DAYS: Final = 7  # as far as rows are read for a filter that no sums answer
ROWS_TIMEOUT_MS: Final = 8_000
_COMMA = sql.SQL(", ")


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


# Sums first: a filter on them is asked of the groups of rows as well. A filter of rows (selected) is asked of each.
_FIND = sql.SQL("""SELECT r.start_s, ARRAY[{by}]::text[], {answers}
FROM (
  SELECT r.start_s / {step} * {step}, {columns}
  FROM {sums}
  {of_rows}
) AS r (start_s, {names})
WHERE {where} AND {matches}
GROUP BY 1, 2
ORDER BY 1, 2
LIMIT 100000""")
# Left out where sums are enough: to plan it takes 3 to 5 ms.
_OF_ROWS = sql.SQL("""UNION ALL
  SELECT x.end_ns / 1000000000 / {step} * {step}, {values}
  FROM {rows}
  CROSS JOIN LATERAL (SELECT x.*) AS {alias}
  WHERE {counted} AND {selected}
  GROUP BY 1, {dimensions}""")
ONE_STEP_S: Final = 2**40


@dataclass(frozen=True, slots=True)
class _Question:
    """rollup: of what is read, what is wanted. of_sums: its dimensions know all terms of the filter; else rows are asked."""

    rollup: Rollup
    by: Sequence[str]
    where: Mapping[str, str | None]
    step_s: int
    filter: Node | None
    of_sums: bool

    @property
    def grains(self) -> list[int]:
        if not self.of_sums:
            return []
        return [grain for grain in self.rollup.grains if self.step_s == ONE_STEP_S or not self.step_s % grain]


def find_sums(
    rollup: Rollup,
    project_id: int,
    start_ns: int,
    end_ns: int,
    by: Sequence[str] = (),
    where: Mapping[str, str | None] | None = None,
    step_s: int = ONE_STEP_S,
    filter: Node | None = None,
    only: Collection[str] | None = None,
) -> list[Sums]:
    """What ended in [start_ns, end_ns), exactly, by steps and dimensions, in their order: what a chart is drawn from.

    rollup: of facts.FACTS. by, where: names of its dimensions; a value of None asks for what is unknown. step_s: steps are
    [n * step_s, (n + 1) * step_s), cut off at the ends of the range; without it all is one step that begins at 0.
    filter: sums answer service, environment, version, operation, model, tool (of calls provider and prompt) over any range,
    exactly unless `undecided_sums` says otherwise; other terms read rows of at most ROWS_DAYS. only: the measures and
    histograms that are wanted; fewer are quicker. Raises ValueError for an unknown name or a step that is not whole
    minutes, FilterTooWide for a filter that would have to read too many rows, QueryCanceled past 5 s (rows: 8 s).
    """
    known = summed(rollup, filter)
    question = _Question(_wanted(known or rollup, only), by, where or {}, step_s, filter, known is not None)
    _check(question)
    if not question.grains:
        _check_width(question, start_ns, end_ns)
    with db.snapshot():
        plan, reach_days = find_plan(project_id, start_ns, end_ns, question.grains)
        statement, asked = _statement(question, with_rows=bool(plan.rows))
        asked |= parameters(project_id, plan, reach_days) | day_bounds(start_ns, end_ns, before=reach_days)
        if rollup.fact == "score":
            asked |= {"first_day": EVER[0]}  # of an answer given long ago
        rows = db.fetch_tuples(statement, asked, None if question.grains else ROWS_TIMEOUT_MS)
    return [_sums(question, row) for row in rows]


def _sums(question: _Question, row: tuple[Any, ...]) -> Sums:
    start_s, key, measures, *cells = row
    return Sums(
        start_s,
        key,
        dict(zip((one.name for one in question.rollup.measures), measures, strict=True)),
        dict(zip((one.name for one in question.rollup.histograms), map(added_up, cells), strict=True)),
    )


def _wanted(rollup: Rollup, only: Collection[str] | None) -> Rollup:
    if only is None:
        return rollup
    if unknown := {*only} - {*sum_names(rollup)}:
        raise ValueError(f"{rollup.table} does not know {', '.join(sorted(unknown))}")
    return replace(
        rollup,
        measures=tuple(one for one in rollup.measures if one.name in only),
        histograms=tuple(one for one in rollup.histograms if one.name in only),
    )


def _check(question: _Question) -> None:
    if question.step_s % MINUTE_S and question.step_s != ONE_STEP_S:
        raise ValueError("a step is a number of whole minutes")
    rollup = question.rollup
    unknown = {*question.by, *question.where} - {one.name for one in rollup.dimensions}
    if unknown:
        raise ValueError(f"{rollup.table} does not know {', '.join(sorted(unknown))}")


def _check_width(question: _Question, start_ns: int, end_ns: int) -> None:
    if end_ns - start_ns <= ROWS_DAYS * DAY_S * NS:
        return
    known = SUMMED[question.rollup.table].keys()
    unsummed = sorted({term.field for term in terms(question.filter)} - known)
    raise FilterTooWide(
        f"{', '.join(map(_in_filter, unsummed))} cannot be answered from sums: choose at most {ROWS_DAYS} days, or filter by"
        f" {', '.join(sorted(known))} alone"
        if unsummed
        else f"Steps as short as these are read row by row under this filter: choose at most {ROWS_DAYS} days"
    )


def _in_filter(field: str) -> str:
    return {"text": "Free text", "attr": "attr.KEY:"}.get(field, f"{field}:")


def _statement(question: _Question, with_rows: bool) -> tuple[sql.Composed, dict[str, Any]]:
    rollup, step = question.rollup, sql.Literal(question.step_s)
    alias, target = OF_FACT[rollup.fact]
    matching, values = condition(question.filter, SUMMED[rollup.table] if question.of_sums else target)
    names = list(map(sql.Identifier, [one.name for one in rollup.dimensions] + sum_names(rollup)))
    of_rows = _OF_ROWS.format(
        step=step,
        values=_COMMA.join(values_of_rows(rollup, packed=False)),
        rows=ROWS.format(fact=sql.Identifier(rollup.fact)),
        alias=sql.Identifier(alias),
        counted=sql.SQL(rollup.counted),
        selected=sql.SQL("TRUE") if question.of_sums else matching,
        dimensions=_COMMA.join(sql.SQL(one.of_row) for one in rollup.dimensions),
    )
    return _FIND.format(
        by=_COMMA.join(sql.SQL("r.{}").format(sql.Identifier(name)) for name in question.by),
        answers=_COMMA.join(_answers(rollup)),
        step=step,
        columns=_COMMA.join(sql.SQL("r.{}").format(name) for name in names),
        sums=SUMS.format(table=sql.Identifier(rollup.table)),
        of_rows=of_rows if with_rows else sql.SQL(""),
        names=_COMMA.join(names),
        where=sql.SQL(" AND ").join([sql.SQL("TRUE"), *map(_is, question.where)]),
        matches=matching if question.of_sums else sql.SQL("TRUE"),
    ), values | {f"where_{name}": value for name, value in question.where.items()}


# Arrays come side by side, as they are, and are added up here: 0.1 us a cell, as text 0.3. Of 900 groups histogram_sum took
# 250 ms of 300.
_CELLS = sql.SQL("string_agg(array_send(r.{}), ''::bytea)")


def _answers(rollup: Rollup) -> list[sql.Composed]:
    measures = [sql.SQL("bounded(sum(r.{}))").format(sql.Identifier(one.name)) for one in rollup.measures]
    cells = [_CELLS.format(sql.Identifier(one.name)) for one in rollup.histograms]
    return [sql.SQL("ARRAY[{}]::bigint[]").format(_COMMA.join(measures)), *cells]


def _is(dimension: str) -> sql.Composed:
    wanted = sql.Placeholder(f"where_{dimension}")
    return sql.SQL("r.{} IS NOT DISTINCT FROM {}::text").format(sql.Identifier(dimension), wanted)


@dataclass(frozen=True, slots=True)
class _Count:
    n: int | None


_UNDECIDED = sql.SQL("SELECT bounded(sum(r.{weight})) AS n FROM {sums} WHERE {undecided}")


def undecided_sums(rollup: Rollup, project_id: int, start_ns: int, end_ns: int, filter: Node | None) -> int:
    """How many requests (calls, tool calls) a filter could not tell apart: they had too many values, and are left out.

    0: what find_sums found is exact. Where it is not, a positive term leaves them out and a negated one takes them in.
    """
    known = summed(rollup, filter)
    if filter is None or known is None:
        return 0
    statement = _UNDECIDED.format(
        weight=sql.SQL(known.weight),
        sums=SUMS.format(table=sql.Identifier(known.table)),
        undecided=undecided(known, filter),
    )
    with db.snapshot():
        plan, reach_days = find_plan(project_id, start_ns, end_ns, known.grains)
        (found,) = db.fetch(statement, parameters(project_id, plan, reach_days), _Count)
    return found.n or 0


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
    return list(dict.fromkeys(_in_words(row) for row in found if row.dimension not in ("user", "tenant")))


def _in_words(row: _Capped) -> str:
    of_what = row.rollup.split("_")[0]
    if row.rollup == USAGE.table:
        return f"{row.dimension} of usage"
    return f"{row.dimension} of {of_what}s" if row.dimension else f"combinations of {of_what}s"
