"""What an objective would be, before it is saved: its fields, what is wrong with them, and what one should know."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Final, Literal
from zoneinfo import available_timezones

from tracestore.analysis import filters
from tracestore.analysis.filters import FilterError
from tracestore.analysis.slo.definition import Definition
from tracestore.analysis.slo.draft_rules import check_rules
from tracestore.analysis.slo.draft_words import check_address, check_lengths, is_address
from tracestore.analysis.slo.indicator import UNITS
from tracestore.analysis.slo.periods import CALENDAR_UNITS, nominal_s
from tracestore.analysis.slo.problems import Problem, error, warning

NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
RESERVED: Final = frozenset({"new"})  # addresses of pages beside those of objectives
ACTIONS: Final = ("degrade", "rate-limit", "rollback", "look")
NO_DATA: Final = ("ignore", "good", "bad")
MOST_DAYS: Final = 366
MOST_NOTIFIED: Final = 20
DECIMALS: Final = 8
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2999  # counting periods must not run out of years


@dataclass(frozen=True, slots=True)
class ObjectiveDraft(Definition):
    """The fields of tracestore.models.slo.Objective that a person decides, with the same meaning."""

    name: str
    part_q: str
    target: Decimal
    title: str = ""
    description: str = ""
    service: str = ""
    unit: str = "request"
    total_q: str = ""
    part: Literal["good", "bad"] = "good"
    period_days: int | None = 28
    calendar_unit: str = ""
    calendar_count: int = 1
    calendar_first: date | None = None
    time_zone: str = "UTC"
    no_data: str = "ignore"
    action: str = "look"
    rules: list[dict[str, Any]] | None = None
    notify: tuple[str, ...] = ()
    runbook_url: str = ""
    owner: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True


def check(draft: ObjectiveDraft) -> list[Problem]:
    """All that is wrong (errors: it cannot be saved) and all that one should know (warnings), in the order of the form.

    Knows nothing of the project: whether the name is free and the channels exist, tracestore.actions.objectives says.
    """
    return [*_name(draft), *_filters(draft), *_target(draft), *_period(draft), *_rest(draft), *_rules(draft)]


def _name(draft: ObjectiveDraft) -> Iterator[Problem]:
    if not NAME.fullmatch(draft.name):
        yield error(
            "name", "Use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit first and last."
        )
    elif draft.name in RESERVED:
        yield error("name", f"{draft.name} is an address of a page here; choose another name.")
    yield from check_lengths(draft, title=120, description=1050, service=256, owner=254)


def _filters(draft: ObjectiveDraft) -> Iterator[Problem]:
    if draft.unit not in UNITS:
        yield error("unit", f"A unit is one of {', '.join(UNITS)}.")
    if draft.part not in ("good", "bad"):
        yield error("part", "Say whether the filter finds the good events or the bad ones.")
    broken = [*_filter("total_q", draft.total_q), *_filter("part_q", draft.part_q)]
    if not draft.part_q.strip():
        broken.append(
            error(
                "part_q",
                f"Say which events are {draft.part}, with a filter such as {'-' * (draft.part == 'good')}outcome:error.",
                1,
            )
        )
    yield from broken or _warnings_of_filters(draft)


def _filter(name: str, q: str) -> Iterator[Problem]:
    try:
        filters.parse(q)
    except FilterError as fault:
        yield error(name, f"{fault}.", fault.position)


def _warnings_of_filters(draft: ObjectiveDraft) -> Iterator[Problem]:
    total, part = filters.terms(filters.parse(draft.total_q)), filters.terms(filters.parse(draft.part_q))
    fields = {term.field for term in total}
    if draft.service and "service" not in fields | {term.field for term in part}:
        yield warning(
            "total_q", f"This counts events of every service. To count only its own, add service:{draft.service}."
        )
    if draft.unit == "evaluation" and "name" not in fields:
        yield warning("total_q", "This counts evaluations of every name together; name one, such as name:correctness.")
    if draft.unit == "request" and any(term.field == "status" for term in part):
        yield warning(
            "part_q",
            "status: asks whether any step failed, also one that a retry made good; outcome: is the request's own.",
        )
    if any(term.field == "text" for term in (*total, *part)):
        yield warning(
            "part_q", "Free text is indexed after an event was counted, so new events may be missed; prefer a field."
        )
    yield from _unknown_values(draft, {term.field for term in part})


def _unknown_values(draft: ObjectiveDraft, fields: set[str]) -> Iterator[Problem]:
    if draft.part == "good" and "cost" in fields and "cost:" not in draft.total_q:
        yield warning("part_q", "What has no known cost counts as bad. To leave it out, count only those with cost:*.")


def _target(draft: ObjectiveDraft) -> Iterator[Problem]:
    if not draft.target.is_finite() or not 0 < draft.target < 1:
        yield error("target", "A target lies above 0 % and below 100 %: at 100 % there is no error budget.")
    elif draft.target != round(draft.target, DECIMALS):
        yield error("target", f"A target has at most {DECIMALS - 2} decimals of a percent.")


def _period(draft: ObjectiveDraft) -> Iterator[Problem]:
    if draft.time_zone not in zones():
        yield error("time_zone", f"There is no time zone {draft.time_zone[:64]}; use a name such as Europe/Berlin.")
    if (draft.period_days is None) == (not draft.calendar_unit):
        yield error("period_days", "Choose either a rolling number of days or a calendar period.")
    elif draft.period_days is not None:
        if not 1 <= draft.period_days <= MOST_DAYS:
            yield error("period_days", f"A rolling period has 1 to {MOST_DAYS} days.")
    else:
        yield from _calendar(draft)


def _calendar(draft: ObjectiveDraft) -> Iterator[Problem]:
    if draft.calendar_unit not in CALENDAR_UNITS:
        yield error("calendar_unit", f"A calendar period is one of {', '.join(CALENDAR_UNITS)}.")
    elif draft.calendar_count < 1 or nominal_s(draft.calendar_unit, draft.calendar_count) > MOST_DAYS * 86_400:
        yield error("calendar_count", "A calendar period lasts from one day to one year.")
    if draft.calendar_first is None:
        yield error("calendar_first", "Say on which day the first period begins.")
    elif not FIRST_YEAR <= draft.calendar_first.year <= LAST_YEAR:
        yield error("calendar_first", f"The first period begins between {FIRST_YEAR} and {LAST_YEAR}.")


def _rest(draft: ObjectiveDraft) -> Iterator[Problem]:
    if draft.no_data not in NO_DATA:
        yield error("no_data", f"Minutes without events count as one of {', '.join(NO_DATA)}.")
    if draft.action not in ACTIONS:
        yield error("action", f"An action is one of {', '.join(ACTIONS)}.")
    if len(draft.notify) > MOST_NOTIFIED:
        yield error("notify", f"Notify at most {MOST_NOTIFIED} addresses and channels.")
    for one in draft.notify:
        if "@" in one and not is_address(one):
            yield error("notify", f"{one[:100]} is not an e-mail address.")
        elif not one or len(one) > 254:
            yield error("notify", "A channel is named by 1 to 63 characters.")
    yield from check_address("runbook_url", draft.runbook_url)


def _rules(draft: ObjectiveDraft) -> list[Problem]:
    """Nothing while target or period are wrong: rules hang on both."""
    if any(one.is_error for one in (*_target(draft), *_period(draft))):
        return []
    period_s = period_seconds(draft)
    return check_rules(draft.rules, float(draft.target), period_s)


def period_seconds(draft: ObjectiveDraft) -> int:
    """The length of a period; of months and years the usual one. For a draft whose period has no error."""
    if draft.period_days is not None:
        return draft.period_days * 86_400
    return nominal_s(draft.calendar_unit, draft.calendar_count)


@cache
def zones() -> frozenset[str]:
    return frozenset(available_timezones())
