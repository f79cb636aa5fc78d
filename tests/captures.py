"""Recorded OTLP exports of real SDKs (tests/data/captures) and what really happened while they were recorded.

NNN.bin is a request body exactly as an SDK sent it, NNN.meta.json its path and headers. truth.json says what the scripted
model server and the scenario saw, independent of the telemetry.
"""

import gzip
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ingest.decode import decode
from tracestore.analysis.calls import CallSpan, completed, decide
from tracestore.analysis.identity import IdentitySpan, inherit
from tracestore.analysis.tool_calls import ToolSpan, executions
from tracestore.records import TOOL_EXECUTION, LogRecord, RawSpan, Span

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
    """What `GET /api/v1/usage` should say of these spans: a naive recompute with the pure rules."""
    by_key = {(span.raw.trace_id, span.raw.span_id): span for span in spans}
    decisions = decide([call_span(span) for span in by_key.values()])
    totals = dict.fromkeys(COUNTS, 0)
    for key, decision in decisions.items():
        if decision.billable:
            twins = [by_key[other] for other in decision.group if other != key]
            _count_call(totals, by_key[key], decision.call, _row(by_key[key], [_flat(twin) for twin in twins]))
    for key, stands in executions([tool_span(span) for span in by_key.values()]).items():
        if stands is None:
            totals["tool_calls"] += 1
            totals["tool_errors"] += by_key[key].status == 2
    identities = inherit([identity_span(span) for span in by_key.values()]).values()
    return totals | {"sessions": sorted({one.session_id for one in identities if one.session_id})}


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
TOKENS = tuple(name for name in COUNTS if name.endswith("_tokens") and name != "embedding_tokens")


class _Flat:
    """A span whose fields and ids lie on one level, as a row of the database has them."""

    def __init__(self, span: Span) -> None:
        self.span, self.trace_id, self.span_id = span, span.raw.trace_id, span.raw.span_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self.span, name)


def _flat(span: Span) -> _Flat:
    return _Flat(span)


def _row(span: Span, twins: list[_Flat]) -> dict[str, Any]:
    return {name: getattr(span, name) for name in TOKENS} | completed(_flat(span), twins)


def _count_call(totals: dict[str, int], span: Span, is_call: bool, row: dict[str, Any]) -> None:
    if span.operation == "embedding":
        totals["embedding_calls"] += 1
        totals["embedding_tokens"] += span.input_tokens or 0
        return
    if span.operation == "rerank":
        return
    if is_call:
        totals["llm_calls"] += 1
        totals["llm_errors"] += span.status == 2
    for name in TOKENS:
        totals[name] += row[name] or 0


def call_span(span: Span) -> CallSpan:
    return CallSpan(
        span.raw.trace_id,
        span.raw.span_id,
        span.raw.parent_span_id,
        span.operation,
        span.raw.start_ns,
        span.raw.end_ns,
        span.status,
        span.response_model or span.request_model,
        span.input_tokens,
        span.output_tokens,
        span.response_id,
    )


def tool_span(span: Span) -> ToolSpan:
    return ToolSpan(
        span.raw.trace_id,
        span.raw.span_id,
        span.raw.parent_span_id,
        span.operation,
        span.raw.start_ns,
        span.raw.end_ns,
        bool(span.flags & TOOL_EXECUTION),
        span.tool_name,
        span.tool_call_id,
    )


def identity_span(span: Span) -> IdentitySpan:
    ids = (span.raw.trace_id, span.raw.span_id, span.raw.parent_span_id)
    return IdentitySpan(*ids, span.session_id, span.user_id, span.tenant_id, span.environment)


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
