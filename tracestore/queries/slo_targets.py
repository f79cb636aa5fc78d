"""Which rows are the events of an objective's unit, and what does a filter ask of them?

Each statement gives the rows that ended in the minutes %(starts)s, with minute_s, set_id (32 hex digits, '' = unknown) and
trace_id; %(days)s are the storage days to look at, %(first_day)s and %(last_day)s those of what else a filter asks for.
What an event is depends on its rows alone, never on what is counted together with it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, LiteralString

from psycopg import sql

from tracestore.analysis.filters import Term
from tracestore.analysis.slo.indicator import Indicator
from tracestore.queries.filter_targets import SESSION, TRACE, trace_names
from tracestore.queries.filters import Condition, Parameters, Target, condition_within, paren
from tracestore.queries.row_targets import CALL, SCORE, TOOL, of_judged_trace

# A session that was silent for so long and goes on is another one: its end is what no request of it follows for so long.
SESSION_DAYS: Final = 7
SESSION_NS: Final = SESSION_DAYS * 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class UnitTarget:
    """alias: what the target calls a row of `events`. days: around its own that its other rows may lie in; None: any."""

    alias: str
    target: Target
    events: LiteralString
    days: int | None = 0


_OF_MINUTES: Final = """WHERE x.project = %(project)s
  AND x.day = ANY(%(days)s::date[])
  AND x.end_ns >= %(start_ns)s
  AND x.end_ns < %(end_ns)s
  AND x.end_ns / 60000000000 * 60 = ANY(%(starts)s::bigint[])"""
_MINUTE: Final = """x.end_ns / 60000000000 * 60 AS minute_s,
  coalesce(replace(x.version_set::text, '-', ''), '') AS set_id"""
_EVENT: Final = f"SELECT x.*, {_MINUTE}"

# A session is one event, at the end of its last request and of that one's version set; its requests are read once, and each
# term is asked of each of them. "+ 0": by session, never by end, of which a partition without statistics promises too much.
_SESSIONS: Final = f"""SELECT last.*, whole.*
FROM (
  SELECT x.session_id, x.end_ns, x.trace_id, {_MINUTE}
  FROM trace AS x
  {_OF_MINUTES}
    AND x.session_id IS NOT NULL
    AND NOT EXISTS (
      SELECT FROM trace AS later
      WHERE later.project = x.project
        AND later.session_id = x.session_id
        AND later.day BETWEEN %(first_day)s AND %(last_day)s
        AND later.end_ns + 0 <= x.end_ns + {SESSION_NS}
        AND (later.end_ns + 0, later.trace_id) > (x.end_ns, x.trace_id)
    )
  OFFSET 0
) AS last
CROSS JOIN LATERAL (
  SELECT min(t.start_ns) AS start_ns, bounded(sum(t.cost_nanousd)) AS cost_nanousd,
    bounded(sum(t.input_tokens)) AS input_tokens, bounded(sum(t.output_tokens)) AS output_tokens{{terms}}
  FROM trace AS t
  WHERE t.project = %(project)s
    AND t.session_id = last.session_id
    AND t.day BETWEEN %(first_day)s AND %(last_day)s
    AND t.end_ns + 0 > last.end_ns - {SESSION_NS}
    AND t.end_ns + 0 <= last.end_ns
) AS whole"""  # noqa: S608  # constants only


@dataclass(slots=True)
class EventParameters(Parameters):
    """And what is asked of the requests of a session: each term once, however many filters have it."""

    terms: dict[Term, sql.Composable] = field(default_factory=dict)


def _of_session(condition: Condition) -> Condition:
    """Some request of it, as far as it is counted: a column that its events have."""

    def ask(term: Term, parameters: Parameters) -> sql.Composable:
        if not isinstance(parameters, EventParameters):
            raise TypeError("terms of a session are columns of its events")
        if term not in parameters.terms:
            parameters.terms[term] = condition(term, parameters)
        return sql.Identifier("g", f"term{[*parameters.terms].index(term)}")

    return ask


def _one_by_one(target: Target, names: Collection[str]) -> Target:
    """These ask other tables: in a subquery that the planner cannot turn round, so that it probes for each event."""

    def of_each(condition: Condition) -> Condition:
        return lambda term, parameters: sql.SQL("coalesce((SELECT {}), FALSE)").format(
            paren(condition(term, parameters))
        )

    return {name: of_each(ask) if name in names else ask for name, ask in target.items()}


# Free text is looked for in names, ids, errors and attributes: the index of words comes behind, and would miss some.
_REQUEST: Final = _one_by_one(
    {**TRACE, "text": trace_names}, ("provider", "agent", "name", "error", "prompt", "status", "text")
)
_OWN_OF_SESSION: Final = ("session", "duration", "cost", "tokens")
_SESSION: Final[Target] = {
    name: SESSION[name] if name in _OWN_OF_SESSION else _of_session(of_request) for name, of_request in _REQUEST.items()
}
_EVALUATION: Final = _one_by_one(
    {**SCORE, "text": of_judged_trace(trace_names)},
    [
        name
        for name in TRACE
        if name not in ("service", "environment", "operation", "model", "name", "status", "outcome")
    ],
)

TARGETS: Final[dict[str, UnitTarget]] = {
    "request": UnitTarget("t", _REQUEST, f"{_EVENT}\nFROM trace AS x\n{_OF_MINUTES}"),
    "llm_call": UnitTarget(
        "c",
        _one_by_one(CALL, ("agent", "name", "attr", "text", "tool")),
        f"{_EVENT}\nFROM llm_call AS x\n{_OF_MINUTES}\n  AND x.call AND x.billable",
    ),
    "tool_call": UnitTarget(
        "k",
        _one_by_one(TOOL, ("agent", "name", "attr", "text", "provider", "prompt", "cost", "tokens")),
        f"{_EVENT}\nFROM tool_call AS x\n{_OF_MINUTES}",
    ),
    "session": UnitTarget("g", _SESSION, _SESSIONS, SESSION_DAYS),
    "evaluation": UnitTarget("e", _EVALUATION, f"{_EVENT}\nFROM score AS x\n{_OF_MINUTES}", None),
}


def answers(indicator: Indicator, parameters: EventParameters) -> tuple[sql.Composable, sql.Composable]:
    """(does an event count, is it bad), of a row under its alias. What a filter cannot tell is not good, and not bad."""
    target = TARGETS[indicator.unit].target
    counts = paren(condition_within(parameters, indicator.total, target))
    part = paren(condition_within(parameters, indicator.part, target))
    truth = sql.SQL("IS NOT TRUE" if indicator.bad_unless_good else "IS TRUE")
    return counts, sql.SQL("({} AND {} {})").format(counts, part, truth)


def events(unit: str, parameters: EventParameters) -> sql.Composable:
    """The statement of a unit's events, after all answers that are asked of them."""
    statement = TARGETS[unit].events
    if unit != "session":
        return sql.SQL(statement)
    terms = [
        sql.SQL(",\n    bool_or({}) AS {}").format(ask, sql.Identifier(f"term{number}"))
        for number, ask in enumerate(parameters.terms.values())
    ]
    return sql.SQL(statement).format(terms=sql.Composed(terms))
