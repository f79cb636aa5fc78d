"""Which numbers of an hour are watched, on what scale, and from what amount on is a change worth a word?

cost        log(cost + 1 % of the median hour), upwards; more by $0.05 and by 20 % of the median of the last 24 hours
requests    log(n + 1), both ways, chance 1 / sqrt(n of the hour of the week); by 10 and by 20 %
latency     log(p95) of hours whose p95 has an interval (72 requests), upwards, chance from that interval; by 20 %
errors      logit((k + 1/2) / (n + 1)) of hours with 20 requests, upwards, chance 1 / sqrt(n p (1 - p)); by 1 point and
            by 3 failed requests
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import median
from typing import Final

from tracestore.analysis.anomalies import DAY_H, WEEK_H, Hour, Standout
from tracestore.analysis.intervals import Z
from tracestore.analysis.line_estimates import Estimate, estimate
from tracestore.analysis.line_forms import Summed
from tracestore.analysis.lines import MEMBERS

COST_MIN_NANOUSD: Final = 50_000_000
REQUESTS_MIN: Final = 10
RELATIVE_MIN: Final = 0.2
ERRORS_MIN: Final = 3
SHARE_MIN: Final = 0.01
_OF_SHARE_MIN: Final = 20  # requests, before a share of them is looked at
_NOTHING: Final = Estimate(None, 0)

Numbers = Mapping[int, Estimate]  # hour since the epoch -> its number


@dataclass(frozen=True, slots=True)
class Watched:
    """member: of the lines, in whose unit the numbers are. back: from the scale of the test to that unit, given n.

    is_large: whether a number, after what was expected, is a change of an amount that matters.
    """

    member: str
    both_ways: bool
    hours: Callable[[Numbers], dict[int, Hour]]
    back: Callable[[float, Numbers], float]
    is_large: Callable[[Estimate, float, float], bool]


def numbers(member: str, hours: Mapping[int, Summed], end: int) -> dict[int, Estimate]:
    """Of the hours from the first known one on; one without a request is told of no requests (and no cost)."""
    nothing = Estimate(0.0, 0) if member in ("cost_per_hour", "traffic") else _NOTHING
    if not hours:
        return {}
    return {
        at: estimate(MEMBERS[member], [hours[at]], 3_600) if at in hours else nothing for at in range(min(hours), end)
    }


def _known(of: Numbers) -> dict[int, tuple[float, Estimate]]:
    return {at: (one.value, one) for at, one in of.items() if one.value is not None}


def _offset(of: Numbers) -> float:
    """1 % of the median hour that cost something."""
    spent = [value for value, _ in _known(of).values() if value > 0]
    return median(spent) / 100 if spent else 1.0


def _cost(of: Numbers) -> dict[int, Hour]:
    offset = _offset(of)
    known = _known(of)
    return (
        {at: Hour(log(value + offset)) for at, (value, _) in known.items()} if any(v for v, _ in known.values()) else {}
    )


def _requests(of: Numbers) -> dict[int, Hour]:
    counts: dict[int, list[int]] = {}
    for at, one in of.items():
        counts.setdefault(at % WEEK_H, []).append(one.n)
    usual = {slot: median(of_slot) for slot, of_slot in counts.items()}
    return {at: Hour(log(one.n + 1), 1 / sqrt(max(1.0, usual[at % WEEK_H]))) for at, one in of.items()}


def _latency(of: Numbers) -> dict[int, Hour]:
    return {
        at: Hour(log(value), (log(one.high) - log(one.low)) / (2 * Z))
        for at, (value, one) in _known(of).items()
        if value > 0 and one.low and one.high
    }


def _errors(of: Numbers) -> dict[int, Hour]:
    known = [one for one in of.values() if one.n >= _OF_SHARE_MIN]
    share = (sum(one.hits or 0 for one in known) + 0.5) / (sum(one.n for one in known) + 1)
    return {
        at: Hour(_logit((one.hits or 0) + 0.5, one.n + 1), 1 / sqrt(one.n * share * (1 - share)))
        for at, one in of.items()
        if one.n >= _OF_SHARE_MIN
    }


def _logit(part: float, whole: float) -> float:
    return log(part / (whole - part))


WATCHED: Final = (
    Watched(
        "cost_per_hour",
        False,
        _cost,
        lambda y, of: max(0.0, exp(y) - _offset(of)),
        lambda now, expected, usual: (now.value or 0) - expected >= max(COST_MIN_NANOUSD, RELATIVE_MIN * usual),
    ),
    Watched(
        "traffic",
        True,
        _requests,
        lambda y, of: max(0.0, exp(y) - 1) / 60,
        lambda now, expected, usual: (
            abs((now.value or 0) - expected) >= max(REQUESTS_MIN / 60, RELATIVE_MIN * usual, RELATIVE_MIN * expected)
        ),
    ),
    Watched(
        "latency_p95",
        False,
        _latency,
        lambda y, of: exp(y),
        lambda now, expected, usual: (now.value or 0) - expected >= RELATIVE_MIN * expected,
    ),
    Watched(
        "error_rate",
        False,
        _errors,
        lambda y, of: 1 / (1 + exp(-y)),
        lambda now, expected, usual: (
            (now.value or 0) - expected >= SHARE_MIN and (now.hits or 0) - expected * now.n >= ERRORS_MIN
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """value, expected, median: in the unit of the member. hour: since the epoch. z, k, weeks, level: see anomalies.py."""

    member: str
    hour: int
    value: float
    n: int
    expected: float
    median: float
    level: float
    weeks: int
    z: float
    k: float

    @property
    def start_s(self) -> int:
        return self.hour * 3_600

    @property
    def why(self) -> str:
        """What it is compared with."""
        day, hour = _WEEKDAYS[(self.hour // DAY_H + 3) % 7], self.hour % DAY_H
        times = f"{self.value / self.median:.1f}x" if self.median > 0 else "far above"
        return f"{times} the median of {self.weeks} {day}s {hour:02}:00 UTC, level of the last 24 h x{self.level:.2f}"


_WEEKDAYS: Final = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)  # 1970 began on a Thursday


def anomaly_of(watched: Watched, of: Numbers, found: Standout) -> Anomaly | None:
    """None where the change is too small to matter."""
    now = of[found.hour]
    expected, typical = watched.back(found.expected, of), watched.back(found.median, of)
    recent = [
        one.value for at in range(found.hour - DAY_H, found.hour) if (one := of.get(at)) and one.value is not None
    ]
    usual = median(recent) if recent else typical
    if now.value is None or not watched.is_large(now, expected, usual):
        return None
    level = expected / typical if typical else 1.0
    return Anomaly(
        watched.member, found.hour, now.value, now.n, expected, typical, level, found.weeks, found.z, found.k
    )  # fmt: skip
