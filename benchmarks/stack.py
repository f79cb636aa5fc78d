"""A Fourline of its own for a measurement: `manage.py up` in a temporary home on free ports, gone afterwards."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

ROOT = Path(__file__).resolve().parent.parent
READY = "Fourline is ready"
START_TIMEOUT_S = 180
SERVERS = ("postgres", "redis-server")
GROUPS = {"ingest": ("manage.py serve", "manage.py grpc"), "background": ("celery",), "postgres": ("postgres",)}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass(slots=True)
class Stack:
    """A running `manage.py up`. lines: what it has printed so far."""

    home: Path
    port: int
    otlp_port: int
    grpc_port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)
    _ready: "queue.Queue[bool]" = field(default_factory=queue.Queue)

    @classmethod
    def prepare(cls, **settings: str) -> "Stack":
        """A folder below /tmp that the servers' user can enter; settings: FOURLINE_* variables."""
        home = Path(tempfile.mkdtemp(prefix="flb-", dir="/tmp"))
        home.chmod(0o755)
        return cls(home / "home", *free_ports(3), settings=settings)

    @property
    def otlp(self) -> str:
        return f"127.0.0.1:{self.otlp_port}"

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    def environment(self) -> dict[str, str]:
        """For the stack's own processes and for commands beside it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FOURLINE_")}
        environment |= {"FOURLINE_HOME": str(self.home), "FOURLINE_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        environment |= {"FOURLINE_OTLP_PORT": str(self.otlp_port), "FOURLINE_GRPC_PORT": str(self.grpc_port)}
        return environment | self.settings

    def start(self) -> float:
        """Start, wait until it is ready; returns the seconds this took."""
        began = time.monotonic()
        command = [sys.executable, str(ROOT / "manage.py"), "up"]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._ready = queue.Queue()
        threading.Thread(target=self._read, args=(self.process, self._ready), daemon=True).start()
        if not self._ready.get(timeout=START_TIMEOUT_S):
            raise RuntimeError("the stack did not start:\n" + "\n".join(self.lines[-30:]))
        return time.monotonic() - began

    def _read(self, process: "subprocess.Popen[str]", ready: "queue.Queue[bool]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith(READY):
                ready.put(True)
        ready.put(False)

    def stop(self) -> None:
        """SIGTERM and wait; whatever is left after 60 s is killed."""
        if self.process is None:
            return
        family = self.family()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            for member in family:
                kill(member)
        self.process = None

    def kill_all(self) -> None:
        """kill -9 of the supervisor and of everything it started, Postgres included: as if the power went."""
        assert self.process is not None
        family = self.family()
        for member in [psutil.Process(self.process.pid), *family]:
            kill(member)
        self.process.wait(10)
        psutil.wait_procs(family, timeout=10)
        self.process = None

    def remove(self) -> None:
        shutil.rmtree(self.home.parent, ignore_errors=True)

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def find(self, words: str) -> list[psutil.Process]:
        """Processes of the stack whose command line holds words: "serve", "grpc", "worker", "postgres"."""
        return [process for process in self.family() if words in title(process)]

    def credentials(self) -> dict[str, str]:
        return dict(json.loads((self.home / "credentials.json").read_text()))

    def get(self, path: str, **query: str) -> Any:
        """The JSON of an API answer, with the read key."""
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.credentials()['read_key']}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def connect(self) -> psycopg.Connection:
        """The stack's own database, in autocommit mode."""
        from dashboard.embedded.home import Home

        home = Home(self.home)
        password = home.read_secrets()["database_password"]
        return psycopg.connect(
            host=str(home.run_folder()), dbname="fourline", user="fourline", password=password, autocommit=True
        )

    def pss_mb(self) -> dict[str, float]:
        """Proportional memory of our own processes, and of the two servers, in MB."""
        assert self.process is not None
        totals = {"ours": 0.0, "postgres": 0.0, "redis": 0.0}
        for process in [psutil.Process(self.process.pid), *self.family()]:
            name = next((server.partition("-")[0] for server in SERVERS if server in title(process)), "ours")
            totals[name] += pss_mb(process)
        return totals

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far: web and grpc (ingest), background (Celery), postgres. Robust on a machine that others use too."""
        totals = dict.fromkeys(GROUPS, 0.0)
        for process in self.family():
            words = title(process)
            group = next((name for name, marks in GROUPS.items() if any(mark in words for mark in marks)), None)
            if group:
                totals[group] += cpu_s(process)
        return totals


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        return ""


def pss_mb(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 2**20
    except psutil.Error:
        return 0.0


def cpu_s(process: psutil.Process) -> float:
    """Its own and that of its children that have ended: servers come and go with Postgres' connections."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.Error:
        return


@contextmanager
def running(**settings: str) -> Iterator[Stack]:
    stack = Stack.prepare(**settings)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        stack.remove()
