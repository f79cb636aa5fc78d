"""How does one whole span look in JSON?"""

from typing import Any

import msgspec

from dashboard.api.forms import Json, fields, in_usd, span
from tracestore.analysis.pricing import Line, Receipt
from tracestore.queries.span_detail import Origin, SpanDetail, SpanEvent, SpanLink

_SAME = (
    *("attributes", "input_messages", "output_messages", "system_instructions", "tool_arguments", "tool_result"),
    *("tracestate", "trace_flags", "dropped_attributes", "dropped_events", "dropped_links", "payload_dropped"),
)


def span_detail(detail: SpanDetail) -> Json:
    """The span as in a trace, and its payload. bytes in attributes become base64."""
    return {
        **span(detail.span),
        **fields(detail, _SAME),
        "trace_id": detail.span.trace_id,
        "mapping_version": detail.span.mapping_version,
        "resource": fields(detail.resource, ("attributes", "schema_url", "dropped_attributes")),
        "scope": _scope(detail.scope),
        "events": [_event(one) for one in detail.events],
        "log_events": [_event(one) | {"body": one.body} for one in detail.log_events],
        "links": [_link(one) for one in detail.links],
        "provenance": dict(detail.provenance),
        "price_receipt": _receipt(detail.price_receipt),
    }


def _scope(of: Origin) -> Json:
    return fields(of, ("name", "version", "attributes", "schema_url", "dropped_attributes"))


def _event(of: SpanEvent) -> Json:
    return {**fields(of, ("name", "attributes", "dropped_attributes")), "time_unix_nano": str(of.time_ns)}


def _link(of: SpanLink) -> Json:
    return fields(of, ("trace_id", "span_id", "tracestate", "attributes", "dropped_attributes"))


def _receipt(of: Receipt | None) -> Json | None:
    if of is None:
        return None
    lines = [_line(line) for line in of.lines]
    return {"model": of.model, "source": of.source, "lines": lines, "total_usd": in_usd(of.total_nanousd)}


def _line(of: Line) -> Json:
    """rate_usd: for a million units (tokens), or for one (requests)."""
    known: dict[str, Any] = msgspec.structs.asdict(of)
    rate, amount = known.pop("rate_nanousd"), known.pop("amount_nanousd")
    return known | {"rate_usd": in_usd(rate), "amount_usd": in_usd(amount)}
