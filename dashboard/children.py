"""One child process of the supervisor: how it is started, when it is started again, how it is stopped."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from dashboard.forks import Process

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
SETTLED_S = 30.0  # a child that lived this long starts again without a pause


@dataclass(slots=True)
class Child:
    """start: makes the process, its stdout a pipe. Times are seconds of the monotonic clock."""

    name: str
    start: Callable[[], Process]
    stop_signal: signal.Signals = signal.SIGTERM
    process: Process | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    partial_line: bytes = b""
    noise: tuple[str, ...] = ()  # lines that contain one of these are not shown
    lasting: bool = True  # False while its own end is waited for: a first start, or work with an end
    groups: set[int] = field(default_factory=set)

    def launch(self, now: float) -> None:
        self.process = self.start()
        self.started_at = now
        self.groups.add(self.process.pid)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def plan_restart(self, now: float) -> float:
        """After an end: when to start again. Each early end doubles the pause, up to LONGEST_PAUSE_S."""
        if now - self.started_at >= SETTLED_S:
            self.pause_s = FIRST_PAUSE_S
        self.start_again_at = now + self.pause_s
        self.pause_s = min(self.pause_s * 2, LONGEST_PAUSE_S)
        return self.start_again_at - now

    def ask_to_stop(self) -> None:
        if self.running and self.process is not None:
            self.process.send_signal(self.stop_signal)

    def kill_group(self) -> None:
        """End whatever is left of the child and of what it started (each child leads a process group of its own)."""
        for group in self.groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
