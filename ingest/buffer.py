"""How many bytes of bodies may one process hold at a time? Beyond that it says 503 rather than grow."""

import threading

from ingest.errors import Overloaded

KEY_SHARE = 0.75  # of the buffer, for one key: the rest is for the others


class Buffer:
    """A budget that all requests of a process share."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self._used_by: dict[int | None, int] = {}
        self._lock = threading.Lock()

    def take(self, key_id: int | None, count: int) -> None:
        """Raises Overloaded("busy") when there is no room."""
        with self._lock:
            by_key = self._used_by.get(key_id, 0) + count
            if self.used + count > self.size or by_key > self.size * KEY_SHARE:
                raise Overloaded("busy", "too many large requests at once, send it again")
            self.used += count
            self._used_by[key_id] = by_key

    def give(self, key_id: int | None, count: int) -> None:
        with self._lock:
            self.used -= count
            by_key = self._used_by.get(key_id, 0) - count
            if by_key:
                self._used_by[key_id] = by_key
            else:
                self._used_by.pop(key_id, None)


class Share:
    """What one request of a key holds of the buffer; given back at the end of its `with` block, whatever happens."""

    def __init__(self, buffer: Buffer, key_id: int | None = None) -> None:
        self._buffer = buffer
        self._key_id = key_id
        self._held = 0

    def take(self, count: int) -> None:
        self._buffer.take(self._key_id, count)
        self._held += count

    def __enter__(self) -> "Share":
        return self

    def __exit__(self, *_: object) -> None:
        self._buffer.give(self._key_id, self._held)
