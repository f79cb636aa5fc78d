"""OTLP over gRPC, as the wire and the real SDK see it."""

import gzip
import hashlib
import threading
import zlib
from types import SimpleNamespace

import grpc
import psutil
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ingest import auth, limits, otlp_grpc, receive
from tests.ingest import bodies
from tests.ingest.edge_server import GOOD, READ
from tracestore.queries.access import KeyRow, ProjectContextRow
from tracestore.records import Receipt

EXPORT = "/opentelemetry.proto.collector.{}Service/Export"
TRACES = EXPORT.format("trace.v1.Trace")


class Store:
    """A writer that only counts."""

    Unavailable = receive.writer.Unavailable

    def __init__(self):
        self.records = []
        self.error = None

    def write(self, batch, packed):
        packed()
        if self.error is not None:
            raise self.error
        records = [*batch.spans, *batch.logs, *batch.points]
        self.records += records
        return Receipt(batch.sent, len(records), 0, dict(batch.rejected))


@pytest.fixture
def store(monkeypatch):
    store = Store()
    monkeypatch.setattr(receive, "writer", store)
    monkeypatch.setattr(auth, "note_key_used", lambda *_: None)
    rows = {
        key[3:11]: KeyRow(1, key[3:11], hashlib.sha256(key.encode()).digest(), scope, 7, None, None)
        for key, scope in ((GOOD, "ingest"), (READ, "read"))
    }
    fake = SimpleNamespace(
        find_api_key=rows.get,
        first_project=lambda: 7,
        project_context_row=lambda id: ProjectContextRow(id, "test", "Test", 30, [], []),
        redaction_secret=auth.access.redaction_secret,
    )
    monkeypatch.setattr(auth, "access", fake)
    refused = []
    monkeypatch.setattr(otlp_grpc.refusals, "count", lambda project, signal, reason, now: refused.append(reason))
    store.refused = refused
    return store


@pytest.fixture
def target(store):
    server, port = otlp_grpc.make_server("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


def call(target, body, method=TRACES, metadata=(), compression=None):
    with grpc.insecure_channel(target) as channel:
        method = channel.unary_unary(method, response_deserializer=ExportTraceServiceResponse.FromString)
        return method(body, timeout=30, metadata=metadata, compression=compression)


def failure(target, body, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(target, body, **options)
    return caught.value


def details(error):
    return dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_spans_are_stored_whatever_the_compression(target, store, compression):
    answer = call(target, bodies.body(50), compression=compression)
    assert not answer.HasField("partial_success")
    assert len(store.records) == 50


@pytest.mark.parametrize(
    ("method", "body"),
    [
        (TRACES, bodies.traces()),
        (EXPORT.format("logs.v1.Logs"), bodies.logs()),
        (EXPORT.format("metrics.v1.Metrics"), bodies.metrics()),
    ],
)
def test_the_three_services_store(target, store, method, body):
    call(target, body.SerializeToString(), method=method)
    assert len(store.records) == 1


def test_a_bad_span_is_reported_and_its_batch_is_stored(target, store):
    request = bodies.traces(3)
    request.resource_spans[0].scope_spans[0].spans[1].trace_id = b""
    answer = call(target, request.SerializeToString())
    assert answer.partial_success.rejected_spans == 1
    assert "trace_id" in answer.partial_success.error_message
    assert len(store.records) == 2


def test_what_is_not_otlp_is_an_invalid_argument(target, store):
    error = failure(target, b"\xff" * 10)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert b"RetryInfo" not in details(error)
    assert store.refused == ["malformed"]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ((("authorization", f"Bearer {GOOD}"),), None),
        ((("x-api-key", GOOD),), None),
        ((("authorization", f"Bearer {READ}"),), grpc.StatusCode.PERMISSION_DENIED),
        ((("authorization", "Bearer fl_nokey000_" + "x" * 43),), grpc.StatusCode.UNAUTHENTICATED),
        ((("authorization", "Bearer "),), grpc.StatusCode.UNAUTHENTICATED),
        ((("x-forwarded-for", "10.0.0.1"),), grpc.StatusCode.UNAUTHENTICATED),
        ((), None),
    ],
)
def test_the_key_in_the_metadata_decides(target, store, metadata, code):
    if code is None:
        call(target, bodies.body(), metadata=metadata)
    else:
        assert failure(target, bodies.body(), metadata=metadata).code() == code


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), receive.writer.Unavailable("gone")])
def test_our_own_trouble_is_unavailable_with_retry_info(target, store, error):
    store.error = error
    failed = failure(target, bodies.body())
    assert failed.code() == grpc.StatusCode.UNAVAILABLE
    assert b"google.rpc.RetryInfo" in details(failed)
    assert "secret" not in failed.details()


@pytest.mark.parametrize("method", ["/opentelemetry.proto.collector.trace.v1.TraceService/Other", "/grpc.health/Check"])
def test_every_other_method_is_unimplemented(target, method):
    assert failure(target, b"", method=method).code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_compressed_bomb_is_refused_before_it_is_inflated(target, store):
    rss = psutil.Process().memory_info().rss
    bomb = gzip.compress(bytes(400_000_000), 9)
    with grpc.insecure_channel(target, options=[("grpc.max_send_message_length", -1)]) as channel:
        send = channel.unary_unary(TRACES, request_serializer=lambda body: body)
        with pytest.raises(grpc.RpcError) as caught:
            send(bomb, timeout=30)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert psutil.Process().memory_info().rss - rss < 120_000_000
    del bomb


def test_grpc_itself_inflates_nothing(target, store):
    error = failure(target, bytes(limits.REQUEST_BYTES + 1), compression=grpc.Compression.Gzip)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "decompresses" in error.details()  # our reader's words


def test_an_empty_request_is_accepted(target, store):
    call(target, b"")
    assert store.refused == []


def test_eight_callers_at_once_all_get_their_answer(target, store):
    callers = [threading.Thread(target=call, args=(target, bodies.body(20))) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(store.records) == 160


def test_deflated_bodies_are_told_from_plain_ones(target, store):
    assert otlp_grpc._coding(zlib.compress(b"x")) == "deflate"
    assert otlp_grpc._coding(bodies.body()) == "identity"
    assert otlp_grpc._coding(b"") == "identity"
