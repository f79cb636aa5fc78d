"""Spans as a test means them: span(model="m", input_tokens=10); store(...) writes and settles them as the product does."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from tracestore import writer
from tracestore.jobs import traces as traces_job
from tracestore.records import Batch, RawSpan, Receipt, Resource, Scope, Span

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
NOW_NS = int(NOW.timestamp()) * 10**9
SECOND = 10**9
_numbers = itertools.count(1)
_RESOURCE = Resource(id=11, attributes={"service.name": "shop"})
_SCOPE = Scope(id=12, name="tests", version="1", attributes={})


def trace_id(number: int) -> str:
    """A trace id that a reader recognises."""
    return f"{number:032x}"


def span(trace: str = trace_id(1), parent: "Span | int | None" = None, **fields: Any) -> Span:
    """A span of one second with a fresh id. model: both request and response model. at, seconds: start and duration.

    Fields of RawSpan and Span go where they belong; times are counted from NOW.
    """
    fields = _with_models(fields)
    start_ns = NOW_NS + int(fields.pop("at", 0) * SECOND)
    raw: dict[str, Any] = {
        "trace_id": bytes.fromhex(trace),
        "span_id": next(_numbers),
        "parent_span_id": parent.raw.span_id if isinstance(parent, Span) else parent,
        "name": "step",
        "kind": 1,
        "start_ns": start_ns,
        "end_ns": start_ns + int(fields.pop("seconds", 1) * SECOND),
        "status_code": fields.get("status", 0),
        "status_message": "",
        "attributes": {},
        "events": [],
        "links": [],
        "resource": _RESOURCE,
        "scope": _SCOPE,
    }
    raw |= {name: fields.pop(name) for name in list(fields) if name in RawSpan.__struct_fields__ and name != "flags"}
    known = {"operation": "other", "status": 0, "service": "shop"} | fields
    return Span(raw=RawSpan(**raw), **known)


def _with_models(fields: dict[str, Any]) -> dict[str, Any]:
    model = fields.pop("model", None)
    if model is None:
        return fields
    return {"operation": "chat", "request_model": model, "response_model": model} | fields


def store(project: int, spans: Iterable[Span], received_ns: int = NOW_NS, settle: bool = True, **batch: Any) -> Receipt:
    """Through the real writer; settled at once unless a test is about the time before."""
    spans = list(spans)
    sent = Batch(project_id=project, signal="traces", received_ns=received_ns, sent=len(spans), spans=spans, **batch)
    receipt = writer.write(sent)
    if settle:
        traces_job.run(datetime.fromtimestamp(received_ns / 1e9, UTC))
    return receipt


def changed(one: Span, **fields: Any) -> Span:
    """The same span with other fields of Span."""
    return msgspec.structs.replace(one, **fields)
