"""Where does chance come from? From hashes of names: the same seed and minute tell the same story again."""

import hashlib
import math
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def number(*parts: object, size_bytes: int = 8) -> int:
    """A number below 256 ** size_bytes that only parts decide, never 0 (an id of zeros is no id)."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=size_bytes).digest()
    return int.from_bytes(digest, "big") or 1


def share(*parts: object) -> float:
    """A number in [0, 1) that only parts decide."""
    return (number(*parts) >> 11) / 2**53


def dice(*parts: object) -> random.Random:
    """A generator that only parts seed."""
    return random.Random(number(*parts, size_bytes=16))


def pick(parts: tuple[object, ...], among: Sequence[T]) -> T:
    return among[number(*parts) % len(among)]


def around(r: random.Random, median: float, spread: float = 0.35) -> float:
    """A log-normal draw: latencies and lengths have such tails. spread: standard deviation of the logarithm."""
    return median * math.exp(r.gauss(0.0, spread))
