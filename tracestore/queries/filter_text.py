"""What does a free-text term ask of a trace? Its row in the index of words; parameters first_day and last_day.

Where the words must stand one after the other, tracestore.queries.search looks further.
"""

from psycopg import sql

from tracestore.analysis.filters import Term
from tracestore.analysis.text_terms import sought_by
from tracestore.queries.filters import Parameters, any_of, whole_trace_id

_ROW = sql.SQL(
    "x.project = t.project AND x.day = t.day AND x.trace_id = t.trace_id AND x.day BETWEEN %(first_day)s AND %(last_day)s"
)
_INDEXED = sql.SQL("EXISTS (SELECT FROM trace_text AS x WHERE {row} AND x.words @@ {query}::tsquery)")
# A subquery that the planner cannot turn round: it probes the row of each trace.
_ONE_BY_ONE = sql.SQL("coalesce((SELECT x.words @@ {query}::tsquery FROM trace_text AS x WHERE {row}), FALSE)")


def _words(term: Term, parameters: Parameters, indexed: sql.SQL) -> sql.Composable:
    ids = whole_trace_id("t", term, parameters)
    query = str(term.value) if term.op == "tsquery" else sought_by(term).tsquery()
    if not query:
        return any_of([*ids, sql.SQL("FALSE")])
    return any_of([*ids, indexed.format(row=_ROW, query=parameters.add(query))])


def trace_text(term: Term, parameters: Parameters) -> sql.Composable:
    """All the words of the term, anywhere in the trace's texts; tracestore.queries.search looks up where they stand."""
    return _words(term, parameters, _INDEXED)


def nearby_text(term: Term, parameters: Parameters) -> sql.Composable:
    return _words(term, parameters, _ONE_BY_ONE)
