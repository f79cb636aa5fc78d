"""Requests that are small on the wire and large once read. Each is a function, so that a test makes only its own."""

import gzip
import json
import zlib

import zstandard

from ingest.decode import JSON, PROTOBUF
from tests.ingest import bodies

MIB = 1024 * 1024


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


SPAN = bodies.traces().resource_spans[0].scope_spans[0].spans[0].SerializeToString()


def request(spans):
    return field(1, field(2, spans))


def span(more=b""):
    return field(2, SPAN + more)


def attribute(value, key=b"k"):
    return field(9, field(1, key) + field(2, value))


def whole(build):
    """As many of build(number) as fit into 20 MiB, at most 10 000."""
    pieces, size = [], 0
    for number in range(10_000):
        pieces.append(build(number))
        size += len(pieces[-1])
        if size > 20 * MIB - 200_000:
            pieces.pop()
            break
    return b"".join(pieces)


def trace(body, coding="identity"):
    return lambda: ("traces", PROTOBUF, coding, body())


def json_trace(body):
    return lambda: ("traces", JSON, "identity", body().encode())


def many_attributes(number):
    return span(b"".join(attribute(b"\x18\x05", b"%x" % key) for key in range(512)))


def json_span(**fields):
    return json.dumps(bodies.json_span(**fields))[:-1]


def json_request(spans):
    return '{"resourceSpans":[{"scopeSpans":[{"spans":[' + spans + "]}]}]}"


def metric(points):
    return lambda: ("metrics", PROTOBUF, "identity", field(1, field(2, field(2, points()))))


BOMBS = {
    "15 200 000 empty spans": trace(lambda: request(field(2, b"") * 200_000)),
    "16 a million empty resource spans": trace(lambda: field(1, b"") * 1_000_000),
    "16 a million empty scope spans": trace(lambda: field(1, field(2, b"") * 1_000_000)),
    "10 million empty spans": trace(lambda: request(field(2, b"") * 10_000_000)),
    "10 million empty attributes of one span": trace(lambda: request(span(field(9, b"") * 10_000_000))),
    "10 000 spans of 512 attributes": trace(lambda: request(whole(many_attributes))),
    "10 000 spans of 256 events": trace(lambda: request(whole(lambda _: span(field(11, b"") * 256)))),
    "empty attributes just below the large path": trace(
        lambda: request(whole(lambda _: span(field(9, b"") * 120_000)))
    ),
    "61 arrays of empty arrays": trace(
        lambda: request(whole(lambda _: span(attribute(field(5, field(1, field(5, b"")) * 50_000)))))
    ),
    "61 maps of 100 000 entries": trace(
        lambda: request(
            whole(lambda _: span(attribute(field(6, b"".join(field(1, field(1, b"%x" % n)) for n in range(100_000))))))
        )
    ),
    "nested maps": trace(lambda: request(span(attribute(b"".join(b"\x32" for _ in range(5_000)))))),
    "20 MB in one text": trace(lambda: request(span(attribute(field(1, b"x" * (20 * MIB - 1_000)))))),
    "20 MB of JSON text": trace(lambda: request(span(attribute(field(1, b"[" + b"1," * (10 * MIB - 1_000) + b"1]"))))),
    "4 MB of JSON text of empty arrays": trace(
        lambda: request(span(attribute(field(1, b"[" + b"[]," * 1_390_000 + b"1]")) * 4))
    ),
    "10 million empty data points": metric(lambda: field(5, field(1, b"") * 10_000_000)),
    "packed bucket counts": metric(lambda: field(9, field(1, field(6, bytes(19 * MIB))))),
    "json: a million empty spans": json_trace(lambda: json_request(",".join(["{}"] * 1_000_000))),
    "json: attributes": json_trace(
        lambda: json_request(",".join([json_span(attributes=[{"key": str(n)} for n in range(512)]) + "}"] * 1_800))
    ),
    "json: arrays": json_trace(
        lambda: json_request(
            json_span()
            + ',"attributes":[{"key":"k","value":{"arrayValue":{"values":['
            + ",".join(["{}"] * 5_000_000)
            + "]}}}]}"
        )
    ),
    "json: braces in a text": json_trace(lambda: json_request(json_span(name='{\\"x\\"' * 2_000_000) + "}")),
    "7 gzip bomb": trace(lambda: gzip.compress(bytes(64 * MIB)), "gzip"),
    "8 zstd bomb": trace(lambda: zstandard.ZstdCompressor().compress(bytes(1024 * MIB)), "zstd"),
    "a million empty gzip members": trace(lambda: zlib.compress(b"", wbits=31) * 1_000_000, "gzip"),
}
