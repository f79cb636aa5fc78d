"""What does each field of a filter ask of the tables that rollups sum: trace, llm_call, tool_call, score (AS e)?"""

from typing import LiteralString

from psycopg import sql

from tracestore.analysis.filters import Term
from tracestore.queries.filter_targets import TRACE, trace_names
from tracestore.queries.filters import Condition, Parameters, Target, paren, text
from tracestore.queries.row_targets import CALL, TOOL, own_version


def _of_judged(condition: Condition) -> Condition:
    """What only the trace knows that was judged."""

    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        return sql.SQL(
            "EXISTS (SELECT FROM trace AS t WHERE t.project = e.project AND t.trace_id = e.trace_id AND t.day <= e.day"
            " AND {})"
        ).format(paren(condition(term, parameters)))

    return ask


def _passed(term: Term, parameters: Parameters) -> sql.Composable:
    """ok: it passed; error: it failed; unset: it says neither."""
    return sql.SQL({0: "e.passed IS NULL", 1: "e.passed", 2: "NOT e.passed"}[int(term.value)])


def _nothing(term: Term, parameters: Parameters) -> sql.Composable:
    return sql.SQL("NULL::boolean")


# An evaluation knows its name, whether it passed, and whose answer it is about.
SCORE: Target = {
    **{name: _of_judged(of_trace) for name, of_trace in TRACE.items()},
    "text": _of_judged(trace_names),
    "service": text("e", "service"),
    "environment": text("e", "environment"),
    "version": own_version("e"),
    "operation": text("e", "operation"),
    "model": text("e", "model"),
    "name": text("e", "name"),
    "status": _passed,
    "outcome": _passed,
    "tool": _nothing,
}


def of_fact(table: str) -> tuple[LiteralString, Target]:
    """The alias and the target of a table that rollups sum. As in sums, a call is no tool, whatever its span says."""
    facts: dict[str, tuple[LiteralString, Target]] = {
        "trace": ("t", TRACE), "llm_call": ("c", {**CALL, "tool": _nothing}), "tool_call": ("k", TOOL), "score": ("e", SCORE)
    }  # fmt: skip
    return facts[table]
