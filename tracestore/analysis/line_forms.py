"""What is a member of a line: what is it made of, what feeds it, which way is good? The words of the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Line = Literal["quality", "latency", "cost", "risk", "signals"]
Unit = Literal["ratio", "ns", "nanousd", "nanousd_per_h", "tokens", "count", "per_min"]
Direction = Literal["up", "down", "none"]  # which way is good
Fact = Literal["trace", "llm_call", "tool_call", "score"]


Cells = Sequence[int] | Mapping[int, int] | None  # a histogram as stored, or open: bucket -> how many


class Counted(Protocol):
    """Sums whose histograms are as stored, or open. A measure that is None or not there is unknown."""

    @property
    def measures(self) -> Mapping[str, int | None]: ...
    @property
    def histograms(self) -> Mapping[str, Cells]: ...


class Summed(Protocol):
    """Sums of a rollup, as tracestore.queries.rollups gives them. A measure that is None or not there is unknown."""

    @property
    def measures(self) -> Mapping[str, int | None]: ...
    @property
    def histograms(self) -> Mapping[str, Sequence[int] | None]: ...


@dataclass(frozen=True, slots=True)
class Share:
    """Of `whole`, how many are `part` (or are not: `failed`). Both counts, each item once: a binomial share.

    part and whole are names of measures that are added up.
    """

    whole: tuple[str, ...]
    part: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measure per another one, neither a share of items: tokens, retries. n: the measure that counts the items."""

    part: str
    whole: str
    n: str


@dataclass(frozen=True, slots=True)
class Quantile:
    histogram: str
    q: float


@dataclass(frozen=True, slots=True)
class Mean:
    """A measure per value of the histogram of the same values, which knows how many are known and how they spread."""

    total: str
    histogram: str


@dataclass(frozen=True, slots=True)
class Total:
    """A sum. n: the measure that counts the items; or the histogram, where a measure of them may be unknown."""

    total: str
    n: str = ""
    histogram: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """A sum per seconds of time covered."""

    of: Total
    per_s: int


@dataclass(frozen=True, slots=True)
class TopShare:
    """What share of the sum of all values the largest `top` of them make, from their histogram."""

    histogram: str
    top: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The largest value in a step of gauges that are sent as OTLP metrics, by their names."""

    metrics: tuple[str, ...]


Form = Share | Ratio | Quantile | Mean | Total | Rate | TopShare | Reading


@dataclass(frozen=True, slots=True)
class Member:
    """One number that a line shows.

    formula: in words that a person can check. fact: the table whose rollup it is read from. needs: the attributes (or
    metrics, events) that feed it; () = any span does. empty: one sentence for where nothing is known: why, and what to send.
    sources: of which sources of scores; () = all. also: further facts whose sums are added. per: the noun that n counts, in
    the plural.
    """

    name: str
    line: Line
    title: str
    unit: Unit
    direction: Direction
    formula: str
    fact: Fact
    form: Form
    per: str
    empty: str
    needs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    also: tuple[Fact, ...] = ()

    @property
    def facts(self) -> tuple[Fact, ...]:
        return (self.fact, *self.also)


def sums_of(form: Form) -> tuple[str, ...]:
    """The measures and histograms that a form reads."""
    match form:
        case Share(whole, part, failed):
            return (*whole, *part, *failed)
        case Ratio(part, whole, n):
            return (part, whole, n)
        case Mean(total, histogram):
            return (total, histogram)
        case Total(total, n, histogram):
            return tuple(name for name in (total, n, histogram) if name)
        case Rate(of):
            return sums_of(of)
        case Quantile(histogram) | TopShare(histogram):
            return (histogram,)
        case _:
            return ()
