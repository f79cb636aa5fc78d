"""Which metric series are there, and how did they move?"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One metric series. series: 32 hex digits. temporality: 0 unspecified, 1 delta, 2 cumulative."""

    series: str
    name: str
    description: str
    unit: str
    kind: str
    temporality: int
    monotonic: bool
    service: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MetricName:
    """A metric name with how many series carry it."""

    name: str
    unit: str
    kind: str
    description: str
    series: int


@dataclass(frozen=True, slots=True)
class MetricStep:
    """One series in [time_ns, time_ns + step). None = nothing was reported.

    value: a gauge's last value, or what a sum grew by; rate: that per second (sums only). count, sum and the
    percentiles are of histograms and summaries, for what was observed within the step.
    """

    time_ns: int
    value: float | None
    rate: float | None = None
    count: int | None = None
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
