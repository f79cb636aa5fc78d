"""What does each field of a filter ask of an evaluation (score AS e)? It knows whose answer it is about, and whether it passed."""

from psycopg import sql

from tracestore.analysis.filters import NUMBER_FIELDS, TEXT_FIELDS, WORD_FIELDS, Term
from tracestore.queries.filters import Parameters, Target, any_of, matches, set_matches, set_prefix, text


def _version(term: Term, parameters: Parameters) -> sql.Composable:
    own = matches(sql.Identifier("e", "service_version"), term, parameters)
    prefix = set_prefix(term)
    if prefix is None:
        return own
    return any_of([own, set_matches(sql.Identifier("e", "version_set"), prefix, parameters)])


def _passed(term: Term, parameters: Parameters) -> sql.Composable:
    """ok: it passed; error: it failed; unset: it says neither."""
    return sql.SQL({0: "e.passed IS NULL", 1: "e.passed", 2: "NOT e.passed"}[int(term.value)])


def _unknown(_term: Term, _parameters: Parameters) -> sql.Composable:
    """What only its trace knows."""
    return sql.SQL("NULL::boolean")


SCORE: Target = {
    **dict.fromkeys((*TEXT_FIELDS, *NUMBER_FIELDS, *WORD_FIELDS, "attr", "text"), _unknown),
    "service": text("e", "service"),
    "environment": text("e", "environment"),
    "version": _version,
    "operation": text("e", "operation"),
    "model": text("e", "model"),
    "name": text("e", "name"),
    "status": _passed,
    "outcome": _passed,
}
