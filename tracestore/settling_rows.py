"""What do settled traces become? Rows of trace, llm_call and tool_call in COPY BINARY."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from tracestore.analysis.settle_span import response_key
from tracestore.analysis.settled import QUIET_NS, Call, ToolCall, Trace, sums
from tracestore.analysis.versions import VersionSet
from tracestore.writer_cells import CELLS, NULL, bigint, binary, boolean, day, integer, jsonb, smallint, texts, uuids

TRACE_COLUMNS = tuple(
    "project day trace_id start_ns end_ns duration_ns root_span_id name operation service service_version environment"
    " status error_type span_count error_count llm_calls llm_errors embedding_calls tool_calls tool_errors"
    " input_tokens output_tokens cache_read_tokens cache_creation_tokens reasoning_tokens embedding_tokens cost_nanousd"
    " unpriced_calls ttft_ns session_id user_id tenant_id services models environments versions version_sets tools"
    " operations attrs flags settled_ns received_ns complete_from_ns first_day last_day".split()
)
CALL_COLUMNS = tuple(
    "project day trace_id span_id start_ns end_ns call billable duplicate_of_trace duplicate_of_span status version_set"
    " operation error_type provider model response_key input_tokens output_tokens cache_read_tokens"
    " cache_creation_tokens reasoning_tokens cost_nanousd ttft_ns service service_version environment"
    " trace_operation session_id user_id tenant_id prompt_name prompt_version retry_count".split()
)
TOOL_COLUMNS = tuple(
    "project day trace_id span_id start_ns end_ns status version_set tool_name error_type service"
    " service_version environment model trace_operation session_id user_id tenant_id retry_count".split()
)

Sets = Mapping[str, VersionSet]  # service -> its set in a trace
_cell = CELLS.__getitem__


def _row(cells: list[bytes]) -> bytes:
    return len(cells).to_bytes(2, "big") + b"".join(cells)


def _uuid(value: UUID | None) -> bytes:
    return NULL if value is None else binary(value.bytes)


def _names(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value})


def trace_row(project_id: int, trace: Trace, sets: Sets, attrs: Mapping[str, Any], now_ns: int) -> bytes:
    root, spans, counted, days = trace.root, trace.spans, sums(trace.calls), [span.day for span in trace.spans]
    failed = sum(span.status == 2 for span in spans)
    received_ns = max(span.received_ns for span in spans)
    flags = 0
    for span in spans:
        flags |= span.flags
    return _row(
        [
            integer(project_id), day(trace.day), binary(trace.trace_id),
            *map(_cell, (trace.start_ns, trace.end_ns, trace.end_ns - trace.start_ns)),
            bigint(root.span_id if trace.has_root else None),
            *map(_cell, (root.name, root.operation, root.service, root.service_version, trace.identity.environment)),
            smallint(root.status if trace.has_root else 2 * (failed > 0)), _cell(root.error_type),
            *map(integer, (len(spans), failed, counted.llm_calls, counted.llm_errors, counted.embedding_calls)),
            *map(integer, (len(trace.tools), sum(span.status == 2 for span, _, _ in trace.tools))),
            *map(_cell, (counted.input_tokens, counted.output_tokens, counted.cache_read_tokens)),
            *map(_cell, (counted.cache_creation_tokens, counted.reasoning_tokens, counted.embedding_tokens)),
            _cell(counted.cost_nanousd), integer(counted.unpriced_calls), _cell(counted.ttft_ns),
            *map(_cell, (trace.identity.session_id, trace.identity.user_id, trace.identity.tenant_id)),
            texts(_names(span.service for span in spans)), texts(_names(span.model for span in spans)),
            texts(_names(span.environment for span in spans)), texts(_names(span.service_version for span in spans)),
            uuids(sorted({one.id.bytes for one in sets.values()})),
            texts(_names(span.tool_name for span in spans)), texts(_names(span.operation for span in spans)),
            jsonb(attrs), integer(flags), bigint(now_ns), bigint(received_ns),
            bigint(received_ns + QUIET_NS if trace.whole else None), day(min(days)), day(max(days)),
        ]
    )  # fmt: skip


def call_row(project_id: int, trace: Trace, call: Call, sets: Sets) -> bytes:
    span, told, made, who = call.span, call.completed, call.decision, call.identity
    twin = made.duplicate_of
    own_set = sets.get(span.service)
    return _row(
        [
            integer(project_id), day(span.day), binary(span.trace_id),
            *map(bigint, (span.span_id, span.start_ns, span.plausible_end_ns)), boolean(made.call), boolean(made.billable),
            binary(twin[0] if twin else None), bigint(twin[1] if twin else None), smallint(span.status),
            _uuid(own_set.id if own_set else None),
            *map(_cell, (span.operation, span.error_type, span.provider, span.model)),
            bigint(response_key(span.response_id) if span.response_id else None),
            *map(_cell, (told.input_tokens, told.output_tokens, told.cache_read_tokens, told.cache_creation_tokens)),
            *map(_cell, (told.reasoning_tokens, span.cost_nanousd, told.ttft_ns)),
            *map(_cell, (span.service, span.service_version, who.environment, trace.root.operation)),
            *map(_cell, (who.session_id, who.user_id, who.tenant_id, told.prompt_name, told.prompt_version)),
            _cell(span.retry_count),
        ]
    )  # fmt: skip


def tool_row(project_id: int, trace: Trace, tool: ToolCall, sets: Sets) -> bytes:
    span, who, model = tool
    own_set = sets.get(span.service)
    return _row(
        [
            integer(project_id), day(span.day), binary(span.trace_id),
            *map(bigint, (span.span_id, span.start_ns, span.plausible_end_ns)), smallint(span.status),
            _uuid(own_set.id if own_set else None),
            *map(_cell, (span.tool_name or span.name, span.error_type, span.service)),
            *map(_cell, (span.service_version, who.environment, model, trace.root.operation)),
            *map(_cell, (who.session_id, who.user_id, who.tenant_id, span.retry_count)),
        ]
    )  # fmt: skip


def set_parts(one: VersionSet) -> str:
    return json.dumps({name: list(values) for name, values in one.parts.items()})
