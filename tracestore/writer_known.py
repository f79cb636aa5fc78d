"""What does this process know to be stored already? References and messages, so that they are not sent again.

Learned only after a commit, and only for the epoch of the project's erasures that the commit saw: an eraser raises it.
"""

import threading
from collections.abc import Iterable

GENERATION = 60_000  # keys; two generations are kept, about 10 MB each


class Known:
    """A bounded set of keys that forgets what was not asked for longest, in two generations."""

    def __init__(self, generation: int = GENERATION) -> None:
        self._generation = generation
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._lock = threading.Lock()

    def __contains__(self, key: bytes) -> bool:
        if key in self._young:
            return True
        if key not in self._old:
            return False
        self.learn((key,))
        return True

    def learn(self, keys: Iterable[bytes]) -> None:
        with self._lock:
            self._young.update(keys)
            if len(self._young) > self._generation:
                self._old, self._young = self._young, set()

    def forget(self) -> None:
        with self._lock:
            self._young, self._old = set(), set()


KNOWN = Known()
