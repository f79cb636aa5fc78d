"""The edge with a store that counts (tests/ingest), and one whole installation for what a restart is about."""

from collections.abc import Iterator

import pytest

from benchmarks.stack import Stack
from tests.ingest.conftest import edge, edge_process

__all__ = ["edge", "edge_process"]


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    stack = Stack.prepare()
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        stack.remove()
