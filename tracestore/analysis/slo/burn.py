"""How fast is an error budget spent, how much of it is left, and when is it gone?

b = 1 - target is the share of events that may be bad. Burn rate 1 spends the budget in exactly the period.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Count:
    """Events of a window. 0 <= bad <= total."""

    bad: int
    total: int

    def __add__(self, other: "Count") -> "Count":
        return Count(self.bad + other.bad, self.total + other.total)


NOTHING = Count(0, 0)
ROUNDING = 1e-9  # 1 - 0.999 is a little more than 0.001: a budget that is spent to the last event is spent


def allowed_share(target: float) -> float:
    """The share of events that may be bad. Raises ValueError for a target outside [0, 1)."""
    if not 0 <= target < 1:
        raise ValueError("a target lies in [0, 1): an objective of 100 % has no error budget")
    return 1 - target


def burn_rate(count: Count, target: float) -> float | None:
    """How many times faster than sustainable the error budget is being spent.

    Returns a ratio (1.0 = the budget lasts exactly the period; at most 1 / (1 - target)), or None without events: no
    traffic is not success. Source: Google SRE Workbook ch. 5.
    """
    allowed = allowed_share(target)
    return count.bad / count.total / allowed if count.total else None


def remaining_share(count: Count, target: float) -> float | None:
    """What is left of the budget of a period, 1 = all of it; below 0 when it is overspent. None without events.

    count: of the whole period, real counts: windows of different traffic do not add up as rates.
    """
    rate = burn_rate(count, target)
    if rate is None:
        return None
    left = min(1.0, 1 - rate)
    return 0.0 if abs(left) < ROUNDING else left


def left_of_whole(remaining: float, elapsed: float) -> float:
    """What is left of a whole period's budget, of which `elapsed` (0-1) had events: at their traffic the rest brings its own."""
    return 1 - (1 - remaining) * elapsed


def exhaustion_s(remaining: float, rate: float, period_s: int) -> float | None:
    """Seconds until the budget is gone at this burn rate; 0 when it is, None when it never will be."""
    if remaining <= 0:
        return 0.0
    return remaining * period_s / rate if rate > 0 else None


def detection_s(long_s: int, factor: float, target: float, bad_share: float) -> float | None:
    """Seconds from healthy until a rule fires on a constant share of bad events; None when it never does.

    Source: Google SRE Workbook ch. 5 (uniform traffic).
    """
    needed = factor * allowed_share(target)
    return long_s * needed / bad_share if bad_share > needed else None


def reset_s(short_s: int, factor: float, target: float, bad_share: float) -> float:
    """Seconds from the last bad event until a rule no longer holds, after an outage of at least the short window."""
    return max(0.0, short_s * (1 - factor * allowed_share(target) / bad_share))


def spent_by_firing(factor: float, long_s: int, period_s: int) -> float:
    """The share of a period's budget that is gone when a rule fires, with uniform traffic."""
    return factor * long_s / period_s
