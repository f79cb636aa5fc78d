"""In which order are traces listed, and what comes after the last one of a page? SQL for queries/trace_list.py.

Ids run against the key's direction, as in the indexes (project, key DESC, trace_id), which are read either way. Traces
without a key (unknown cost, unknown tokens) and those without any error are "the rest": they are asked for in a part of
their own, so that both parts are read in the order of an index and stop after a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from tracestore.analysis.filters import And, Node, Term
from tracestore.queries.cursors import Cursor

_TRUE = sql.SQL("TRUE")


@dataclass(frozen=True, slots=True)
class Sort:
    """key: what is ordered by. ranked: which rows the key's index holds, None for all; the others are the rest.

    rest: the key that all of the rest have (None: unknown). rest_first: whether the rest comes before the ranked.
    """

    key: sql.SQL
    field: str
    descending: bool
    ranked: sql.SQL | None = None
    rest: int | None = None
    rest_first: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the list: which rows, and their order."""

    condition: sql.Composable
    order: sql.Composable


# In the words of the indexes trace_tokens, trace_cost and trace_errors: only then do they answer.
_TOKENS = sql.SQL("(coalesce(t.input_tokens, 0) + coalesce(t.output_tokens, 0))")
_HAS_TOKENS = sql.SQL("(t.input_tokens IS NOT NULL OR t.output_tokens IS NOT NULL)")
_KEYS: Mapping[str, tuple[sql.SQL, str, sql.SQL | None, int | None]] = {
    "start": (sql.SQL("t.start_ns"), "start_ns", None, None),
    "duration": (sql.SQL("t.duration_ns"), "duration_ns", None, None),
    "cost": (sql.SQL("t.cost_nanousd"), "cost_nanousd", sql.SQL("t.cost_nanousd IS NOT NULL"), None),
    "errors": (sql.SQL("t.error_count"), "error_count", sql.SQL("t.error_count > 0"), 0),
    "tokens": (_TOKENS, "tokens", _HAS_TOKENS, None),
}
SORTS: Mapping[str, Sort] = {
    f"{sign}{name}": Sort(key, field, sign == "-", ranked, rest, rest_first=rest is not None and not sign)
    for name, (key, field, ranked, rest) in _KEYS.items()
    for sign in ("-", "")
}


@dataclass(frozen=True, slots=True)
class Among:
    """Rows that an index gives, in its order. than: a parameter of the condition."""

    condition: sql.Composable
    order: sql.Composable
    than: int | None = None


def above_a_bound(filter: Node | None) -> Among | None:
    """The traces of most tokens, where a filter asks for more than so many.

    Of an expression the planner believes that a third lies above any bound, whatever its index knows. Of duration and cost,
    which are columns, it knows better.
    """
    wanted = filter.children if isinstance(filter, And) else (filter,)
    for term in wanted:
        if isinstance(term, Term) and term.field == "tokens" and term.op in (">", ">="):
            order = SORTS["-tokens"]
            above = sql.SQL("{} {} %(than)s::bigint").format(order.key, sql.SQL(term.op))
            by_key = sql.SQL("{} DESC, t.trace_id").format(order.key)
            return Among(_and(order.ranked or _TRUE, above), by_key, int(term.value))
    return None


def parts(order: Sort, begin: Cursor | None) -> list[Part]:
    """The stretches of the list behind `begin`, in turn."""
    by_key = sql.SQL("{} DESC, t.trace_id" if order.descending else "{}, t.trace_id DESC").format(order.key)
    if order.ranked is None:
        return [Part(_after_key(order, begin) if begin else _TRUE, by_key)]
    by_id = sql.SQL("t.trace_id" if order.descending else "t.trace_id DESC")
    in_rest = begin is not None and begin.value == order.rest
    ranked = _and(order.ranked, _after_key(order, begin) if begin and not in_rest else _TRUE)
    rest = _and(sql.SQL("({}) IS NOT TRUE").format(order.ranked), _after_id(order) if in_rest else _TRUE)
    both = [Part(rest, by_id), Part(ranked, by_key)] if order.rest_first else [Part(ranked, by_key), Part(rest, by_id)]
    return both[1:] if begin and in_rest != order.rest_first else both


def _and(one: sql.Composable, other: sql.Composable) -> sql.Composable:
    return sql.SQL("({} AND {})").format(one, other)


def _after_key(order: Sort, begin: Cursor) -> sql.Composable:
    """Parameters after_value, after_id. Raises no error for a key that no row of this list has: nothing lies behind it."""
    if begin.value is None:
        return sql.SQL("FALSE")
    further = sql.SQL("<" if order.descending else ">")
    return sql.SQL(
        "({key} {further}= %(after_value)s::bigint AND ({key} {further} %(after_value)s::bigint OR {same}))"
    ).format(key=order.key, further=further, same=_after_id(order))


def _after_id(order: Sort) -> sql.Composable:
    return sql.SQL("t.trace_id {} %(after_id)s::uuid").format(sql.SQL(">" if order.descending else "<"))
