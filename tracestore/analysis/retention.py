"""What is no longer kept, of whom, and is so much of it due at once that a clock rather than a person may have asked?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

SIGNALS = ("traces", "texts", "logs", "metrics")
DEFAULT_DAYS = 30  # of a new project
SHARE, DAYS_AT_LEAST = 0.2, 2  # of the stored days, what one run may remove unasked


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days a project keeps each signal. texts <= traces: a text is of a span."""

    project_id: int
    traces: int
    texts: int
    logs: int
    metrics: int

    def days(self, signal: str) -> int:
        found: int = getattr(self, signal)
        return found


def kept(project_id: int, traces: int, texts: int | None, logs: int | None, metrics: int | None) -> Kept:
    """None: as long as traces."""
    return Kept(project_id, traces, min(texts or traces, traces), logs or traces, metrics or traces)


def longest(projects: Collection[Kept], signal: str, default: int) -> int:
    """For how many days anybody keeps a signal. default: without projects."""
    return max((project.days(signal) for project in projects), default=default)


def oldest(today: date, days: int) -> date:
    """The first day that is still kept: a span that began `days` ago to the second lies in it."""
    return today - timedelta(days=days)


def gone(projects: Iterable[Kept], signal: str, day: date, today: date) -> list[int]:
    """The projects that no longer keep this day, sorted."""
    return sorted(one.project_id for one in projects if day < oldest(today, one.days(signal)))


@dataclass(frozen=True, slots=True)
class Removal:
    """One partition that holds what is no longer kept. gone: of these projects; everyone: nobody keeps any of it.

    drop: the partition itself goes, since nothing can arrive for its day; else it stays, for the others or for late spans.
    """

    table: str
    day: date
    gone: Sequence[int]
    everyone: bool
    drop: bool


def is_too_much(due: Collection[date], stored: Collection[date]) -> bool:
    """Whether the days to remove are more than a day's work: over a fifth of the stored ones, and more than two."""
    return len(set(due)) > max(DAYS_AT_LEAST, ceil(SHARE * len(set(stored))))


@dataclass(frozen=True, slots=True)
class Fill:
    """How one group of tables fills the disk. daily_bytes: what a day brings. days: for how long it is kept.

    stored: bytes by day, of the days that are there.
    """

    daily_bytes: float
    days: int
    stored: Mapping[date, int]


HORIZON_DAYS = 3_650


def full_on(free_bytes: int, fills: Sequence[Fill], today: date) -> date | None:
    """The first day on which the disk no longer holds what arrives, or None: not within ten years at this pace.

    Day by day: what a day brings comes in (of today, what is still missing), what is then too old goes out.
    """
    used = sum(max(0.0, one.daily_bytes - one.stored.get(today, 0)) for one in fills)
    for ahead in range(HORIZON_DAYS + 1):
        day = today + timedelta(days=ahead)
        if ahead:
            used += sum(one.daily_bytes - _leaves(one, day, today) for one in fills)
        if used > free_bytes:
            return day
    return None


def _leaves(one: Fill, day: date, today: date) -> float:
    """Bytes of the day that is no longer kept on `day`: stored ones, or what is yet to come at this pace."""
    leaving = oldest(day, one.days) - timedelta(days=1)
    if leaving == today:
        return max(one.daily_bytes, one.stored.get(today, 0))
    return one.stored.get(leaving, 0) if leaving < today else one.daily_bytes
