"""What do several sums come to? As one, with their histograms open, so that many members read them once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tracestore.analysis import histogram
from tracestore.analysis.line_forms import Cells, Counted


@dataclass(frozen=True, slots=True)
class Together:
    """measures: None where no sum knows it. histograms: bucket -> how many."""

    measures: Mapping[str, int | None]
    histograms: Mapping[str, Mapping[int, int]]


def together(sums: Sequence[Counted]) -> Together:
    measures: dict[str, int | None] = {}
    for row in sums:
        for name, value in row.measures.items():
            known = measures.get(name)
            measures[name] = known if value is None else value if known is None else known + value
    names = dict.fromkeys(name for row in sums for name in row.histograms)
    return Together(measures, {name: counts_of(sums, name) for name in names})


def counts_of(sums: Iterable[Counted], name: str) -> Mapping[int, int]:
    """One histogram of all; do not change it, it may be that of the only sum."""
    found = [cells for row in sums if (cells := row.histograms.get(name))]
    return _opened(found[0]) if len(found) == 1 else histogram.merge(map(_opened, found))


def _opened(cells: Cells) -> Mapping[int, int]:
    return cells if isinstance(cells, Mapping) else histogram.unpack(cells)
