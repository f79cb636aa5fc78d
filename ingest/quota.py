"""How much may one key send? A rate for each key, kept in memory that all forked workers and the gRPC process share.

A key is one number: until when what it sent so far would last at its rate. A write is one aligned double, so processes need
no lock; two that spend in the same instant may count one of the two, and nothing else can go wrong.
"""

import math
import mmap
from typing import TypeAlias

from ingest.errors import Overloaded

BURST_S = 10.0  # a key may be this far ahead of its rate
KEYS = 65_536  # ids count up from 1, so two keys share a number only beyond this many

Board: TypeAlias = "memoryview[float]"  # of KEYS: seconds of the monotonic clock, which is one for the whole machine


def new_board() -> Board:
    """Made before the workers are forked, it is theirs together. Pages nobody wrote to take no memory."""
    return memoryview(mmap.mmap(-1, KEYS * 8)).cast("d")


REQUESTS, BYTES = new_board(), new_board()


class Quota:
    """per_s: requests or bytes a second; 0 for no limit. A sender without a key counts as key 0."""

    def __init__(self, per_s: float, board: Board) -> None:
        self._per_s = per_s
        self._lasts_until = board

    def check(self, key_id: int | None, now_s: float) -> None:
        """Raises Overloaded("quota") with the time until the key may send again."""
        if not self._per_s:
            return
        ahead_s = self._lasts_until[(key_id or 0) % KEYS] - now_s
        if ahead_s > BURST_S:
            raise Overloaded("quota", "this key sends too much", max(1, math.ceil(ahead_s - BURST_S)))

    def spend(self, key_id: int | None, amount: float, now_s: float) -> None:
        """The last of a burst may pass the limit: what it is over by is waited for before the next."""
        if not self._per_s:
            return
        slot = (key_id or 0) % KEYS
        self._lasts_until[slot] = max(self._lasts_until[slot], now_s) + amount / self._per_s
