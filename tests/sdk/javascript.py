"""The OpenTelemetry SDK for JavaScript, installed once into a folder outside the tree, and an agent that runs on it."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "js"
OLDEST_NODE = 20


def why_not() -> str | None:
    """What is missing on this machine; None when JavaScript can be tested."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "no node and npm on this machine"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version[1:].partition(".")[0]) < OLDEST_NODE:
        return f"node {version.strip()} is older than {OLDEST_NODE}"
    return None


@cache
def installed() -> Path:
    """The folder that holds node_modules. Skips the test where it cannot be had, which CI does not accept."""
    missing = why_not()
    if missing:
        _skip(missing)
    lock = (SOURCE / "package-lock.json").read_bytes()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fourline-tests"
    folder = home / f"js-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not folder.exists():
        _install(folder)
    return folder


def _skip(reason: str) -> None:
    assert os.environ.get("CI") != "true", reason
    pytest.skip(f"JavaScript SDK not tested: {reason}")


def _install(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="installing-"))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, made)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=100)
    if done.returncode:
        shutil.rmtree(made)
        _skip(f"npm ci failed: {done.stderr[-500:]}")
    try:
        made.rename(folder)
    except OSError:  # another test process was faster
        shutil.rmtree(made)


@dataclass(frozen=True, slots=True)
class Told:
    """What the agent says at its end."""

    sent: list[str]
    exports: list[dict[str, Any]]
    warnings: list[str]

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [export for export in self.exports if not export["ok"]]


class Agent:
    """A process that sends spans until finish(). options: see tests/js/client.cjs."""

    def __init__(self, exporter: str, url: str, **options: Any) -> None:
        given = json.dumps({"exporter": exporter, "url": url} | options)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        self._process = subprocess.Popen(
            ["node", str(SOURCE / "client.cjs"), str(installed()), given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def finish(self, timeout_s: float = 60) -> Told:
        try:
            out, errors = self._process.communicate(timeout=timeout_s)
        finally:
            self._process.kill()
        assert self._process.returncode == 0, errors
        return Told(**json.loads(out))
