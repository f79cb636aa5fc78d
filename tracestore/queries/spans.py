"""What were these spans of a trace, payloads aside?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec

from tracestore import db
from tracestore.queries.ranges import EVER, Days


class SpanRow(msgspec.Struct, frozen=True, gc=False):
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


# span AS s, in the order of SpanRow behind trace_id; ids as the numbers they are stored as. duration_ns is never negative,
# flags tell of a clock that ran backwards.
_COLUMNS: Final = """
  s.span_id, s.parent_span_id, s.day, s.name, s.kind, s.operation, s.status,
  s.status_message, s.start_ns, s.end_ns, greatest(s.end_ns - s.start_ns, 0) AS duration_ns, s.received_ns, s.service,
  s.service_version, s.environment, s.provider, s.request_model, s.response_model, s.input_tokens, s.output_tokens,
  s.total_tokens, s.cache_read_tokens, s.cache_creation_tokens, s.cache_creation_1h_tokens, s.reasoning_tokens,
  s.audio_input_tokens, s.audio_output_tokens, coalesce(s.cost_nanousd, s.reported_cost_nanousd) AS cost_nanousd,
  CASE WHEN s.cost_nanousd IS NOT NULL THEN 'computed' WHEN s.reported_cost_nanousd IS NOT NULL THEN 'reported' END
    AS cost_source, s.reported_cost_nanousd, s.price_id, s.ttft_ns,
  coalesce(string_to_array(s.finish_reasons, ','), '{}') AS finish_reasons, s.tool_name, s.tool_call_id, s.agent_name,
  s.session_id, s.user_id, s.tenant_id, s.prompt_name, s.prompt_version, s.rag_index_version, s.response_id,
  s.error_type, s.retry_count, s.flags, s.attribute_count, s.mapping_version, s.version_part_id"""

# The merge order: of two records of one span the first is it (tracestore/writer_merge.py).
MERGE_ORDER: Final = "s.end_ns DESC, s.attribute_count DESC, s.record_hash DESC, s.day DESC"

_BY_ID = f"""
SELECT DISTINCT ON (s.span_id) {_COLUMNS}
FROM span AS s
WHERE s.project = %(project)s AND s.trace_id = %(trace_id)s AND s.span_id = ANY (%(span_ids)s)
  AND s.day BETWEEN %(first_day)s AND %(last_day)s
ORDER BY s.span_id, {MERGE_ORDER}
LIMIT %(rows)s
"""  # noqa: S608  # constants only
MAX_SPANS: Final = 5_000
_OF_IDS: Final = {"s": " AND s.span_id = ANY (%(span_ids)s)", "c": " AND c.span_id = ANY (%(span_ids)s)"}


def spans_by_id(
    project_id: int, trace_id: str, span_ids: Sequence[str | int] | None, days: Days = EVER
) -> list[SpanRow]:
    """The spans that exist among at most MAX_SPANS ids, in no order, with billable, duplicate_of and version_set.

    span_ids: None for all of a trace that has no more than that. days: where they lie, which spares asking every partition.
    """
    numbers = None if span_ids is None else [signed(one) for one in span_ids[:MAX_SPANS]]
    parameters: dict[str, Any] = {
        "project": project_id,
        "trace_id": trace_id,
        "first_day": days[0],
        "last_day": days[1],
    }
    parameters |= {"span_ids": numbers, "rows": MAX_SPANS}
    by_id, of_calls = _BY_ID, _CALLS
    if (
        numbers is None
    ):  # statements of their own: a condition that may be NULL would keep a prepared one from its index
        by_id, of_calls = by_id.replace(_OF_IDS["s"], ""), of_calls.replace(_OF_IDS["c"], "")
    calls = {call.span_id: call for call in db.fetch(of_calls, parameters, _Call)}
    sets = {row.service: row.id.hex for row in db.fetch(_SETS, parameters, _ServiceSet)}
    return [_row(trace_id, *found, calls=calls, sets=sets) for found in db.fetch_tuples(by_id, parameters)]


def _row(
    trace_id: str,
    span_id: int,
    parent_span_id: int | None,
    *rest: Any,
    calls: dict[int, "_Call"],
    sets: dict[str, str],
) -> SpanRow:
    parent = None if parent_span_id is None else hex_id(parent_span_id)
    row = SpanRow(trace_id, hex_id(span_id), parent, *rest)
    call, version_set = calls.get(span_id), sets.get(row.service)
    if call is None:
        return msgspec.structs.replace(row, version_set=version_set) if version_set else row
    return msgspec.structs.replace(
        row,
        version_set=version_set,
        billable=call.billable,
        duplicate_of=call.duplicate_of,
        duplicate_of_trace=call.duplicate_of_trace if call.duplicate_of_trace != trace_id else None,
    )


def signed(span_id: str | int) -> int:
    """16 hex digits as the signed number that is stored."""
    return span_id if isinstance(span_id, int) else int.from_bytes(bytes.fromhex(span_id), "big", signed=True)


def hex_id(span_id: int) -> str:
    return f"{span_id & 0xFFFF_FFFF_FFFF_FFFF:016x}"


@dataclass(frozen=True, slots=True)
class _Call:
    span_id: int
    billable: bool
    duplicate_of: str | None
    duplicate_of_trace: str | None


_CALLS = """
SELECT
  c.span_id,
  c.billable,
  lpad(to_hex(c.duplicate_of_span), 16, '0') AS duplicate_of,
  replace(c.duplicate_of_trace::text, '-', '') AS duplicate_of_trace
FROM llm_call AS c
WHERE c.project = %(project)s AND c.trace_id = %(trace_id)s AND c.span_id = ANY (%(span_ids)s)
  AND c.day BETWEEN %(first_day)s AND %(last_day)s
LIMIT %(rows)s
"""


@dataclass(frozen=True, slots=True)
class _ServiceSet:
    service: str
    id: UUID


_SETS = """
SELECT v.service, v.id
FROM trace AS t
JOIN version_set AS v ON v.project = t.project AND v.id = ANY (t.version_sets)
WHERE t.project = %(project)s AND t.trace_id = %(trace_id)s
  AND t.day BETWEEN %(first_day)s AND %(last_day)s
LIMIT 1000
"""
