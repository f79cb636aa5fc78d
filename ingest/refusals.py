"""What did we refuse, and why? Counted in memory, written to the ledger each second, so that a flood costs one row."""

import atexit
import logging
import threading
import time

import psycopg

from tracestore import refusals as ledger
from tracestore.db import Unavailable
from tracestore.refusals import Refusal

EVERY_S = 1.0
MOST = 10_000  # kinds kept while the database is away

_log = logging.getLogger("fourline.ingest")


class Refusals:
    """Counts of one process. A refused request was never acknowledged, so a crash loses a second of counts at most."""

    def __init__(self) -> None:
        self._counts: dict[Refusal, int] = {}
        self._lock = threading.Lock()
        self._flusher: threading.Thread | None = None

    def count(self, project: int, signal: str, reason: str, now_s: float) -> None:
        """project: 0 when the key was not known. signal: traces, logs, metrics, or "" for none of them."""
        key = (project, signal, int(now_s // 60), reason)
        with self._lock:
            if key in self._counts or len(self._counts) < MOST:
                self._counts[key] = self._counts.get(key, 0) + 1
            if self._flusher is None:
                self._flusher = threading.Thread(target=self._run, name="refusals", daemon=True)
                self._flusher.start()
                atexit.register(self.flush)

    def flush(self) -> None:
        """Writes what was counted; keeps it when the database is away."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            ledger.add(counts)
        except (psycopg.Error, Unavailable) as error:
            _log.warning("refusals are kept in memory: %s", type(error).__name__)
            self._put_back(counts)

    def _put_back(self, counts: dict[Refusal, int]) -> None:
        with self._lock:
            for key, requests in counts.items():
                self._counts[key] = self._counts.get(key, 0) + requests

    def _run(self) -> None:
        while True:
            time.sleep(EVERY_S)
            self.flush()


refusals = Refusals()
