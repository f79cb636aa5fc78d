"""Protobuf's wire format, as far as OTLP needs it to be read fast and without being bombed. Pure.

Two ideas. (1) On the wire a message field and a bytes field look the same, so our classes are made of OTLP's own
descriptors with every KeyValue and AnyValue declared as bytes: upb then hands over raw attributes (see
decode_attributes). (2) Containers (resources, scopes, spans) are walked by hand and counted before anything is made of
them: 200 000 empty spans are 0.4 MB on the wire, 34 MB once upb has parsed them.
"""

from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import api_implementation
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from ingest import limits
from ingest.errors import Rejected

if api_implementation.Type() != "upb":  # the pure-Python backend has no depth limit and is 30 times slower
    raise ImportError(
        f"protobuf must run on upb, not on {api_implementation.Type()}: reinstall protobuf from its wheel"
    )

OPAQUE = {".opentelemetry.proto.common.v1.KeyValue", ".opentelemetry.proto.common.v1.AnyValue"}


class Malformed(ValueError):
    """Not protobuf, or not as long as it says."""


def _opaque_fields(message: descriptor_pb2.DescriptorProto) -> None:
    for nested in message.nested_type:
        _opaque_fields(nested)
    for field in message.field:
        if field.type_name in OPAQUE:
            field.type = field.TYPE_BYTES
            field.ClearField("type_name")


def _lean_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            _opaque_fields(message)
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _lean_pool()


def lean(name: str) -> Any:
    """OTLP's message class `name` with attributes and values as bytes, e.g. "trace.v1.Span"."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"opentelemetry.proto.{name}"))


def varint(buffer: bytes, at: int) -> tuple[int, int]:
    """An unsigned 64-bit varint and where it ends."""
    value = shift = 0
    while True:
        byte = buffer[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
        if shift > 63:
            raise Malformed("a varint is longer than 10 bytes")


def scan(buffer: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of one message: (field, wire type, value or start, end). Wire types 0, 1, 2, 5; groups are skipped."""
    while at < end:
        tag = buffer[at]
        at += 1
        if tag > 127:
            tag, at = varint(buffer, at - 1)
        wire = tag & 7
        if wire == 2:
            size = buffer[at]
            at += 1
            if size > 127:
                size, at = varint(buffer, at - 1)
            stop = at + size
            if stop > end:
                at = stop
                break
            yield tag >> 3, 2, at, stop
            at = stop
        elif wire == 0:
            value, at = varint(buffer, at)
            yield tag >> 3, 0, value, at
        elif wire == 1:
            at += 8
            if at > end:
                break
            yield tag >> 3, 1, at - 8, at
        elif wire == 5:
            at += 4
            if at > end:
                break
            yield tag >> 3, 5, at - 4, at
        elif wire == 3:
            at = _skip_group(buffer, at, end, tag >> 3)
        else:
            raise Malformed(f"wire type {wire}")
        if tag < 8:
            raise Malformed("field number 0")
    if at != end:
        raise Malformed("a field is longer than its message")


def _skip_group(buffer: bytes, at: int, end: int, field: int) -> int:
    """Where the group `field` that begins at `at` ends. Groups are unknown fields: read over, never kept."""
    open_groups = [field]
    while open_groups and at < end:
        tag, at = varint(buffer, at)
        wire = tag & 7
        if wire == 0:
            _, at = varint(buffer, at)
        elif wire == 2:
            size, at = varint(buffer, at)
            at += size
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        elif wire == 3 and len(open_groups) < limits.DEPTH_REFUSED:
            open_groups.append(tag >> 3)
        elif wire != 4 or open_groups.pop() != tag >> 3:
            raise Malformed("a group that does not end")
    if open_groups or at > end:
        raise Malformed("a group that does not end")
    return at


def containers(body: bytes, signal: str) -> Iterator[tuple[bytes, bytes, list[tuple[int, int]]]]:
    """(resource group, scope group, places of its records) of a request; groups without records come too.

    A group is resource or scope, then schema_url, still encoded: `split_group` reads it. Counts everything on the way
    and raises Rejected before more than the caps allow has been looked at.
    """
    groups, records = limits.GROUPS, limits.RECORDS[signal]
    for field, wire, start, stop in scan(body, 0, len(body)):
        groups -= 1
        if groups < 0:
            raise Rejected("too_many_records", f"more than {limits.GROUPS} resources and scopes in one request")
        if field != 1 or wire != 2:
            continue
        resource, inner = _group(body, start, stop)
        if not inner:
            yield resource, b"", []  # its head is read all the same: garbage is refused, not taken for nothing
        for scope_start, scope_stop in inner:
            groups -= 1
            scope, places = _group(body, scope_start, scope_stop, records)
            records -= len(places)
            yield resource, scope, places
        if groups < 0:
            raise Rejected("too_many_records", f"more than {limits.GROUPS} resources and scopes in one request")


def _group(body: bytes, start: int, stop: int, room: int = limits.GROUPS) -> tuple[bytes, list[tuple[int, int]]]:
    """A ResourceSpans or a ScopeSpans, of whatever signal: its head (fields 1 and 3) and the places of field 2."""
    head: list[bytes] = []
    places: list[tuple[int, int]] = []
    at = start
    for field, wire, a, b in scan(body, start, stop):
        if wire == 2 and field == 2:
            if len(places) >= room:
                raise Rejected(
                    "too_many_records", "too many records in one request: let the exporter send smaller batches"
                )
            places.append((a, b))
        elif wire == 2 and field in (1, 3):
            head.append(body[at:b])
        at = b
    return b"".join(head), places


def split_group(head: bytes) -> tuple[bytes, str]:
    """(the resource or scope, schema_url) of a head; a resource that comes twice is merged, as protobuf does."""
    parts, schema_url = [], ""
    for field, wire, start, stop in scan(head, 0, len(head)):
        if wire == 2 and field == 1:
            parts.append(head[start:stop])
        elif wire == 2 and field == 3:
            schema_url = head[start:stop].decode()
    return b"".join(parts), schema_url
