"""What is the sum of one trace?"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from psycopg import sql

from tracestore import db
from tracestore.queries.ranges import EVER


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One trace. Ids are lower-case hex; times and durations nanoseconds; money integer nano-USD; None = unknown.

    status: 0 unset, 1 ok, 2 error. settled: False while the row was computed just now from the spans, because the
    background has not reached it yet (lists show settled traces only). written_by: the transaction that settled it.
    """

    trace_id: str
    day: date
    start_ns: int
    end_ns: int
    duration_ns: int
    root_span_id: str | None
    name: str
    operation: str
    service: str
    service_version: str | None
    environment: str | None
    status: int
    error_type: str | None
    span_count: int
    error_count: int
    llm_calls: int
    llm_errors: int
    embedding_calls: int
    tool_calls: int
    tool_errors: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    embedding_tokens: int | None
    cost_nanousd: int | None
    unpriced_calls: int
    ttft_ns: int | None
    session_id: str | None
    user_id: str | None
    tenant_id: str | None
    services: list[str]
    models: list[str]
    environments: list[str]
    versions: list[str]
    version_sets: list[str]
    tools: list[str]
    operations: list[str]
    attrs: dict[str, Any]
    first_day: date
    last_day: date
    complete: bool
    flags: int
    settled: bool = True
    written_by: int = 0


# trace AS t, parameter now_ns
COLUMNS: Final = """
  replace(t.trace_id::text, '-', '') AS trace_id, t.day, t.start_ns, t.end_ns, t.duration_ns,
  lpad(to_hex(t.root_span_id), 16, '0') AS root_span_id, t.name, t.operation, t.service, t.service_version,
  t.environment, t.status, t.error_type, t.span_count, t.error_count, t.llm_calls, t.llm_errors, t.embedding_calls,
  t.tool_calls, t.tool_errors, t.input_tokens, t.output_tokens, t.cache_read_tokens, t.cache_creation_tokens,
  t.reasoning_tokens, t.embedding_tokens, t.cost_nanousd, t.unpriced_calls, t.ttft_ns, t.session_id, t.user_id,
  t.tenant_id, t.services, t.models, t.environments, t.versions,
  ARRAY(SELECT replace(one::text, '-', '') FROM unnest(t.version_sets) AS one) AS version_sets, t.tools, t.operations,
  t.attrs, t.first_day, t.last_day, coalesce(t.complete_from_ns <= %(now_ns)s, FALSE) AS complete, t.flags,
  t.xmin::text::bigint AS written_by"""


_ONE = sql.SQL("""
SELECT {columns}, NOT EXISTS (
  SELECT FROM settle_mark AS m WHERE m.project = %(project)s AND m.trace_id = %(trace_id)s
) AS settled
FROM trace AS t
WHERE t.project = %(project)s AND t.trace_id = %(trace_id)s AND t.day BETWEEN %(first_day)s AND %(last_day)s
ORDER BY t.settled_ns DESC
LIMIT 1
""").format(columns=sql.SQL(COLUMNS))


def settled_trace(project_id: int, trace_id: str, now_ns: int, day: date | None = None) -> TraceRow | None:
    """What the background has made of a trace; settled = False when spans came since. day: where it should be."""
    parameters = {"project": project_id, "trace_id": trace_id, "now_ns": now_ns}
    if day is not None:
        found = db.fetch_one(_ONE, {**parameters, "first_day": day, "last_day": day}, TraceRow)
        if found is not None:
            return found
    return db.fetch_one(_ONE, {**parameters, "first_day": EVER[0], "last_day": EVER[1]}, TraceRow)
