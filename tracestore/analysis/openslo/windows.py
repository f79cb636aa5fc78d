"""Over which period is the budget? OpenSLO's time window, and ours."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tracestore.analysis.openslo.durations import DAY_S, HOUR_S, Duration, parse_duration
from tracestore.analysis.openslo.notes import Notes
from tracestore.analysis.slo.drafts import ObjectiveDraft

UNITS: Final = {"d": "day", "w": "week", "M": "month", "Q": "quarter", "Y": "year"}
_LETTERS: Final = {name: letter for letter, name in UNITS.items()}
_DEFAULT: Final[dict[str, Any]] = {"duration": "28d", "isRolling": True}
PATH: Final = "spec.timeWindow[0]"


def period_fields(windows: list[Any], document: str, notes: Notes) -> dict[str, Any] | None:
    """The fields of a draft. None: it cannot be expressed, and was said so."""
    window = windows[0] if windows else _DEFAULT
    duration = parse_duration(window["duration"])
    assert duration is not None  # the walk saw it
    if duration.unit == "m" and duration.seconds < HOUR_S:
        notes.error(document, f"{PATH}.duration", _minutes(duration))
        return None
    calendar = window.get("calendar")
    if calendar:
        return _calendar(duration, calendar, document, notes)
    if duration.seconds % DAY_S or not duration.count:
        notes.error(document, f"{PATH}.duration", "Fourline counts budgets over whole days; write 1d or more.")
        return None
    return {"period_days": duration.seconds // DAY_S}


def _minutes(duration: Duration) -> str:
    count, s = duration.count, "s" * (duration.count != 1)
    return f"{count}m is {count} minute{s}, too short for a budget; for {count} month{s} write {count}M."


def _calendar(duration: Duration, calendar: Mapping[str, Any], document: str, notes: Notes) -> dict[str, Any] | None:
    if duration.unit not in UNITS or not duration.count:
        notes.error(
            document, f"{PATH}.duration", "a calendar window has days, weeks, months, quarters or years: d w M Q Y."
        )
        return None
    start = datetime.strptime(calendar["startTime"], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  # wall time
    if start.time() != datetime.min.time():
        notes.warn(
            document,
            f"{PATH}.calendar.startTime",
            "Fourline's periods begin at midnight; 00:00:00 of that day is taken.",
        )
    return {
        "period_days": None,
        "calendar_unit": UNITS[duration.unit],
        "calendar_count": duration.count,
        "calendar_first": start.date(),
        "time_zone": calendar["timeZone"],
    }


def window_of(draft: ObjectiveDraft) -> dict[str, Any]:
    if draft.period_days is not None:
        return {"duration": f"{draft.period_days}d", "isRolling": True}
    assert draft.calendar_first is not None
    return {
        "duration": f"{draft.calendar_count}{_LETTERS[draft.calendar_unit]}",
        "isRolling": False,
        "calendar": {"startTime": f"{draft.calendar_first.isoformat()} 00:00:00", "timeZone": draft.time_zone},
    }
