"""How did each value of a dimension do, and how does that differ from another period? One table, all four lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tracestore.analysis.call_members import CALL_COST, CALL_REFUSALS, CALL_SUCCESS, TOOL_TIMEOUTS
from tracestore.analysis.contrasts import Cell, merged
from tracestore.analysis.filters import Node
from tracestore.analysis.lines import MEMBERS, Difference, Estimate, Member, compare, estimate
from tracestore.facts import CALLS, REQUESTS, TOOLS, Rollup
from tracestore.queries.line_facts import find_cells, wanted_sums
from tracestore.queries.movers import Span
from tracestore.queries.people_sums import PEOPLE, find_people_sums
from tracestore.queries.rollups import ONE_STEP_S

STEPS: Final = 24  # of a trend
Where = Mapping[str, str | None] | None  # dimension -> value
RISKS: Final = (
    "policy_violation_rate", "injection_rate", "sensitive_rate", "refusal_rate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Breakdown:
    """dimension: as in a filter term. by: dimensions of the rollup. counts: what is counted, with the measures of it and of
    its failures. columns: members; after them one of `risks`, see columns_of. lead: which of `by` is the value itself,
    where another one says what it is of.
    """

    dimension: str
    rollup: Rollup
    by: tuple[str, ...]
    counts: str
    counted: str
    failed: str
    columns: tuple[Member, ...]
    risks: tuple[Member, ...]
    lead: int = -1

    @property
    def wanted(self) -> set[str]:
        """The sums that its numbers are made of."""
        return wanted_sums(self.rollup, (*self.columns, *self.risks)) | {self.counted, self.failed}

    def named(self, key: Sequence[str | None]) -> tuple[str | None, str]:
        """(the value itself, what it is of: the service of a version, the version of a prompt; "" for nothing)."""
        return key[self.lead], (key[-1 - self.lead % len(key)] or "") if len(key) > 1 else ""


def _of_requests(dimension: str, *by: str) -> Breakdown:
    columns = tuple(MEMBERS[name] for name in ("success_rate", "latency_p95", "cost_per_request"))
    risks = tuple(MEMBERS[name] for name in RISKS)
    return Breakdown(dimension, REQUESTS, by, "requests", "requests", "errors", columns, risks)


def of_tools(dimension: str, *by: str) -> Breakdown:
    """Tool calls by what is asked for, with what a list of tools needs to show."""
    columns = (MEMBERS["tool_success_rate"], MEMBERS["tool_latency_p95"], TOOL_TIMEOUTS)
    risks = tuple(MEMBERS[name] for name in _TOOL_RISKS)
    return Breakdown(dimension, TOOLS, by, "calls", "tool_calls", "tool_errors", columns, risks)


_TOOL_RISKS: Final = ("unknown_state_rate", "duplicate_effect_rate", "unapproved_rate", "above_tier_rate")
BREAKDOWNS: Final[Mapping[str, Breakdown]] = {
    one.dimension: one
    for one in (
        _of_requests("version", "service", "service_version"),
        Breakdown(
            "model", CALLS, ("model",), "calls", "calls", "errors",
            (CALL_SUCCESS, MEMBERS["model_latency_p95"], CALL_COST), (CALL_REFUSALS,),
        ),
        Breakdown(
            "prompt", CALLS, ("prompt_name", "prompt_version"), "calls", "calls", "errors",
            (CALL_SUCCESS, MEMBERS["model_latency_p95"], CALL_COST), (CALL_REFUSALS,), lead=0,
        ),
        Breakdown(
            "tool", TOOLS, ("tool",), "calls", "tool_calls", "tool_errors",
            (MEMBERS["tool_success_rate"], MEMBERS["tool_latency_p95"]), tuple(MEMBERS[name] for name in _TOOL_RISKS),
        ),
        _of_requests("user", "user"),
        _of_requests("tenant", "tenant"),
        _of_requests("operation", "operation"),
        _of_requests("service", "service"),
        _of_requests("environment", "environment"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """key: values of `by`. before: the count there, 0 = new. trend: (count, failed) a step, none of people.

    numbers, differences: one a column; the difference to the other period.
    """

    key: tuple[str | None, ...]
    n: int
    before: int
    share: float
    trend: list[tuple[int, int]]
    numbers: list[Estimate]
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class Table:
    """columns: the members of the numbers. whole: all values together, its key empty. rows: most frequent first."""

    columns: tuple[Member, ...]
    whole: Row
    rows: list[Row]


def find_table(
    project_id: int,
    breakdown: Breakdown,
    now: Span,
    then: Span,
    where: Where = None,
    filter: Node | None = None,
) -> Table:
    """Every value that ended in `now`; of users and tenants, in its last 7 days. Raises as find_sums does."""
    step_s = trend_step_s(now)
    cells = _cells(project_id, breakdown, now, where, filter, step_s)
    others = _cells(project_id, breakdown, then, where, filter)
    columns = columns_of(breakdown, cells)
    is_summed = breakdown.dimension not in PEOPLE
    steps = range(now.start_ns // 10**9 // step_s * step_s, -(-now.end_ns // 10**9) if is_summed else 0, step_s)
    before, groups = _by_key(others, breakdown.by), _by_key(cells, breakdown.by)
    whole = _row((), breakdown, columns, cells, others, steps, 0)
    rows = [_row(key, breakdown, columns, group, before.get(key, []), steps, whole.n) for key, group in groups.items()]
    return Table(columns, whole, sorted(rows, key=lambda row: (-row.n, [value or "" for value in row.key])))


def trend_step_s(span: Span) -> int:
    """Whole minutes, so that a range has about STEPS of them."""
    return max(1, -(-(span.end_ns - span.start_ns) // 10**9 // (60 * STEPS))) * 60


def columns_of(breakdown: Breakdown, cells: Sequence[Cell]) -> tuple[Member, ...]:
    """Of the risks the one that was hit, else the one that is known, else the first."""
    whole = [merged(cells)]
    numbers = {member: estimate(member, whole) for member in breakdown.risks}
    hit = next((member for member, one in numbers.items() if one.value), None)
    known = next((member for member, one in numbers.items() if one.value is not None), None)
    return (*breakdown.columns, hit or known or breakdown.risks[0])


def _cells(
    project_id: int, breakdown: Breakdown, span: Span, where: Where, filter: Node | None, step_s: int = ONE_STEP_S
) -> list[Cell]:
    """Of people always in one step."""
    if breakdown.dimension in PEOPLE:
        of_rows = find_people_sums(project_id, breakdown.dimension, span.start_ns, span.end_ns, filter)
        return [Cell({breakdown.dimension: one.key[0]}, one) for one in of_rows]
    return find_cells(
        breakdown.rollup, project_id, span.start_ns, span.end_ns, breakdown.by, breakdown.wanted, where, filter, step_s
    )


def _by_key(cells: Sequence[Cell], by: Sequence[str]) -> dict[tuple[str | None, ...], list[Cell]]:
    groups: dict[tuple[str | None, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell.key[name] for name in by), []).append(cell)
    return groups


def _row(
    key: tuple[str | None, ...],
    breakdown: Breakdown,
    columns: Sequence[Member],
    cells: Sequence[Cell],
    others: Sequence[Cell],
    steps: Sequence[int],
    total: int,
) -> Row:
    now, then = merged(cells), merged(others)
    numbers = [estimate(member, [now]) for member in columns]
    earlier = [estimate(member, [then]) for member in columns]
    n = now.measures.get(breakdown.counted) or 0
    return Row(
        key=key,
        n=n,
        before=then.measures.get(breakdown.counted) or 0,
        share=n / total if total else 1.0,
        trend=[_counts(breakdown, cells, step) for step in steps],
        numbers=numbers,
        differences=[compare(m, old, new) for m, old, new in zip(columns, earlier, numbers, strict=True)],
    )


def _counts(breakdown: Breakdown, cells: Sequence[Cell], step: int) -> tuple[int, int]:
    found = [cell.sums.measures for cell in cells if cell.start_s == step]
    names = (breakdown.counted, breakdown.failed)
    count, failed = (sum(one.get(name) or 0 for one in found) for name in names)
    return count, failed
