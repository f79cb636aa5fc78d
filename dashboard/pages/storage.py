"""What is stored, how fast does it grow, when is the disk full, and what does retention free next?

A member sees the project's own part, estimated. Who administers the installation sees all of it, and the disk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import actor, admin_page, project_page
from dashboard.pages.access.settings_frame import SettingsFrame, settings_frame
from dashboard.templatetags.units import counted
from tracestore.actions.access import permit_removal
from tracestore.analysis import storage
from tracestore.analysis.retention import DEFAULT_DAYS, Fill, Kept, full_on
from tracestore.analysis.storage import GROUPS, Bytes
from tracestore.models import Project
from tracestore.partitions import TABLES
from tracestore.queries.counters import database_bytes
from tracestore.queries.retention import Held, held, kept_by
from tracestore.queries.storage import partition_bytes, records_by_day, table_bytes
from tracestore.space import disk_free_bytes

KEPT_S = 60  # sizes are not asked again for every look
ROWS = 45
COLUMNS = tuple(group for group, _, _ in GROUPS)


@dataclass(frozen=True, slots=True)
class DayLine:
    """cells: bytes by group, in the order of the columns."""

    label: str
    cells: Sequence[int]
    total: int
    width: float  # of the bar, percent of the largest day


@dataclass(frozen=True, slots=True)
class GoingLine:
    word: str
    day: date
    on: date
    bytes: int


@dataclass(frozen=True, slots=True)
class ProjectLine:
    name: str
    bytes: int
    share: float | None  # None while nothing is stored
    days: str


@dataclass(frozen=True, slots=True)
class Disk:
    """What only an administrator sees. free: None when the database's disk is not ours to look at. rest: tables without
    days, as (word, bytes). verdict: when the disk is full, as a sentence; urgent: within two weeks.
    """

    used: int
    free: int | None
    rest: Sequence[tuple[str, int]]
    verdict: str
    urgent: bool
    projects: Sequence[ProjectLine] | None


@dataclass(frozen=True, slots=True)
class StoragePage:
    """known: False when the server could not tell its sizes in time. stored: of what is by day. daily: None before the first
    full day. disk: None for who does not administer the installation; then all numbers are estimates of this project's part.
    """

    frame: SettingsFrame
    known: bool
    words: Sequence[str]
    days: Sequence[DayLine]
    older: DayLine | None
    total: DayLine | None
    stored: int
    daily: int | None
    going: Sequence[GoingLine]
    kept: Kept
    held: Held | None
    disk: Disk | None


@dataclass(frozen=True, slots=True)
class Measured:
    """sizes: None = unknown. empty: bytes of a day without a record, by group: indexes have a first page."""

    sizes: Bytes | None
    empty: Mapping[str, float]
    records: storage.Records | None


@project_page()
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    now = datetime.now(UTC)
    built = build(request, measure(now), now)
    return render(request, "storage/page.html", {"page": built})


@admin_page
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """The clock is right: what is due may go, however much it is."""
    permit_removal(timezone.now(), actor(request))
    messages.success(request, "What is due will be removed within ten minutes.")
    return redirect("/projects")


def measure(now: datetime) -> Measured:
    known: Measured | None = cache.get("storage")
    if known is None:
        known = _measure(now)
        cache.set("storage", known, KEPT_S)
    return known


def _measure(now: datetime) -> Measured:
    found = partition_bytes(list(TABLES))
    if found is None:
        return Measured(None, {}, None)
    sizes = storage.by_group((one.table, one.day, one.bytes) for one in found)
    empty = {group: min(days.values(), default=0.0) for group, days in sizes.items()}
    since = min((one.day for one in found), default=now.date())
    records = records_by_day(since)
    by_key = None if records is None else {(one.project, one.signal, one.day): one.records for one in records}
    return Measured(sizes, empty, by_key)


def build(request: HttpRequest, measured: Measured, now: datetime) -> StoragePage:
    kept, today, frame = kept_by(request.project), now.date(), settings_frame(request, "storage")
    is_admin = bool(request.user.is_admin)
    sizes = measured.sizes
    if sizes is None or (not is_admin and measured.records is None):
        return StoragePage(frame, False, [], [], None, None, 0, None, [], kept, None, None)
    everybody = [kept_by(one) for one in Project.objects.filter(purged_at=None)]
    projects = everybody if is_admin else [kept]
    net = without_empty(sizes, measured.empty)
    shown = net if is_admin else storage.of_project(net, measured.records or {}, kept.project_id, everybody, today)
    days_of = storage.groups_of(projects, DEFAULT_DAYS)
    lines = day_lines(shown)
    pace = paces(shown, days_of, today)
    return StoragePage(
        frame=frame,
        known=True,
        words=COLUMNS,
        days=lines[:ROWS],
        older=summed(f"{len(lines) - ROWS} earlier days", lines[ROWS:]),
        total=summed("all", lines),
        stored=sum(line.total for line in lines),
        daily=None if all(one is None for one in pace.values()) else round(sum(one or 0 for one in pace.values())),
        going=[
            GoingLine(one.group, one.day, one.on, round(one.bytes)) for one in storage.going_next(shown, days_of, today)
        ],
        kept=kept,
        held=held() if is_admin else None,
        disk=disk_of(measured, everybody, pace, days_of, net, today) if is_admin else None,
    )


def without_empty(sizes: Bytes, empty: Mapping[str, float]) -> Bytes:
    """A partition without a row has indexes with a page each: that is not what anybody stored."""
    return {group: {day: size - empty[group] for day, size in days.items()} for group, days in sizes.items()}


def day_lines(sizes: Bytes) -> list[DayLine]:
    """Days that hold anything, the newest first."""
    found: list[tuple[date, list[int]]] = []
    for day in sorted({day for days in sizes.values() for day in days}, reverse=True):
        cells = [round(sizes[group].get(day, 0)) for group in COLUMNS]
        if any(cells):
            found.append((day, cells))
    most = max((sum(cells) for _, cells in found), default=1)
    return [DayLine(f"{day:%Y-%m-%d}", cells, sum(cells), 100 * sum(cells) / most) for day, cells in found]


def summed(label: str, lines: Sequence[DayLine]) -> DayLine | None:
    if not lines:
        return None
    cells = [sum(column) for column in zip(*(line.cells for line in lines), strict=True)]
    return DayLine(label, cells, sum(cells), 0)


def paces(sizes: Bytes, days_of: Mapping[str, int], today: date) -> dict[str, float | None]:
    return {group: storage.daily(sizes[group], today, days_of[group]) for group, _, _ in GROUPS}


def disk_of(
    measured: Measured,
    projects: Sequence[Kept],
    pace: Mapping[str, float | None],
    days_of: Mapping[str, int],
    sizes: Bytes,
    today: date,
) -> Disk:
    free = disk_free_bytes()
    fills = [
        Fill(found, days_of[group], {day: int(size) for day, size in sizes[group].items()})
        for group, found in pace.items()
        if found is not None
    ]
    full = full_on(free, fills, today) if free is not None and fills else None
    used = database_bytes()
    by_day = round(sum(size for days in sizes.values() for size in days.values()))
    return Disk(
        used=used,
        free=free,
        rest=rest(used - by_day),
        verdict=verdict(free, bool(fills), full),
        urgent=full is not None and (full - today).days <= 14,
        projects=project_lines(measured, projects, sizes, today),
    )


def verdict(free: int | None, has_pace: bool, full: date | None) -> str:
    if free is None:
        return "Unknown: the database is a server of your own, whose disk cannot be seen from here."
    if not has_pace:
        return "Unknown before the first full day with data."
    if full is None:
        return "Not at this pace: what retention frees makes up for what arrives."
    return f"At this pace the disk is full on {full:%Y-%m-%d}. Keep data for fewer days, or make room before."


def rest(total: int) -> list[tuple[str, int]]:
    """What is not of a day, as (word, bytes) that add up to total."""
    found = {"rollups": 0, "other tables": 0}
    for one in table_bytes():
        found["rollups" if "rollup" in one.table else "other tables"] += one.bytes
    found["empty days and system"] = max(0, total - sum(found.values()))
    return [(word, size) for word, size in found.items() if size]


def project_lines(measured: Measured, projects: Sequence[Kept], sizes: Bytes, today: date) -> list[ProjectLine] | None:
    """The largest first; None when the ledger is too long to add up quickly."""
    if measured.records is None:
        return None
    names = dict(Project.objects.values_list("id", "name"))
    used = {
        one.project_id: sum(
            size
            for days in storage.of_project(sizes, measured.records, one.project_id, projects, today).values()
            for size in days.values()
        )
        for one in projects
    }
    total = sum(used.values())
    kept = {one.project_id: one for one in projects}
    order = sorted(used, key=lambda project_id: -used[project_id])
    return [
        ProjectLine(names[n], round(used[n]), used[n] / total if total else None, days_text(kept[n])) for n in order
    ]


def days_text(kept: Kept) -> str:
    named = (("texts", kept.texts), ("logs", kept.logs), ("metrics", kept.metrics))
    other = [f"{word} {days}" for word, days in named if days != kept.traces]
    return ", ".join([counted(kept.traces, "day"), *other])
