"""THE LIST of what runs in the background, and how often."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # beat rings once for everything when it starts


@dataclass(frozen=True, slots=True)
class Entry:
    """One job. run: dotted path of `run(now) -> Summary`, imported only where it runs.

    lane: entries of one lane run one after the other; lanes run side by side, so slow upkeep never delays settling.
    limit_s: a run that takes longer is stopped; None: as every task is (dashboard/celery.py).
    """

    name: str
    every_s: float
    run: str
    lane: str = "upkeep"
    limit_s: int | None = None

    @property
    def stale_after_s(self) -> float:
        """Without a finished run for so long, something is wrong: three missed turns and half a minute of grace."""
        return 3 * self.every_s + 30

    def load(self) -> Callable[[datetime], Any]:
        module, _, function = self.run.rpartition(".")
        loaded: Callable[[datetime], Any] = getattr(importlib.import_module(module), function)
        return loaded


TIMETABLE: tuple[Entry, ...] = (
    # A trace is in lists and usage within 5 s of its receipt: it waits for at most one turn.
    Entry("settle", 1, "tracestore.jobs.traces.run", lane="settle"),
    Entry("fill", 1, "tracestore.jobs.rollups.run", lane="settle"),
    Entry("search", 1, "tracestore.jobs.search.run", lane="search"),
    Entry("slo-counts", 5, "tracestore.jobs.slo_counts.run", lane="objectives"),
    Entry("evaluate", 20, "tracestore.jobs.evaluate.run", lane="objectives"),
    Entry("tell", 10, "tracestore.jobs.alerts.run", lane="objectives"),
    Entry("ledger", 5, "tracestore.jobs.ledger.run"),
    Entry("rollup-minutes", 3600, "tracestore.jobs.rollups.keep"),
    Entry("partitions", 600, "tracestore.jobs.partitions.run", lane="retention", limit_s=3600),  # copies whole days
    Entry("deliver", 5, "tracestore.jobs.deliver.run", lane="mail"),  # before the other: it never waits for a server
    Entry("reset-mails", 5, "tracestore.jobs.access.send_resets", lane="mail"),
    Entry("heartbeat", 60, "tracestore.jobs.heartbeat.run", lane="mail"),
    Entry("purge-projects", 30, "tracestore.jobs.access.purge_projects"),
    Entry("erase-users", 600, "tracestore.jobs.access.erase_users", lane="retention", limit_s=3600),
    Entry("old-notifications", 3600, "tracestore.jobs.alerts.forget"),
    Entry("tidy-access", 3600, "tracestore.jobs.access.tidy"),
)


def expected_jobs() -> dict[str, float]:
    """Every job's name and the seconds after which it is stale."""
    return {entry.name: entry.stale_after_s for entry in TIMETABLE}


def lanes() -> dict[str, list[Entry]]:
    """The entries by lane, in their order. A ring is for a lane: it runs whatever is due there."""
    found: dict[str, list[Entry]] = {}
    for entry in TIMETABLE:
        found.setdefault(entry.lane, []).append(entry)
    return found


def limits(entries: Sequence[Entry]) -> dict[str, int]:
    """Celery's limits of a lane's task, where they are its own; the hard one leaves time to tidy up."""
    own = [entry.limit_s for entry in entries if entry.limit_s is not None]
    return {"soft_time_limit": max(own), "time_limit": max(own) + 30} if own else {}


def task_name(lane: str) -> str:
    return f"fourline.{lane}"


def beat_schedule() -> dict[str, dict[str, Any]]:
    """When beat rings. A ring that nobody answered before the next one is due is dropped, so rings never pile up."""
    return {lane: _ring(lane, min(entry.every_s for entry in entries)) for lane, entries in lanes().items()}


def _ring(lane: str, every_s: float) -> dict[str, Any]:
    options = {"expires": max(1.0, every_s), "retry": False}
    return {"task": task_name(lane), "schedule": every_s, "options": options, "last_run_at": LONG_AGO}
