"""How do long arrays of ids and bodies reach a statement? As one binary parameter, packed like a cell of COPY.

psycopg packs an array element by element: 3 us a message (hash and body) where this takes 0.4.
"""

from collections.abc import Sequence

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from tracestore.writer_cells import byteas, uuids

_LENGTH = 4  # bytes of a cell's length, which a parameter has elsewhere


class UuidArray:
    """A uuid[] parameter. values: 16 bytes each."""

    __slots__ = ("packed",)

    def __init__(self, values: Sequence[bytes]) -> None:
        self.packed = uuids(values)[_LENGTH:]


class ByteaArray:
    """A bytea[] parameter, not empty."""

    __slots__ = ("packed",)

    def __init__(self, values: Sequence[bytes]) -> None:
        self.packed = byteas(values)[_LENGTH:]


class _UuidArrayDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["uuid"].array_oid

    def dump(self, obj: UuidArray) -> bytes:
        return obj.packed


class _ByteaArrayDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["bytea"].array_oid

    def dump(self, obj: ByteaArray) -> bytes:
        return obj.packed


psycopg.adapters.register_dumper(UuidArray, _UuidArrayDumper)
psycopg.adapters.register_dumper(ByteaArray, _ByteaArrayDumper)
