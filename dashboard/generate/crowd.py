"""Who uses the agents? A crowd in which few come very often and most hardly ever (Zipf)."""

import random
from bisect import bisect
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from dashboard.demo.chance import number

USERS, TENANTS = 20_000, 120
EXPONENT = 0.9  # the user of rank n comes n ** -EXPONENT times as often as the first


@dataclass(frozen=True, slots=True)
class Person:
    user_id: str
    tenant_id: str


@lru_cache(maxsize=1)
def _heaps() -> list[float]:
    return list(accumulate((rank + 1) ** -EXPONENT for rank in range(USERS)))


@lru_cache(maxsize=USERS)
def _person(rank: int) -> Person:
    return Person(f"user-{rank:05}", f"tenant-{number('tenant', rank) % TENANTS:03}")


def someone(r: random.Random) -> Person:
    heaps = _heaps()
    return _person(min(bisect(heaps, r.random() * heaps[-1]), USERS - 1))
