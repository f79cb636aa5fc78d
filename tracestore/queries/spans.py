"""What were these spans of a trace, payloads aside?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from uuid import UUID

from tracestore import db


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span without payload. Ids are lower-case hex; times nanoseconds; money integer nano-USD; None = unknown.

    kind: OTLP SpanKind 0-5. status: 0 unset, 1 ok, 2 error. duration_ns is never negative (flags say when the emitter's
    clock was). input_tokens include what the cache served. billable and duplicate_of are None where the question does
    not arise (not a model call). cost_source: computed | reported | None.
    Tree: depth 0 = a root or a span whose parent never arrived (orphan); children: direct ones; descendants: all below.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    day: date
    name: str
    kind: int
    operation: str
    status: int
    status_message: str | None
    start_ns: int
    end_ns: int
    duration_ns: int
    received_ns: int
    service: str
    service_version: str | None
    environment: str | None
    provider: str | None
    request_model: str | None
    response_model: str | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    cache_creation_1h_tokens: int | None
    reasoning_tokens: int | None
    audio_input_tokens: int | None
    audio_output_tokens: int | None
    cost_nanousd: int | None
    cost_source: str | None
    reported_cost_nanousd: int | None
    price_id: int | None
    ttft_ns: int | None
    finish_reasons: list[str]
    tool_name: str | None
    tool_call_id: str | None
    agent_name: str | None
    session_id: str | None
    user_id: str | None
    tenant_id: str | None
    prompt_name: str | None
    prompt_version: str | None
    rag_index_version: str | None
    response_id: str | None
    error_type: str | None
    retry_count: int | None
    flags: int
    attribute_count: int
    mapping_version: int
    version_part_id: int | None
    version_set: str | None = None
    billable: bool | None = None
    duplicate_of: str | None = None  # span id; with duplicate_of_trace when that lies in another trace
    duplicate_of_trace: str | None = None
    depth: int = 0
    children: int = 0
    descendants: int = 0
    orphan: bool = False


# span AS s; duration_ns is never negative, flags tell of a clock that ran backwards
COLUMNS: Final = """
  replace(s.trace_id::text, '-', '') AS trace_id, lpad(to_hex(s.span_id), 16, '0') AS span_id,
  lpad(to_hex(s.parent_span_id), 16, '0') AS parent_span_id, s.day, s.name, s.kind, s.operation, s.status,
  s.status_message, s.start_ns, s.end_ns, greatest(s.end_ns - s.start_ns, 0) AS duration_ns, s.received_ns, s.service,
  s.service_version, s.environment, s.provider, s.request_model, s.response_model, s.input_tokens, s.output_tokens,
  s.total_tokens, s.cache_read_tokens, s.cache_creation_tokens, s.cache_creation_1h_tokens, s.reasoning_tokens,
  s.audio_input_tokens, s.audio_output_tokens, coalesce(s.cost_nanousd, s.reported_cost_nanousd) AS cost_nanousd,
  CASE WHEN s.cost_nanousd IS NOT NULL THEN 'computed' WHEN s.reported_cost_nanousd IS NOT NULL THEN 'reported' END
    AS cost_source, s.reported_cost_nanousd, s.price_id, s.ttft_ns,
  coalesce(string_to_array(s.finish_reasons, ','), '{}') AS finish_reasons, s.tool_name, s.tool_call_id, s.agent_name,
  s.session_id, s.user_id, s.tenant_id, s.prompt_name, s.prompt_version, s.rag_index_version, s.response_id,
  s.error_type, s.retry_count, s.flags, s.attribute_count, s.mapping_version, s.version_part_id"""

# Of two records of one span the first of these is it: data.md, merge order.
MERGE_ORDER: Final = "s.end_ns DESC, s.attribute_count DESC, s.record_hash DESC, s.day DESC"

_BY_ID = f"""
SELECT DISTINCT ON (s.span_id) {COLUMNS}
FROM span AS s
WHERE s.project = %(project)s AND s.trace_id = %(trace_id)s AND s.span_id = ANY (%(span_ids)s)
ORDER BY s.span_id, {MERGE_ORDER}
LIMIT %(rows)s
"""  # noqa: S608  # constants only
MAX_SPANS: Final = 5_000


def spans_by_id(project_id: int, trace_id: str, span_ids: Sequence[str | int]) -> list[SpanRow]:
    """The spans that exist among at most MAX_SPANS ids, in no order, with billable, duplicate_of and version_set."""
    numbers = [signed(one) for one in span_ids[:MAX_SPANS]]
    parameters = {"project": project_id, "trace_id": trace_id, "span_ids": numbers, "rows": MAX_SPANS}
    rows = db.fetch(_BY_ID, parameters, SpanRow)
    calls = {call.span_id: call for call in _calls(project_id, trace_id, numbers)}
    sets = _version_sets(project_id, trace_id)
    return [_complete(row, calls.get(row.span_id), sets.get(row.service)) for row in rows]


def signed(span_id: str | int) -> int:
    """16 hex digits as the signed number that is stored."""
    return span_id if isinstance(span_id, int) else int.from_bytes(bytes.fromhex(span_id), "big", signed=True)


def hex_id(span_id: int) -> str:
    return f"{span_id & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def _complete(row: SpanRow, call: "_Call | None", version_set: str | None) -> SpanRow:
    if call is None:
        return replace(row, version_set=version_set)
    elsewhere = call.duplicate_of_trace if call.duplicate_of_trace != row.trace_id else None
    return replace(
        row,
        version_set=version_set,
        billable=call.billable,
        duplicate_of=call.duplicate_of,
        duplicate_of_trace=elsewhere,
    )


@dataclass(frozen=True, slots=True)
class _Call:
    span_id: str
    billable: bool
    duplicate_of: str | None
    duplicate_of_trace: str | None


_CALLS = """
SELECT
  lpad(to_hex(c.span_id), 16, '0') AS span_id,
  c.billable,
  lpad(to_hex(c.duplicate_of_span), 16, '0') AS duplicate_of,
  replace(c.duplicate_of_trace::text, '-', '') AS duplicate_of_trace
FROM llm_call AS c
WHERE c.project = %(project)s AND c.trace_id = %(trace_id)s AND c.span_id = ANY (%(span_ids)s)
LIMIT %(rows)s
"""


def _calls(project_id: int, trace_id: str, span_ids: list[int]) -> list[_Call]:
    parameters = {"project": project_id, "trace_id": trace_id, "span_ids": span_ids, "rows": MAX_SPANS}
    return db.fetch(_CALLS, parameters, _Call)


@dataclass(frozen=True, slots=True)
class _ServiceSet:
    service: str
    id: UUID


_SETS = """
SELECT v.service, v.id
FROM trace AS t
JOIN version_set AS v ON v.project = t.project AND v.id = ANY (t.version_sets)
WHERE t.project = %(project)s AND t.trace_id = %(trace_id)s
LIMIT 1000
"""


def _version_sets(project_id: int, trace_id: str) -> dict[str, str]:
    """Service -> id of the set it ran with in this trace."""
    rows = db.fetch(_SETS, {"project": project_id, "trace_id": trace_id}, _ServiceSet)
    return {row.service: row.id.hex for row in rows}
