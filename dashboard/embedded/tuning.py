"""How is Postgres set up for this machine? Memory and disk in, settings out; durability is never among them."""

import os
import shutil
from pathlib import Path

MB = 1024 * 1024
GB = 1024 * MB


def memory_bytes() -> int:
    """What this process may use: the machine's memory, or the control group's limit where that is lower."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        limit = _read_limit(file)
        if limit is not None:
            return min(total, limit)
    return total


def _read_limit(file: str) -> int | None:
    try:
        content = Path(file).read_text().strip()
    except OSError:
        return None
    return int(content) if content.isdigit() else None


def postgres_settings(memory: int, free_disk: int, processors: int, shared_memory_free: int) -> dict[str, str]:
    """Settings for a machine with so many bytes of memory, of free disk, of free /dev/shm.

    An eighth of the memory is Postgres's own cache, since the application lives on the same machine.
    """
    shared_buffers = _between(memory // 8, 64 * MB, 2 * GB)
    return {
        "shared_buffers": _mb(shared_buffers),
        "effective_cache_size": _mb(max(memory // 2, shared_buffers)),
        "work_mem": _mb(_between(memory // 256, 4 * MB, 32 * MB)),
        "maintenance_work_mem": _mb(_between(memory // 32, 32 * MB, 512 * MB)),
        "autovacuum_work_mem": _mb(_between(memory // 64, 32 * MB, 256 * MB)),
        "dynamic_shared_memory_type": "posix" if shared_memory_free > 256 * MB else "mmap",
        "max_connections": "150",
        "max_locks_per_transaction": "256",  # a dump or a restore holds every partition and index at once
        "max_worker_processes": "8",
        "max_parallel_workers": str(_between(processors, 1, 8)),
        "max_parallel_workers_per_gather": "1" if processors <= 2 else "2",
        # The write-ahead log: rare checkpoints, spread out, as much log as the disk can spare.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "wal_compression": "on",
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": _mb(_between(free_disk // 10, 512 * MB, 8 * GB)),
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        # Small hot tables (marks, traces) are rewritten all the time: vacuum them soon and without long pauses.
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_cost_limit": "1000",
        "autovacuum_max_workers": "3",
        "random_page_cost": "1.1",
        "effective_io_concurrency": "64",
        "jit": "off",
        "timezone": "UTC",
    }


# Statements, and errors that quote a value of a customer, stay out of the server's log.
LOG_SETTINGS = {
    "logging_collector": "off",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}


def this_machine(data: Path) -> dict[str, str]:
    """The settings for where we run now; data: a folder on the disk of the database."""
    shm = shutil.disk_usage("/dev/shm").free if os.path.isdir("/dev/shm") else 0  # noqa: S108  measured, not written
    return postgres_settings(memory_bytes(), shutil.disk_usage(data).free, os.cpu_count() or 1, shm)


def _between(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def _mb(size: int) -> str:
    return f"{size // MB}MB"
