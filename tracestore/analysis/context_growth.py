"""How large are prompts turn by turn, and how fast do they grow? Pure; see context.py for what a prompt is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tracestore.analysis.context import PARTS, Composition

TURN_BUCKETS: Final = ((1, 1), (2, 3), (4, 7), (8, 15), (16, None))
HISTORY_MAX: Final = 0.7
WINDOW_MAX: Final = 0.8
GROWTH_CALLS_MIN: Final = 3


def bucket_of(turn: int) -> tuple[int, int | None]:
    return next((low, high) for low, high in TURN_BUCKETS if high is None or turn <= high)


@dataclass(frozen=True, slots=True)
class Measured:
    """A sampled call. input_tokens: None = not reported."""

    composition: Composition
    input_tokens: int | None
    service: str = ""


@dataclass(frozen=True, slots=True)
class TurnBucket:
    """n: calls. p50, p95: input tokens of those n_tokens that report them (nearest rank). shares: of PARTS, 0-1, of all
    characters of the bucket together; None without any."""

    low: int
    high: int | None
    n: int
    n_tokens: int
    p50: int | None
    p95: int | None
    shares: dict[str, float] | None


def by_turn(calls: Iterable[Measured]) -> list[TurnBucket]:
    """The buckets of TURN_BUCKETS that hold a call, in order."""
    groups: dict[tuple[int, int | None], list[Measured]] = {}
    for one in calls:
        groups.setdefault(bucket_of(one.composition.turn), []).append(one)
    return [_bucket(bounds, groups[bounds]) for bounds in TURN_BUCKETS if bounds in groups]


def _bucket(bounds: tuple[int, int | None], calls: Sequence[Measured]) -> TurnBucket:
    tokens = sorted(one.input_tokens for one in calls if one.input_tokens is not None)
    chars = {name: sum(one.composition.chars[name] for one in calls) for name in PARTS}
    total = sum(chars.values())
    return TurnBucket(
        low=bounds[0],
        high=bounds[1],
        n=len(calls),
        n_tokens=len(tokens),
        p50=nearest_rank(tokens, 0.5),
        p95=nearest_rank(tokens, 0.95),
        shares={name: count / total for name, count in chars.items()} if total else None,
    )


def nearest_rank(ordered: Sequence[int], q: float) -> int | None:
    """The value that the share q of all does not exceed; None without values."""
    return ordered[max(0, -int(-q * len(ordered) // 1) - 1)] if ordered else None


def slope(values: Sequence[int]) -> float | None:
    """Theil-Sen: the median of the slopes between all pairs, per step; None for fewer than GROWTH_CALLS_MIN values."""
    if len(values) < GROWTH_CALLS_MIN:
        return None
    steps = range(len(values))
    return median((values[b] - values[a]) / (b - a) for a in steps for b in steps[a + 1 :])


@dataclass(frozen=True, slots=True)
class Growth:
    """Tokens per call of conversations: the median slope and the middle half of them. n: conversations."""

    key: str | None
    n: int
    median: float
    low: float
    high: float


def growth(conversations: Iterable[tuple[str | None, Sequence[int]]]) -> list[Growth]:
    """(key, input tokens call by call) of conversations -> the growth of each key, most conversations first."""
    slopes: dict[str | None, list[float]] = {}
    for key, values in conversations:
        one = slope(values)
        if one is not None:
            slopes.setdefault(key, []).append(one)
    found = [_growth(key, sorted(values)) for key, values in slopes.items()]
    return sorted(found, key=lambda one: (-one.n, one.key is None, one.key or ""))


def _growth(key: str | None, ordered: Sequence[float]) -> Growth:
    last = len(ordered) - 1
    return Growth(key, len(ordered), median(ordered), ordered[last // 4], ordered[last - last // 4])
