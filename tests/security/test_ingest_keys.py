"""Every way in for telemetry, HTTP and gRPC, asks for an ingest key; a revoked one is out within ten seconds on both."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.otlp_grpc import SERVICES, make_server
from ingest.otlp_http import OTLP_PATHS
from tests.site import serve
from tests.world import World, make_world
from tracestore.actions import access as actions

EXPORTS = [f"/{service}/Export" for service in SERVICES]
FORWARDED = {"X-Forwarded-For": "198.51.100.1"}  # so that the rule for keyless requests on loopback does not apply
Ask = Callable[[str, dict[str, str]], str]


@pytest.fixture
def world(database: object) -> World:
    return make_world()


@pytest.fixture
def http(world: World) -> Iterator[Ask]:
    with serve() as base:
        yield lambda path, headers: _post(base + path, headers)


@pytest.fixture
def rpc(world: World) -> Iterator[Ask]:
    server, port = make_server("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield lambda method, headers: _call(channel, method, headers)
    server.stop(0).wait()


def _post(url: str, headers: dict[str, str]) -> str:
    body = json.dumps({}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"} | headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            return str(response.status)
    except urllib.error.HTTPError as error:
        return str(error.code)


def _call(channel: grpc.Channel, method: str, headers: dict[str, str]) -> str:
    metadata = [(name.lower(), value) for name, value in headers.items()]
    try:
        channel.unary_unary(method)(ExportTraceServiceRequest().SerializeToString(), metadata=metadata, timeout=20)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def refused(world: World) -> dict[str, tuple[dict[str, str], str, str]]:
    """What a request carries, and what HTTP and gRPC say to it."""
    keys = world.ours.keys
    bearer = {name: {"Authorization": f"Bearer {key}"} for name, key in keys.items()}
    return {
        "nothing, through a proxy": (FORWARDED, "401", "UNAUTHENTICATED"),
        "nothing, from a web page": ({"Origin": "https://evil.example"}, "401", "UNAUTHENTICATED"),
        "an unknown key": ({"Authorization": "Bearer fl_abcdefgh_" + "a" * 43}, "401", "UNAUTHENTICATED"),
        "a revoked key": (bearer["revoked"], "401", "UNAUTHENTICATED"),
        "an expired key": (bearer["expired"], "401", "UNAUTHENTICATED"),
        "a read key": (bearer["read"], "403", "PERMISSION_DENIED"),
        "a write key": (bearer["write"], "403", "PERMISSION_DENIED"),
        "a session": ({"Cookie": _cookie(world)} | FORWARDED, "401", "UNAUTHENTICATED"),
    }


def _cookie(world: World) -> str:
    return "; ".join(f"{name}={morsel.value}" for name, morsel in world.client(world.alice).cookies.items())


@pytest.mark.timeout(240)
def test_no_path_takes_telemetry_without_an_ingest_key(world: World, http: Ask) -> None:
    for path in OTLP_PATHS:
        for name, (headers, status, _) in refused(world).items():
            assert http(path, headers) == status, (path, name)
        assert http(path, {"Authorization": f"Bearer {world.ours.keys['ingest']}"}) == "200"


@pytest.mark.timeout(240)
def test_no_method_takes_telemetry_without_an_ingest_key(world: World, rpc: Ask) -> None:
    for method in EXPORTS:
        for name, (headers, _, code) in refused(world).items():
            assert rpc(method, headers) == code, (method, name)
        assert rpc(method, {"Authorization": f"Bearer {world.ours.keys['ingest']}"}) == "OK"


def test_no_other_method_exists(world: World, rpc: Ask) -> None:
    key = {"Authorization": f"Bearer {world.ours.keys['ingest']}"}
    reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    for method in (reflection, "/grpc.health.v1.Health/Check", EXPORTS[0].replace("Export", "Other"), "/x/Export"):
        assert rpc(method, key) == "UNIMPLEMENTED"


@pytest.mark.timeout(120)
def test_a_revoked_key_is_out_within_ten_seconds_everywhere(world: World, http: Ask, rpc: Ask) -> None:
    key = world.ours.keys["ingest"]
    headers = {"Authorization": f"Bearer {key}"}
    assert (http("/v1/traces", headers), rpc(EXPORTS[0], headers)) == ("200", "OK")
    actions.revoke_key(world.ours.project.pk, key[3:11], world.ours.project.created_at, actions.COMMAND_LINE)
    until = time.monotonic() + 10
    while time.monotonic() < until and (http("/v1/traces", headers), rpc(EXPORTS[0], headers)) != (
        "401",
        "UNAUTHENTICATED",
    ):
        time.sleep(0.5)
    assert (http("/v1/traces", headers), rpc(EXPORTS[0], headers)) == ("401", "UNAUTHENTICATED")
    assert time.monotonic() < until
