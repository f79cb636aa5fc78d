"""What do settled traces become? Rows of trace, llm_call and tool_call in COPY BINARY."""

import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import attrgetter, or_
from struct import Struct
from typing import Any
from uuid import UUID

from tracestore.analysis.outcomes import said
from tracestore.analysis.settle_span import SettleSpan, response_key
from tracestore.analysis.settled import ERROR, QUIET_NS, Call, ToolCall, Trace, sums
from tracestore.analysis.span_profile import Profile, profile_of
from tracestore.analysis.versions import VersionSet
from tracestore.writer_cells import (
    CELLS,
    EPOCH_DAY,
    NULL,
    bigint,
    binary,
    boolean,
    day,
    integer,
    jsonb,
    smallint,
    texts,
    uuids,
)

TRACE_COLUMNS = tuple(
    "project day trace_id start_ns end_ns duration_ns root_span_id name operation service service_version environment"
    " status error_type span_count error_count llm_calls llm_errors embedding_calls tool_calls tool_errors"
    " input_tokens output_tokens cache_read_tokens cache_creation_tokens reasoning_tokens embedding_tokens cost_nanousd"
    " unpriced_calls ttft_ns session_id user_id tenant_id services models environments versions version_sets tools"
    " operations attrs flags settled_ns received_ns complete_from_ns first_day last_day version_set profile_id"
    " signals queue_ns retrievals retrieval_hits token_budget".split()
)
CALL_COLUMNS = tuple(
    "project day trace_id span_id start_ns end_ns call billable duplicate_of_trace duplicate_of_span status version_set"
    " operation error_type provider model response_key input_tokens output_tokens cache_read_tokens"
    " cache_creation_tokens reasoning_tokens cost_nanousd ttft_ns service service_version environment"
    " trace_operation session_id user_id tenant_id prompt_name prompt_version retry_count signals queue_ns".split()
)
TOOL_COLUMNS = tuple(
    "project day trace_id span_id start_ns end_ns status version_set tool_name error_type service"
    " service_version environment model trace_operation session_id user_id tenant_id retry_count signals queue_ns".split()
)

Sets = Mapping[str, VersionSet]  # service -> its set in a trace
_cell = CELLS.__getitem__


_head = Struct(">h ii ii i16s iq iq iq").pack
_facts = attrgetter("day", "received_ns", "status", "flags")
_kind = attrgetter("service", "model", "service_version", "operation", "status")
_environment, _tool = attrgetter("environment"), attrgetter("tool_name")


def profile(trace: Trace, sets: Sets) -> Profile:
    return profile_of(Counter(map(_kind, trace.spans)), {service: one.id.hex for service, one in sets.items()})


@lru_cache(20_000)
def _names(values: frozenset[str | None]) -> bytes:
    """The cell of those that are known, sorted; traces of one service repeat them."""
    return texts(sorted(value for value in values if value))


_texts = lru_cache(20_000)(texts)


@lru_cache(20_000)
def _uuid(value: UUID) -> bytes:
    return binary(value.bytes)


def _set_of(span: SettleSpan, sets: Sets) -> bytes:
    own = sets.get(span.service)
    return _uuid(own.id) if own else NULL


def trace_row(
    project_id: int, trace: Trace, sets: Sets, attrs: Mapping[str, Any], now_ns: int, known: Profile
) -> bytes:
    """known: the trace's profile."""
    root, who, counted, start_ns, end_ns = trace.root, trace.identity, sums(trace.calls), trace.start_ns, trace.end_ns
    days, received, statuses, flags = zip(*map(_facts, trace.spans), strict=True)
    services, models, versions, operations = map(_texts, known.names)
    environments, tools = (_names(frozenset(map(of, trace.spans))) for of in (_environment, _tool))
    failed, received_ns, came_to = statuses.count(ERROR), max(received), trace.outcome
    head = _head(
        len(TRACE_COLUMNS), 4, project_id, 4, trace.day - EPOCH_DAY, 16, trace.trace_id,
        8, start_ns, 8, end_ns, 8, end_ns - start_ns,
    )  # fmt: skip
    return head + b"".join(
        [
            bigint(root.span_id if trace.has_root else None),
            *map(_cell, (root.name, root.operation, root.service, root.service_version, who.environment)),
            smallint(root.status if trace.has_root else ERROR * (failed > 0)), _cell(root.error_type),
            *map(integer, (len(days), failed, counted.llm_calls, counted.llm_errors, counted.embedding_calls)),
            *map(integer, (len(trace.tools), sum(span.status == ERROR for span, _, _ in trace.tools))),
            *map(bigint, (counted.input_tokens, counted.output_tokens, counted.cache_read_tokens)),
            *map(bigint, (counted.cache_creation_tokens, counted.reasoning_tokens, counted.embedding_tokens)),
            bigint(counted.cost_nanousd), integer(counted.unpriced_calls), bigint(counted.ttft_ns),
            *map(_cell, (who.session_id, who.user_id, who.tenant_id)),
            services, models, environments, versions, uuids(sorted({one.id.bytes for one in sets.values()})),
            tools, operations, jsonb(attrs), integer(reduce(or_, flags)), bigint(now_ns), bigint(received_ns),
            bigint(received_ns + QUIET_NS if trace.whole else None), day(min(days)), day(max(days)),
            _set_of(root, sets), bigint(known.id), bigint(came_to.signals or None), bigint(came_to.queue_ns),
            integer(came_to.retrievals), integer(came_to.retrieval_hits), bigint(came_to.token_budget),
        ]
    )  # fmt: skip


def call_row(project_id: int, trace: Trace, call: Call, sets: Sets) -> bytes:
    span, told, made, who = call.span, call.completed, call.decision, call.identity
    twin = made.duplicate_of
    head = _head(
        len(CALL_COLUMNS), 4, project_id, 4, span.day - EPOCH_DAY, 16, span.trace_id,
        8, span.span_id, 8, span.start_ns, 8, span.plausible_end_ns,
    )  # fmt: skip
    return head + b"".join(
        [
            boolean(made.call), boolean(made.billable),
            binary(twin[0] if twin else None), bigint(twin[1] if twin else None), smallint(span.status),
            _set_of(span, sets),
            *map(_cell, (span.operation, span.error_type, span.provider, span.model)),
            bigint(response_key(span.response_id) if span.response_id else None),
            *map(bigint, (told.input_tokens, told.output_tokens, told.cache_read_tokens, told.cache_creation_tokens)),
            *map(bigint, (told.reasoning_tokens, span.cost_nanousd, told.ttft_ns)),
            *map(_cell, (span.service, span.service_version, who.environment, trace.root.operation)),
            *map(_cell, (who.session_id, who.user_id, who.tenant_id, told.prompt_name, told.prompt_version)),
            bigint(span.retry_count), bigint(said(told) or None), bigint(told.queue_ns),
        ]
    )  # fmt: skip


def tool_row(project_id: int, trace: Trace, tool: ToolCall, sets: Sets) -> bytes:
    span, who, model = tool
    head = _head(
        len(TOOL_COLUMNS), 4, project_id, 4, span.day - EPOCH_DAY, 16, span.trace_id,
        8, span.span_id, 8, span.start_ns, 8, span.plausible_end_ns,
    )  # fmt: skip
    return head + b"".join(
        [
            smallint(span.status), _set_of(span, sets),
            *map(_cell, (span.tool_name or span.name, span.error_type, span.service)),
            *map(_cell, (span.service_version, who.environment, model, trace.root.operation)),
            *map(_cell, (who.session_id, who.user_id, who.tenant_id)), bigint(span.retry_count),
            bigint(span.signals or None), bigint(span.queue_ns),
        ]
    )  # fmt: skip


def set_parts(one: VersionSet) -> str:
    return json.dumps({name: list(values) for name, values in one.parts.items()})
