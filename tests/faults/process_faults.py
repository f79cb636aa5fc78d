"""Faults of processes: killed, frozen, ended at a given step, restarted."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from benchmarks.stack import kill
from tests.faults.check import SLOWEST_ANSWER_S
from tests.faults.installation import BEAT, CHILD, GRPC, POSTGRES, POSTMASTER, WEB, WORKER, stopped
from tests.faults.scene import PAUSED, Injects, Scene, duration_s, read


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


def freeze_worker(scene: Scene) -> None:
    """In the middle of a task. Nothing waits for it but derived numbers; when it wakes it may not write what is stale."""
    scene.at.wait_for_running_job()
    with stopped(scene.at.worker_family(), PAUSED):
        time.sleep(duration_s(2, 120))
    scene.at.wait_for_settling(timeout_s=120)


def freeze_beat(scene: Scene) -> None:
    with stopped(scene.at.find(BEAT), PAUSED):
        time.sleep(duration_s(2, 600))
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
        deadline = time.monotonic() + 60
        while armed.exists():
            assert time.monotonic() < deadline, f"nobody came by {name}"
            scene.at.end_rest()
            time.sleep(0.1)

    return inject


def restart_one_by_one(scene: Scene) -> None:
    """SIGTERM to each of our processes in turn, as an update does: what is under way is answered first."""
    for words in (WEB, WEB, GRPC, WORKER, BEAT):
        for process in scene.at.find(words)[:1]:
            process.send_signal(signal.SIGTERM)
            _, alive = psutil.wait_procs([process], timeout=60)  # a job that has begun ends first
            assert not alive, f"{words} did not end within a minute of SIGTERM"
            scene.traffic.wait_for(5)
