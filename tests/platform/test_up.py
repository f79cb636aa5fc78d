"""`manage.py up` as a whole: ready, mended when a child dies, gone when told to, private all the way."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.platform.installation import Installation, command_line, eventually, still_running

pytestmark = pytest.mark.timeout(180)
SITE_PACKAGES = str(Path(pytest.__file__).parents[1])
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(scope="module")
def parent():
    """A folder that everybody may pass, as /var/lib is."""
    folder = Path(tempfile.mkdtemp(prefix="flt-p-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def running(parent):
    """One installation for the tests that leave it running."""
    installation = Installation(parent / "home").start()
    installation.wait_ready()
    yield installation
    installation.remove()


def test_the_first_start_leaves_credentials_for_its_owner_alone(running):
    assert mode(running.home / "credentials.json") == 0o600
    wanted = {"url", "admin_user", "admin_password", "project", "ingest_key", "read_key"}
    assert wanted <= running.credentials().keys()


def test_ready_means_ready(running):
    assert running.get("/readyz")[0] == 200
    assert running.get("/healthz") == (200, "ok\n")


def test_every_line_names_its_process(running):
    prefixed = [line for line in running.lines() if not line.startswith("Fourline is ready")]
    assert prefixed
    assert all(line[:4].isdigit() and line[19] == "Z" and line[21] != " " for line in prefixed)


def test_no_line_tells_a_secret(running):
    log = running.log.read_text()
    secrets = [value for name, value in running.credentials().items() if name.endswith(("password", "key"))]
    assert not [secret for secret in secrets if secret in log]


def test_folders_and_sockets_are_private(running, parent):
    assert mode(parent) == 0o755, "a parent's permissions are never touched"
    assert mode(running.home) in (0o700, 0o710)
    assert mode(running.home / "run") == 0o700
    assert mode(running.home / "postgres") == 0o700
    assert mode(running.home / "secrets.json") == 0o600
    assert mode(running.home / "run" / ".s.PGSQL.5432") & 0o077 == 0
    assert mode(running.home / "run" / "redis.sock") & 0o077 == 0


def test_nothing_of_the_servers_listens_on_tcp(running):
    listening = {
        connection.laddr.port
        for child in psutil.Process(running.process.pid).children(recursive=True)
        for connection in child.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {running.port, running.otlp_port, running.grpc_port}


def test_a_local_user_gets_no_connection_without_a_password(running):
    import psycopg

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host=str(running.home / "run"), user="postgres", dbname="postgres", connect_timeout=3).close()


def test_redis_refuses_whoever_has_no_password(running):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(running.home / "run" / "redis.sock"))
        client.sendall(b"PING\r\n")
        assert client.recv(64).startswith(b"-NOAUTH")


def test_durability_is_never_relaxed(running):
    shown = running.manage("doctor")
    assert "ok   durability" in shown.stdout, shown.stdout + shown.stderr


def test_a_second_start_on_the_same_home_says_so(running):
    second = Installation(running.home)
    refused = second.manage("up")
    assert refused.returncode != 0
    assert "already runs" in refused.stderr


def test_a_taken_port_is_named(running, parent):
    second = Installation(parent / "second", extra={"FOURLINE_PORT": str(running.port)})
    refused = second.manage("up")
    assert refused.returncode != 0
    assert "FOURLINE_PORT" in refused.stderr
    second.remove()


def test_doctor_finds_nothing_wrong(running):
    checked = running.manage("doctor")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_memory_of_our_own_processes_stays_below_400_mb(running):
    own = [psutil.Process(running.process.pid), *psutil.Process(running.process.pid).children(recursive=True)]
    ours = [one for one in own if "postgres" not in command_line(one) and "redis-server" not in command_line(one)]
    pss = sum(one.memory_full_info().pss for one in ours)
    assert pss < 400e6, f"{pss / 1e6:.0f} MB"


@pytest.mark.parametrize("title", ["serve-1", "grpc", "MainProcess", "celery beat", "redis-server"])
def test_a_child_that_dies_is_started_again(running, title):
    (child,) = running.children(title)
    child.kill()
    assert eventually(lambda: [new for new in running.children(title) if new.pid != child.pid])
    assert eventually(lambda: running.get("/readyz")[0] == 200, timeout_s=60)


def test_postgres_killed_comes_back_and_is_asked_again(running):
    (postmaster,) = [one for one in running.children("bin/postgres") if " -D " in command_line(one)]
    postmaster.kill()
    assert eventually(lambda: [one for one in running.children(" -D ") if one.pid != postmaster.pid])
    assert eventually(lambda: running.get("/readyz")[0] == 200, timeout_s=60)


def test_a_web_worker_that_dies_is_not_noticed_by_readers(running):
    for _ in range(3):
        assert eventually(lambda: running.children("serve-1"))
        running.children("serve-1")[0].kill()
        assert running.get("/healthz")[0] == 200


def test_a_stop_or_a_kill_leaves_nothing_and_the_next_start_goes_on_in_a_home_of_any_depth(parent):
    """Socket paths end at about 100 bytes."""
    installation = Installation(parent / ("deep-" + "d" * 120) / "home").start()
    installation.wait_ready()
    assert not (installation.home / "run").exists()
    before = installation.credentials()
    family = _family(installation)
    assert installation.stop(signal.SIGTERM) == 0
    assert not still_running(family)
    installation.start().wait_ready()
    assert installation.credentials() == before
    assert installation.get("/readyz")[0] == 200
    family = _family(installation)
    installation.process.kill()
    installation.process.wait()
    assert eventually(lambda: not still_running(family), timeout_s=10), [
        (one.ppid(), one.pid, one.status(), one.cmdline()) for one in still_running(family)
    ]
    installation.start().wait_ready()  # and the same home starts at once
    assert installation.stop(signal.SIGINT) == 0
    installation.remove()


def _family(installation):
    family = psutil.Process(installation.process.pid).children(recursive=True)
    assert len(family) > 8
    return family


def test_a_stop_during_the_start_leaves_nothing(parent):
    installation = Installation(parent / "hasty").start()
    assert eventually(lambda: any("postgres" in line for line in installation.lines()))
    family = psutil.Process(installation.process.pid).children(recursive=True)
    assert installation.stop(signal.SIGTERM) == 0
    assert not still_running(family)
    installation.remove()


@needs_root
def test_a_home_that_the_system_user_cannot_reach_is_an_error(parent):
    closed = parent / "closed"
    closed.mkdir(mode=0o700)
    refused = Installation(closed / "home").manage("up")
    assert refused.returncode != 0
    assert "cannot enter" in refused.stderr and "FOURLINE_HOME" in refused.stderr
    assert mode(closed) == 0o700
    assert not (closed / "home").exists()


@needs_root
def test_postgres_does_not_run_as_root(running):
    (postmaster,) = [one for one in running.children(" -D ") if "postgres" in command_line(one)]
    assert postmaster.username() == "fourline"


@pytest.fixture
def ordinary_user():
    """A user of the machine with a home folder and a Python of ours that it can run."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None or shutil.which("useradd") is None:
        pytest.skip("it takes root, setpriv and useradd to try an ordinary user")
    name = "flt-ordinary"
    subprocess.run(["useradd", "--create-home", name], check=False, capture_output=True)
    yield pwd.getpwnam(name)
    subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


def _python_for(user: pwd.struct_passwd, folder: Path) -> str:
    """A Python of our version that this user can start: ours, or a copy of it where it lies in /root, say."""
    base = Path(sys.base_prefix)
    copy = folder / "python"
    left_out = shutil.ignore_patterns("site-packages", "test", "__pycache__", "*.a")
    shutil.copytree(base, copy, symlinks=True, ignore=left_out)
    python = str(copy / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
    as_user = ["setpriv", "--reuid", user.pw_name, "--regid", user.pw_name, "--clear-groups"]
    environment = {"PYTHONPATH": SITE_PACKAGES, "LD_LIBRARY_PATH": str(copy / "lib"), "PATH": "/usr/bin:/bin"}
    tried = subprocess.run([*as_user, python, "-c", "import django, redis, ssl"], env=environment, capture_output=True)
    if tried.returncode != 0:
        pytest.skip(f"no Python that an ordinary user could start: {tried.stderr.decode()[-200:]}")
    return python


def test_up_works_as_an_ordinary_user(ordinary_user, parent):
    python = _python_for(ordinary_user, parent)
    extra = {
        "HOME": ordinary_user.pw_dir,
        "PYTHONPATH": SITE_PACKAGES,
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": str(parent / "python" / "lib"),
    }
    installation = Installation(Path(ordinary_user.pw_dir) / ".fourline", ordinary_user.pw_name, extra, python)
    installation.start()
    installation.wait_ready()
    owners = {one.username() for one in psutil.Process(installation.process.pid).children(recursive=True)}
    assert owners == {ordinary_user.pw_name}
    assert mode(installation.home) == 0o700
    family = psutil.Process(installation.process.pid).children(recursive=True)
    assert installation.stop(signal.SIGTERM) == 0
    assert not still_running(family)
    installation.remove()
