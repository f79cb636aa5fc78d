"""OTLP bytes -> records: protobuf or JSON, for the three signals. Pure; raises Rejected and nothing else.

A request that is not OTLP is refused whole. Within one that is, a record that cannot be stored is counted with its
reason and its batch goes on.
"""

from collections.abc import Callable

import msgspec

from ingest import decode_json, decode_json_metrics, decode_protobuf
from ingest.build import Decoded, Unfit
from ingest.errors import Rejected

PROTOBUF, JSON = "application/x-protobuf", "application/json"
Reader = Callable[[bytes, int], Decoded]
READERS: dict[tuple[str, str], Reader] = {
    ("traces", PROTOBUF): decode_protobuf.spans,
    ("logs", PROTOBUF): decode_protobuf.logs,
    ("metrics", PROTOBUF): decode_protobuf.points,
    ("traces", JSON): decode_json.spans,
    ("logs", JSON): decode_json.logs,
    ("metrics", JSON): decode_json_metrics.points,
}
# Unfit: of a resource or scope, and so of every record below it; a record's own is counted by its reader.
MALFORMED = (*decode_protobuf.MALFORMED, msgspec.MsgspecError, RecursionError, Unfit)


def decode(signal: str, body: bytes, content_type: str, now_ns: int) -> Decoded:
    """signal: traces, logs or metrics. content_type: PROTOBUF or JSON. now_ns: stands in where a record has no time."""
    try:
        return READERS[signal, content_type](body, now_ns)
    except MALFORMED as error:
        name = "JSON" if content_type == JSON else "protobuf"
        raise Rejected("malformed", f"the body is not an OTLP {signal} request in {name}: {_short(error)}") from None


def decode_traces(body: bytes, content_type: str, now_ns: int) -> Decoded:
    return decode("traces", body, content_type, now_ns)


def decode_logs(body: bytes, content_type: str, now_ns: int) -> Decoded:
    return decode("logs", body, content_type, now_ns)


def decode_metrics(body: bytes, content_type: str, now_ns: int) -> Decoded:
    return decode("metrics", body, content_type, now_ns)


def _short(error: Exception) -> str:
    """What was wrong and where, never what was sent."""
    if isinstance(error, UnicodeDecodeError):
        return "a text is not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deep"
    return str(error)[:200] or type(error).__name__
