"""How often may one key send? A token bucket for each key and process; off unless a setting turns it on. Pure."""

import math
import threading

from ingest.errors import Overloaded

BURST_S = 10.0  # a key may save up this much of its rate
KEYS = 4_096


class Quota:
    """requests_per_s: 0 for no limit. A request without a key counts for None."""

    def __init__(self, requests_per_s: float) -> None:
        self._rate = requests_per_s
        self._buckets: dict[int | None, tuple[float, float]] = {}  # key -> (tokens, when)
        self._lock = threading.Lock()

    def charge(self, key_id: int | None, now_s: float) -> None:
        """Raises Overloaded("quota") with the time until the key may send again."""
        if not self._rate:
            return
        most = max(1.0, self._rate * BURST_S)
        with self._lock:
            tokens, when = self._buckets.get(key_id, (most, now_s))
            tokens = min(most, tokens + (now_s - when) * self._rate)
            if len(self._buckets) >= KEYS:
                self._buckets.clear()
            self._buckets[key_id] = (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now_s)
        if tokens < 1:
            wait_s = max(1, math.ceil((1 - tokens) / self._rate))
            raise Overloaded("quota", "this key sends too often", wait_s)
