"""How does a row become bytes of COPY BINARY? Cells: a length and the value, big-endian; -1 is NULL.

Written by hand because psycopg's `write_row` takes 21 us for a span and this takes 5 (one core of an EPYC).
"""

from collections.abc import Sequence
from struct import Struct
from typing import Any

import msgspec

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
UUID_OID, TEXT_OID, BYTEA_OID = 2950, 25, 17
EPOCH_DAY = 10_957  # 2000-01-01, where Postgres counts its dates from, in days since 1970

_length = Struct(">i").pack
_bigint = Struct(">iq").pack
_smallint = Struct(">ih").pack
_integer = Struct(">ii").pack
_double = Struct(">id").pack
_array = Struct(">iiIii").pack
_empty_array = Struct(">iiI").pack

CACHED_TEXT = 64
CACHED_CELLS = 8_192
CACHED_GROUPS, GROUP_BYTES = 8_192, 512


class Cells(dict[Any, bytes]):
    """value -> its cell: None, text, or an integer for a bigint column. Short texts are remembered; they repeat.

    Threads share it: one may look a value up, None included, just after another has cleared it.
    """

    def __missing__(self, value: str | int | None) -> bytes:
        if not isinstance(value, str):
            return bigint(value)
        data = value.encode()
        cell = _length(len(data)) + data
        if len(data) <= CACHED_TEXT:
            if len(self) > CACHED_CELLS:
                self.clear()
                self[None] = NULL
            self[value] = cell
        return cell


CELLS = Cells({None: NULL})


class Groups(dict[tuple[Any, ...], bytes]):
    """Neighbouring values -> their cells in one piece: what a service, a model or a tool is called comes again and again.

    A lookup of eleven values together takes 0.3 us, eleven lookups 0.7 us, and integers are not remembered one by one.
    """

    def __missing__(self, values: tuple[Any, ...]) -> bytes:
        cells = b"".join(map(CELLS.__getitem__, values))
        if len(cells) <= GROUP_BYTES:
            if len(self) >= CACHED_GROUPS:
                self.clear()
            self[values] = cells
        return cells


GROUPS = Groups()


def text(value: str) -> bytes:
    data = value.encode()
    return _length(len(data)) + data


def binary(value: bytes | None) -> bytes:
    return NULL if value is None else _length(len(value)) + value


def bigint(value: int | None) -> bytes:
    return NULL if value is None else _bigint(8, value)


def integer(value: int | None) -> bytes:
    return NULL if value is None else _integer(4, value)


def smallint(value: int | None) -> bytes:
    return NULL if value is None else _smallint(2, value)


def boolean(value: bool) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def double(value: float | int | None) -> bytes:
    return NULL if value is None else _double(8, float(value))


def day(value: int) -> bytes:
    """value: days since 1970."""
    return _integer(4, value - EPOCH_DAY)


_json = msgspec.json.Encoder().encode  # a tenth of what json takes


def jsonb(value: Any) -> bytes:
    data = _json(value)
    return _length(len(data) + 1) + b"\x01" + data


_UUID_CELL = b"\0\0\0\x10"


def uuids(values: Sequence[bytes]) -> bytes:
    """A uuid[], empty or not."""
    if not values:
        return _length(12) + _empty_array(0, 0, UUID_OID)
    cells = _UUID_CELL + _UUID_CELL.join(values)
    return _length(20 + len(cells)) + _array(1, 0, UUID_OID, len(values), 1) + cells


def byteas(values: Sequence[bytes]) -> bytes:
    """A bytea[] that is not empty."""
    cells = b"".join([_length(len(value)) + value for value in values])
    return _length(20 + len(cells)) + _array(1, 0, BYTEA_OID, len(values), 1) + cells


def texts(values: Sequence[str]) -> bytes:
    """A text[], empty or not."""
    if not values:
        return _length(12) + _empty_array(0, 0, TEXT_OID)
    cells = b"".join(map(text, values))
    return _length(20 + len(cells)) + _array(1, 0, TEXT_OID, len(values), 1) + cells


def rows(packed: Sequence[bytes]) -> bytes:
    """What COPY ... FROM STDIN (FORMAT BINARY) reads."""
    return HEADER + b"".join(packed) + TRAILER
