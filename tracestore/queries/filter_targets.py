"""What does each field of a filter ask of a trace, span, log record or session? (Of calls and the like: row_targets.)

Aliases: trace AS t, span AS s, log_record AS l, the session subquery AS g (see queries.sessions).
TRACE and SESSION need the parameters first_day and last_day (queries.ranges.day_bounds), SESSION all parameters of find_sessions.
"""

from psycopg import sql

from tracestore.analysis.filters import Term
from tracestore.queries.filter_text import nearby_text, trace_text
from tracestore.queries.filters import (
    Condition,
    Parameters,
    Target,
    any_of,
    attribute,
    bit,
    columns,
    contains,
    elapsed,
    element,
    matches,
    number,
    one_of,
    paren,
    set_matches,
    set_prefix,
    text,
    tokens,
    whole_span_id,
    whole_trace_id,
)

# --- one row of a signal table or of llm_call ----------------------------------------------------------------------

_SPAN_MODEL = sql.SQL("coalesce({}, {})").format(
    sql.Identifier("s", "response_model"), sql.Identifier("s", "request_model")
)
_SPAN_TEXT = columns("s", "name", "session_id", "user_id", "tenant_id", "error_type", "status_message")


def _span_text(term: Term, parameters: Parameters) -> sql.Composable:
    ids = [*whole_trace_id("s", term, parameters), *whole_span_id("s", term, parameters)]
    return any_of([*contains(_SPAN_TEXT, term, parameters), *ids])


def _span_version(term: Term, parameters: Parameters) -> sql.Composable:
    own = matches(sql.Identifier("s", "service_version"), term, parameters)
    prefix = set_prefix(term)
    if prefix is None:
        return own
    belongs = sql.SQL(
        "EXISTS (SELECT FROM trace AS st"
        " JOIN version_set AS v ON v.project = st.project AND v.id = ANY (st.version_sets)"
        " WHERE st.project = s.project AND st.trace_id = s.trace_id AND v.service = s.service AND {})"
    ).format(set_matches(sql.Identifier("v", "id"), prefix, parameters))
    return any_of([own, belongs])


def _span_attr(term: Term, parameters: Parameters) -> sql.Composable:
    """Attributes are kept searchable for a whole trace: its root's and its resource's."""
    return sql.SQL(
        "EXISTS (SELECT FROM trace AS t WHERE t.project = s.project AND t.trace_id = s.trace_id AND {})"
    ).format(paren(attribute(term, parameters)))


SPAN: Target = {
    "service": text("s", "service"),
    "environment": text("s", "environment"),
    "version": _span_version,
    "operation": text("s", "operation"),
    "model": lambda term, parameters: matches(_SPAN_MODEL, term, parameters),
    "provider": text("s", "provider"),
    "tool": text("s", "tool_name"),
    "agent": text("s", "agent_name"),
    "session": text("s", "session_id"),
    "user": text("s", "user_id"),
    "tenant": text("s", "tenant_id"),
    "name": text("s", "name"),
    "error": text("s", "error_type"),
    "prompt": text("s", "prompt_name"),
    "status": number(sql.Identifier("s", "status")),
    "outcome": number(sql.Identifier("s", "status")),
    "signal": bit("s", "signals"),
    "duration": number(elapsed("s")),
    "cost": number(sql.SQL("coalesce(s.cost_nanousd, s.reported_cost_nanousd)")),
    "tokens": tokens("s"),
    "attr": _span_attr,
    "text": _span_text,
}


# --- trace AS t: a span term asks whether some span matches ----------------------------------------------------------


def _some_span(name: str) -> Condition:
    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        return _exists_span(SPAN[name](term, parameters))

    return ask


def _exists_span(inner: sql.Composable) -> sql.Composable:
    """By primary key, in the partitions where the trace has spans.

    Spans are stored on the day of their trace's start or later, which the planner is told by the parameter first_day.
    """
    return sql.SQL(
        "EXISTS (SELECT FROM span AS s WHERE s.project = t.project AND s.trace_id = t.trace_id"
        " AND s.day BETWEEN t.first_day AND t.last_day AND s.day >= %(first_day)s AND {})"
    ).format(paren(inner))


def _trace_status(term: Term, parameters: Parameters) -> sql.Composable:
    if term.value == 2:
        return sql.SQL("t.error_count > 0")
    return _exists_span(SPAN["status"](term, parameters))


def _trace_error(term: Term, parameters: Parameters) -> sql.Composable:
    """Only a failed span has a type of error: traces without one are not looked into."""
    return sql.SQL("t.error_count > 0 AND {}").format(_some_span("error")(term, parameters))


def _trace_version(term: Term, parameters: Parameters) -> sql.Composable:
    own = element(sql.Identifier("t", "versions"), term, parameters)
    prefix = set_prefix(term)
    if prefix is None:
        return own
    some_set = sql.SQL("EXISTS (SELECT FROM unnest(t.version_sets) AS one WHERE {})").format(
        set_matches(sql.Identifier("one"), prefix, parameters)
    )
    return any_of([own, some_set])


def trace_names(term: Term, parameters: Parameters) -> sql.Composable:
    """The text as it is written, in names, ids, errors and attributes of the trace."""
    some_value = sql.SQL("EXISTS (SELECT FROM jsonb_each_text(t.attrs) AS one WHERE {})").format(
        any_of(contains([sql.Identifier("one", "value")], term, parameters))
    )
    ids = whole_trace_id("t", term, parameters)
    own = contains(columns("t", "name", "session_id", "user_id", "tenant_id"), term, parameters)
    return any_of([*ids, *own, some_value, _exists_span(_span_text(term, parameters))])


TRACE: Target = {
    "service": one_of("t", "services"),
    "environment": one_of("t", "environments"),
    "version": _trace_version,
    "operation": one_of("t", "operations"),
    "model": one_of("t", "models"),
    "provider": _some_span("provider"),
    "tool": one_of("t", "tools"),
    "agent": _some_span("agent"),
    "session": text("t", "session_id"),
    "user": text("t", "user_id"),
    "tenant": text("t", "tenant_id"),
    "name": _some_span("name"),
    "error": _trace_error,
    "prompt": _some_span("prompt"),
    "status": _trace_status,
    "outcome": number(sql.Identifier("t", "status")),
    "signal": bit("t", "signals"),
    "duration": number(sql.Identifier("t", "duration_ns")),
    "cost": number(sql.Identifier("t", "cost_nanousd")),
    "tokens": tokens("t"),
    "ended": number(sql.Identifier("t", "end_ns")),  # what pages ask for, no word of the language
    "attr": attribute,
    "text": trace_text,
}


def _span_of_each(name: str) -> Condition:
    """A subquery that the planner cannot turn round: it probes the spans of each trace."""

    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        return sql.SQL("coalesce((SELECT {}), FALSE)").format(_some_span(name)(term, parameters))

    return ask


# What only spans know, and have an index of.
SPAN_NAMES = ("name", "agent", "provider", "prompt")
# The same, for few traces: each is looked at for itself.
NEARBY_TRACE: Target = {**TRACE, "text": nearby_text} | {name: _span_of_each(name) for name in SPAN_NAMES}


# --- sessions AS g: measures are the session's, anything else asks whether some trace of it matches -------------------


def _some_trace(condition: Condition) -> Condition:
    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        return sql.SQL(
            "EXISTS (SELECT FROM trace AS t WHERE t.project = %(project)s AND t.session_id = g.session_id"
            " AND t.day BETWEEN %(first_day)s AND %(last_day)s"
            " AND t.start_ns >= %(start_ns)s AND t.start_ns < %(end_ns)s"
            " AND {})"
        ).format(paren(condition(term, parameters)))

    return ask


SESSION: Target = {
    **{name: _some_trace(of_trace) for name, of_trace in TRACE.items()},
    "text": _some_trace(trace_names),
    "session": text("g", "session_id"),
    "duration": number(sql.SQL("(g.end_ns - g.start_ns)")),
    "cost": number(sql.Identifier("g", "cost_nanousd")),
    "tokens": tokens("g"),
}


# --- log_record AS l: terms about what a record does not hold ask the span it names -----------------------------------


def _log_span(name: str) -> Condition:
    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        return sql.SQL(
            "EXISTS (SELECT FROM span AS s WHERE s.project = l.project AND s.trace_id = l.trace_id"
            " AND s.span_id = l.span_id AND {})"
        ).format(paren(SPAN[name](term, parameters)))

    return ask


def _log_status(term: Term, parameters: Parameters) -> sql.Composable:
    """OTLP severities: 17 and above are errors, 1 to 16 are not, 0 is unset."""
    ranges = {0: "l.severity = 0", 1: "l.severity BETWEEN 1 AND 16", 2: "l.severity >= 17"}
    return sql.SQL(ranges[int(term.value)])


def _log_text(term: Term, parameters: Parameters) -> sql.Composable:
    ids = [*whole_trace_id("l", term, parameters), *whole_span_id("l", term, parameters)]
    return any_of([*contains(columns("l", "body_text", "event_name", "severity_text"), term, parameters), *ids])


LOG: Target = {
    **{name: _log_span(name) for name in SPAN},
    "service": text("l", "service"),
    "environment": text("l", "environment"),
    "name": text("l", "event_name"),
    "status": _log_status,
    "text": _log_text,
}
