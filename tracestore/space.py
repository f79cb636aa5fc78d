"""Is there room on the disk of the embedded Postgres? Ingest stops while some is left, so that reading and upkeep go on.

On the last byte Postgres cannot even open a session (it writes a cache file then), and panics when its log cannot grow.
A server of one's own has a disk that we cannot see.
"""

import os
import time
from pathlib import Path

from django.conf import settings

from tracestore.db import Unavailable

RESERVE_BYTES = 256 * 2**20  # some log segments, settling of what came last, files of Postgres's own
CHECK_EVERY_S = 0.25
_checked: tuple[float, int] = (float("-inf"), 0)  # when, bytes free; the GIL makes its exchange whole


def require_space(now_s: float | None = None) -> None:
    """Raises Unavailable when less than RESERVE_BYTES are free. now_s: of the monotonic clock."""
    global _checked
    now_s = time.monotonic() if now_s is None else now_s
    if now_s - _checked[0] >= CHECK_EVERY_S:
        _checked = (now_s, free_bytes())
    if _checked[1] < RESERVE_BYTES:
        raise Unavailable("the disk is full")


def free_bytes() -> int:
    """What ingest goes by: a disk that we cannot see is taken to have room."""
    found = disk_free_bytes()
    return RESERVE_BYTES if found is None else found


def disk_free_bytes() -> int | None:
    """Of the fuller of the two: the data and the write-ahead log, which may be a disk of its own.

    None: a server of one's own, or no folder (yet) that we may look into.
    """
    if not settings.EMBEDDED_DATABASE:
        return None
    data: Path = settings.HOME.postgres_data
    found = (_free_bytes(folder) for folder in (data, data / "pg_wal"))
    return min((free for free in found if free is not None), default=None)


def _free_bytes(folder: Path) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
