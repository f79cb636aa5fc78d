"""What is the sum of one trace right now, even before the background has reached it?"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import msgspec

from tracestore import db
from tracestore.analysis.settle_span import SettleSpan
from tracestore.analysis.settled import QUIET_NS, Trace, merge, settle, sums
from tracestore.queries.spans import hex_id
from tracestore.queries.traces import TraceRow, settled_trace

MAX_SPANS: Final = 300_000
_EPOCH = date(1970, 1, 1)
_ERROR = 2

# The columns are the fields of SettleSpan in their order, `key` aside.
_SPANS = """
SELECT uuid_send(s.trace_id), s.span_id, s.parent_span_id, s.day - date '1970-01-01', s.start_ns, s.end_ns,
  s.received_ns, s.attribute_count, s.record_hash, s.block_id, s.block_index, s.version_part_id, s.cost_nanousd,
  s.reported_cost_nanousd, s.input_tokens, s.output_tokens, s.cache_read_tokens, s.cache_creation_tokens,
  s.reasoning_tokens, s.ttft_ns, s.retry_count, s.flags, s.status, s.name, s.operation, s.service, s.service_version,
  s.environment, s.provider, coalesce(s.response_model, s.request_model), s.tool_name, s.tool_call_id, s.session_id,
  s.user_id, s.tenant_id, s.error_type, s.prompt_name, s.prompt_version, s.response_id, coalesce(s.signals, 0),
  s.queue_ns, s.token_budget, s.effect_key
FROM span AS s
WHERE s.project = %(project)s AND s.trace_id = %(trace_id)s
LIMIT %(rows)s
"""


def find_trace(project_id: int, trace_id: str, *, now_ns: int, day: date | None = None) -> TraceRow | None:
    """A trace without its spans. None: the project has none of this id. day: where it should be, if known.

    What the background has settled, when nothing came since; else computed from the spans by the same rules
    (settled = False), without the twins that other traces may hold, version sets and root attributes: those are there
    a few seconds later.
    """
    row = settled_trace(project_id, trace_id, now_ns, day)
    if row is not None and row.settled:
        return row
    found = settle(merge(_spans(project_id, trace_id)))
    return _row(found[0], now_ns) if found else row


def _spans(project_id: int, trace_id: str) -> list[SettleSpan]:
    rows = db.fetch_tuples(_SPANS, {"project": project_id, "trace_id": trace_id, "rows": MAX_SPANS})
    return [SettleSpan(*(*row, (row[0], row[1]))) for row in rows]


def _row(trace: Trace, now_ns: int) -> TraceRow:
    root, spans, counted = trace.root, trace.spans, sums(trace.calls)
    failed = sum(span.status == _ERROR for span in spans)
    quiet_from_ns = max(span.received_ns for span in spans) + QUIET_NS
    return TraceRow(
        trace_id=trace.trace_id.hex(),
        day=_date(trace.day),
        start_ns=trace.start_ns,
        end_ns=trace.end_ns,
        duration_ns=trace.end_ns - trace.start_ns,
        root_span_id=hex_id(root.span_id) if trace.has_root else None,
        name=root.name,
        operation=root.operation,
        service=root.service,
        service_version=root.service_version,
        environment=trace.identity.environment,
        status=root.status if trace.has_root else _ERROR * (failed > 0),
        error_type=root.error_type,
        span_count=len(spans),
        error_count=failed,
        tool_calls=len(trace.tools),
        tool_errors=sum(span.status == _ERROR for span, _, _ in trace.tools),
        **msgspec.structs.asdict(counted),
        session_id=trace.identity.session_id,
        user_id=trace.identity.user_id,
        tenant_id=trace.identity.tenant_id,
        services=_names(span.service for span in spans),
        models=_names(span.model for span in spans),
        environments=_names(span.environment for span in spans),
        versions=_names(span.service_version for span in spans),
        version_sets=[],
        tools=_names(span.tool_name for span in spans),
        operations=_names(span.operation for span in spans),
        attrs={},
        first_day=_date(min(span.day for span in spans)),
        last_day=_date(max(span.day for span in spans)),
        complete=trace.whole and quiet_from_ns <= now_ns,
        flags=_union(span.flags for span in spans),
        settled=False,
    )


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def _names(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value})


def _union(flags: Iterable[int]) -> int:
    whole = 0
    for one in flags:
        whole |= one
    return whole
