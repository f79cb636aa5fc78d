"""What does this process know to be stored already? References and messages, so that they are not sent again.

Learned only after a commit, and only for the epoch of the project's erasures that the commit saw: an eraser raises it.
"""

import threading
from collections.abc import Iterable, Mapping

GENERATION = 40_000  # keys; two generations are kept, about 3.5 MB each

Place = tuple[str, int, int, bytes]  # database, project, epoch of its erasures, kind: within it a key is its content's


class Known:
    """A bounded set of keys that forgets what was not asked for longest, in two generations.

    Keys are kept by place, as they are: joined with their place they would take twice the memory, and a copy each time.
    """

    def __init__(self, generation: int = GENERATION) -> None:
        self._generation = generation
        self._size = 0  # of the young generation
        self._young: dict[Place, set[bytes]] = {}
        self._old: dict[Place, set[bytes]] = {}
        self._lock = threading.Lock()

    def unknown(self, place: Place, keys: Iterable[bytes]) -> list[bytes]:
        """Those of the keys that are not known, sorted."""
        young, old = self._young.get(place, _NOTHING), self._old.get(place, _NOTHING)
        fresh = [key for key in keys if key not in young]
        if old and fresh:
            again = [key for key in fresh if key in old]
            if again:
                self.learn({place: again})
                fresh = [key for key in fresh if key not in old]
        fresh.sort()
        return fresh

    def learn(self, learned: Mapping[Place, Iterable[bytes]]) -> None:
        with self._lock:
            for place, keys in learned.items():
                young = self._young.setdefault(place, set())
                before = len(young)
                young.update(keys)
                self._size += len(young) - before
            if self._size > self._generation:
                self._old, self._young, self._size = self._young, {}, 0

    def forget(self) -> None:
        with self._lock:
            self._young, self._old, self._size = {}, {}, 0


_NOTHING: frozenset[bytes] = frozenset()
KNOWN = Known()
