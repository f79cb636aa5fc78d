"""Who uses the agents? A fixed crowd of customers of a few tenants, some of whom come often."""

import random
from dataclasses import dataclass

from dashboard.demo.chance import number
from dashboard.demo.texts import FIRST_NAMES, LAST_NAMES, TENANTS


@dataclass(frozen=True, slots=True)
class Person:
    user_id: str
    name: str
    tenant: str


def someone(r: random.Random, crowd: int = 400) -> Person:
    """A person of the crowd; low numbers come more often (the square of an even draw)."""
    index = int(r.random() ** 2 * crowd)
    name = f"{FIRST_NAMES[number('first', index) % len(FIRST_NAMES)]} {LAST_NAMES[number('last', index) % len(LAST_NAMES)]}"
    return Person(f"u-{1000 + index}", name, TENANTS[number("tenant", index) % len(TENANTS)])
