"""How do prompts grow in conversations, and which come near the window of their model?"""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.facts import CALLS
from tracestore.queries.filters import condition
from tracestore.queries.ranges import days_of_ended
from tracestore.queries.rollups import find_sums
from tracestore.queries.row_targets import CALL

CONVERSATIONS_MOST = 400
CALLS_OF_ONE = 60


def models_called(project_id: int, start_ns: int, end_ns: int) -> list[tuple[str | None, str]]:
    """(provider, model) of the range's calls, by name."""
    found = find_sums(CALLS, project_id, start_ns, end_ns, by=["provider", "model"])
    return [(one.key[0], one.key[1]) for one in found if one.key[1] and one.measures["llm_calls"]]


@dataclass(frozen=True, slots=True)
class FullPrompt:
    """The fullest prompt of a conversation (a session, else a trace). window: tokens that its model takes."""

    session_id: str | None
    trace_id: str
    span_id: int
    end_ns: int
    model: str
    service: str
    service_version: str | None
    input_tokens: int
    window: int
    calls: int


_FULL = sql.SQL("""
SELECT DISTINCT ON (conversation) session_id, trace_id, span_id, end_ns, model, service, service_version, input_tokens,
  "window", calls
FROM (
  SELECT
    coalesce(c.session_id, c.trace_id::text) AS conversation, c.session_id, replace(c.trace_id::text, '-', '') AS trace_id,
    c.span_id, c.end_ns, c.model, c.service, c.service_version, c.input_tokens, known."window",
    count(*) OVER (PARTITION BY coalesce(c.session_id, c.trace_id::text)) AS calls
  FROM unnest(%(providers)s::text[], %(models)s::text[], %(windows)s::bigint[]) AS known (provider, model, "window")
  JOIN llm_call AS c ON c.model = known.model AND c.provider IS NOT DISTINCT FROM known.provider
    AND c.input_tokens >= known."window" * %(share)s::numeric
  WHERE c.project = %(project)s
    AND c.day BETWEEN %(first_day)s AND %(last_day)s
    AND c.end_ns >= %(start_ns)s
    AND c.end_ns < %(end_ns)s
    AND c.billable
    AND {matches}
) AS near
ORDER BY conversation, input_tokens::numeric / "window" DESC, trace_id, span_id
LIMIT 10000
""")


def find_full_prompts(
    project_id: int,
    start_ns: int,
    end_ns: int,
    windows: Mapping[tuple[str | None, str], int],
    share: float,
    filter: Node | None = None,
) -> list[FullPrompt]:
    """Conversations with a prompt of at least `share` of its model's window, the fullest first; calls: how many such they have.

    windows: (provider, model) -> tokens. Raises psycopg QueryCanceled past 5 s.
    """
    if not windows:
        return []
    matches, values = condition(filter, CALL)
    known = sorted(windows.items(), key=lambda pair: (pair[0][0] or "", pair[0][1]))
    parameters = values | days_of_ended(project_id, start_ns, end_ns)
    parameters |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "share": str(share)}
    parameters |= {"providers": [key[0] for key, _ in known], "models": [key[1] for key, _ in known]}
    parameters |= {"windows": [window for _, window in known]}
    found = db.fetch(_FULL.format(matches=matches), parameters, FullPrompt)
    return sorted(found, key=lambda one: (-one.input_tokens / one.window, one.trace_id))


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """input_tokens: of its calls that report them, in order of their start."""

    service: str
    service_version: str | None
    input_tokens: list[int]


# Some conversations whole, by a hash; of each the first calls.
_GROWTH = sql.SQL("""
SELECT min(service) AS service, max(service_version) AS service_version,
  (array_agg(input_tokens ORDER BY start_ns, span_id))[:%(calls)s] AS input_tokens
FROM (
  SELECT coalesce(c.session_id, c.trace_id::text) AS conversation, c.service, c.service_version, c.input_tokens, c.start_ns,
    c.span_id
  FROM llm_call AS c
  WHERE c.project = %(project)s
    AND c.day BETWEEN %(first_day)s AND %(last_day)s
    AND c.end_ns >= %(start_ns)s
    AND c.end_ns < %(end_ns)s
    AND c.billable
    AND c.status <> 2
    AND c.operation IN ('chat', 'completion')
    AND c.input_tokens IS NOT NULL
    AND {matches}
) AS said
GROUP BY conversation
HAVING count(*) >= %(least)s
ORDER BY hashtext(conversation), conversation
LIMIT %(rows)s
""")


def find_conversations(
    project_id: int,
    start_ns: int,
    end_ns: int,
    least: int,
    filter: Node | None = None,
    most: int = CONVERSATIONS_MOST,
) -> list[ConversationRow]:
    """Some conversations with at least `least` answered calls in the range. Raises psycopg QueryCanceled past 5 s."""
    matches, values = condition(filter, CALL)
    parameters = values | days_of_ended(project_id, start_ns, end_ns)
    parameters |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns}
    parameters |= {"least": least, "rows": most, "calls": CALLS_OF_ONE}
    return db.fetch(_GROWTH.format(matches=matches), parameters, ConversationRow)
