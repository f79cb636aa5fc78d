"""Is the background work fresh?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tracestore.models.background import JobRun


@dataclass(frozen=True, slots=True)
class JobState:
    """age_s: seconds since the last finished run, None when there was none. failure: of a run later than that."""

    name: str
    age_s: float | None
    stale_after_s: float
    duration_ms: int | None
    failure: str | None

    @property
    def fresh(self) -> bool:
        return self.age_s is not None and self.age_s <= self.stale_after_s


def find_job_states(now: datetime, expected: Mapping[str, float]) -> list[JobState]:
    """Every expected job, in their order, whether it has run or not. expected: name -> seconds until it is stale."""
    runs = {run.name: run for run in JobRun.objects.all()}
    return [_state(name, stale_after_s, runs.get(name), now) for name, stale_after_s in expected.items()]


def find_job_ages(now: datetime) -> dict[str, float]:
    """Seconds since each job last ended, well or badly; jobs that never ran are left out."""
    ends = {run.name: [end for end in (run.finished_at, run.failed_at) if end] for run in JobRun.objects.all()}
    return {name: (now - max(times)).total_seconds() for name, times in ends.items() if times}


def _state(name: str, stale_after_s: float, run: JobRun | None, now: datetime) -> JobState:
    if run is None or run.finished_at is None:
        return JobState(name, None, stale_after_s, None, run.failure if run else None)
    failed_since = run.failed_at is not None and run.failed_at > run.finished_at
    age_s = (now - run.finished_at).total_seconds()
    return JobState(name, age_s, stale_after_s, run.duration_ms, run.failure if failed_since else None)
