"""What does each field of a filter ask of a row that is summed up: a call, a tool call, a score?

Aliases: llm_call AS c, tool_call AS k, score AS e; trace AS t as in filter_targets. What only its span knows is asked of that;
of a score, what only its trace knows of that.
"""

from typing import Final, LiteralString

from psycopg import sql

from tracestore.analysis.filters import Term
from tracestore.queries.filter_targets import SPAN, TRACE
from tracestore.queries.filters import (
    Condition,
    Parameters,
    Target,
    any_of,
    attribute,
    bit,
    elapsed,
    matches,
    number,
    paren,
    set_matches,
    set_prefix,
    text,
    tokens,
)


def _attr_of_trace(alias: LiteralString) -> Condition:
    """Of the trace that a row belongs to."""
    own = sql.Identifier(alias, "project"), sql.Identifier(alias, "trace_id")

    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        return sql.SQL("EXISTS (SELECT FROM trace AS t WHERE t.project = {} AND t.trace_id = {} AND {})").format(
            *own, paren(attribute(term, parameters))
        )

    return ask


_OWN_SPAN = sql.SQL(
    "s.project = {row}.project AND s.day = {row}.day AND s.trace_id = {row}.trace_id AND s.span_id = {row}.span_id"
)


def _of_span(alias: LiteralString, name: str) -> Condition:
    """What only the span of a call, or of a tool call, knows."""
    own = _OWN_SPAN.format(row=sql.Identifier(alias))

    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        return sql.SQL("EXISTS (SELECT FROM span AS s WHERE {} AND {})").format(
            own, paren(SPAN[name](term, parameters))
        )

    return ask


def _own_version(alias: LiteralString) -> Condition:
    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        own = matches(sql.Identifier(alias, "service_version"), term, parameters)
        prefix = set_prefix(term)
        if prefix is None:
            return own
        return any_of([own, set_matches(sql.Identifier(alias, "version_set"), prefix, parameters)])

    return ask


def _of_row(alias: LiteralString) -> Target:
    """What calls and tool calls know alike."""
    return {
        "service": text(alias, "service"),
        "environment": text(alias, "environment"),
        "version": _own_version(alias),
        "model": text(alias, "model"),
        "agent": _of_span(alias, "agent"),
        "session": text(alias, "session_id"),
        "user": text(alias, "user_id"),
        "tenant": text(alias, "tenant_id"),
        "name": _of_span(alias, "name"),
        "error": text(alias, "error_type"),
        "status": number(sql.Identifier(alias, "status")),
        "outcome": number(sql.Identifier(alias, "status")),
        "signal": bit(alias, "signals"),
        "duration": number(elapsed(alias)),
        "attr": _attr_of_trace(alias),
        "text": _of_span(alias, "text"),
    }


CALL: Target = {
    **_of_row("c"),
    "operation": text("c", "operation"),
    "provider": text("c", "provider"),
    "tool": _of_span("c", "tool"),
    "prompt": text("c", "prompt_name"),
    "cost": number(sql.Identifier("c", "cost_nanousd")),
    "tokens": tokens("c"),
}
TOOL: Target = {
    **_of_row("k"),
    "operation": lambda term, parameters: matches(sql.SQL("'tool'::text"), term, parameters),
    "provider": _of_span("k", "provider"),
    "tool": text("k", "tool_name"),
    "prompt": _of_span("k", "prompt"),
    "cost": _of_span("k", "cost"),
    "tokens": _of_span("k", "tokens"),
}


def of_judged_trace(condition: Condition) -> Condition:
    """Of the trace that a score is about."""

    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        return sql.SQL(
            "EXISTS (SELECT FROM trace AS t WHERE t.project = e.project AND t.trace_id = e.trace_id AND {})"
        ).format(paren(condition(term, parameters)))

    return ask


def _nothing(term: Term, parameters: Parameters) -> sql.Composable:
    """Such rows have no such value."""
    return sql.SQL("NULL::boolean")


def _passed(term: Term, parameters: Parameters) -> sql.Composable:
    """ok: it passed; error: it failed; unset: it says neither."""
    return sql.SQL({0: "e.passed IS NULL", 1: "e.passed", 2: "NOT e.passed"}[int(term.value)])


SCORE: Target = {
    **{name: of_judged_trace(of_trace) for name, of_trace in TRACE.items()},
    "service": text("e", "service"),
    "environment": text("e", "environment"),
    "version": _own_version("e"),
    "operation": text("e", "operation"),
    "model": text("e", "model"),
    "tool": _nothing,
    "name": text("e", "name"),
    "status": _passed,
    "outcome": _passed,
}

# Of what sums count: a call is no tool, whatever its span says.
OF_FACT: Final[dict[str, tuple[LiteralString, Target]]] = {
    "trace": ("t", TRACE),
    "llm_call": ("c", {**CALL, "tool": _nothing}),
    "tool_call": ("k", TOOL),
    "score": ("e", SCORE),
}
