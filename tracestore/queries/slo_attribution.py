"""Some of the bad events of an objective and some of the rest, as traces with what is known of each: drawn by a hash of their id.

Bad and good are drawn apart, since bad ones are rare. That leaves how often a value occurs among each as it is, so lift and odds
are those of all; the share that is explained comes out smaller than it is, never larger.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import terms
from tracestore.analysis.slo.attribution import DEFINING, Attribution, Row, attribute
from tracestore.analysis.slo.indicator import Indicator
from tracestore.queries.filter_targets import SESSION
from tracestore.queries.filters import Parameters, condition_within
from tracestore.queries.ranges import days_of_ended
from tracestore.queries.slo_targets import TARGETS

EACH_MOST: Final = 1_500  # traces that are bad, and as many of the rest: 3,000 take 0.6 s to compare
LOOKED_AT_MOST: Final = 100_000  # events whose filters are asked
TIMEOUT_MS: Final = 4_000
TOOLS_MOST: Final = 40
CALLED, NOT_CALLED = "called", "not called"
TOOL = "tool "  # begins the field of a tool, and of nothing else
SAID: Final = frozenset(
    {"input.value", "output.value"}
)  # what was said: hardly twice the same, and missing where it failed


@dataclass(frozen=True, slots=True)
class Drawn:
    """A trace with an event of the objective. bad: one of them is. of: how many such traces (bad, or good) were looked at."""

    bad: bool
    of: int
    bad_error: str | None
    service: str
    version: str | None
    environment: str | None
    operation: str
    models: list[str]
    tools: list[str]
    user_id: str | None
    tenant_id: str | None
    llm_calls: int
    tool_calls: int
    input_tokens: int | None
    attrs: dict[str, Any]


# Where the events of a unit are, under the alias that its target knows, and their type of error.
_ROWS: Final[dict[str, tuple[LiteralString, LiteralString]]] = {
    "request": ("trace AS t", "t.error_type"),
    "llm_call": ("llm_call AS c", "c.error_type"),
    "tool_call": ("tool_call AS k", "k.error_type"),
    "evaluation": ("score AS e", "NULL::text"),
    "session": (
        """(
    SELECT t.session_id, %(project)s AS project, min(t.start_ns) AS start_ns, max(t.end_ns) AS end_ns, min(t.day) AS day,
      bounded(sum(t.cost_nanousd)) AS cost_nanousd, bounded(sum(t.input_tokens)) AS input_tokens,
      bounded(sum(t.output_tokens)) AS output_tokens, max(t.error_type) AS error_type,
      (array_agg(t.trace_id ORDER BY t.end_ns DESC, t.trace_id))[1] AS trace_id
    FROM trace AS t
    WHERE t.project = %(project)s AND t.day BETWEEN %(first_day)s AND %(last_day)s AND t.session_id IS NOT NULL
    GROUP BY t.session_id
  ) AS g""",
        "g.error_type",
    ),
}
_ALSO: Final[dict[str, LiteralString]] = {"llm_call": "c.call AND c.billable", "evaluation": "e.trace_id IS NOT NULL"}

# Grain: one row a trace with an event. Of an even hash one trace in `modulus` is looked at; the first of them are taken.
_DRAW = sql.SQL("""
WITH event AS (
  SELECT {row}.trace_id, {error} AS error_type, coalesce({bad}, FALSE) AS bad
  FROM {rows}
  WHERE {row}.project = %(project)s
    AND {row}.day BETWEEN %(first_day)s AND %(last_day)s
    AND {row}.end_ns >= %(start_ns)s
    AND {row}.end_ns < %(end_ns)s
    AND (uuid_hash({row}.trace_id)::bigint & 2147483647) %% %(modulus)s = 0
    AND {also}
    AND {total}
),
whole AS (
  SELECT trace_id, bool_or(bad) AS bad, min(error_type) FILTER (WHERE bad) AS bad_error
  FROM event
  GROUP BY trace_id
),
placed AS (
  SELECT trace_id, bad, bad_error, count(*) OVER (PARTITION BY bad) AS "of",
    row_number() OVER (PARTITION BY bad ORDER BY uuid_hash(trace_id), trace_id) AS place
  FROM whole
)
SELECT p.bad, p."of", p.bad_error, t.service, coalesce(t.service_version, t.versions[1]) AS version, t.environment, t.operation,
  t.models, t.tools, t.user_id, t.tenant_id, t.llm_calls, t.tool_calls, t.input_tokens, t.attrs
FROM placed AS p
JOIN trace AS t ON t.project = %(project)s AND t.trace_id = p.trace_id AND t.day BETWEEN %(first_day)s AND %(last_day)s
WHERE p.place <= %(most)s
ORDER BY p.bad, p.place
""")


@dataclass(frozen=True, slots=True)
class Sample:
    """one_in: of so many traces one was looked at. bad_of, good_of: how many were among them, of which `drawn` are here."""

    drawn: list[Drawn]
    one_in: int
    bad_of: int
    good_of: int


def draw_events(
    project_id: int, indicator: Indicator, start_ns: int, end_ns: int, of_events: int, most: int = EACH_MOST
) -> Sample:
    """Traces with events of an objective that ended in [start_ns, end_ns), at most `most` bad and `most` good ones.

    of_events: how many there are, about. Raises psycopg QueryCanceled past 4 s.
    """
    one_in = max(1, -(-of_events // LOOKED_AT_MOST))
    statement, values = _statement(indicator)
    asked = values | days_of_ended(project_id, start_ns, end_ns)
    asked |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "modulus": one_in, "most": most}
    drawn = db.fetch(statement, asked, Drawn, TIMEOUT_MS)
    of = {one.bad: one.of for one in drawn}
    return Sample(drawn, one_in, of.get(True, 0), of.get(False, 0))


def _statement(indicator: Indicator) -> tuple[sql.Composed, dict[str, Any]]:
    unit, parameters = TARGETS[indicator.unit], Parameters()
    # Sessions are those of the range that is asked for, not as they are counted.
    target = SESSION if indicator.unit == "session" else unit.target
    rows, error = _ROWS[indicator.unit]
    part = condition_within(parameters, indicator.part, target)
    statement = _DRAW.format(
        row=sql.Identifier(unit.alias),
        rows=sql.SQL(rows),
        error=sql.SQL(error),
        also=sql.SQL(_ALSO.get(indicator.unit, "TRUE")),
        bad=sql.SQL("({}) IS NOT TRUE" if indicator.bad_unless_good else "({}) IS TRUE").format(part),
        total=condition_within(parameters, indicator.total, target),
    )
    return statement, parameters.values


def error_classes(drawn: Sequence[Drawn]) -> list[tuple[str | None, int]]:
    """(type of error, bad traces with it), most frequent first; None = no error, such as one that took too long."""
    counts = Counter(one.bad_error for one in drawn if one.bad)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))


def attribute_sample(sample: Sample, indicator: Indicator) -> Attribution:
    """What the bad have in common that the rest have not; without the fields that the objective itself asks."""
    tools = Counter(tool for one in sample.drawn for tool in one.tools)
    named = [tool for tool, _ in tools.most_common(TOOLS_MOST)]
    asked = {f"attr.{term.key}" if term.field == "attr" else term.field for term in terms(indicator.part)}
    return attribute([(one.bad, _without(fields_of(one, named), asked)) for one in sample.drawn])


def fields_of(one: Drawn, tools: Sequence[str]) -> dict[str, str | float | None]:
    """By the words of the filter language where there is one; "tool NAME" for each of the tools."""
    found: dict[str, str | float | None] = {
        "service": one.service,
        "version": one.version,
        "environment": one.environment,
        "operation": one.operation,
        "model": ", ".join(sorted(one.models)) or None,
        "user": one.user_id,
        "tenant": one.tenant_id,
        "calls of models": float(one.llm_calls),
        "calls of tools": float(one.tool_calls),
        "input tokens": None if one.input_tokens is None else float(one.input_tokens),
    }
    found |= {f"{TOOL}{tool}": CALLED if tool in one.tools else NOT_CALLED for tool in tools}
    return found | {f"attr.{key}": _as_text(value) for key, value in one.attrs.items()}


def _as_text(value: object) -> str:
    """As a filter asks for it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without(fields: Mapping[str, str | float | None], asked: set[str]) -> Row:
    return {
        name: value
        for name, value in fields.items()
        if not {name, name.removeprefix("attr.")} & (asked | DEFINING | SAID)
    }
