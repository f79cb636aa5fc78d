"""The edge as clients meet it: a web worker in a process of its own, and raw sockets to talk to it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.ingest.edge_server import GOOD

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Edge:
    """A running web worker whose store only counts what it is given."""

    port: int
    log: Path
    process: subprocess.Popen

    def stored(self) -> int:
        """Records stored so far, of all signals."""
        return sum(int(line.split()[1]) for line in self.log.read_text().splitlines())

    def refused(self) -> list[str]:
        time.sleep(0.25)  # counts are flushed every 0.1 s here
        path = Path(f"{self.log}.refused")
        return [line.rsplit(" ", 1)[0] for line in path.read_text().splitlines()] if path.exists() else []

    def rss_mb(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def connect(self, timeout: float = 20) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def raw(self, sent: bytes, *, close: bool = False, timeout: float = 20) -> bytes:
        """Sends bytes as they are and returns all that comes until the server closes or is silent for a while."""
        with self.connect(timeout) as line:
            line.sendall(sent)
            if close:
                line.shutdown(socket.SHUT_WR)
            return self.until_silent(line)

    @staticmethod
    def until_silent(line: socket.socket, silence_s: float = 0.7) -> bytes:
        came = b""
        try:
            while piece := line.recv(65_536):
                came += piece
                line.settimeout(silence_s)
        except (TimeoutError, ConnectionError):
            pass
        return came

    def post(self, path: str = "/v1/traces", body: bytes = b"", *, method: str = "POST", **headers: str) -> Answer:
        """headers: names with _ for -; content_type defaults to protobuf, None leaves a header out."""
        given = {"content_type": "application/x-protobuf", "content_length": str(len(body)), "host": "localhost"}
        given |= headers
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value is not None]
        with self.connect() as line:
            with contextlib.suppress(ConnectionError):
                line.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            return read_answer(line)


def read_answer(line: socket.socket) -> Answer:
    came = b""
    while b"\r\n\r\n" not in came:
        piece = line.recv(65_536)
        if not piece:
            return Answer(0, {}, came)
        came += piece
    head, _, rest = came.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
    length = int(headers.get("content-length", 0))
    while len(rest) < length:
        piece = line.recv(65_536)
        if not piece:
            break
        rest += piece
    return Answer(int(first.split()[1]), headers, rest[:length])


def start_edge(folder: Path, **environment: str) -> Edge:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "stored"
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ingest.edge_server", str(port), str(log)],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdout.readline() == b"listening\n"
    return Edge(port, log, process)


@pytest.fixture(scope="session")
def edge_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    edge = start_edge(tmp_path_factory.mktemp("edge"))
    yield edge
    edge.process.terminate()
    edge.process.wait(10)


@pytest.fixture
def edge(edge_process: Edge) -> Iterator[Edge]:
    """The running edge with nothing stored and nothing refused so far."""
    time.sleep(0.12)
    edge_process.log.write_text("")
    Path(f"{edge_process.log}.refused").unlink(missing_ok=True)
    yield edge_process
    for trouble in ("slow", "tenth", "down", "bug"):
        Path(f"{edge_process.log}.{trouble}").unlink(missing_ok=True)
    assert edge_process.process.poll() is None, "the web worker died"


@pytest.fixture
def key() -> str:
    return GOOD
