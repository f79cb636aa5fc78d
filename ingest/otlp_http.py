"""OTLP over HTTP: POST /v1/{traces,logs,metrics} -> receive(). A plain ASGI application.

The body is read here, under a cap, a deadline and a budget, so a chunked, slow or endless one is what it says and no
more. Decoding and the database run in a few threads; the event loop only moves bytes. Nothing is ever answered with 500:
clients drop data on it.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings

from ingest import http_headers, limits, replies
from ingest.auth import Gate, ProjectContext
from ingest.buffer import Buffer, Share
from ingest.compression import decompress
from ingest.credentials import Headers
from ingest.decode import PROTOBUF
from ingest.errors import Overloaded, Rejected, answer
from ingest.fair_queue import FairQueue
from ingest.receive import receive as receive_batch
from ingest.refusals import refusals
from ingest.turns import SMALL_BYTES, Turns
from tracestore.records import Receipt

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREFIXES = ("", "/otel", "/api/public/otel")  # plain; LangSmith's; Langfuse's
OTLP_PATHS = {f"{prefix}/v1/{signal}": signal for prefix in PREFIXES for signal in ("traces", "logs", "metrics")}
SWITCH_INTERVAL_S = 0.001  # how long a decoding thread may keep the event loop waiting
QUEUE_S = 8.0  # SDKs give up after 10
AHEAD = 2  # batches handed to a pool for each of its threads: the next is there when one ends
SMALL_THREADS = 8  # small batches mostly wait for a commit, and share one when they wait together

_log = logging.getLogger("fourline.ingest")


class Gone(Exception):
    """The client went away before its request was whole: there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What one process receives with."""

    gate: Gate
    buffer: Buffer
    workers: ThreadPoolExecutor
    small: ThreadPoolExecutor  # apart, so that a few large batches do not hold up many small ones
    turns: Turns
    lookups: ThreadPoolExecutor  # apart, so that a key is not asked for behind a full queue of batches
    queue: FairQueue  # of workers
    small_queue: FairQueue


@cache
def edge() -> Edge:
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    threads, small_threads = settings.INGEST_THREADS, max(settings.INGEST_THREADS, SMALL_THREADS)
    return Edge(
        Gate(),
        Buffer(settings.INGEST_BUFFER_MB * limits.MIB),
        ThreadPoolExecutor(threads, "ingest"),
        ThreadPoolExecutor(small_threads, "small"),
        Turns(),
        ThreadPoolExecutor(1, "keys"),
        FairQueue(threads * AHEAD),
        FairQueue(small_threads * AHEAD),
    )


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The whole of one HTTP request, whatever becomes of it."""
    signal = OTLP_PATHS.get(http_headers.path(scope), "")
    headers = http_headers.read(scope)
    known: list[ProjectContext] = []
    try:
        receipt = await _export(scope["method"], signal, headers, http_headers.peer(scope), receive, known)
    except Gone:
        refusals.count(known[0].project_id if known else 0, signal, "truncated", time.time())
        return
    except Exception as error:
        await _refuse(error, signal, known[0].project_id if known else 0, headers, send)
        return
    content_type = http_headers.content_type(headers)
    await _answer(send, 200, replies.success(signal, receipt, content_type), content_type)


async def _export(
    method: str, signal: str, headers: Headers, peer: str, receive: Receive, known: list[ProjectContext]
) -> Receipt:
    if not signal:
        raise Rejected("not_found", "OTLP is received at /v1/traces, /v1/logs and /v1/metrics")
    if method != "POST":
        raise Rejected("method", "telemetry is sent with POST")
    mine, loop = edge(), asyncio.get_running_loop()
    project = mine.gate.peek(headers, peer)
    if project is None:
        project = await loop.run_in_executor(mine.lookups, mine.gate.admit, headers, peer)
    known.append(project)
    mine.gate.charge_request(project)
    content_type, coding = http_headers.content_type(headers), http_headers.coding(headers)
    with Share(mine.buffer, project.key_id) as share:
        body = await _read(headers, receive, share)
        mine.gate.charge_bytes(project, len(body))
        since = time.monotonic()

        def work() -> Receipt:
            if time.monotonic() - since > QUEUE_S:
                raise Overloaded("busy", "more comes in than can be stored, send it again")
            plain = decompress(body, coding, share.take)
            turn = mine.turns.of(len(plain))
            return receive_batch(signal, project, plain, content_type, time.time_ns(), turn)

        is_small = len(body) <= SMALL_BYTES
        async with (mine.small_queue if is_small else mine.queue).slot(project.key_id):
            return await loop.run_in_executor(mine.small if is_small else mine.workers, work)


async def _read(headers: Headers, receive: Receive, share: Share) -> bytes:
    """The body as it was sent, whole, or an exception."""
    declared = http_headers.length(headers)
    _refuse_size(declared or 0)
    pieces: list[bytes] = []
    size, loop = 0, asyncio.get_running_loop()
    deadline = loop.time() + limits.BODY_DEADLINE_S
    try:
        async with asyncio.timeout_at(deadline) as timeout:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                piece = message.get("body", b"")
                size += len(piece)
                _refuse_size(size)
                share.take(len(piece))
                pieces.append(piece)
                if not message.get("more_body"):
                    break
                timeout.reschedule(deadline + size / limits.BODY_MIN_BYTES_PER_S)
    except TimeoutError:
        raise Rejected("too_slow", "the body did not come in time") from None
    if declared is not None and size != declared:
        raise Rejected("truncated", f"Content-Length says {declared} bytes, {size} came")
    if not size and "transfer-encoding" in headers:
        raise Rejected("truncated", "a chunked body without content")
    return b"".join(pieces)


def _refuse_size(size: int) -> None:
    if size > limits.REQUEST_BYTES:
        raise Rejected("too_large", f"the body is larger than {limits.REQUEST_BYTES} bytes: let the exporter send less")


async def _refuse(error: Exception, signal: str, project_id: int, headers: Headers, send: Send) -> None:
    given = answer(error)
    if given.reason == "unexpected":
        _log.exception("a request failed in a way nobody foresaw", exc_info=error)
    refusals.count(project_id, signal, given.reason, time.time())
    extra = []
    if given.retry_after_s is not None:
        extra.append((b"retry-after", str(given.retry_after_s).encode()))
    if given.reason == "method":
        extra.append((b"allow", b"POST"))
    if given.reason == "unauthenticated":
        extra.append((b"www-authenticate", b"Bearer"))
    if given.reason == "too_slow":
        extra.append((b"connection", b"close"))
    try:
        content_type = http_headers.content_type(headers)
    except Rejected:
        content_type = http_headers.closest(headers)
    await _answer(send, given.fate.http, replies.refusal(given, content_type), content_type, extra)


async def _answer(
    send: Send, status: int, body: bytes, content_type: str = PROTOBUF, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    length = str(len(body)).encode()
    headers = [(b"content-type", content_type.encode()), (b"content-length", length), *(extra or ())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
