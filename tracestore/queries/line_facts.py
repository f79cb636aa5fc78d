"""What is read of a fact for members of the lines: which rollup, which of its sums, and those as cells to be compared."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from tracestore.analysis.contrasts import Cell
from tracestore.analysis.filters import Node
from tracestore.analysis.line_forms import Fact, Member, sums_of
from tracestore.analysis.line_sums import together
from tracestore.facts import CALLS, REQUESTS, SCORES, TOOLS, Rollup
from tracestore.queries.rollups import ONE_STEP_S, find_sums
from tracestore.rollups_sql import sum_names

ROLLUP_OF: Final[Mapping[Fact, Rollup]] = {"trace": REQUESTS, "llm_call": CALLS, "tool_call": TOOLS, "score": SCORES}


def wanted_sums(rollup: Rollup, members: Iterable[Member]) -> set[str]:
    """The sums of the rollup that these are made of, and the one that counts its items."""
    return {name for one in members for name in sums_of(one.form)} & {*sum_names(rollup)} | {rollup.weight}


def find_cells(
    rollup: Rollup,
    project_id: int,
    start_ns: int,
    end_ns: int,
    by: Sequence[str],
    only: Collection[str],
    where: Mapping[str, str | None] | None = None,
    filter: Node | None = None,
    step_s: int = ONE_STEP_S,
) -> list[Cell]:
    """The sums of each combination of `by`, in each step, with histograms open: many members read them.

    Raises as find_sums does.
    """
    sums = find_sums(rollup, project_id, start_ns, end_ns, by, where, step_s, filter, only)
    return [Cell(dict(zip(by, one.key, strict=True)), together([one]), one.start_s) for one in sums]
