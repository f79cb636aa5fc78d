"""What happens after a tool fails? Attempts until the first success, and recovery, trace by trace."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from tracestore.analysis.intervals import wilson
from tracestore.analysis.line_estimates import Estimate

MORE = 4  # attempts from here on are counted together


@dataclass(frozen=True, slots=True)
class ToolRun:
    """One execution. mine: of the tool that is asked about, rather than another one in its trace."""

    trace_id: str
    mine: bool
    failed: bool
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """Of the traces in which the tool failed: after its first failure, did a later call succeed?

    rate: of those in which there was a later call. censored: in how many there was none; they say nothing about it.
    """

    rate: Estimate
    censored: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """first_try: of traces, whose first call of the tool succeeded. until: attempts up to the first success -> traces, MORE
    for that many or more. never: traces without a success. The unit is a trace, since calls of one trace are not independent.
    """

    traces: int
    first_try: Estimate
    until: dict[int, int]
    never: int
    same_tool: Recovery
    any_tool: Recovery


def attempts(runs: Iterable[ToolRun]) -> Attempts:
    """runs: of traces in which the tool was called, all calls of any tool, sorted by trace and start."""
    traces = [list(found) for _, found in groupby(runs, key=lambda run: run.trace_id)]
    tries = [tries_of(trace) for trace in traces if any(run.mine for run in trace)]
    until: dict[int, int] = {}
    for count in tries:
        if count is not None:
            until[min(count, MORE)] = until.get(min(count, MORE), 0) + 1
    return Attempts(
        traces=len(tries),
        first_try=share(until.get(1, 0), len(tries)),
        until=until,
        never=sum(count is None for count in tries),
        same_tool=recovery([recovered(trace, same=True) for trace in traces if fails(trace)]),
        any_tool=recovery([recovered(trace, same=False) for trace in traces if fails(trace)]),
    )


def tries_of(trace: Sequence[ToolRun]) -> int | None:
    """Calls of the tool up to its first success; None = it never succeeded."""
    mine = [run for run in trace if run.mine]
    return next((count for count, run in enumerate(mine, 1) if not run.failed), None)


def fails(trace: Sequence[ToolRun]) -> bool:
    return any(run.mine and run.failed for run in trace)


def recovered(trace: Sequence[ToolRun], same: bool) -> bool | None:
    """Whether a call that began after the tool's first failure succeeded; None = none began."""
    failure = next(run for run in trace if run.mine and run.failed)
    later = [run for run in trace if run.start_ns >= failure.end_ns and run is not failure and (run.mine or not same)]
    return any(not run.failed for run in later) if later else None


def recovery(outcomes: Sequence[bool | None]) -> Recovery:
    known = [one for one in outcomes if one is not None]
    return Recovery(share(sum(known), len(known)), len(outcomes) - len(known))


def share(hits: int, n: int) -> Estimate:
    interval = wilson(hits, n)
    return Estimate(hits / n, n, interval.low, interval.high, hits) if interval else Estimate(None, 0)
