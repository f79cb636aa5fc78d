"""How many bytes of bodies may one process hold at a time? Beyond that it says 503 rather than grow."""

import threading

from ingest.errors import Overloaded


class Buffer:
    """A budget that all requests of a process share."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        with self._lock:
            if self.used + count > self.size:
                raise Overloaded("busy", "too many large requests at once, send it again")
            self.used += count

    def give(self, count: int) -> None:
        with self._lock:
            self.used -= count


class Share:
    """What one request holds of the buffer; given back at the end of its `with` block, whatever happens."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._held = 0

    def take(self, count: int) -> None:
        self._buffer.take(count)
        self._held += count

    def __enter__(self) -> "Share":
        return self

    def __exit__(self, *_: object) -> None:
        self._buffer.give(self._held)
