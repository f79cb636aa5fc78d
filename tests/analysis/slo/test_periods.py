"""Periods of a budget: real months, zones, clock changes; and states of an alert."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracestore.analysis.slo.periods import Calendar, Rolling, Span, period_at, projected_total
from tracestore.analysis.slo.rules import Rule
from tracestore.analysis.slo.states import AlertState, Change, advance, resolve_after_s

BERLIN = "Europe/Berlin"
JANUARY = datetime(2026, 1, 1)


def test_a_rolling_period_ends_now() -> None:
    now = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert period_at(Rolling(28), now) == Span(now - timedelta(days=28), now)


def test_months_are_as_long_as_they_are_and_begin_at_local_midnight() -> None:
    month = Calendar("month", 1, BERLIN, JANUARY)
    march = period_at(month, datetime(2026, 3, 15, tzinfo=UTC))
    assert march.start == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert march.end == datetime(2026, 3, 31, 22, tzinfo=UTC), "summer time began"
    assert march.seconds == 31 * 86_400 - 3_600
    assert period_at(month, datetime(2028, 2, 15, tzinfo=UTC)).seconds == 29 * 86_400


def test_a_period_that_begins_on_the_31st_begins_on_the_last_day_of_shorter_months() -> None:
    month = Calendar("month", 1, "UTC", datetime(2026, 1, 31))
    assert period_at(month, datetime(2026, 3, 1, tzinfo=UTC)).start == datetime(2026, 2, 28, tzinfo=UTC)
    assert period_at(month, datetime(2026, 4, 1, tzinfo=UTC)).start == datetime(2026, 3, 31, tzinfo=UTC)


def test_a_period_that_has_not_begun_is_its_first() -> None:
    quarter = Calendar("quarter", 1, "UTC", JANUARY)
    assert period_at(quarter, datetime(2020, 1, 1, tzinfo=UTC)).start == JANUARY.replace(tzinfo=UTC)


@given(
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.integers(1, 4),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1)),
)
def test_every_moment_lies_in_its_period_and_periods_join(unit: str, count: int, zone: str, moment: datetime) -> None:
    period = Calendar(unit, count, zone, JANUARY)  # type: ignore[arg-type]
    now = moment.replace(tzinfo=UTC) + timedelta(days=2)
    span = period_at(period, now)
    assert span.start <= now < span.end
    assert period_at(period, span.end).start == span.end
    assert period_at(period, span.end - timedelta(microseconds=1)) == span


def test_a_projection_counts_the_days_left_as_their_weekdays_usually_are() -> None:
    month = period_at(Calendar("month", 1, "UTC", JANUARY), datetime(2026, 2, 9, tzinfo=UTC))
    so_far = Span(month.start, datetime(2026, 2, 26, 12, tzinfo=UTC))  # a Thursday's noon; Friday and Saturday follow
    assert projected_total(1_000, so_far, month, {3: 100, 4: 200, 5: 10}) == pytest.approx(1_000 + 50 + 200 + 10)
    assert projected_total(7, so_far, month, {}) == 7


RULE = Rule("page-quick", "page", 3_600, 300, 14.4, 0.02)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def walk(
    held: list[bool | None], rule: Rule = RULE, was: AlertState | None = None
) -> tuple[AlertState, list[tuple[int, Change]]]:
    """One evaluation a minute; what was told, and in which minute."""
    state, told = was or AlertState(), list[tuple[int, Change]]()
    for minute, one in enumerate(held):
        state, change = advance(state, rule, one, NOON + timedelta(minutes=minute))
        if change:
            told.append((minute, change))
    return state, told


def test_an_alert_fires_once_and_resolves_after_the_short_window() -> None:
    state, told = walk([False, True, True, True, *[False] * 8])
    assert told == [(1, "fired"), (9, "resolved")]
    assert state.state == "resolved"
    assert resolve_after_s(Rule("r", "page", 240, 120, 14, 0.1)) == 180, "three evaluations at least"


def test_flapping_within_the_short_window_tells_nothing() -> None:
    _, told = walk([True, False, False, True, False, True, False])
    assert told == [(0, "fired")]


def test_what_cannot_be_measured_freezes_an_alert() -> None:
    state, told = walk([True, *[None] * 30])
    assert told == [(0, "fired")]
    assert state.state == "firing"
    assert state.frozen_since == NOON + timedelta(minutes=1)
    state, told = walk([None, None, False], was=state)
    assert state.frozen_since is None
    assert walk([None] * 10)[1] == [], "and fires none"


def test_time_that_cannot_be_measured_is_no_time_in_which_a_rule_held_or_not() -> None:
    assert walk([True, False, *[None] * 30, *[False] * 4])[1] == [(0, "fired")]
    assert walk([True, False, *[None] * 30, *[False] * 5])[1] == [(0, "fired"), (36, "resolved")]
    slow = Rule("page-slow", "page", 5_400, 480, 7, 0.05, pending_s=240)
    assert walk([True, *[None] * 10, True, True, True], slow)[1] == []
    assert walk([True, *[None] * 10, *[True] * 4], slow)[1] == [(14, "fired")]


def test_an_alert_that_fires_again_within_half_an_hour_is_the_same_one() -> None:
    off = [False] * 6
    assert walk([True, *off, *[False] * 20, True])[1] == [(0, "fired"), (6, "resolved"), (27, "reopened")]
    assert walk([True, *off, *[False] * 40, True])[1] == [(0, "fired"), (6, "resolved"), (47, "fired")]


def test_a_rule_with_a_wait_must_hold_that_long() -> None:
    slow = Rule("page-slow", "page", 5_400, 480, 7, 0.05, pending_s=240)
    assert walk([True, True, True, False, *[True] * 5], slow)[1] == [(8, "fired")]


def test_an_evaluation_may_be_repeated() -> None:
    once, _ = walk([True, False])
    again, change = advance(once, RULE, False, NOON + timedelta(minutes=1))
    assert (again, change) == (once, None)
