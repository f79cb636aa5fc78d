"""How are bodies sent and answers timed? Bodies are ready before the clock starts; a thread and connection a sender."""

import gzip
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from google.protobuf.json_format import MessageToDict

CONTENT_TYPES = {"protobuf": "application/x-protobuf", "json": "application/json"}
RETRYABLE = {429, 502, 503, 504, 0}  # 0: the connection broke
PAUSE_S = 0.2
TIMEOUT_S = 60


def packed(request: Any, encoding: str, zipped: bool) -> bytes:
    body = request.SerializeToString() if encoding == "protobuf" else as_json(request)
    return gzip.compress(body, 6) if zipped else body


def as_json(request: Any) -> bytes:
    """OTLP/JSON: protobuf's own JSON with the ids in hex instead of base64."""
    tree = MessageToDict(request, use_integers_for_enums=True)
    for ours, theirs in zip(request.resource_spans, tree["resourceSpans"], strict=True):
        for scope, its_tree in zip(ours.scope_spans, theirs["scopeSpans"], strict=True):
            for span, said in zip(scope.spans, its_tree["spans"], strict=True):
                said["traceId"], said["spanId"] = span.trace_id.hex(), span.span_id.hex()
                if span.parent_span_id:
                    said["parentSpanId"] = span.parent_span_id.hex()
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


class Channel(Protocol):
    def send(self, body: bytes) -> int:
        """The answer's HTTP status (gRPC codes translated); raises OSError when there is none."""

    def close(self) -> None: ...


@dataclass(slots=True)
class Sent:
    """latencies_s: of the accepted requests, sorted. accepted: their numbers in order of answer."""

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[int] = field(default_factory=list)

    def quantile_ms(self, share: float) -> float:
        if not self.latencies_s:
            return float("nan")
        return 1000 * self.latencies_s[min(len(self.latencies_s) - 1, int(len(self.latencies_s) * share))]

    def summary(self, spans_a_request: int) -> dict[str, Any]:
        spans = len(self.accepted) * spans_a_request
        return {
            "spans_acked": spans,
            "spans_per_s": round(spans / max(self.seconds, 1e-9)),
            "seconds": round(self.seconds, 2),
            "ack_ms": {f"p{share}": round(self.quantile_ms(share / 100), 1) for share in (50, 95, 99)},
            "statuses": dict(self.statuses),
        }


class HttpChannel:
    """A keep-alive HTTP/1.1 connection on a bare socket: costs the sender next to nothing."""

    def __init__(self, address: str, head: bytes) -> None:
        host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = head
        self._rest = b""

    def send(self, body: bytes) -> int:
        self.post(body)
        return self.receive()

    def post(self, body: bytes) -> None:
        self._socket.sendall(self._head % len(body))
        self._socket.sendall(body)

    def receive(self) -> int:
        while b"\r\n\r\n" not in self._rest:
            self._read()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        length = _content_length(head)
        while len(self._rest) < length:
            self._read()
        self.answer, self._rest = self._rest[:length], self._rest[length:]
        self.head = head
        return int(head[9:12])

    def _read(self) -> None:
        more = self._socket.recv(65536)
        if not more:
            raise ConnectionError("closed without an answer")
        self._rest += more

    def close(self) -> None:
        self._socket.close()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """endpoint: host:port."""

    endpoint: str
    key: str | None = None
    encoding: str = "protobuf"
    zipped: bool = False
    path: str = "/v1/traces"

    def open(self) -> HttpChannel:
        lines = [f"POST {self.path} HTTP/1.1", "Host: benchmark", f"Content-Type: {CONTENT_TYPES[self.encoding]}"]
        lines += [f"Authorization: Bearer {self.key}"] if self.key else []
        lines += ["Content-Encoding: gzip"] if self.zipped else []
        return HttpChannel(self.endpoint, "\r\n".join([*lines, "Content-Length: %d", "", ""]).encode())


class GrpcChannel:
    METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

    def __init__(self, endpoint: str, key: str | None) -> None:
        import grpc

        self._grpc = grpc
        self._channel = grpc.insecure_channel(endpoint, options=[("grpc.use_local_subchannel_pool", 1)])
        self._call = self._channel.unary_unary(self.METHOD, request_serializer=bytes, response_deserializer=bytes)
        self._metadata = [("authorization", f"Bearer {key}")] if key else []

    def send(self, body: bytes) -> int:
        try:
            self._call(body, timeout=TIMEOUT_S, metadata=self._metadata)
        except self._grpc.RpcError as error:
            return (
                503
                if error.code() in (self._grpc.StatusCode.UNAVAILABLE, self._grpc.StatusCode.RESOURCE_EXHAUSTED)
                else 400
            )
        return 200

    def close(self) -> None:
        self._channel.close()


@dataclass(frozen=True, slots=True)
class GrpcTarget:
    endpoint: str
    key: str | None = None

    def open(self) -> GrpcChannel:
        return GrpcChannel(self.endpoint, self.key)


class Target(Protocol):
    def open(self) -> Channel: ...


Noted = Callable[[int, int], None]  # (number of the request, status)


def send_all(
    target: Target, bodies: list[bytes], senders: int, noted: Noted | None = None, give_up_s: float = 120
) -> Sent:
    """Send every body until it is accepted or refused for good; each sender takes the next one. Retries like an SDK.

    noted is called with each answer (0: no answer), from the sender's thread.
    """
    sent, lock = Sent(), threading.Lock()
    numbers = iter(range(len(bodies)))
    deadline = time.monotonic() + give_up_s

    def note(number: int, status: int, seconds: float) -> None:
        with lock:
            sent.statuses[status] += 1
            if status == 200:
                sent.latencies_s.append(seconds)
                sent.accepted.append(number)
        if noted:
            noted(number, status)

    def work() -> None:
        channel: Channel | None = None
        for number in _shared(numbers, lock):
            status = 0
            while status in RETRYABLE and time.monotonic() < deadline:
                began = time.perf_counter()
                try:
                    channel = channel or target.open()
                    status = channel.send(bodies[number])
                except OSError:
                    channel, status = None, 0
                note(number, status, time.perf_counter() - began)
                if status in RETRYABLE:
                    time.sleep(PAUSE_S)
        if channel:
            channel.close()

    threads = [threading.Thread(target=work) for _ in range(senders)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.seconds = time.perf_counter() - began
    sent.latencies_s.sort()
    return sent


def _shared(numbers: Iterator[int], lock: threading.Lock) -> Iterator[int]:
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        yield number
