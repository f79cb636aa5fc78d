"""What do we answer, in the sender's own encoding? OTLP's Export*ServiceResponse and google.rpc.Status. Pure."""

import msgspec

from ingest.decode import JSON
from ingest.errors import Answer
from tracestore.records import Receipt

REJECTED_NAMES = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}
RETRY_INFO = b"type.googleapis.com/google.rpc.RetryInfo"
MESSAGE_CHARS = 1_000


def success(signal: str, receipt: Receipt, content_type: str) -> bytes:
    """Empty when everything was taken; else how many records were not, and why."""
    rejected, message = sum(receipt.rejected.values()), receipt.message[:MESSAGE_CHARS]
    if content_type == JSON:
        if not rejected and not message:
            return b"{}"
        partial = {REJECTED_NAMES[signal]: str(rejected), "errorMessage": message}
        return msgspec.json.encode({"partialSuccess": partial})
    partial_success = _integer(1, rejected) + _text(2, message.encode())
    return _text(1, partial_success)


def refusal(answer: Answer, content_type: str) -> bytes:
    """google.rpc.Status with the reason in its message."""
    if content_type == JSON:
        return msgspec.json.encode({"code": answer.fate.code, "message": answer.message[:MESSAGE_CHARS]})
    return status(answer)


def status(answer: Answer) -> bytes:
    """google.rpc.Status in protobuf; with RetryInfo where the request may come again, as gRPC clients want it."""
    encoded = _integer(1, answer.fate.code) + _text(2, answer.message[:MESSAGE_CHARS].encode())
    if answer.retry_after_s is None:
        return encoded
    return encoded + _text(3, _text(1, RETRY_INFO) + _text(2, _retry_info(answer.retry_after_s)))


def trailers(answer: Answer) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata of a gRPC refusal. The SDK for Python looks for RetryInfo under a name of its own."""
    details = ("grpc-status-details-bin", status(answer))
    if answer.retry_after_s is None:
        return (details,)
    return details, ("google.rpc.retryinfo-bin", _retry_info(answer.retry_after_s))


def _retry_info(seconds: int) -> bytes:
    return _text(1, _integer(1, seconds))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value) if value else b""


def _text(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value if value else b""
