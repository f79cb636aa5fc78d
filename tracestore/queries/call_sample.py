"""Some model calls of a range, with what their prompts were made of: whole traces, drawn by a hash of their id."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from psycopg import sql

from tracestore import db
from tracestore.analysis.context import Prompt, documents_found, prompt_of
from tracestore.analysis.filters import Node
from tracestore.analysis.messages import conversation
from tracestore.analysis.pricing import Usage
from tracestore.analysis.spent import SpentCall
from tracestore.payload import Payload
from tracestore.queries.filters import condition
from tracestore.queries.payloads import Place, load_payloads, load_references
from tracestore.queries.ranges import day_bounds, days_of_ended
from tracestore.queries.row_targets import CALL
from tracestore.records import Price

CALLS_MOST: Final = 4_000
PROMPTS_MOST: Final = 600
PROMPTS_AT_ONCE: Final = 50
DEADLINE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class CallRow:
    """A billable call and its span. price_id: of the computed cost. Places of the payload: see queries.payloads."""

    trace_id: str
    span_id: int
    day: date
    start_ns: int
    operation: str
    service: str
    service_version: str | None
    provider: str | None
    model: str | None
    session_id: str | None
    status: int
    call: bool
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    cache_creation_1h_tokens: int | None
    reasoning_tokens: int | None
    audio_input_tokens: int | None
    audio_output_tokens: int | None
    cost_nanousd: int | None
    price_id: int | None
    finish_reasons: str | None
    block_id: int | None
    block_index: int | None
    trace_failed: bool
    trace_tools: int


# Grain: one row a billable chat or completion call. The hash orders all traces of the range; the first of them are taken.
_DRAW = sql.SQL("""
SELECT
  replace(c.trace_id::text, '-', '') AS trace_id, c.span_id, c.day, c.start_ns, c.operation, c.service, c.service_version,
  c.provider, c.model, c.session_id, c.status, c.call, c.input_tokens, c.output_tokens, c.cache_read_tokens,
  c.cache_creation_tokens, s.cache_creation_1h_tokens, c.reasoning_tokens, s.audio_input_tokens, s.audio_output_tokens,
  c.cost_nanousd, s.price_id, s.finish_reasons, s.block_id, s.block_index,
  coalesce(t.status = 2, FALSE) AS trace_failed, coalesce(t.tool_calls, 0) AS trace_tools
FROM (
  SELECT c.*, uuid_hash(c.trace_id) AS draw
  FROM llm_call AS c
  WHERE c.project = %(project)s
    AND c.day BETWEEN %(first_day)s AND %(last_day)s
    AND c.end_ns >= %(start_ns)s
    AND c.end_ns < %(end_ns)s
    AND c.billable
    AND c.operation IN ('chat', 'completion')
    AND {drawn}
    AND {matches}
  ORDER BY uuid_hash(c.trace_id), c.trace_id, c.start_ns, c.span_id
  LIMIT %(rows)s
) AS c
LEFT JOIN span AS s ON s.trace_id = c.trace_id AND s.span_id = c.span_id AND s.project = c.project AND s.day = c.day
  AND s.day BETWEEN %(first_day)s AND %(last_day)s
LEFT JOIN trace AS t ON t.project = c.project AND t.trace_id = c.trace_id AND t.day BETWEEN %(first_day)s AND %(last_day)s
  AND t.day <= c.day AND c.day <= t.last_day
ORDER BY c.draw, c.trace_id, c.start_ns, c.span_id
""")
# Of an even hash one call in `modulus`; the smallest of those that are left come first.
_DRAWN = sql.SQL("(uuid_hash(c.trace_id)::bigint & 2147483647) %% %(modulus)s = 0")


def draw_calls(
    project_id: int,
    start_ns: int,
    end_ns: int,
    *,
    filter: Node | None = None,  # the word of the contract
    of_calls: int = 0,
    most: int = CALLS_MOST,
) -> list[CallRow]:
    """Chat and completion calls of whole traces that ended in [start_ns, end_ns), in an order that is a hash's.

    of_calls: how many there are, about, so that not all need to be sorted. Raises psycopg QueryCanceled past 5 s.
    """
    matches, values = condition(filter, CALL)
    modulus = max(1, of_calls // (2 * most))
    drawn = _DRAWN if modulus > 1 else sql.SQL("TRUE")
    parameters = values | days_of_ended(project_id, start_ns, end_ns)
    parameters |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "rows": most + 1, "modulus": modulus}
    rows = db.fetch(_DRAW.format(drawn=drawn, matches=matches), parameters, CallRow)
    return _whole_traces(rows) if len(rows) > most else rows


# Of a session all calls in their order, whatever the trace.
_OF_SESSION = """
SELECT
  replace(c.trace_id::text, '-', '') AS trace_id, c.span_id, c.day, c.start_ns, c.operation, c.service, c.service_version,
  c.provider, c.model, c.session_id, c.status, c.call, c.input_tokens, c.output_tokens, c.cache_read_tokens,
  c.cache_creation_tokens, s.cache_creation_1h_tokens, c.reasoning_tokens, s.audio_input_tokens, s.audio_output_tokens,
  c.cost_nanousd, s.price_id, s.finish_reasons, s.block_id, s.block_index,
  t.status = 2 AS trace_failed, t.tool_calls AS trace_tools
FROM trace AS t
JOIN llm_call AS c ON c.trace_id = t.trace_id AND c.project = t.project AND c.day BETWEEN t.first_day AND t.last_day
LEFT JOIN span AS s ON s.trace_id = c.trace_id AND s.span_id = c.span_id AND s.project = c.project AND s.day = c.day
WHERE t.project = %(project)s
  AND t.session_id = %(session_id)s
  AND t.day BETWEEN %(first_day)s AND %(last_day)s
  AND c.day BETWEEN %(first_day)s AND %(last_day)s
  AND c.billable
  AND c.operation IN ('chat', 'completion')
ORDER BY c.start_ns, c.span_id
LIMIT %(rows)s
"""


def session_calls(project_id: int, session_id: str, start_ns: int, end_ns: int, most: int) -> list[CallRow]:
    """The first `most` chat and completion calls of a session's traces, which started in [start_ns, end_ns), in order."""
    parameters = {"project": project_id, "session_id": session_id, "rows": most, **day_bounds(start_ns, end_ns)}
    return db.fetch(_OF_SESSION, parameters, CallRow)


def _whole_traces(rows: Sequence[CallRow]) -> list[CallRow]:
    """Without the last trace, of which calls may be missing; all when there is but one."""
    kept = [row for row in rows if row.trace_id != rows[-1].trace_id]
    return kept or list(rows)


def read_prompts(
    project_id: int, rows: Sequence[CallRow], most: int = PROMPTS_MOST, deadline_s: float = DEADLINE_S
) -> dict[tuple[str, int], Prompt]:
    """(trace id, span id) -> prompt of the first `most` rows whose messages are stored, as far as the deadline allows.

    Messages that an emitter sent as log records are not read.
    """
    stop_at = time.monotonic() + deadline_s
    found: dict[tuple[str, int], Prompt] = {}
    chosen = [row for row in rows if row.block_id is not None][:most]
    for first in range(0, len(chosen), PROMPTS_AT_ONCE):
        if time.monotonic() > stop_at:
            break
        found |= _read(project_id, chosen[first : first + PROMPTS_AT_ONCE])
    return found


def _read(project_id: int, rows: Sequence[CallRow]) -> dict[tuple[str, int], Prompt]:
    sent = load_payloads(project_id, [_place(row) for row in rows])
    documents = _documents(project_id, rows)
    prompts = (
        ((row.trace_id, row.span_id), _prompt(row, payload, documents.get(row.trace_id, ())))
        for row, payload in zip(rows, sent, strict=True)
        if payload
    )
    return {key: prompt for key, prompt in prompts if prompt}


def _prompt(row: CallRow, payload: Payload, documents: Iterable[str]) -> Prompt | None:
    said = conversation(payload.attributes, payload.events, (), row.operation)
    return prompt_of(said, payload.attributes, tuple(documents))


def _place(row: CallRow) -> Place:
    return (row.day, bytes.fromhex(row.trace_id), row.block_id or 0, row.block_index or 0)


@dataclass(frozen=True, slots=True)
class _Retrieval:
    trace_id: str
    day: date
    block_id: int
    block_index: int


_RETRIEVALS = """
SELECT replace(s.trace_id::text, '-', '') AS trace_id, s.day, s.block_id, s.block_index
FROM span AS s
WHERE s.project = %(project)s
  AND s.trace_id = ANY (%(traces)s::uuid[])
  AND s.day = ANY (%(days)s::date[])
  AND s.operation IN ('retrieval', 'rerank')
LIMIT %(rows)s
"""


def _documents(project_id: int, rows: Sequence[CallRow]) -> dict[str, set[str]]:
    """Texts that retrievals in these traces found."""
    traces, days = sorted({row.trace_id for row in rows}), sorted({row.day for row in rows})
    parameters = {"project": project_id, "traces": traces, "days": days, "rows": 4 * PROMPTS_AT_ONCE}
    spans = db.fetch(_RETRIEVALS, parameters, _Retrieval)
    places = [(one.day, bytes.fromhex(one.trace_id), one.block_id, one.block_index) for one in spans]
    found: dict[str, set[str]] = {}
    for one, payload in zip(spans, load_payloads(project_id, places) if places else [], strict=True):
        if payload:
            found.setdefault(one.trace_id, set()).update(documents_found(payload.attributes))
    return found


def spent_calls(project_id: int, rows: Sequence[CallRow], prompts: Mapping[tuple[str, int], Prompt]) -> list[SpentCall]:
    """The rows as the hints look at them."""
    ids = {row.price_id for row in rows if row.price_id is not None}
    prices = load_references(project_id, "price", ids) if ids else {}
    return [_spent(row, prices.get(row.price_id or 0), prompts.get((row.trace_id, row.span_id))) for row in rows]


def _spent(row: CallRow, price: Any, prompt: Prompt | None) -> SpentCall:
    reasons = tuple((row.finish_reasons or "").split(",")) if row.finish_reasons else ()
    return SpentCall(
        trace_id=row.trace_id,
        span_id=f"{row.span_id & (2**64 - 1):016x}",
        start_ns=row.start_ns,
        service=row.service,
        provider=row.provider,
        model=row.model,
        status=row.status,
        usage=Usage(**{name: getattr(row, name) for name in Usage.__struct_fields__}),
        cost_nanousd=row.cost_nanousd,
        price=price if isinstance(price, Price) else None,
        finish_reasons=reasons,
        requests=1 if row.call else 0,
        trace_failed=row.trace_failed,
        uses_tools=row.trace_tools > 0 or "tool_calls" in reasons,
        prompt=prompt,
    )
