"""What do the sizes of partitions say: what a day brings, whose it is, and what goes next?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tracestore.analysis.retention import Kept, oldest

# (group, the signal it is kept as, the signal it arrives with), in the order of the page.
GROUPS = (
    ("spans", "traces", "traces"),
    ("texts", "texts", "traces"),
    ("derived", "traces", "traces"),
    ("logs", "logs", "logs"),
    ("metrics", "metrics", "metrics"),
    ("search", "texts", "traces"),
)
GROUP_OF = {
    "span": "spans",
    "span_payload": "texts",
    "message": "texts",
    "trace": "derived",
    "llm_call": "derived",
    "tool_call": "derived",
    "evaluation": "spans",
    "score": "derived",
    "span_profile": "derived",
    "log_record": "logs",
    "metric_point": "metrics",
    "metric_exemplar": "metrics",
    "trace_text": "search",
}
LOOKED_BACK = 7  # full days

Bytes = dict[str, dict[date, float]]  # group -> day -> bytes
Records = Mapping[tuple[int, str, date], int]  # project, signal, day of receipt -> records


def by_group(sizes: Iterable[tuple[str, date, int]]) -> Bytes:
    """sizes: (table, day, bytes)."""
    found: Bytes = {group: {} for group, _, _ in GROUPS}
    for table, day, size in sizes:
        days = found[GROUP_OF[table]]
        days[day] = days.get(day, 0) + size
    return found


def daily(days: Mapping[date, float], today: date, kept_days: int) -> float | None:
    """What a day brings: the mean over the last 7 full days that are still kept whole, None before the first.

    A day without a record counts only when it lies behind one with some.
    """
    first = max(today - timedelta(days=LOOKED_BACK), oldest(today, kept_days))
    full = sorted(day for day in days if first <= day < today)
    while full and days[full[0]] <= 0:
        full.pop(0)
    return sum(days[day] for day in full) / len(full) if full else None


def of_project(sizes: Bytes, records: Records, project_id: int, projects: Sequence[Kept], today: date) -> Bytes:
    """An estimate: a day's bytes by the project's part of the records of those who still keep that day.

    projects: all of them. A day on which nothing is known to have come is nobody's.
    """
    return {
        group: {
            day: size * _part(records, arrival, day, project_id, _keepers(projects, signal, day, today))
            for day, size in sizes[group].items()
        }
        for group, signal, arrival in GROUPS
    }


def _keepers(projects: Sequence[Kept], signal: str, day: date, today: date) -> list[int]:
    return [one.project_id for one in projects if day >= oldest(today, one.days(signal))]


def _part(records: Records, arrival: str, day: date, project_id: int, keepers: Sequence[int]) -> float:
    total = sum(records.get((keeper, arrival, day), 0) for keeper in keepers)
    return records.get((project_id, arrival, day), 0) / total if total and project_id in keepers else 0.0


@dataclass(frozen=True, slots=True)
class Going:
    """What retention frees next. day: whose records go; on: the day from whose first minutes they are no longer kept."""

    group: str
    day: date
    on: date
    bytes: float


def going_next(sizes: Bytes, days_of: Mapping[str, int], today: date) -> list[Going]:
    """For each group that holds anything the oldest day that still does. days_of: for how long a group is kept."""
    found: list[Going] = []
    for group, _, _ in GROUPS:
        held = sorted(day for day, size in sizes[group].items() if size and day <= today)
        if held:
            leaves = max(held[0] + timedelta(days=days_of[group] + 1), today)
            found.append(Going(group, held[0], leaves, sizes[group][held[0]]))
    return found


def groups_of(projects: Sequence[Kept], default: int) -> dict[str, int]:
    """For how many days each group is kept by anybody."""
    return {group: max((project.days(signal) for project in projects), default=default) for group, signal, _ in GROUPS}
