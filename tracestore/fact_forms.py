"""How is a rollup declared? Dimensions, measures and histograms over the rows of a fact; tracestore/facts.py is the list."""

from dataclasses import dataclass
from typing import Final, LiteralString

MINUTE_S: Final = 60
QUARTER_S: Final = 900
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
GRAINS: Final = (MINUTE_S, QUARTER_S, HOUR_S, DAY_S)
Condition = int | LiteralString  # a bit of x.signals, or SQL
OTHER: Final = "__other__"  # what a dimension is where there were too many of its values


@dataclass(frozen=True, slots=True)
class Dimension:
    name: LiteralString
    of_row: LiteralString


@dataclass(frozen=True, slots=True)
class Measure:
    """of_rows: the aggregate over rows of the fact. Sums of sums are bounded(sum(name)), for counts as well."""

    name: LiteralString
    of_rows: LiteralString


@dataclass(frozen=True, slots=True)
class Histogram:
    """value: a bigint of a row of the fact. counted: the rows it is taken from."""

    name: LiteralString
    value: LiteralString
    counted: LiteralString


@dataclass(frozen=True, slots=True)
class Rollup:
    """table: its name. fact: the table it sums, of the rows `counted`, each at its end_ns.

    weight: the measure that decides which values and combinations are kept when there are too many.
    apart: dimensions within which that is decided, which never become OTHER themselves.
    grains: finest first; that one is summed from rows, each of the others from the one before it.
    """

    table: LiteralString
    fact: LiteralString
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    histograms: tuple[Histogram, ...]
    weight: LiteralString
    counted: LiteralString = "TRUE"
    apart: tuple[LiteralString, ...] = ()
    grains: tuple[int, ...] = GRAINS

    @property
    def capped(self) -> tuple[LiteralString, ...]:
        return tuple(one.name for one in self.dimensions if one.name not in self.apart)


def that(bit: int) -> LiteralString:
    """Rows that say this."""
    return f"count(*) FILTER (WHERE x.signals & {bit} <> 0)"  # type: ignore[return-value]  # of a constant


def share(known: Condition, of_what: LiteralString, **parts: Condition) -> tuple[Measure, ...]:
    """A measure `of_what` of the rows of which something is known, and its parts: NULL where nothing is, else 0 and more."""
    counted = f"count(*) FILTER (WHERE {_condition(known)})"
    measures = [Measure(of_what, f"nullif({counted}, 0)")]  # type: ignore[arg-type]  # of constants
    for name, part in parts.items():
        both = f"count(*) FILTER (WHERE {_condition(known)} AND {_condition(part)})"
        measures.append(Measure(name, f"CASE WHEN {counted} > 0 THEN {both} END"))  # type: ignore[arg-type]
    return tuple(measures)


def _condition(told: Condition) -> str:
    return told if isinstance(told, str) else f"x.signals & {told} <> 0"
