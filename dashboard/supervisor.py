"""How do our processes live and die together? One loop: lines of the children, ends, restarts, an orderly stop."""

import contextlib
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import FrameType

from dashboard.children import Child

LINE_LIMIT = 2000  # characters of a child's line that are shown
TICK_S = 0.2
STOP_TIMEOUT_S = 30.0


class Stopped(Exception):
    """A signal asked us to stop while something was being waited for."""


class Supervisor:
    """Children in the order of their start; they stop in the opposite order, one stage after the other."""

    def __init__(self) -> None:
        self.stages: list[list[Child]] = []
        self.stopping = False
        self.impatient = False
        self._selector = selectors.DefaultSelector()
        self._wakeup_read, self._wakeup_write = os.pipe()
        for end in (self._wakeup_read, self._wakeup_write):
            os.set_blocking(end, False)
        self._selector.register(self._wakeup_read, selectors.EVENT_READ, None)

    def install_signals(self) -> None:
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.impatient = self.stopping and number == signal.SIGINT
        self.stopping = True

    def start(self, children: Sequence[Child]) -> None:
        """Start a stage."""
        self.stages.append(list(children))
        for child in children:
            self._launch(child)

    def _launch(self, child: Child) -> None:
        child.launch(time.monotonic())
        assert child.process is not None and child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def wait(self, ready: Callable[[], bool], timeout_s: float, problem: str) -> None:
        """Return when ready() is true; lines and restarts go on meanwhile. Raises TimeoutError(problem), or Stopped."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.stopping:
                raise Stopped
            if time.monotonic() > deadline:
                raise TimeoutError(problem)
            self.turn(0.05)
            self._mend()
            time.sleep(0.05)

    def run(self) -> None:
        """Until a signal asks to stop: pass on lines, start again what ended."""
        while not self.stopping:
            self.turn(TICK_S)
            self._mend()

    def _mend(self) -> None:
        for child in self._children():
            if child.lasting:
                self._keep_running(child)

    def _keep_running(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_again_at:
                self._launch(child)
            return
        code = child.process.poll()
        if code is not None:
            self._close(child)
            say(child.name, f"ended with {_ending(code)}; starting again in {child.plan_restart(now):.1f} s")

    def turn(self, timeout_s: float) -> None:
        """Pass on what the children wrote, waiting for it at most timeout_s."""
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wakeup_read, 4096)
            else:
                self._pass_on(key.data)

    def _pass_on(self, child: Child) -> None:
        assert child.process is not None and child.process.stdout is not None
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(child.process.stdout.fileno(), 65536)
            if not chunk:
                self._selector.unregister(child.process.stdout)
            *lines, rest = (child.partial_line + chunk).split(b"\n")
            child.partial_line = rest[-LINE_LIMIT:]
            for line in lines:
                self._say_line(child, line.decode(errors="replace"))

    def _say_line(self, child: Child, line: str) -> None:
        if line.strip() and not any(noise in line for noise in child.noise):
            say(child.name, line)

    def _close(self, child: Child) -> None:
        assert child.process is not None and child.process.stdout is not None
        while child.process.stdout in self._selector.get_map():
            before = child.partial_line
            self._pass_on(child)
            if child.partial_line == before:
                break
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.process.stdout)
        child.process.stdout.close()
        child.kill_group()
        child.groups.clear()  # their numbers may be used again
        child.process, child.partial_line = None, b""

    def stop(self) -> None:
        """Stop the stages in the opposite order of their start; what does not end in time is killed."""
        self.stopping = True
        for stage in reversed(self.stages):
            for child in stage:
                child.ask_to_stop()
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while any(child.running for child in stage) and time.monotonic() < deadline and not self.impatient:
                self.turn(0.05)
            for child in stage:
                if child.running:
                    say(child.name, "did not stop in time and was killed")
                child.kill_group()

    def forget(self, child: Child) -> None:
        """A child that was meant to end is not started again."""
        self._close(child)
        self.stages = [[other for other in stage if other is not child] for stage in self.stages]

    def _children(self) -> list[Child]:
        return [child for stage in self.stages for child in stage]


def say(name: str, line: str) -> None:
    """One line of our own output; a reader who went away must not stop the service."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with contextlib.suppress(BrokenPipeError, ValueError):
        print(f"{stamp} {name:<10} {line[:LINE_LIMIT].rstrip()}", flush=True)


def announce(line: str) -> None:
    """A line for people and scripts, without a prefix."""
    with contextlib.suppress(BrokenPipeError, ValueError):
        print(line, flush=True)


def complain(line: str) -> None:
    print(f"fourline: {line}", file=sys.stderr, flush=True)


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
