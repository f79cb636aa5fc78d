"""The faults that may meet an installation under load. Each is injected, undone where that is ours to do, and nothing more."""

import contextlib
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.stack import kill
from tests.faults.check import SLOWEST_ANSWER_S
from tests.faults.installation import (
    BACKEND,
    BEAT,
    CHILD,
    GRPC,
    POSTGRES,
    POSTMASTER,
    REDIS,
    WEB,
    WORKER,
    Installation,
    stopped,
)
from tests.faults.load import FULL, Traffic
from tracestore import failpoints
from tracestore.space import RESERVE_BYTES

PAUSED = (signal.SIGSTOP, signal.SIGCONT)


def duration_s(short: float, full: float) -> float:
    """Seconds of an outage: the matrix's own with FAULT_DURATIONS=full, else a length at which the same deadlines pass."""
    return full if FULL else short


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault may touch."""

    at: Installation
    traffic: Traffic
    r: random.Random


Injects = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """code: of the fault matrix in docs/faults.md. missing: what the machine lacks to inject it, or None."""

    code: str
    name: str
    inject: Injects
    missing: Callable[[Installation], str | None] = lambda at: None


def killed(words: str) -> Injects:
    """kill -9 of one process, somewhere within half a second: a request or a task is under way."""

    def inject(scene: Scene) -> None:
        time.sleep(scene.r.uniform(0, 0.5))
        scene.at.kill_one(words, scene.r)

    return inject


def kill_worker_with_children(scene: Scene) -> None:
    scene.at.wait_for_running_job()
    for process in scene.at.worker_family():
        kill(process)
    scene.at.wait_for_settling()


def kill_pool_children(scene: Scene) -> None:
    """The busiest child and the idlest, one after the other; the worker goes on without them."""
    for pick in (max, min):
        if children := scene.at.find(CHILD):
            kill(pick(children, key=_recent_cpu_s))
    scene.at.wait_for_settling(timeout_s=30)


def _recent_cpu_s(process: psutil.Process) -> float:
    try:
        before = sum(process.cpu_times()[:2])
        time.sleep(0.1)
        return sum(process.cpu_times()[:2]) - before
    except psutil.Error:
        return 0.0


def kill_beat(scene: Scene) -> None:
    scene.at.kill_one(BEAT, scene.r)
    scene.at.wait_for_settling()


def stop_postgres_at_once(scene: Scene) -> None:
    """Its immediate shutdown: no checkpoint, recovery at the next start."""
    for process in scene.at.find(POSTMASTER):
        process.send_signal(signal.SIGQUIT)


def freeze_postgres(scene: Scene) -> None:
    with stopped(scene.at.find(POSTGRES), PAUSED), ThreadPoolExecutor(4) as readers:
        reads = [readers.submit(read, scene.at, path) for path in ("/api/v1/traces", "/projects") * 2]
        time.sleep(duration_s(6, 30))
    for status, told_when, took_s in (one.result() for one in reads):
        assert status == 200 or (status == 503 and told_when), f"a reader was answered {status}"
        assert took_s < SLOWEST_ANSWER_S, f"a reader waited {took_s:.1f} s"


def read(at: Installation, path: str) -> tuple[int, bool, float]:
    """As a script with a key, or as somebody who is signed in: (status, told when to come again, seconds)."""
    headers = {
        "Authorization": f"Bearer {at.stack.credentials()['read_key']}",
        "Cookie": f"fourline_session={'s' * 32}",
    }
    request = urllib.request.Request(f"http://127.0.0.1:{at.stack.port}{path}", headers=headers)
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, False, time.monotonic() - began
    except urllib.error.HTTPError as error:
        return error.code, "Retry-After" in error.headers, time.monotonic() - began


def freeze_worker(scene: Scene) -> None:
    """In the middle of a task. Nothing waits for it but derived numbers; when it wakes it may not write what is stale."""
    scene.at.wait_for_running_job()
    with stopped(scene.at.worker_family(), PAUSED):
        time.sleep(duration_s(3, 120))
    scene.at.wait_for_settling(timeout_s=120)


def freeze_beat(scene: Scene) -> None:
    with stopped(scene.at.find(BEAT), PAUSED):
        time.sleep(duration_s(3, 600))
    scene.at.wait_for_settling(timeout_s=120)


def kill_everything(scene: Scene) -> None:
    """As if the power went, Postgres and supervisor included; somebody starts it again."""
    scene.at.stack.kill_all()
    scene.at.stack.start()


def failpoint(name: str) -> Injects:
    """The process that comes by ends there."""

    def inject(scene: Scene) -> None:
        armed = scene.at.failpoints / name
        armed.touch()
        deadline = time.monotonic() + 30
        while armed.exists():
            assert time.monotonic() < deadline, f"nobody came by {name}"
            time.sleep(0.01)

    return inject


def fill_disk(scene: Scene) -> None:
    """First down to our own reserve: ingest stops, reading goes on. Then to the last byte: whatever is refused is refused well."""
    assert scene.at.disk is not None
    ballast = scene.at.disk / "ballast"
    try:
        _fill(ballast, leave=RESERVE_BYTES // 2)
        _wait_for_refusals(scene)
        time.sleep(duration_s(0, 30))
        assert read(scene.at, "/api/v1/traces?limit=5")[0] == 200, "a full disk must not end reading"
        _fill(ballast, leave=0)
        _wait_for_refusals(scene)
        time.sleep(duration_s(0, 30))
        status, told_when, _ = read(scene.at, "/api/v1/traces?limit=5")
        assert status == 200 or (status == 503 and told_when), f"a reader was answered {status}"
    finally:
        ballast.unlink()


def _wait_for_refusals(scene: Scene) -> None:
    wanted, deadline = len(scene.traffic.refusals) + 10, time.monotonic() + 60
    while len(scene.traffic.refusals) < wanted:
        assert time.monotonic() < deadline, f"a full disk was never felt: {scene.traffic.state()}"
        time.sleep(0.05)


def _fill(ballast: Path, leave: int) -> None:
    """Until `leave` bytes are free, while others write."""
    with ballast.open("ab") as file:
        for piece in (64 << 20, 1 << 20, 4096):
            with contextlib.suppress(OSError):
                while shutil.disk_usage(ballast.parent).free >= leave + piece:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, piece)


def no_disk(at: Installation) -> str | None:
    return None if at.disk else "a disk that may be filled: mounting one takes root"


def fail_fsync(scene: Scene) -> None:
    """The disk cannot keep what it was given: Postgres panics, recovers, and that commit was never acknowledged."""
    backends = scene.at.find(BACKEND)
    command = ["strace", "-q", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]
    command += ["-e", "inject=fsync,fdatasync:error=EIO", *(f"--attach={process.pid}" for process in backends)]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _, alive = psutil.wait_procs(backends, timeout=20)
        assert len(alive) < len(backends), "no backend met the error"
    finally:
        tracer.terminate()
        tracer.wait()


def no_strace(at: Installation) -> str | None:
    if shutil.which("strace") is None:
        return "strace"
    probe = ["strace", "-q", "-o", "/dev/null", "true"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        return "the right to trace processes"
    return None


def run_out_of_files(scene: Scene) -> None:
    """One web worker may open two more files, and 60 clients come."""
    victim = scene.r.choice(scene.at.find(WEB))
    was = resource.prlimit(victim.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, (victim.num_fds() + 2, was[1]))
    with contextlib.ExitStack() as stack:
        host, _, port = scene.at.stack.otlp.partition(":")
        for _ in range(60):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
        scene.traffic.wait_for(10)
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, was)


def run_out_of_memory(scene: Scene) -> None:
    """One web worker may take 24 MB more, and ten clients begin large bodies: at most that worker dies."""
    group = _memory_group()
    assert group is not None
    victim = scene.r.choice(scene.at.find(WEB))
    (group / "cgroup.procs").write_text(str(victim.pid))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(10):
                _send_half_a_body(stack.enter_context(_connection(scene.at)), scene.at)
            scene.traffic.wait_for(10)
    finally:
        with contextlib.suppress(OSError):
            (_home_group(group) / "cgroup.procs").write_text(str(victim.pid))
        _remove_group(group)


def _connection(at: Installation) -> socket.socket:
    host, _, port = at.stack.otlp.partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def _send_half_a_body(connection: socket.socket, at: Installation) -> None:
    key = at.stack.credentials()["ingest_key"]
    head = "POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-protobuf\r\n"
    head += f"Authorization: Bearer {key}\r\nContent-Length: {18 << 20}\r\n\r\n"
    with contextlib.suppress(OSError):
        connection.sendall(head.encode() + bytes(9 << 20))


MEMORY_BYTES = 24 << 20
GROUPS = (  # cgroup v1, then v2: the folder of new groups, and the file of the limit
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)


def _memory_group() -> Path | None:
    """A new control group that may hold MEMORY_BYTES, or None where we may not make one."""
    for parent, limit in GROUPS:
        group = parent / f"fourline-faults-{os.getpid()}"
        with contextlib.suppress(OSError):
            group.mkdir(exist_ok=True)
            if (group / limit).exists():
                (group / limit).write_text(str(MEMORY_BYTES))
                return group
            group.rmdir()
    return None


def _home_group(group: Path) -> Path:
    return group.parent


def _remove_group(group: Path) -> None:
    for _ in range(50):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.1)


def no_memory_group(at: Installation) -> str | None:
    group = _memory_group()
    if group is None:
        return "the right to make a control group for memory"
    _remove_group(group)
    return None


def kill_redis(scene: Scene) -> None:
    """It keeps nothing on disk, so each start is a wipe. Ingest does not notice."""
    refused = len(scene.traffic.refusals)
    for process in scene.at.find(REDIS):
        with stopped([process], PAUSED):
            time.sleep(duration_s(2, 120))
        kill(process)
    scene.at.wait_for_settling()
    assert len(scene.traffic.refusals) == refused, "ingest needs the broker"


def wipe_redis(scene: Scene) -> None:
    scene.at.broker().flushall()
    scene.at.wait_for_settling()


def evict_from_redis(scene: Scene) -> None:
    """No memory, and whatever is there may be thrown away: rings are lost, one after the other."""
    broker = scene.at.broker()
    broker.config_set("maxmemory-policy", "allkeys-lru")
    broker.config_set("maxmemory", "1")
    time.sleep(duration_s(2, 60))
    broker.config_set("maxmemory", "64mb")
    broker.config_set("maxmemory-policy", "noeviction")
    scene.at.wait_for_settling()


def restart_one_by_one(scene: Scene) -> None:
    """SIGTERM to each of our processes in turn, as an update does: what is under way is answered first."""
    for words in (WEB, WEB, GRPC, WORKER, BEAT):
        for process in scene.at.find(words)[:1]:
            process.send_signal(signal.SIGTERM)
            _, alive = psutil.wait_procs([process], timeout=30)
            assert not alive, f"{words} did not end within 30 s of SIGTERM"
            scene.traffic.wait_for(5)


CATALOGUE = (
    Fault("F1", "kill a web worker", killed(WEB)),
    Fault("F2", "kill the gRPC server", killed(GRPC)),
    Fault("F2", "kill everything", kill_everything),
    Fault("F3", "kill the worker with its children", kill_worker_with_children),
    Fault("F4", "kill a busy and an idle child", kill_pool_children),
    Fault("F4", "kill beat", kill_beat),
    Fault("F5", "kill a backend", killed(BACKEND)),
    Fault("F5", "kill the postmaster", killed(POSTMASTER)),
    Fault("F5", "shut Postgres down at once", stop_postgres_at_once),
    Fault("F6", "freeze Postgres", freeze_postgres),
    Fault("F6", "freeze the worker", freeze_worker),
    Fault("F6", "freeze beat", freeze_beat),
    *(Fault("F7", f"end at {name}", failpoint(name)) for name in failpoints.NAMES),
    Fault("F8", "fill the disk", fill_disk, no_disk),
    Fault("F9", "fail fsync", fail_fsync, no_strace),
    Fault("F10", "run out of files", run_out_of_files),
    Fault("F10", "run out of memory", run_out_of_memory, no_memory_group),
    Fault("F11", "kill Redis", kill_redis),
    Fault("F11", "wipe Redis", wipe_redis),
    Fault("F12", "let Redis evict", evict_from_redis),
    Fault("F28", "restart one by one", restart_one_by_one),
)
