"""One durable installation (fsync on) for all fault tests, and seeded traffic on it.

FAULT_SEED=7        that seed alone, with the whole catalogue: how a failure is looked into
FAULT_SEEDS=200     so many seeds, each with the whole catalogue (`make faults`); default: three that share the catalogue
FAULT_DURATIONS=full   outages as long as the fault matrix has them, not scaled down
"""

import os
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.stack import Stack
from tests.faults.installation import Installation
from tests.faults.load import Bodies, Journal, Traffic

SHARED_BY = 3  # seeds that share the catalogue in the short run
ONE_SEED = os.environ.get("FAULT_SEED")
SEEDS = [int(ONE_SEED)] if ONE_SEED else list(range(int(os.environ.get("FAULT_SEEDS", SHARED_BY))))
WHOLE = ONE_SEED is not None or len(SEEDS) > SHARED_BY
Starts = Callable[..., Traffic]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


@pytest.fixture(scope="package")
def installation() -> Iterator[Installation]:
    made = Installation.prepare()
    try:
        made.stack.start()
        yield made
    finally:
        made.stack.stop()
        made.remove()


@pytest.fixture(scope="package")
def stack(installation: Installation) -> Stack:
    return installation.stack


@pytest.fixture
def begin(installation: Installation, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Starts]:
    """begin(seed, senders=3, grpc=1) starts traffic; it is stopped when the test forgets to."""
    started: list[Traffic] = []

    def start(seed: int, senders: int = 3, grpc: int = 1) -> Traffic:
        own_seed = zlib.crc32(f"{request.node.originalname} {len(started)}".encode()) * 1000 + seed
        bodies = Bodies(own_seed, time.time_ns())
        journal = Journal(tmp_path / f"acknowledged-{len(started)}")
        started.append(Traffic(installation.opens(senders, grpc), bodies, journal).start())
        return started[-1]

    yield start
    for traffic in started:
        traffic.stop()
