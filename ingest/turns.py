"""Who decodes next? Large batches of a process take turns on the processor, and wait for the database side by side.

Two threads that decode at once finish no sooner than one after the other: they share an interpreter and push each other's
work out of the core's cache (5 % more time a span, and both as late as the later one). What remains after a turn, the
transaction, is mostly waiting: meanwhile the next batch is decoded.
"""

import threading
from types import TracebackType

SMALL_BYTES = 1 << 16  # smaller batches mostly wait for a commit: they take no turns, and no large one holds them up


class Turn:
    """One turn: begins with the `with` block, ends with it or earlier, by `over`. Without a lock it is never waited for."""

    __slots__ = ("_holds", "_lock")

    def __init__(self, lock: "threading.Lock | None" = None) -> None:
        self._lock = lock
        self._holds = False

    def __enter__(self) -> "Turn":
        if self._lock is not None:
            self._lock.acquire()
            self._holds = True
        return self

    def over(self) -> None:
        """The rest needs no processor to itself. May be called again."""
        if self._holds and self._lock is not None:
            self._holds = False
            self._lock.release()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.over()


class Turns:
    """The turns of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def of(self, size: int) -> Turn:
        """The turn of a body of `size` bytes."""
        return Turn(self._lock if size > SMALL_BYTES else None)
