"""For how long does each SDK try again? Prints the figures of docs/ingest.md: `python -m tests.sdk.retry_times` (a minute).

An exporter that gives up does so right after its last attempt, so the time of export() is the longest outage that it bridges.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider

from ingest import replies
from ingest.errors import Overloaded, answer
from tests.sdk.javascript import Agent

AWAY = answer(Overloaded("store", "away"))
TIMEOUTS_S = (10, 60)


@contextmanager
def refusing_http() -> Iterator[str]:
    """Answers 503 with our Retry-After to everything."""

    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(503)
            self.send_header("Retry-After", str(AWAY.retry_after_s))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def refusing_grpc() -> Iterator[str]:
    """Answers UNAVAILABLE with our RetryInfo to everything."""

    def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata(replies.trailers(AWAY))
        context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        return b""

    class Everything(grpc.GenericRpcHandler):
        def service(self, _: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(refuse)

    server = grpc.server(ThreadPoolExecutor(8), handlers=(Everything(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def python(exporter: OTLPSpanExporter | GrpcExporter) -> float:
    span = TracerProvider().get_tracer("test").start_span("chat")
    span.end()
    began = time.monotonic()
    exporter.export([span])  # type: ignore[list-item]
    return time.monotonic() - began


def javascript(kind: str, url: str, timeout_s: float) -> float:
    told = Agent(kind, url, spans=1, timeoutMs=timeout_s * 1000).finish(120)
    return max(export["ms"] for export in told.exports) / 1000


def cases(http: str, rpc: str) -> dict[str, Callable[[float], float]]:
    return {
        "Python, HTTP": lambda timeout: python(OTLPSpanExporter(endpoint=f"http://{http}/v1/traces", timeout=timeout)),
        "Python, gRPC": lambda timeout: python(GrpcExporter(endpoint=rpc, insecure=True, timeout=timeout)),
        "JavaScript, HTTP protobuf": lambda timeout: javascript("proto", f"http://{http}/v1/traces", timeout),
        "JavaScript, HTTP JSON": lambda timeout: javascript("json", f"http://{http}/v1/traces", timeout),
        "JavaScript, gRPC": lambda timeout: javascript("grpc", f"http://{rpc}", timeout),
    }


def main() -> None:
    with refusing_http() as http, refusing_grpc() as rpc, ThreadPoolExecutor(32) as pool:
        away, told = cases(closed_port(), closed_port()), cases(http, rpc)
        waiting = {
            (name, trouble, timeout): pool.submit(made[name], timeout)
            for trouble, made in (("no process", away), ("503", told))
            for name in made
            for timeout in TIMEOUTS_S
        }
        print(
            f"{'':28}" + "".join(f"{trouble + f', {s} s':>18}" for trouble in ("no process", "503") for s in TIMEOUTS_S)
        )
        for name in away:
            times = [waiting[name, trouble, s].result() for trouble in ("no process", "503") for s in TIMEOUTS_S]
            print(f"{name:28}" + "".join(f"{found:16.1f} s" for found in times))


if __name__ == "__main__":
    main()
