"""docker-compose.yml, as far as it can be held to account without an engine: its form, and each service's exact command."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.platform.installation import ROOT, eventually, free_ports
from tests.servers import TEMPLATE, Servers

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service.get("image", "").startswith("fourline")]
# The keys of a service in the compose specification that we use; a misspelt one would be refused by an engine.
SERVICE_KEYS = {
    "build", "image", "restart", "stop_grace_period", "init", "environment", "volumes", "command", "depends_on", "ports",
    "healthcheck", "shm_size",
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
SECRET = re.compile(r"PASSWORD|SECRET|_KEY")


def test_top_level_keys_are_those_of_the_format():
    assert {key for key in COMPOSE if not key.startswith("x-")} <= {
        "services",
        "volumes",
        "networks",
        "secrets",
        "configs",
        "name",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_uses_known_keys_of_the_right_form(name):
    service = SERVICES[name]
    assert service.keys() <= SERVICE_KEYS
    assert "image" in service
    assert all(isinstance(value, str) for value in service.get("environment", {}).values())
    assert isinstance(service.get("command", []), list)
    assert all(isinstance(part, str) for part in service.get("command", []))
    assert service.get("restart", "no") in {"no", "always", "on-failure", "unless-stopped"}


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_exists(name):
    waits = SERVICES[name].get("depends_on", {})
    assert waits.keys() <= SERVICES.keys()
    assert all(wait["condition"] in CONDITIONS for wait in waits.values())
    healthy = [other for other, wait in waits.items() if wait["condition"] == "service_healthy"]
    assert all("healthcheck" in SERVICES[other] for other in healthy)


@pytest.mark.parametrize("name", SERVICES)
def test_named_volumes_are_declared(name):
    named = [volume.split(":")[0] for volume in SERVICES[name].get("volumes", [])]
    assert set(named) <= COMPOSE["volumes"].keys()


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_has_a_default(name):
    values = SERVICES[name].get("environment", {})
    for key, value in values.items():
        if SECRET.search(key) or SECRET.search(value):
            assert ":?" in value, f"{key} of {name} must be required"
    references = re.findall(r"\$\{([A-Z_]+)(:[-?])", " ".join(values.values()))
    assert all(kind == ":?" for variable, kind in references if SECRET.search(variable))


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_unless_chosen_otherwise(name):
    assert all(
        port.startswith(("127.0.0.1:", "${FOURLINE_PUBLISH:-127.0.0.1}:")) for port in SERVICES[name].get("ports", [])
    )


def test_every_process_of_up_is_a_service():
    commands = {SERVICES[name]["command"][-1] for name in OURS}
    assert commands == {"prepare", "serve", "grpc", "worker", "beat"}


def test_the_image_holds_what_the_commands_need():
    dockerfile = (ROOT / "Dockerfile").read_text()
    for folder in ("tracestore", "ingest", "dashboard", "templates", "manage.py", "requirements.lock"):
        assert re.search(rf"^COPY {re.escape(folder)} ", dockerfile, re.MULTILINE), folder
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER (?!root)", dockerfile, re.MULTILINE)
    assert "/var/lib/fourline" in dockerfile


@pytest.fixture
def durable():
    """A Postgres and a Redis of this test alone, with nothing relaxed."""
    servers = Servers.prepare(fast=False)
    servers.start_postgres()
    servers.start_redis()
    yield servers
    servers.stop()


@pytest.mark.timeout(180)
def test_each_command_starts_on_servers_of_its_own(durable, tmp_path):
    """Runs every service's command as compose would, with URLs instead of the embedded servers, until it is ready."""
    port, otlp_port, grpc_port = free_ports(3)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FOURLINE_", "DJANGO_"))
    } | {
        "FOURLINE_DATABASE_URL": durable.url(TEMPLATE),
        "FOURLINE_BROKER_URL": durable.redis.url,
        "FOURLINE_SECRET_KEY": "k" * 60,
        "FOURLINE_HOME": str(tmp_path),
        "FOURLINE_PORT": str(port),
        "FOURLINE_OTLP_PORT": str(otlp_port),
        "FOURLINE_GRPC_PORT": str(grpc_port),
    }
    prepared = subprocess.run(
        command_of("prepare"), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr
    assert (tmp_path / "credentials.json").exists()
    running = [
        subprocess.Popen(command_of(name), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        for name in ("web", "grpc", "worker", "beat")
    ]
    try:
        assert eventually(lambda: answers(f"http://127.0.0.1:{port}/readyz"), timeout_s=60)
        assert eventually(lambda: connects(grpc_port))
        assert all(process.poll() is None for process in running)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(40) for process in running]
    assert codes == [0, 0, 0, 0]


def test_a_database_that_may_forget_is_refused(database):
    """The run's Postgres has fsync off, for speed."""
    refused = subprocess.run(
        [sys.executable, "manage.py", "prepare"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode != 0
    assert "fsync = off" in refused.stderr


def command_of(service: str) -> list[str]:
    program, *arguments = SERVICES[service]["command"]
    assert program == "python"
    return [sys.executable, *arguments]


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=3) as answer:
            return answer.status == 200
    except OSError:
        time.sleep(0.2)
        return False


def connects(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_the_example_of_secrets_holds_none():
    lines = Path(ROOT / ".env.example").read_text().splitlines()
    assert all(line.endswith("=") for line in lines if SECRET.search(line.split("=")[0]) and not line.startswith("#"))
