"""Bad input over raw sockets, against the web worker that `manage.py serve` runs. Numbers: the corpus of bad inputs."""

import gzip
import re
import threading
import time
import zlib

import pytest
import zstandard

from dashboard.server import HEADER_TIMEOUT_S
from ingest import limits
from tests.ingest import bodies

TWO = bodies.body(2)
HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def chunks(body: bytes, size: int = 100) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def sized(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def statuses(came: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3})", came)]


def padded(size: int) -> bytes:
    """A valid request of exactly `size` bytes: the rest is an unknown field, which nobody keeps."""
    room = size - len(TWO) - 2
    width = next(width for width in (1, 2, 3, 4) if room - width < 1 << 7 * width)
    length = room - width
    varint = bytes(length >> 7 * at & 127 | (128 if at < width - 1 else 0) for at in range(width))
    return TWO + b"\xfa\x01" + varint + bytes(length)


def zstd(body: bytes, **options) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(body)


def window_log_31() -> bytes:
    """A zstd frame that asks for a window of 2 GiB."""
    return b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00"


# number -> (raw bytes, whether the client closes its side, statuses that are right, records stored)
FRAMING = {
    "1 chunked": (CHUNKED + chunks(TWO) + b"0\r\n\r\n", False, {200}, 2),
    "1 chunked, trailers": (CHUNKED + chunks(TWO) + b"0\r\nx-end: 1\r\n\r\n", False, {200}, 2),
    "2 malformed chunk size": (CHUNKED + b"ZZ\r\n" + TWO + b"\r\n0\r\n\r\n", False, {400}, 0),
    "2 chunk shorter than it says": (CHUNKED + b"5\r\nabc\r\n0\r\n\r\n", True, {400}, 0),
    "3 chunked without its end": (CHUNKED + chunks(TWO), True, {400}, 0),
    "4 body shorter than Content-Length": (
        HEAD + b"Content-Length: %d\r\n\r\n" % (len(TWO) + 9) + TWO,
        True,
        {400},
        0,
    ),
    "5 Content-Length 0": (sized(b""), False, {200}, 0),
    "5 no body at all": (HEAD + b"\r\n", False, {200}, 0),
    "5 chunked and empty": (CHUNKED + b"0\r\n\r\n", False, {400}, 0),
    "101 CL and TE": (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False, {400}, 0),
    "101 TE and CL": (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", False, {400}, 0),
    "102 xchunked": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", False, {400, 501}, 0),
    "102 chunked, identity": (HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", False, {400, 501}, 0),
    "103 two Content-Length": (HEAD + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc", False, {400}, 0),
    "104 negative Content-Length": (HEAD + b"Content-Length: -1\r\n\r\n", False, {400}, 0),
    "104 Content-Length in words": (HEAD + b"Content-Length: many\r\n\r\n", False, {400}, 0),
    "105 a header of 64 kB": (HEAD + b"X: " + b"x" * 65_536 + b"\r\n\r\n", False, {400, 431}, 0),
    "105 10 000 headers": (HEAD + b"X: y\r\n" * 10_000 + b"\r\n", False, {400, 431}, 0),
    "28 a gRPC frame": (b"\x00\x00\x00\x00\x05hello\r\n\r\n", False, {400}, 0),
    "28 the HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", False, {400}, 0),
    "111 NUL in the path": (b"POST /v1/traces\x00 HTTP/1.1\r\nHost: x\r\n\r\n", False, {400}, 0),
    "half-closed after a whole request": (sized(TWO), True, {200}, 2),
}


@pytest.mark.parametrize("case", FRAMING, ids=str)
def test_framing(edge, case):
    sent, close, right, stored = FRAMING[case]
    came = edge.raw(sent, close=close)
    assert len(statuses(came)) == 1, came[:200]
    assert statuses(came)[0] in right
    assert edge.stored() == stored


def test_3_a_client_that_vanishes_stores_nothing(edge):
    with edge.connect() as line:
        line.sendall(CHUNKED + chunks(TWO))
    with edge.connect() as line:
        line.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (len(TWO) + 1) + TWO)
    time.sleep(0.2)
    assert edge.stored() == 0
    assert edge.refused() == ["7 traces truncated"] * len(edge.refused())


def test_6_a_body_of_the_limit_passes_and_one_byte_more_does_not(edge):
    assert edge.post(body=padded(limits.REQUEST_BYTES)).status == 200
    refused = edge.post(body=padded(limits.REQUEST_BYTES + 1))
    assert refused.status == 413
    assert edge.stored() == 2
    body = padded(limits.REQUEST_BYTES + 1)
    assert statuses(edge.raw(CHUNKED + chunks(body, 100_000) + b"0\r\n\r\n")) == [413]


BOMB = bytes(64 * 1024 * 1024)
COMPRESSED = {
    "7 gzip bomb": ("gzip", gzip.compress(BOMB), 413, 0),
    "7 deflate bomb": ("deflate", zlib.compress(BOMB), 413, 0),
    "8 zstd bomb, size in its header": ("zstd", zstd(BOMB), 413, 0),
    "9 zstd bomb without a size": ("zstd", zstd(BOMB, write_content_size=False), 413, 0),
    "9 zstd with a window of 2 GiB": ("zstd", window_log_31(), 400, 0),
    "10 gzip of two members": ("gzip", gzip.compress(TWO[:50]) + gzip.compress(TWO[50:]), 200, 2),
    "10 gzip of two whole requests": ("gzip", gzip.compress(TWO) + gzip.compress(TWO), 200, 4),
    "10 zstd of two frames": ("zstd", zstd(TWO) + zstd(TWO), 200, 4),
    "11 gzip cut short": ("gzip", gzip.compress(TWO)[:-9], 400, 0),
    "11 gzip without its trailer": ("gzip", gzip.compress(TWO)[:-3], 400, 0),
    "11 gzip with a wrong CRC": ("gzip", gzip.compress(TWO)[:-8] + b"\0\0\0\0" + gzip.compress(TWO)[-4:], 400, 0),
    "11 gzip and junk": ("gzip", gzip.compress(TWO) + b"junk", 400, 0),
    "11 zstd cut short": ("zstd", zstd(TWO)[:-3], 400, 0),
    "11 zstd and junk": ("zstd", zstd(TWO) + b"junk", 400, 0),
    "11 deflate cut short": ("deflate", zlib.compress(TWO)[:-3], 400, 0),
    "11 deflate and junk": ("deflate", zlib.compress(TWO) + b"junk", 400, 0),
    "11 empty gzip": ("gzip", b"", 400, 0),
    "12 gzip, gzip": ("gzip, gzip", gzip.compress(gzip.compress(TWO)), 415, 0),
    "12 br": ("br", TWO, 415, 0),
    "12 deflate": ("deflate", zlib.compress(TWO), 200, 2),
    "12 deflate without its header": ("deflate", zlib.compress(TWO, wbits=-15), 200, 2),
    "12 identity": ("identity", TWO, 200, 2),
    "12 GZIP": ("GZIP", gzip.compress(TWO), 200, 2),
    "12 zstd": ("zstd", zstd(TWO), 200, 2),
    "12 x-unknown": ("x-unknown", TWO, 415, 0),
    "13 plain body with a gzip header": ("gzip", TWO, 400, 0),
}


@pytest.mark.parametrize("case", COMPRESSED, ids=str)
def test_compression(edge, case):
    coding, body, status, stored = COMPRESSED[case]
    since = time.monotonic()
    assert edge.post(body=body, content_encoding=coding).status == status
    assert time.monotonic() - since < 2
    assert edge.stored() == stored


PATHS = {
    "/v1/traces": 200,
    "/v1/traces/": 200,
    "/otel/v1/traces": 200,
    "/api/public/otel/v1/traces": 200,
    "/v1/traces//": 404,
    "//v1/traces": 404,
    "/v1/traces%2f": 404,
    "/v1%2Ftraces": 404,
    "/v1/traces;x": 404,
    "/V1/traces": 404,
    "/v1/profiles": 404,
    "/v1development/profiles": 404,
    "/v1/traces/../logs": 404,
}


@pytest.mark.parametrize("path", PATHS)
def test_108_paths_are_served_or_404_and_never_redirected(edge, path):
    assert edge.post(path, TWO).status == PATHS[path]
    assert edge.stored() == (2 if PATHS[path] == 200 else 0)


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "DELETE", "PATCH"])
def test_109_other_methods(edge, method):
    answer = edge.post(method=method, body=b"", content_length=None)
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert "access-control-allow-origin" not in answer.headers


CONTENT_TYPES = {
    "application/x-protobuf": 200,
    "application/protobuf": 200,
    "Application/X-Protobuf": 200,
    "application/x-protobuf; charset=utf-8": 200,
    "text/plain": 415,
    "application/octet-stream": 415,
    "": 415,
    "application/x-protobuf; charset=utf-16": 415,
}


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_26_content_types(edge, content_type):
    assert edge.post(body=TWO, content_type=content_type).status == CONTENT_TYPES[content_type]


def test_26_without_a_content_type(edge):
    assert edge.post(body=TWO, content_type=None).status == 415


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/json", 200), ("application/json; charset=UTF-8", 200), ("application/json; charset=utf-16", 415)],
)
def test_26_json_content_types(edge, content_type, status):
    answer = edge.post(body=bodies.json_body(), content_type=content_type)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == (b"{}" if status == 200 else answer.body)


def test_106_expect_100_continue(edge):
    with edge.connect() as line:
        line.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(TWO))
        assert line.recv(100).startswith(b"HTTP/1.1 100 Continue")
        line.sendall(TWO)
        assert statuses(line.recv(500)) == [200]
    assert edge.stored() == 2


def test_106_expect_with_a_bad_key_is_refused_before_the_body(edge):
    with edge.connect() as line:
        line.sendall(HEAD + b"x-api-key: nope\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        assert statuses(line.recv(500)) == [401]


def test_107_http_1_0(edge):
    old = sized(TWO).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert statuses(edge.raw(old)) == [200]
    assert edge.stored() == 2


def test_107_pipelined_requests_are_answered_in_order(edge):
    came = edge.raw(sized(TWO) + sized(b"\xff") + sized(TWO))
    assert statuses(came) == [200, 400, 200]
    assert edge.stored() == 4


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_17_and_113_slow_clients_are_let_go_at_their_deadlines(edge):
    with edge.connect(40) as body, edge.connect(40) as headers:
        body.sendall(HEAD + b"Content-Length: 20000000\r\n\r\n\x0a")
        headers.sendall(b"POST /v1/traces HTTP/1.1\r\nX: ")
        since = time.monotonic()
        dripping = threading.Event()

        def drip():
            while not dripping.wait(0.5):
                try:
                    body.sendall(b"\x00" * 5)
                    headers.sendall(b"y")
                except OSError:
                    return

        threading.Thread(target=drip, daemon=True).start()
        headers.settimeout(15)
        assert edge.until_silent(headers) in (b"",)
        assert time.monotonic() - since < HEADER_TIMEOUT_S + 2
        came = body.recv(1000)
        dripping.set()
    assert statuses(came) == [408]
    assert limits.BODY_DEADLINE_S - 1 < time.monotonic() - since < limits.BODY_DEADLINE_S + 3
    assert edge.stored() == 0


def test_unexpected_errors_are_503_and_say_nothing_of_our_insides(edge):
    edge.log.with_name("stored.bug").touch()
    answer = edge.post(body=TWO)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert b"secret" not in answer.body
    assert edge.refused() == ["7 traces unexpected"]


def test_a_store_that_is_away_is_503_with_retry_after(edge):
    edge.log.with_name("stored.down").touch()
    answer = edge.post(body=bodies.json_body(), content_type="application/json")
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert b'"code":14' in answer.body
    edge.log.with_name("stored.down").unlink()
    assert edge.post(body=TWO).status == 200


def test_27_requests_of_another_signal_leave_no_phantoms(edge):
    for path, request in (
        ("/v1/traces", bodies.metrics(name="sixteen chars ok", description="8 chars.")),
        ("/v1/traces", bodies.logs()),
    ):
        assert edge.post(path, request.SerializeToString()).status in (200, 400)
    assert edge.stored() == 0
