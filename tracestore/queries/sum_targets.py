"""What does each field of a filter ask of sums? The dimensions that a rollup has (alias r), and which rollup has all of them.

A term is about what the rollup counts. Of requests: whether some span matches, as on the list of traces. Of calls and scores:
they are no tools, so `tool:` matches none. Of tools: their model is the one that asked for them, their operation is `tool`.
"""

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString

from psycopg import sql

from tracestore.analysis.filters import Node, Term, terms
from tracestore.facts import CALLS, OTHER, REQUEST_TOOLS, REQUESTS, SCORES, TOOLS, Rollup
from tracestore.queries.filters import (
    Condition,
    Parameters,
    Target,
    any_of,
    element,
    matches,
    set_matches,
    set_prefix,
    text,
)

_ARRAY = sql.SQL("""CASE
  WHEN r.{together} IS NULL THEN array_remove(ARRAY[{alone}], NULL)
  WHEN r.{together} <> {other} THEN r.{together}::text[]
END""")


def _array(together: LiteralString, alone: LiteralString) -> sql.Composed:
    """What all spans of the requests know; unknown where it is one of too many."""
    return _ARRAY.format(together=sql.Identifier(together), alone=sql.SQL(alone), other=sql.Literal(OTHER))


def _some(together: LiteralString, alone: LiteralString = "NULL::text") -> Condition:
    array = _array(together, alone)
    return lambda term, parameters: element(array, term, parameters)


_SETS = sql.SQL("string_to_array(coalesce(r.version_sets, r.version_set), ',')")


def _some_version(term: Term, parameters: Parameters) -> sql.Composable:
    own = element(_array("versions", "r.service_version"), term, parameters)
    prefix = set_prefix(term)
    if prefix is None:
        return own
    begins = set_matches(sql.Identifier("one"), prefix, parameters)
    return any_of([own, sql.SQL("EXISTS (SELECT FROM unnest({}) AS one WHERE {})").format(_SETS, begins)])


def _version(term: Term, parameters: Parameters) -> sql.Composable:
    own = matches(sql.Identifier("r", "service_version"), term, parameters)
    prefix = set_prefix(term)
    if prefix is None:
        return own
    return any_of([own, set_matches(sql.Identifier("r", "version_set"), prefix, parameters)])


def _constant(value: LiteralString | None) -> Condition:
    expression = sql.SQL("{}::text").format(sql.Literal(value))
    return lambda term, parameters: matches(expression, term, parameters)


_OF_REQUESTS: Target = {
    "service": _some("services", "r.service"),
    "environment": _some("environments", "r.environment"),
    "version": _some_version,
    "operation": _some("operations"),
    "model": _some("models"),
}
_OF_ROWS: Target = {
    "service": text("r", "service"),
    "environment": text("r", "environment"),
    "version": _version,
    "model": text("r", "model"),
}
SUMMED: Final[Mapping[LiteralString, Target]] = {
    REQUESTS.table: _OF_REQUESTS,
    REQUEST_TOOLS.table: {**_OF_REQUESTS, "tool": _some("tools")},
    CALLS.table: {
        **_OF_ROWS,
        "operation": text("r", "operation"),
        "provider": text("r", "provider"),
        "prompt": text("r", "prompt_name"),
        "tool": _constant(None),
    },
    SCORES.table: {**_OF_ROWS, "operation": text("r", "operation"), "name": text("r", "name"), "tool": _constant(None)},
    TOOLS.table: {**_OF_ROWS, "operation": _constant("tool"), "tool": text("r", "tool")},
}
# What stands in more dimensions than the one that has its name.
_DIMENSIONS: Final[Mapping[str, Sequence[LiteralString]]] = {
    "service": ("service", "services"),
    "environment": ("environment", "environments"),
    "version": ("service_version", "version_set", "versions", "version_sets"),
    "operation": ("operation", "operations"),
    "model": ("model", "models"),
    "provider": ("provider",),
    "prompt": ("prompt_name",),
    "tool": ("tool", "tools"),
    "name": ("name",),
}


def summed(rollup: Rollup, filter: Node | None) -> Rollup | None:
    """The rollup that knows all terms of a filter: itself, of requests with tools the one that has those, or none."""
    fields = {term.field for term in terms(filter)}
    alike = (REQUESTS, REQUEST_TOOLS) if rollup == REQUESTS else (rollup,)
    return next((one for one in alike if fields <= SUMMED.get(one.table, {}).keys()), None)


def undecided(rollup: Rollup, filter: Node | None) -> sql.Composable:
    """Whether sums r hold what the filter cannot tell apart: too many values of a dimension that it asks about."""
    asked = {name for term in terms(filter) for name in _DIMENSIONS.get(term.field, ())}
    names = [one.name for one in rollup.dimensions if one.name in asked]
    other = sql.Literal(OTHER)
    parts: list[sql.Composable] = [sql.SQL("r.{} = {}").format(sql.Identifier(name), other) for name in names]
    return sql.SQL("coalesce({}, FALSE)").format(any_of([sql.SQL("FALSE"), *parts]))
