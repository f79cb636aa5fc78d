"""Faults of the machine: no room on the disk, a disk that fails, no files, no memory."""

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil

from tests.faults.installation import BACKEND, WEB, Installation
from tests.faults.scene import Scene, duration_s, read
from tracestore.space import RESERVE_BYTES


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
    """One web worker may take 24 MB more, and twenty clients begin large bodies: at most that worker dies."""
    group = _memory_group()
    assert group is not None
    victim = scene.r.choice(scene.at.find(WEB))
    (group / "cgroup.procs").write_text(str(victim.pid))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                _send_half_a_body(stack.enter_context(_connection(scene.at)), scene.at)
            scene.traffic.wait_for(10)
        assert _was_felt(group), "the limit was never reached"
    finally:
        with contextlib.suppress(OSError):
            (group.parent / "cgroup.procs").write_text(str(victim.pid))
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


def _was_felt(group: Path) -> bool:
    if (group / "memory.failcnt").exists():
        return int((group / "memory.failcnt").read_text()) > 0
    events = dict(line.split() for line in (group / "memory.events").read_text().splitlines())
    return int(events["max"]) > 0


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
