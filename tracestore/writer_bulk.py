"""How is a made-up store filled fast? Batches of whole, new traces: their rows, and at once what they come to.

The rows, the ledger and the rules of settling are those of the product; what is left out are the marks, and reading back
what was just written. Traces must be new, whole within one call, and without twins elsewhere.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tracestore.analysis.root_attrs import attrs
from tracestore.analysis.settle_span import SettleSpan
from tracestore.records import Batch, Span
from tracestore.settling import settle_whole
from tracestore.writer_rows import Days, PackedSpan, pack_span, unique
from tracestore.writer_spans import Parcel, store_rows
from tracestore.writer_transaction import store_ledger, stored_days, transaction


def store_whole(batches: Sequence[Batch], now_ns: int) -> int:
    """Batches of one project in one transaction, settled; returns how many spans. Raises psycopg.errors.UniqueViolation."""
    days = stored_days()
    given: list[tuple[Batch, Span]] = []
    packed: list[PackedSpan] = []
    parcels: list[Parcel] = []
    for batch in batches:
        of_batch = Days(batch.received_ns, batch.retention_days, days)
        own = [pack_span(batch, span, of_batch) for span in batch.spans]
        parcels.append(Parcel(batch, unique(own)))
        given += [(batch, span) for span in batch.spans]
        packed += own
    with transaction(batches[0].project_id) as current:
        current.connection.execute("SET LOCAL synchronous_commit = off")  # a store that can be made again
        stored = store_rows(current, parcels, merge=False)
        store_ledger(current.connection, [(batch, len(batch.spans), 0) for batch in batches])
        spans = list(_settled(given, packed))
        settle_whole(current.connection, current.project_id, spans, _attrs(given, packed), now_ns)
    return stored


def _settled(given: Sequence[tuple[Batch, Span]], packed: Sequence[PackedSpan]) -> Iterator[SettleSpan]:
    """What settling would read of these spans. Their places in blocks are not needed: root attributes are at hand."""
    for (batch, span), one in zip(given, packed, strict=True):
        raw, (day, trace_id, span_id) = span.raw, one.key
        yield SettleSpan(
            trace_id, span_id, raw.parent_span_id, day, raw.start_ns, raw.end_ns, batch.received_ns,
            len(raw.attributes), one.order[2], 0, 0, span.version_part.id if span.version_part else None,
            span.cost_nanousd, span.reported_cost_nanousd, span.input_tokens, span.output_tokens,
            span.cache_read_tokens, span.cache_creation_tokens, span.reasoning_tokens, span.ttft_ns, span.retry_count,
            span.flags | raw.flags, span.status, raw.name, span.operation, span.service, span.service_version,
            span.environment, span.provider, span.response_model or span.request_model, span.tool_name,
            span.tool_call_id, span.session_id, span.user_id, span.tenant_id, span.error_type, span.prompt_name,
            span.prompt_version, span.response_id, span.signals or 0, span.queue_ns, span.token_budget, span.effect_key,
            (trace_id, span_id),
        )  # fmt: skip


def _attrs(given: Sequence[tuple[Batch, Span]], packed: Sequence[PackedSpan]) -> dict[bytes, dict[str, Any]]:
    """Attributes of root and resource by trace, read from the packed root as settling does: messages are not among them."""
    found: dict[bytes, dict[str, Any]] = {}
    for (_, span), one in zip(given, packed, strict=True):
        if span.raw.parent_span_id is None:
            own = msgspec.msgpack.decode(one.encoded.packed, ext_hook=_no_message)[3]
            found[span.raw.trace_id] = attrs(span.raw.resource.attributes, own)
    return found


def _no_message(_code: int, _data: memoryview) -> None:
    return None
