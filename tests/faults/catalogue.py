"""The faults that may meet an installation under load. Each is injected, undone where that is ours to do, and nothing more."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.broker_faults import evict_from_redis, kill_redis, wipe_redis
from tests.faults.installation import BACKEND, GRPC, POSTMASTER, WEB, Installation
from tests.faults.machine_faults import (
    fail_fsync,
    fill_disk,
    no_disk,
    no_memory_group,
    no_strace,
    run_out_of_files,
    run_out_of_memory,
)
from tests.faults.process_faults import (
    failpoint,
    freeze_beat,
    freeze_postgres,
    freeze_worker,
    kill_beat,
    kill_everything,
    kill_pool_children,
    kill_worker_with_children,
    killed,
    restart_one_by_one,
    stop_postgres_at_once,
)
from tests.faults.scene import Injects
from tracestore import failpoints


@dataclass(frozen=True, slots=True)
class Fault:
    """code: of the fault matrix in docs/faults.md. missing: what the machine lacks to inject it, or None."""

    code: str
    name: str
    inject: Injects
    missing: Callable[[Installation], str | None] = lambda at: None


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
    # Nothing is told in this scene: tests/alerts/test_delivery.py ends a process there (F20).
    *(Fault("F7", f"end at {name}", failpoint(name)) for name in failpoints.NAMES if name != "told"),
    Fault("F8", "fill the disk", fill_disk, no_disk),
    Fault("F9", "fail fsync", fail_fsync, no_strace),
    Fault("F10", "run out of files", run_out_of_files),
    Fault("F10", "run out of memory", run_out_of_memory, no_memory_group),
    Fault("F11", "kill Redis", kill_redis),
    Fault("F11", "wipe Redis", wipe_redis),
    Fault("F12", "let Redis evict", evict_from_redis),
    Fault("F28", "restart one by one", restart_one_by_one),
)
