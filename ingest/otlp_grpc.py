"""OTLP over gRPC: the three collector services -> receive(), on the bytes as they came.

Messages stay serialized, so both transports share one decoder; and they stay compressed until our own reader opens them,
since gRPC's inflates a bomb whole before it looks at its size.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from django.conf import settings

from ingest import limits, replies
from ingest.auth import Gate
from ingest.buffer import Buffer, Share
from ingest.compression import decompress
from ingest.credentials import Headers
from ingest.decode import PROTOBUF
from ingest.errors import answer
from ingest.receive import receive
from ingest.refusals import refusals
from ingest.turns import Turns

SERVICES = {
    f"opentelemetry.proto.collector.{package}.v1.{name}Service": signal
    for package, name, signal in (
        ("trace", "Trace", "traces"),
        ("logs", "Logs", "logs"),
        ("metrics", "Metrics", "metrics"),
    )
}
DRAIN_S = 25.0
OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", limits.REQUEST_BYTES),
    ("grpc.max_send_message_length", limits.MIB),
    ("grpc.per_message_decompression", 0),
    ("grpc.max_metadata_size", limits.HEADER_BYTES),
    ("grpc.max_concurrent_streams", limits.GRPC_RPCS),  # of one connection; the rest waits at the client
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 5),
    ("grpc.so_reuseport", 0),  # a second server on the port must fail, not share it
]
# How gRPC's encodings begin. A request begins with field 1 (0x0a), or is empty.
MAGIC = {b"\x1f\x8b": "gzip", b"\x78": "deflate"}

_log = logging.getLogger("fourline.ingest")


class Collector(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The methods we serve; gRPC answers UNIMPLEMENTED to every other."""

    def __init__(self, gate: Gate, buffer: Buffer) -> None:
        self._gate = gate
        self._buffer = buffer
        self._turns = Turns()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        service, _, method = details.method.removeprefix("/").partition("/")
        signal = SERVICES.get(service)
        if signal is None or method != "Export":
            return None
        return grpc.unary_unary_rpc_method_handler(self._export(signal))

    def _export(self, signal: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def export(body: bytes, context: grpc.ServicerContext) -> bytes:
            project_id = 0
            try:
                project = self._gate.admit(_headers(context), _peer(context))
                project_id = project.project_id
                self._gate.charge_request(project)
                self._gate.charge_bytes(project, len(body))
                with Share(self._buffer, project.key_id) as share:
                    share.take(len(body))
                    plain = decompress(body, _coding(body), share.take)
                    receipt = receive(signal, project, plain, PROTOBUF, time.time_ns(), self._turns.of(len(plain)))
                return replies.success(signal, receipt, PROTOBUF)
            except Exception as error:
                failure = error
            return _refuse(failure, signal, project_id, context)

        return export


def _refuse(error: Exception, signal: str, project_id: int, context: grpc.ServicerContext) -> bytes:
    given = answer(error)
    if given.reason == "unexpected":
        _log.exception("a request failed in a way nobody foresaw", exc_info=error)
    refusals.count(project_id, signal, given.reason, time.time())
    context.set_trailing_metadata(replies.trailers(given))
    context.abort(grpc.StatusCode[given.fate.grpc], given.message)
    return b""  # abort raises


def _headers(context: grpc.ServicerContext) -> Headers:
    headers: dict[str, list[str]] = {}
    for name, value in context.invocation_metadata() or ():
        headers.setdefault(name.lower(), []).append(value.decode("latin-1") if isinstance(value, bytes) else value)
    return headers


def _peer(context: grpc.ServicerContext) -> str:
    """The address in "ipv4:127.0.0.1:5000" or "ipv6:%5B::1%5D:5000"."""
    kind, _, rest = str(context.peer()).partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    return rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")


def _coding(body: bytes) -> str:
    return next((coding for magic, coding in MAGIC.items() if body.startswith(magic)), "identity")


def make_server(address: str) -> tuple[Any, int]:
    """A server that is not yet started, and its port. Raises RuntimeError when the address is taken.

    A call waits for a thread before its message is read, so waiting costs no memory to speak of.
    """
    gate, buffer = Gate(), Buffer(settings.INGEST_BUFFER_MB * limits.MIB)
    threads = ThreadPoolExecutor(settings.INGEST_THREADS, "grpc")
    server = grpc.server(threads, handlers=(Collector(gate, buffer),), options=OPTIONS, maximum_concurrent_rpcs=None)
    port = server.add_insecure_port(address)
    if not port:
        raise RuntimeError(f"cannot listen on {address}")
    return server, port


def serve(bind: str, port: int, stop: threading.Event) -> None:
    """Serve until `stop` is set, then answer what is under way and return."""
    host = f"[{bind}]" if ":" in bind else bind
    server, _ = make_server(f"{host}:{port}")
    server.start()
    stop.wait()
    server.stop(DRAIN_S).wait()
    refusals.flush()
