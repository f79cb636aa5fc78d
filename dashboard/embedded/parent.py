"""How do children end with their parent, even when it is killed?"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(death_signal: signal.Signals, parent: int | None = None) -> Callable[[], None]:
    """A preexec_fn: the kernel sends death_signal when the thread that started the child ends.

    parent: its process id (default: ours). Does nothing where there is no prctl.
    """
    parent = parent or os.getpid()

    def prepare() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)

    return prepare
