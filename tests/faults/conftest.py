"""One durable stack (fsync on) for all fault tests: `manage.py up` as users run it, on ports and a home of its own."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks.client import GrpcTarget, HttpTarget, Target
from benchmarks.stack import Stack
from tests.faults.load import Journal, Traffic, make_bodies

SEEDS = range(int(os.environ.get("FAULT_SEEDS", "3")))
BODIES = 1500
Starts = Callable[..., Traffic]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    stack = Stack.prepare()
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        stack.remove()


@pytest.fixture
def connection(stack: Stack) -> Iterator[psycopg.Connection]:
    """Opened at the first use after the fault: call stack.connect() yourself when Postgres was killed meanwhile."""
    with stack.connect() as connection:
        yield connection


@pytest.fixture
def begin(stack: Stack, tmp_path: Path) -> Iterator[Starts]:
    """begin(seed, senders=4, grpc=False) starts traffic; it is stopped when the test forgets to."""
    started: list[Traffic] = []

    def start(seed: int, senders: int = 4, grpc: bool = False) -> Traffic:
        key = stack.credentials()["ingest_key"]
        target: Target = GrpcTarget(stack.grpc, key) if grpc else HttpTarget(stack.otlp, key)
        bodies = make_bodies(BODIES, seed, time.time_ns())
        traffic = Traffic([target] * senders, bodies, Journal(tmp_path / f"acknowledged-{len(started)}"))
        started.append(traffic.start())
        return traffic

    yield start
    for traffic in started:
        traffic.stop()
