"""An installation of its own for a test: `manage.py up` as a process, its children, its end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@dataclass
class Installation:
    """home: FOURLINE_HOME. as_user: start it under this user (as root only)."""

    home: Path
    as_user: str | None = None
    extra: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable
    root: Path = ROOT
    process: subprocess.Popen[str] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.port, self.otlp_port, self.grpc_port = free_ports(3)
        self.log = Path(tempfile.mkstemp(prefix="flt-up-", suffix=".log")[1])

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FOURLINE_", "DJANGO_"))}
        return inherited | {
            "FOURLINE_HOME": str(self.home),
            "FOURLINE_PORT": str(self.port),
            "FOURLINE_OTLP_PORT": str(self.otlp_port),
            "FOURLINE_GRPC_PORT": str(self.grpc_port),
            **self.extra,
        }

    def command(self, *arguments: str) -> list[str]:
        prefix = ["setpriv", "--reuid", self.as_user, "--regid", self.as_user, "--clear-groups"] if self.as_user else []
        return [*prefix, self.python, "manage.py", *arguments]

    def start(self) -> "Installation":
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self.command("up"), cwd=self.root, env=self.environment(), stdout=log, stderr=log, text=True
            )
        return self

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.root, env=self.environment(), capture_output=True, text=True, timeout=60
        )

    def wait_ready(self, timeout_s: float = 90) -> None:
        assert self.process is not None
        deadline = time.monotonic() + timeout_s
        while not any(line.startswith("Fourline is ready") for line in self.lines()):
            assert self.process.poll() is None, f"it ended: {self.log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"not ready: {self.log.read_text()[-2000:]}"
            time.sleep(0.1)

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=15) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def credentials(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "credentials.json").read_text()))

    def children(self, title: str) -> list[psutil.Process]:
        """Descendants whose command line contains title."""
        assert self.process is not None
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in found if title in command_line(child)]

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 60) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout_s)

    def remove(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGTERM)
        shutil.rmtree(self.home, ignore_errors=True)
        self.log.unlink(missing_ok=True)


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def eventually(check: Any, timeout_s: float = 20) -> bool:
    """Whether check() becomes true in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.1)
    return False


def still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
