"""A compressed body -> its bytes, never more of them than the caps allow. Pure.

Each reader is fed so little at a time that even the densest bomb passes a cap by 17 MB at most: zstd makes 128 kB of
4 bytes (32 466:1), gzip 1 028:1. A size that a header states is never believed.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import zstandard

from ingest import limits
from ingest.errors import Rejected

Account = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Reader:
    """start(first bytes) -> a fresh decompressor. step: bytes of input at a time. members: how many may follow."""

    start: Callable[[bytes], Any]
    step: int
    members: int


def _inflate(head: bytes) -> Any:
    """`deflate` is the zlib format; some clients leave its header out."""
    has_header = len(head) > 1 and head[0] & 15 == 8 and int.from_bytes(head, "big") % 31 == 0
    return zlib.decompressobj(15 if has_header else -15)


def _zstd(_: bytes) -> Any:
    return zstandard.ZstdDecompressor(max_window_size=limits.ZSTD_WINDOW_BYTES).decompressobj()


READERS = {
    "gzip": Reader(lambda _: zlib.decompressobj(31), 16 * limits.KIB, limits.MEMBERS),
    "deflate": Reader(_inflate, 16 * limits.KIB, 1),
    "zstd": Reader(_zstd, 512, limits.MEMBERS),
}
CODINGS = ("identity", *READERS)


def decompress(body: bytes, coding: str, account: Account | None = None) -> bytes:
    """coding: one of CODINGS. account(n) hears of each n bytes as they come and may raise.

    Raises Rejected: compression (not what it claims, cut short, or followed by junk) or too_large.
    """
    if coding == "identity":
        return body
    pieces: list[bytes] = []
    total = 0
    try:
        for piece in _pieces(body, READERS[coding]):
            total += len(piece)
            _refuse_bomb(total, len(body))
            if account is not None:
                account(len(piece))
            pieces.append(piece)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        message = f"the body is not what Content-Encoding: {coding} says: {str(error)[:100]}"
        raise Rejected("compression", message) from None
    return b"".join(pieces)


def _refuse_bomb(total: int, compressed: int) -> None:
    if total > limits.REQUEST_BYTES:
        raise Rejected("too_large", f"the body is larger than {limits.REQUEST_BYTES} bytes once decompressed")
    if total > limits.RATIO_FROM_BYTES and total > limits.RATIO * compressed:
        raise Rejected("too_large", f"the body decompresses to more than {limits.RATIO} times its size")


def _pieces(body: bytes, reader: Reader) -> Iterator[bytes]:
    """What comes out of one member (gzip) or frame (zstd) after the other."""
    if not body:
        raise EOFError("it is empty")
    at, members = 0, reader.members
    while at < len(body):
        if members == 0:
            raise EOFError("something follows its end")
        members -= 1
        stream = reader.start(body[at : at + 2])
        while not stream.eof:
            if at >= len(body):
                raise EOFError("it ends too early")
            yield stream.decompress(body[at : at + reader.step])
            at += reader.step
        at = min(at, len(body)) - len(stream.unused_data)
