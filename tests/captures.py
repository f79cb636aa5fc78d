"""Recorded OTLP exports of real SDKs (tests/data/captures) and what really happened while they were recorded.

NNN.bin is a request body exactly as an SDK sent it, NNN.meta.json its path and headers. truth.json says what the scripted
model server and the scenario saw, independent of the telemetry.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.decode import decode
from tracestore.analysis.identity import Identity
from tracestore.analysis.settled import DAY_NS, ERROR, SettleSpan, Trace, merge, settle, sums
from tracestore.records import LogRecord, RawSpan, Span

FOLDER = Path(__file__).parent / "data" / "captures"
TRUTH: dict[str, Any] = json.loads((FOLDER / "truth.json").read_text())
NAMES = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())
BROKEN_ON_PURPOSE = "neg-mislabelled-gzip-json"  # says gzip and is not: deserves 400
NOW_NS = 1_795_300_000_000_000_000


@dataclass(frozen=True)
class Body:
    """One recorded request. sent: as it came over the wire; plain: decompressed."""

    capture: str
    number: str
    signal: str
    transport: str
    content_type: str
    encoding: str
    sent: bytes
    plain: bytes


@cache
def bodies(capture: str) -> tuple[Body, ...]:
    return tuple(_body(capture, path) for path in sorted((FOLDER / capture).glob("*.meta.json")))


def _body(capture: str, path: Path) -> Body:
    meta = json.loads(path.read_text())
    number = path.name.removesuffix(".meta.json")
    sent = path.with_name(number + ".bin").read_bytes()
    grpc = meta["transport"] == "grpc"
    encoding = "" if grpc else meta["content_encoding"] or ""
    called = meta["path"].lower()
    signal = next(signal for signal in ("logs", "metrics", "trace") if signal in called)
    return Body(
        capture,
        number,
        "traces" if signal == "trace" else signal,
        meta["transport"],
        "application/x-protobuf" if grpc else meta["content_type"],
        encoding,
        sent,
        _plain(sent, encoding),
    )


def _plain(sent: bytes, encoding: str) -> bytes:
    if encoding == "gzip" and sent[:2] == b"\x1f\x8b":
        return gzip.decompress(sent)
    return zlib.decompress(sent) if encoding == "deflate" else sent


@cache
def spans(capture: str) -> tuple[RawSpan, ...]:
    return tuple(_records(capture, "traces"))


@cache
def logs(capture: str) -> tuple[LogRecord, ...]:
    return tuple(_records(capture, "logs"))


def _records(capture: str, signal: str) -> list[Any]:
    found: list[Any] = []
    for body in bodies(capture):
        if body.signal == signal:
            decoded = decode(signal, body.plain, body.content_type, NOW_NS)
            assert not decoded.rejected, decoded.message
            found += decoded.spans if signal == "traces" else decoded.logs
    return found


def usage(spans: Iterable[Span]) -> dict[str, Any]:
    """What `GET /api/v1/usage` should say of these spans: settled in memory by the rules that settle uses."""
    traces = settle(merge(settle_span(span) for span in spans))
    totals: dict[str, Any] = dict.fromkeys(COUNTS, 0)
    for trace in traces:
        for name, value in msgspec.structs.asdict(sums(trace.calls)).items():
            if name in totals:
                totals[name] += value or 0
        totals["tool_calls"] += len(trace.tools)
        totals["tool_errors"] += sum(tool.status == ERROR for tool, _, _ in trace.tools)
    named = {who.session_id for trace in traces for who in _whose(trace)}
    return totals | {"sessions": sorted(session for session in named if session)}


def _whose(trace: Trace) -> list[Identity]:
    """Of the trace, its calls and its tool executions: what usage can be grouped by."""
    calls = [call.identity for call in trace.calls if call.decision.billable]
    return [trace.identity, *calls, *(identity for _, identity, _ in trace.tools)]


COUNTS = (
    "llm_calls",
    "llm_errors",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "reasoning_tokens",
    "embedding_calls",
    "embedding_tokens",
    "tool_calls",
    "tool_errors",
)


def settle_span(span: Span) -> SettleSpan:
    """A span as settle reads it from its row."""
    raw = span.raw
    derived = {
        "day": raw.start_ns // DAY_NS,
        "received_ns": raw.end_ns,
        "attribute_count": len(raw.attributes),
        "record_hash": 0,
        "block_id": 0,
        "block_index": 0,
        "version_part_id": span.version_part.id if span.version_part else None,
        "cost_computed": span.cost_nanousd,
        "cost_reported": span.reported_cost_nanousd,
        "model": span.response_model or span.request_model,
        "flags": span.flags,
        "signals": span.signals or 0,
        "key": (raw.trace_id, raw.span_id),
    }
    names = SettleSpan.__struct_fields__
    given = {name: getattr(span, name) if hasattr(span, name) else getattr(raw, name, None) for name in names}
    return SettleSpan(**{**given, **derived})


def truth(capture: str) -> dict[str, Any]:
    """The same counts as they really were, as far as the provider's answers reached the client.

    llm_calls: requests that were answered or failed, without the answers that came after the client had given up (they
    count as failed); embeddings apart. Input includes the cache.
    """
    known = TRUTH[capture]
    unseen = known["input_tokens"] - known["input_tokens_visible_to_client"]
    return {
        "llm_calls": known["llm_calls"] + known["failed_llm_calls"] - known["notes"].get("timeouts", 0),
        "llm_errors": known["failed_llm_calls"],
        "input_tokens": known["input_tokens_incl_cache"] - unseen,
        "output_tokens": known["output_tokens_visible_to_client"],
        "cache_read_tokens": known["cache_read_tokens"],
        "cache_creation_tokens": known["cache_creation_tokens"],
        "reasoning_tokens": known["reasoning_tokens"],
        "embedding_calls": known["embedding_calls"],
        "embedding_tokens": known["embedding_input_tokens"],
        "tool_calls": known["tool_calls"],
        "tool_errors": known["tool_errors"],
        "sessions": sorted(known["sessions"]),
    }


RECORDED_NS = (1_790_000_000_000_000_000, 1_800_000_000_000_000_000)  # the range that recorded times lie in
_JSON_TIME = re.compile(r'("(?:start|end|observed)?[tT]imeUnixNano"\s*:\s*)"?(\d{19})"?')
REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def newest_ns() -> int:
    """When the last of the bodies was recorded."""
    metas = (json.loads(path.read_text()) for path in FOLDER.glob("*/*.meta.json"))
    return int(max(meta["received_unix"] for meta in metas) * 1e9)


def moved(body: Body, shift_ns: int) -> bytes:
    """The plain body with every plausible time moved by shift_ns, as an SDK that runs now would send it."""
    if "json" in body.content_type:
        return _JSON_TIME.sub(
            lambda found: f'{found[1]}"{_moved(int(found[2]), shift_ns)}"', body.plain.decode()
        ).encode()
    message = REQUESTS[body.signal].FromString(body.plain)
    _move(message, shift_ns)
    return bytes(message.SerializeToString())


def _moved(time_ns: int, shift_ns: int) -> int:
    return time_ns + shift_ns if RECORDED_NS[0] < time_ns < RECORDED_NS[1] else time_ns


def _move(message: Any, shift_ns: int) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None:
            repeated = not hasattr(value, "ListFields")
            for inner in value if repeated else [value]:
                _move(inner, shift_ns)
        elif field.name.endswith("time_unix_nano"):
            setattr(message, field.name, _moved(value, shift_ns))


def packed(plain: bytes, encoding: str) -> bytes:
    """Compressed again, as it was recorded."""
    if encoding == "gzip":
        return gzip.compress(plain, 1)
    return zlib.compress(plain) if encoding == "deflate" else plain


def one_by_one(plain: bytes) -> list[bytes]:
    """A protobuf traces request as many requests of one span each."""
    requests = []
    for resource in ExportTraceServiceRequest.FromString(plain).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                single = ExportTraceServiceRequest()
                of_resource = single.resource_spans.add(resource=resource.resource, schema_url=resource.schema_url)
                of_resource.scope_spans.add(scope=scope.scope, schema_url=scope.schema_url, spans=[span])
                requests.append(bytes(single.SerializeToString()))
    return requests
