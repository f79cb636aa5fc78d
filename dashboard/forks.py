"""How does a child share our memory? It is forked, not executed: what was imported before is there once for all of them."""

import gc
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import IO

from dashboard.embedded.parent import die_with_parent

try:
    from setproctitle import setproctitle
except ImportError:  # only a name in the process table

    def setproctitle(title: str) -> None: ...


class ForkedProcess:
    """The part of subprocess.Popen that the supervisor uses."""

    def __init__(self, name: str, run: Callable[[], None], keep: Sequence[int] = ()) -> None:
        """Run `run` in a child that leads a process group of its own. keep: file descriptors that it goes on using."""
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        before_fork = die_with_parent(signal.SIGKILL)
        self.returncode: int | None = None
        self.args = name
        self.pid = os.fork()
        if self.pid == 0:
            _become(name, run, write_end, keep, before_fork)
        os.close(write_end)
        self.stdout: IO[bytes] = os.fdopen(read_end, "rb", buffering=0)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self.returncode = 0
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


Process = subprocess.Popen[bytes] | ForkedProcess


def settle_memory() -> None:
    """Call once before the first fork: what is there now is never collected, so its pages stay shared."""
    gc.collect()
    gc.freeze()


def _become(name: str, run: Callable[[], None], output: int, keep: Sequence[int], prepare: Callable[[], None]) -> None:
    """In the child: cut what ties it to the supervisor, run, and end without the supervisor's own endings."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        prepare()
        _only_own_files(output, keep)
        setproctitle(f"fourline: manage.py {name}")
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, flush=True)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc(limit=-6)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _only_own_files(output: int, keep: Sequence[int]) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    limit = max(int(name) for name in os.listdir("/dev/fd")) + 1
    for descriptor in range(3, limit):
        if descriptor not in keep:
            try:
                os.close(descriptor)
            except OSError:
                continue
