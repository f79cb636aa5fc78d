"""When which minutes are due, and when who is told: tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tracestore.analysis.slo.burn import Count
from tracestore.analysis.slo.due import CATCH_UP_S, due_minutes, skipped, until_s
from tracestore.analysis.slo.promise import promise_of
from tracestore.analysis.slo.rules import rules_for
from tracestore.analysis.slo.threads import Decision, Story, decide
from tracestore.analysis.slo.thresholds import WEEK_S, absent_after_s, budget_rules, is_spent, spent_of

NOW = datetime(2031, 3, 4, 12, tzinfo=UTC)
UNTIL = int(NOW.timestamp())
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(("second", "minute"), [(0, -120), (29, -120), (30, -60), (59, -60), (89, -60), (90, 0)])
def test_a_minute_is_evaluated_ninety_seconds_after_its_end(second: int, minute: int) -> None:
    assert until_s(NOW + second * SECOND) == UNTIL + minute


@pytest.mark.parametrize(
    ("evaluated", "newest", "due"),
    [
        (None, None, [0]),  # the first time: from now on
        (0, 0, []),
        (-60, 0, [0]),
        (-180, 0, [-120, -60, 0]),
        (240, -60, []),  # set back a little: wait
        (3600, -60, [0]),  # the clock was an hour ahead, the events were not: go on
        (3600, 3540, []),  # the clock is an hour behind the events: wait
        (400 * 86_400, 0, [0]),
        (400 * 86_400, 400 * 86_400, [0]),  # waiting for so long would be blindness
    ],
)
def test_due_minutes(evaluated: int | None, newest: int | None, due: list[int]) -> None:
    at, last = (None if one is None else UNTIL + one for one in (evaluated, newest))
    assert [minute - UNTIL for minute in due_minutes(at, last, UNTIL)] == due


def test_at_most_a_day_is_caught_up_and_the_rest_is_said_to_be_skipped() -> None:
    found = due_minutes(UNTIL - 3 * CATCH_UP_S, None, UNTIL)
    assert (len(found), found[-1]) == (1440, UNTIL)
    assert skipped(UNTIL - 3 * CATCH_UP_S, UNTIL) == (UNTIL - 3 * CATCH_UP_S, UNTIL - CATCH_UP_S)
    assert skipped(UNTIL - CATCH_UP_S, UNTIL) is None and skipped(None, UNTIL) is None


def story(key: str = "1:page", **fields: Any) -> Story:
    given = {"group": "page:shop", "severity": "page", "raised_at": NOW - MINUTE, "firing": True} | fields
    return Story(key, **given)


def told(key: str = "1:page", **fields: Any) -> Story:
    return story(key, **({"told": "firing", "lead": "A", "raised_at": NOW - DAY} | fields))


def kinds(*stories: Story, last: timedelta = HOUR) -> list[tuple[str, str | None, list[str]]]:
    found = decide(stories, {"A": NOW - last}, NOW)
    return [(one.kind, one.lead, [member.key for member in one.stories]) for one in found.tellings]


def test_a_new_story_waits_half_a_minute_for_others_of_its_group() -> None:
    assert kinds(story(raised_at=NOW - 29 * SECOND)) == []
    assert kinds(story(raised_at=NOW - 30 * SECOND), story("2:page", raised_at=NOW)) == [
        ("firing", None, ["1:page", "2:page"])
    ]
    assert len(kinds(story(), story("2:page", group="page:index"))) == 2


def test_a_thread_speaks_every_five_minutes_at_most() -> None:
    joins = (told(), story("2:page"))
    assert kinds(*joins, last=4 * MINUTE) == []
    assert kinds(*joins, last=5 * MINUTE) == [("firing", "A", ["1:page", "2:page"])]


@pytest.mark.parametrize(
    ("stories", "kind"),
    [
        ([told(firing=False)], "resolved"),
        ([told(firing=False), told("2:page")], None),  # one of two is over: the reminder says so
        ([told(told="resolved")], "reopened"),
        ([told(told="resolved", inhibited=True)], None),
        ([told(firing=False, silenced=True)], None),
        ([told(firing=False, inhibited=True)], "resolved"),
        ([story(firing=False)], "resolved"),  # it came and went while nobody evaluated
        ([story(silenced=True)], None),
        ([story(inhibited=True)], None),
    ],
)
def test_what_changed_is_told(stories: list[Story], kind: str | None) -> None:
    assert [one[0] for one in kinds(*stories)] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("last", "fields", "reminded"),
    [
        (4 * HOUR, {}, True),
        (4 * HOUR - SECOND, {}, False),
        (4 * HOUR, {"acknowledged": True}, False),
        (4 * HOUR, {"silenced": True}, False),
        (4 * HOUR, {"nags": False}, False),
        (4 * HOUR, {"severity": "ticket"}, False),
        (24 * HOUR, {"severity": "ticket"}, True),
        (-400 * DAY, {}, True),  # a wrong clock told it: that is no reason to be quiet for a year
    ],
)
def test_pages_nag_every_four_hours_and_tickets_every_day(
    last: timedelta, fields: dict[str, Any], reminded: bool
) -> None:
    assert [one[0] for one in kinds(told(**fields), last=last)] == ["reminder"] * reminded


def test_a_reminder_lists_only_what_still_fires_and_nobody_is_at() -> None:
    stories = [told("1:page"), told("2:page", firing=False), told("3:page", acknowledged=True)]
    assert kinds(*stories, last=5 * HOUR) == [("reminder", "A", ["1:page"])]


def test_what_is_over_before_anybody_was_told_is_closed_without_a_word() -> None:
    silenced, inhibited = story(silenced=True, firing=False), story("2:page", inhibited=True, firing=False)
    told_before = told("3:page", silenced=True, firing=False)
    found: Decision = decide([silenced, inhibited, told_before], {}, NOW)
    assert (set(found.closed), found.tellings) == ({silenced, inhibited, told_before}, ())


def test_twenty_one_stories_within_ten_minutes_are_a_storm_and_twenty_are_not() -> None:
    many = [story(f"{n}:page", group=f"page:{n}") for n in range(21)]
    assert [(kind, len(keys)) for kind, _, keys in kinds(*many)] == [("summary", 21)]
    assert len(kinds(*many[:20])) == 20
    old = [replace(one, raised_at=NOW - 11 * MINUTE) for one in many]
    assert len(kinds(*old)) == 21
    later = [told(one.key, group=one.group, raised_at=NOW - MINUTE) for one in many]
    assert kinds(*later, story("99:page", group="page:99")) == [
        ("summary", "A", [*sorted(one.key for one in many), "99:page"])
    ]


# --- thresholds and absence ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "total", "elapsed", "spent"),
    [
        (500, 1_000_000, 1.0, ["budget-50"]),
        (499, 1_000_000, 1.0, []),
        (1_000, 1_000_000, 1.0, ["budget-50", "budget-75", "budget-100"]),
        (1, 100, 1.0, []),  # ten budgets in one event: it may be chance
        (2, 100, 1.0, ["budget-50", "budget-75", "budget-100"]),
        (90, 10_000, 0.05, []),  # nine budgets of a twentieth of the month: what is still to come brings its own
        (0, 0, 1.0, []),
    ],
)
def test_shares_of_a_budget(bad: int, total: int, elapsed: float, spent: list[str]) -> None:
    found = spent_of(Count(bad, total), 0.999, elapsed)
    assert [rule.name for rule in budget_rules(28 * 86_400) if is_spent(rule, found)] == spent
    assert (found.share is None) == (total == 0)


@pytest.mark.parametrize(
    ("target", "events", "pause_s", "after_s"),
    [
        (0.999, 10**6, 0, 60),  # round_1min(13.44 * 0.001 * 3600 s) = 48 s
        (0.99, 10**6, 0, 480),  # 484 s
        (0.99, 2_016, 0, 7_500),  # an event every five minutes: 25 of them
        (0.99, 10**6, 8 * 3_600, 36_000),  # it sleeps for eight hours a night
        (0.99, 0, 0, None),
    ],
)
def test_events_are_missed_after(target: float, events: int, pause_s: int, after_s: int | None) -> None:
    assert WEEK_S / 2_016 == 300
    assert absent_after_s(rules_for(target, 28 * 86_400)[0], target, events, pause_s) == after_s


def test_a_promise_in_words() -> None:
    rolling = promise_of(Decimal("0.99900000"), "request", "service:shop", "duration:<2s", "good", 28, ("", 1))
    assert rolling == "99.9 % of requests with service:shop match duration:<2s, over 28 days"
    calendar = promise_of(Decimal("0.95"), "tool_call", "", "status:error", "bad", None, ("month", 1))
    assert calendar == "95 % of tool calls do not match status:error, over the calendar month"
