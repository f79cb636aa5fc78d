"""The verdict of a soak: what grows, drifts or lags is not flat, and a flat run is."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.soak import Sample, judge

FLAT = Sample(
    at_s=0, memory_mb={"web": 200.0, "background": 100.0, "postgres": 900.0}, p50_ms=20, p99_ms=60, spans=60_000,
    failed=0, marks=100, lag_s=1.5, dead=5_000, mark_table_mb=2, files=120, read_ms=90, late_s=0.0,
)  # fmt: skip


def run_of(change: Callable[[Sample, float], Sample]) -> list[Sample]:
    """Half an hour of samples; change gets each with the share of the run that is over."""
    return [change(replace(FLAT, at_s=10.0 * n), n / 180) for n in range(1, 181)]


def verdicts(change: Callable[[Sample, float], Sample]) -> list[bool]:
    return [flat for _, flat in judge(run_of(change))]


def test_a_flat_run_is_flat_and_so_is_one_that_only_warmed_up() -> None:
    assert all(verdicts(lambda sample, _: sample))
    assert all(verdicts(lambda sample, over: replace(sample, memory_mb={"web": 200 + 100 * min(over, 0.25)})))
    assert all(verdicts(lambda sample, over: replace(sample, memory_mb={"web": 300.0, "postgres": 3_000 * over})))


@pytest.mark.parametrize(
    "change",
    [
        lambda sample, over: replace(sample, memory_mb={"web": 200 + 100 * over}),
        lambda sample, over: replace(sample, files=int(120 + 100 * over)),
        lambda sample, over: replace(sample, p99_ms=60 if over < 0.7 else 200),
        lambda sample, over: replace(sample, lag_s=60 * over),
        lambda sample, over: replace(sample, late_s=5 * over),
        lambda sample, over: replace(sample, failed=int(over == 0.5)),
    ],
    ids=["memory", "files", "latency", "settling", "behind", "refused"],
)
def test_what_is_not_flat_is_said(change: Callable[[Sample, float], Sample]) -> None:
    assert verdicts(change).count(False) == 1
