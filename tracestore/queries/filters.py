"""How is a filter asked of the database? A tree of tracestore.analysis.filters -> an SQL condition for one target.

Columns come from the tables below and nowhere else; whatever the user wrote, JSON keys included, is a parameter.
A positive term may be NULL (which no row passes); a negated one is `IS NOT TRUE`, so that unknown passes it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from tracestore.analysis.filters import And, Node, Not, Term, negation_inwards

_COMPARISONS = {">": sql.SQL(">"), ">=": sql.SQL(">="), "<": sql.SQL("<"), "<=": sql.SQL("<="), "=": sql.SQL("=")}
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_SET_PREFIX = 6  # as few characters of a version set's id are taken as a prefix of it, not fewer


@dataclass(slots=True)
class Parameters:
    """Values of one statement, under names of our own."""

    values: dict[str, Any] = field(default_factory=dict)

    def add(self, value: Any) -> sql.Composable:
        name = f"q{len(self.values)}"
        self.values[name] = value
        return sql.Placeholder(name)


Condition = Callable[[Term, Parameters], sql.Composable]
Target = Mapping[str, Condition]


def condition(node: Node | None, target: Target) -> tuple[sql.Composable, dict[str, Any]]:
    """(condition, parameters) for a WHERE clause; TRUE without a filter. The target's alias must be in scope."""
    parameters = Parameters()
    return condition_within(parameters, node, target), parameters.values


def condition_within(parameters: Parameters, node: Node | None, target: Target) -> sql.Composable:
    """The same, of several filters of one statement: their values are added to `parameters`."""
    return sql.SQL("TRUE") if node is None else _compose(negation_inwards(node), target, parameters)


def _compose(node: Node, target: Target, parameters: Parameters) -> sql.Composable:
    if isinstance(node, Term):
        return paren(target[node.field](node, parameters))
    if isinstance(node, Not):
        return sql.SQL("{} IS NOT TRUE").format(_compose(node.child, target, parameters))
    parts = [_compose(child, target, parameters) for child in node.children]
    return paren(sql.SQL(" AND " if isinstance(node, And) else " OR ").join(parts))


def paren(inner: sql.Composable) -> sql.Composable:
    return sql.SQL("({})").format(inner)


def any_of(parts: list[sql.Composable]) -> sql.Composable:
    return sql.SQL(" OR ").join(parts)


def matches(value: sql.Composable, term: Term, parameters: Parameters) -> sql.Composable:
    """Does one text value match an "=", "prefix" or "any" term?"""
    if term.op == "any":
        return sql.SQL("{} IS NOT NULL").format(value)
    if term.op == "prefix":
        return sql.SQL("starts_with({}, {}::text)").format(value, parameters.add(term.value))
    return sql.SQL("{} = {}::text").format(value, parameters.add(term.value))


def text(*column: str) -> Condition:
    name = sql.Identifier(*column)
    return lambda term, parameters: matches(name, term, parameters)


def one_of(*column: str) -> Condition:
    """A text[] column of which some element matches."""
    name = sql.Identifier(*column)
    return lambda term, parameters: element(name, term, parameters)


def element(array: sql.Composable, term: Term, parameters: Parameters) -> sql.Composable:
    if term.op == "any":
        return sql.SQL("cardinality({}) > 0").format(array)
    if term.op == "=":
        return sql.SQL("{} @> ARRAY[{}::text]").format(array, parameters.add(term.value))  # what a GIN index answers
    return sql.SQL("EXISTS (SELECT FROM unnest({}) AS one WHERE starts_with(one, {}::text))").format(
        array, parameters.add(term.value)
    )


def bit(*column: str) -> Condition:
    """A column of signals (tracestore.analysis.signals) that has a bit; NULL says nothing."""
    name = sql.Identifier(*column)
    return lambda term, parameters: sql.SQL("{} & {}::bigint <> 0").format(name, parameters.add(term.value))


def number(expression: sql.Composable) -> Condition:
    def compare(term: Term, parameters: Parameters) -> sql.Composable:
        if term.op == "any":
            return sql.SQL("{} IS NOT NULL").format(expression)
        return sql.SQL("{} {} {}::bigint").format(expression, _COMPARISONS[term.op], parameters.add(term.value))

    return compare


def tokens(alias: str) -> Condition:
    """Input and output tokens together; unknown only when both are. In the words of the index trace_tokens."""
    names = {"i": sql.Identifier(alias, "input_tokens"), "o": sql.Identifier(alias, "output_tokens")}
    known = sql.SQL("({i} IS NOT NULL OR {o} IS NOT NULL)").format(**names)
    compare = number(sql.SQL("(coalesce({i}, 0) + coalesce({o}, 0))").format(**names))

    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        if term.op == "any":
            return known
        return sql.SQL("{} AND {}").format(known, compare(term, parameters))

    return ask


def contains(columns: list[sql.Composable], term: Term, parameters: Parameters) -> list[sql.Composable]:
    """strpos: the user's % and _ mean themselves."""
    needle = parameters.add(term.value)
    return [sql.SQL("strpos({}, {}::text) > 0").format(column, needle) for column in columns]


def columns(alias: str, *names: str) -> list[sql.Composable]:
    return [sql.Identifier(alias, name) for name in names]


def whole_trace_id(alias: str, term: Term, parameters: Parameters) -> list[sql.Composable]:
    """A whole trace id as free text: 32 hex digits, in UUID spelling too."""
    text = str(term.value).replace("-", "").lower()
    if len(text) != 32 or not set(text) <= set("0123456789abcdef"):
        return []
    return [sql.SQL("{} = {}::uuid").format(sql.Identifier(alias, "trace_id"), parameters.add(text))]


def whole_span_id(alias: str, term: Term, parameters: Parameters) -> list[sql.Composable]:
    text = str(term.value).lower()
    if len(text) != 16 or not set(text) <= set("0123456789abcdef"):
        return []
    number = int.from_bytes(bytes.fromhex(text), "big", signed=True)
    return [sql.SQL("{} = {}::bigint").format(sql.Identifier(alias, "span_id"), parameters.add(number))]


def set_prefix(term: Term) -> str | None:
    """The beginning of a version set's id (uuid spelling) that a version term may mean."""
    text = str(term.value).replace("-", "").lower()
    if term.op == "any" or not _SET_PREFIX <= len(text) <= 32 or not set(text) <= set("0123456789abcdef"):
        return None
    return text


def set_matches(column: sql.Composable, prefix: str, parameters: Parameters) -> sql.Composable:
    return sql.SQL("starts_with(replace({}::text, '-', ''), {}::text)").format(column, parameters.add(prefix))


def attribute(term: Term, parameters: Parameters, alias: str = "t") -> sql.Composable:
    """Containment, so that the GIN index answers; numbers and booleans match by their text too."""
    attrs = sql.Identifier(alias, "attrs")
    if term.op != "=":
        value = sql.SQL("({} ->> {}::text)").format(attrs, parameters.add(term.key))
        return matches(value, term, parameters)
    parts = [{term.key: value} for value in _attr_values(str(term.value))]
    return any_of([sql.SQL("{} @> {}").format(attrs, parameters.add(Jsonb(part))) for part in parts])


def _attr_values(text: str) -> list[Any]:
    """What a written value may be in JSON: the text, and the boolean or number that is written so."""
    if text in ("true", "false"):
        return [text, text == "true"]
    if not _JSON_NUMBER.fullmatch(text) or len(text) > 16:  # floats are exact to 15 digits
        return [text]
    return [text, float(text) if "." in text else int(text)]


def elapsed(alias: str) -> sql.Composable:
    return sql.SQL("greatest({} - {}, 0)").format(sql.Identifier(alias, "end_ns"), sql.Identifier(alias, "start_ns"))
