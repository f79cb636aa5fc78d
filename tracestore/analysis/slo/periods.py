"""From when to when is a budget counted? Rolling periods, and calendar ones with real months, time zones and clock changes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

CalendarUnit = Literal["day", "week", "month", "quarter", "year"]
CALENDAR_UNITS: tuple[str, ...] = get_args(CalendarUnit)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
_NOMINAL_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last `days` days, always."""

    days: float


@dataclass(frozen=True, slots=True)
class Calendar:
    """`count` units each, the first from midnight of `first` (a local date and time without zone) on."""

    unit: CalendarUnit
    count: int
    zone: str
    first: datetime


Period = Rolling | Calendar


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end): the whole period that a moment lies in. Rolling periods end at that moment."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())


def period_of(days: int | None, unit: str, count: int, first: date | None, zone: str) -> Period:
    """Of an objective's fields: rolling where days are given, else the calendar's."""
    if days is not None or first is None:
        return Rolling(days or 28)
    return Calendar(cast(CalendarUnit, unit), count, zone, datetime.combine(first, time()))


def nominal_s(unit: str, count: int) -> int:
    """Seconds of a calendar period as one speaks of it; real ones differ by days."""
    return _NOMINAL_DAYS[unit] * count * 86_400


def period_at(period: Period, now: datetime) -> Span:
    """The period that `now` (aware) lies in; a calendar one that has not begun yet is its first. Times are UTC."""
    if isinstance(period, Rolling):
        return Span(now - timedelta(days=period.days), now)
    number = _number_at(period, now)
    return Span(_edge(period, number), _edge(period, number + 1))


def _number_at(period: Calendar, now: datetime) -> int:
    """How many whole periods lie before the one of `now`, never negative."""
    local = now.astimezone(ZoneInfo(period.zone)).replace(tzinfo=None)
    if period.unit in _MONTHS:
        months = (local.year - period.first.year) * 12 + local.month - period.first.month
        guess = months // (_MONTHS[period.unit] * period.count)
    else:
        guess = (local - period.first).days // (_DAYS[period.unit] * period.count)
    number = max(0, guess + 1)
    while number > 0 and _edge(period, number) > now:
        number -= 1
    return number


def _edge(period: Calendar, number: int) -> datetime:
    """When period `number` begins. A start on the 31st is the last day of shorter months; times of day are wall time."""
    zone = ZoneInfo(period.zone)
    if period.unit in _DAYS:
        wall = period.first + timedelta(days=number * period.count * _DAYS[period.unit])
    else:
        wall = _add_months(period.first, number * period.count * _MONTHS[period.unit])
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _add_months(first: datetime, months: int) -> datetime:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return datetime.combine(
        first.replace(year=year, month=month + 1, day=min(first.day, _days_in(year, month + 1))), first.time()
    )


def _days_in(year: int, month: int) -> int:
    after = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001  # a calendar has no zone
    return (after - timedelta(days=1)).day


def midnight_of(day: datetime) -> datetime:
    return datetime.combine(day, time())


def projected_total(total: int, so_far: Span, span: Span, by_weekday: dict[int, float]) -> float:
    """What the events of a calendar period will have been at its end: those so far and, for the days left, the usual ones.

    so_far: [start of the period, now). by_weekday: mean events of a whole day, 0 = Monday, of the last four weeks (UTC days);
    a weekday that is missing counts as the mean of the others. A projection, to be called one.
    """
    usual = sum(by_weekday.values()) / len(by_weekday) if by_weekday else 0.0
    expected, moment = 0.0, so_far.end
    while moment < span.end:
        midnight = datetime.combine(moment.date() + timedelta(days=1), time(), UTC)
        until = min(midnight, span.end)
        expected += by_weekday.get(moment.weekday(), usual) * ((until - moment) / timedelta(days=1))
        moment = until
    return total + expected
