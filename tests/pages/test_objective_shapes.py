"""How an objective stands, in words; what a preview says of counts that are known; pure."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dashboard.pages.objectives.edit import with_free_name
from dashboard.pages.objectives.preview import nothing, traffic_words
from dashboard.pages.objectives.standing import standing_of
from dashboard.pages.objectives.tried import CHART, tried
from tracestore.analysis.slo.backtest import backtest
from tracestore.analysis.slo.burn import Count
from tracestore.analysis.slo.drafts import ObjectiveDraft
from tracestore.analysis.slo.foresight import foresee
from tracestore.analysis.slo.rules import rules_for
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_preview import Preview as History
from tracestore.queries.slo_status import RuleStatus, StatusRow

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
END_S = int(NOW.timestamp())
ROW = ObjectiveRow(
    1, 1, "o", "", "", "shop", "request", "", "-outcome:error", "good", Decimal("0.99"), 28, "", 1, date(2026, 1, 1),
    "UTC", "ignore", "look", None, [], "", "", {}, True, 1, NOW, NOW,
)  # fmt: skip
QUICK = RuleStatus(
    1, "page-quick", "burn", "page", "inactive", None, None, 0.5, 0.5, 1, 200, 0, 20, 3600, 300, 13.44, 1.0
)  # fmt: skip


def status(remaining: float | None = 0.4, rules: tuple[RuleStatus, ...] = (QUICK,), **fields: Any) -> StatusRow:
    known: dict[str, Any] = dict.fromkeys(StatusRow.__slots__) | {
        "objective_id": 1, "project_id": 1, "name": "o", "title": "", "service": "shop", "unit": "request", "target": 0.99,
        "evaluated_at": NOW, "history_done": True, "bad": 6, "total": 1000, "remaining": remaining, "failure": "",
        "quarantined": False, "rules": rules, "thresholds": (), "absent": None,
    }  # fmt: skip
    return StatusRow(**known | fields)


@pytest.mark.parametrize(
    ("seen", "state", "tone"),
    [
        (status(), "ok", "ok"),
        (None, "off", ""),
        (status(rules=(replace(QUICK, state="firing", since=NOW - timedelta(hours=2)),)), "page", "error"),
        (status(rules=(replace(QUICK, severity="ticket", state="recovering"),)), "ticket", "warn"),
        (status(failure="canceling statement due to statement timeout"), "cannot be evaluated", "warn"),
        (status(evaluated_at=None), "counting", ""),
        (status(evaluated_at=NOW - timedelta(minutes=9)), "stale", "warn"),
        (status(rules=(replace(QUICK, frozen_since=NOW),)), "no data", ""),
        (status(-0.2), "budget gone", "warn"),
    ],
)
def test_the_state_is_the_worst_that_is_true(seen, state, tone):
    standing = standing_of(ROW, seen, NOW)
    assert (standing.state, standing.tone) == (state, tone)


def test_an_overspent_budget_has_no_bar_and_an_unknown_one_no_number():
    spent, fine, unknown = (standing_of(ROW, status(left), NOW) for left in (-9.5, 0.5, None))
    assert (spent.bar, spent.left, spent.bar_tone) == (0, "−950 %", "error")
    assert (fine.bar, fine.left) == (36, "50.0 %")
    assert (unknown.remaining, unknown.left, unknown.unknown) == (None, "", "No event in the period")
    assert sorted([fine, spent], key=lambda one: one.rank) == [spent, fine]


def history(hours: int, per_minute: int, bad_from: int = 0, bad_minutes: int = 0) -> History:
    """All bad for some minutes, `bad_from` minutes before the end."""
    start_s = END_S - hours * 3600
    counts = {at: Count(0, per_minute) for at in range(start_s, END_S, 60)}
    for minute in range(bad_minutes):
        counts[END_S - (bad_from - minute) * 60] = Count(per_minute, per_minute)
    return History(counts, END_S - 28 * 86_400, END_S, whole=True)


def test_a_preview_counts_since_the_first_event_and_names_the_alerts():
    seen = history(48, 10, bad_from=120, bad_minutes=60)
    raised = backtest(seen.minutes, 0.99, rules_for(0.99, 28 * 86_400))
    result = tried(seen, 0.99, "request", raised, UTC)
    assert result.sentence.startswith(
        "Of 28,800 requests in 2 days, 600 were bad: 97.9 % good, under the 99 % promised; "
    )
    assert {tile.title: tile.value for tile in result.tiles} | {"Tickets": "", "Pages": ""} == {
        "Requests": "28,800",
        "Good": "97.9 %",
        "Budget spent": "208.3 %",
        "Pages": "",
        "Tickets": "",
    }
    assert {one.severity for one in result.alerts} == {"page", "ticket"}
    layout = json.loads(result.figures)[CHART]["layout"]
    bands = [shape for shape in layout["shapes"] if shape["type"] == "rect"]
    assert len(bands) == len(raised) > 1
    assert layout["xaxis"]["range"][0] == (END_S - 48 * 3600) * 1000
    assert "nothing is stored from before" in result.notes[0]


def test_a_healthy_history_tells_nobody():
    result = tried(history(24, 5), 0.999, "tool_call", [], UTC)
    assert (
        result.sentence
        == "Of 7,200 tool calls in 24 hours, 0 were bad: 100 % good, as promised; nobody would have been told."
    )


def test_few_events_are_named_as_the_reason_for_silent_pages():
    rules = rules_for(0.999, 28 * 86_400)
    assert "quick burn (2 in 1 h)" in traffic_words([foresee(rule, 0.999, 2 / 3600) for rule in rules])
    assert traffic_words([foresee(rule, 0.999, 1.0) for rule in rules]) == ""
    assert traffic_words([foresee(rule, 0.999, None) for rule in rules]) == ""


def test_a_second_objective_of_a_template_gets_a_name_of_its_own():
    draft = ObjectiveDraft("tool-success", "status:error", Decimal("0.95"))
    assert with_free_name(draft, {"x"}).name == "tool-success"
    assert with_free_name(draft, {"tool-success", "tool-success-2"}).name == "tool-success-3"


def test_what_could_not_be_counted_in_time_is_not_called_nothing():
    slow = History({}, END_S, END_S, whole=False)
    assert "took too long" in nothing(ObjectiveDraft("o", "outcome:ok", Decimal("0.9")), slow)
