"""What pages of budgets and alerts say: sentences, links, curves; pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dashboard.charts import Axis
from dashboard.objective_links import bad_events
from dashboard.objective_words import left_words, promise, target_words, window_words
from dashboard.pages.alerts.blamed import blamed
from dashboard.pages.alerts.timeline import trail
from dashboard.pages.budget.attributes import term
from dashboard.pages.budget.curves import Look, bad_curves, bad_figure, burn_curve, span_of_burn
from dashboard.pages.budget.reading import Budget, by_weekday
from dashboard.pages.budget.rules import rule_lines
from dashboard.pages.budget.sentence import headline
from dashboard.pages.budget.spending import spenders
from dashboard.pages.budget.tiles import tiles
from tracestore.analysis.slo.attribution import MISSING, OTHER
from tracestore.analysis.slo.burn import NOTHING, Count
from tracestore.analysis.slo.periods import Span, period_at
from tracestore.analysis.slo.rules import rules_for
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_series import Point
from tracestore.queries.versions import VersionSetRow

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OLD, NEW = "a" * 32, "b" * 32
BASE = {
    "id": 7, "project_id": 1, "name": "fast", "title": "", "description": "", "service": "shop", "unit": "request",
    "total_q": "", "part_q": "duration:<2s", "part": "good", "target": Decimal("0.99"), "period_days": 28,
    "calendar_unit": "", "calendar_count": 1, "calendar_first": None, "time_zone": "UTC", "no_data": "ignore",
    "action": "look", "rules": None, "notify": [], "runbook_url": "", "owner": "", "origin": {}, "enabled": True,
    "revision": 1, "created_at": NOW, "updated_at": NOW,
}  # fmt: skip


def objective(**fields: object) -> ObjectiveRow:
    known = {name: value for name, value in BASE.items() if name in ObjectiveRow.__dataclass_fields__}
    return ObjectiveRow(**known | fields)


def budget(counts: dict[str, Count], lately: dict[str, Count], **fields: object) -> Budget:
    one = objective()
    told = {"objective": one, "status": None, "period": period_at(one.period(), NOW), "until_s": int(NOW.timestamp())}
    told |= {"counts": counts, "counts_with_excluded": counts, "excluded": (), "pace_s": 86_400, "pace_counts": lately}
    return Budget(**told | {"hour": NOTHING, "projected": None} | fields)


def version(set_id: str, name: str) -> VersionSetRow:
    return VersionSetRow(set_id, "shop", name, {}, 1, 2)


LEFT = "72.0 % of the budget is left"
SETS = {OLD: version(OLD, "v11"), NEW: version(NEW, "v12")}


def said(one: Budget) -> str:
    ends = (one.start_s, one.until_s)
    made = [spenders(counts, SETS, one.objective, "p", ends) for counts in (one.counts, one.pace_counts)]
    return headline(one, *made).text


@pytest.mark.parametrize(
    ("counts", "lately", "expected"),
    [
        ({OLD: Count(28, 10_000)}, {OLD: Count(1, 1_000)}, f"{LEFT}; at the pace of the last day it lasts the period."),
        ({OLD: Count(28, 10_000)}, {OLD: Count(0, 1_000)}, f"{LEFT}; nothing was bad in the last day."),
        ({OLD: Count(28, 10_000)}, {}, f"{LEFT}; the last day had no requests, so its pace is not known."),
        (
            {OLD: Count(11, 9_000), NEW: Count(17, 1_000)}, {NEW: Count(40, 1_000), OLD: Count(4, 500)},
            f"{LEFT}; at the pace of the last day it is gone in 6 d."
            " v12 has spent 90.9 % of what went in the last day.",
        ),
        (
            {OLD: Count(11, 9_000), NEW: Count(17, 1_000)}, {NEW: Count(0, 1_000), OLD: Count(0, 500)},
            f"{LEFT}; nothing was bad in the last day. v12 has spent 60.7 % of what is gone.",
        ),
        (
            {NEW: Count(134, 10_000)}, {NEW: Count(10, 100)},
            "The budget is gone: 134.0 % of what its events so far allow was spent.",
        ),
        ({}, {}, "Nothing is counted yet: that begins within a minute of saving."),
    ],
)  # fmt: skip
def test_the_sentence_of_a_budget(counts, lately, expected):
    assert said(budget(counts, lately)) == expected


def test_a_young_budget_says_what_its_few_hours_are_of_a_whole_period():
    hours = int(NOW.timestamp()) - 3 * 3_600
    young = budget({NEW: Count(134, 10_000)}, {NEW: Count(134, 10_000)}, oldest_s=hours)
    assert said(young).endswith("Its events go back 3 h: at this traffic 0.6 % of a whole period's budget is spent.")
    assert young.runs_out_s == pytest.approx((1 - 1.34 * 3 / 672) * 28 * 86_400 / 1.34), "not gone yet"
    assert "go back" not in said(budget({NEW: Count(134, 10_000)}, {}, oldest_s=1))


def test_a_calendar_budget_runs_out_within_its_period_or_not_at_all_and_calls_a_projection_one():
    ends = Span(NOW - timedelta(days=24, hours=12), NOW + timedelta(days=5, hours=12))
    kept = {"period": ends, "objective": objective(period_days=None, calendar_unit="month", calendar_first=NOW.date())}
    slow = budget({OLD: Count(50, 8_000)}, {OLD: Count(12, 1_000)}, projected=10_000.0, **kept)
    assert slow.remaining_projected == pytest.approx(0.5)
    assert slow.runs_out_s is None, "12.5 days at this pace, 5.5 are left"
    fast = budget({OLD: Count(50, 8_000)}, {OLD: Count(60, 1_000)}, projected=10_000.0, **kept)
    assert fast.runs_out_s == pytest.approx(2.5 * 86_400)
    assert "50.0 % of what the whole period should allow (projection)" in " ".join(tiles(slow)[0].asides)
    assert by_weekday([(0, 10), (7 * 86_400, 20), (86_400, 5)]) == {3: 15, 4: 5}, "1970 began on a Thursday"


def test_who_spent_it_adds_the_sets_of_a_version_up_and_says_what_is_not_known():
    counts = {OLD: Count(1, 100), NEW: Count(6, 50), "c" * 32: Count(3, 50), "": Count(0, 10)}
    found = spenders(counts, SETS | {"c" * 32: version("c" * 32, "v12")}, objective(), "p", (0, 60))
    assert [(one.label, one.count, round(one.share, 2)) for one in found] == [
        ("v12", Count(9, 100), 0.9), ("v11", Count(1, 100), 0.1), ("version not known", Count(0, 10), 0.0)
    ]  # fmt: skip
    assert found[0].interval and found[0].interval.low < found[0].own_share < found[0].interval.high
    assert found[2].lead is None and not found[2].known


def test_links_ask_for_what_was_bad_and_say_where_they_cannot():
    good = bad_events("p", objective(total_q="service:a OR service:b"), 0, 60, "version:v1")
    assert good and good.exact
    assert good.href == (
        "/p/p/traces?q=%28service:a%20OR%20service:b%29%20-%28duration:%3C2s%29%20version:v1&by=end"
        "&from=1970-01-01T00:00:00Z&to=1970-01-01T00:01:00Z"
    )
    bad = bad_events("p", objective(unit="tool_call", part="bad", part_q="status:error"), 0, 60)
    assert bad and not bad.exact and "q=status:error&" in bad.href
    assert bad_events("p", objective(unit="evaluation"), 0, 60) is None
    terms = {
        ("version", "v 1"): 'version:"v 1"',
        ("attr.a.b", MISSING): "-attr.a.b:*",
        ("tool x", "not called"): "-tool:x",
    }
    terms |= {("model", "a, b"): "model:a model:b", ("calls of tools", "up to 3"): None, ("user", OTHER): None}
    assert {one: term(one) for one in terms} == terms


def test_words():
    assert target_words(0.9995) == "99.95 %"
    assert (
        promise(objective(part="bad", total_q="tool:x"))
        == "99 % of requests with tool:x do not match duration:<2s, over 28 days"
    )
    assert [window_words(one) for one in (300, 3_600, 259_200, 5_400, 21_960)] == [
        "5 min",
        "1 h",
        "3 d",
        "90 min",
        "6 h 06 m",
    ]
    assert left_words(1.0) == "All of the budget is left"
    assert trail([(0, 1.0)]) is None
    drawn = trail([(0, 1.0), (10, -1.0)])
    assert drawn and drawn.points == "0.0,2.0 320.0,54.0" and drawn.zero_y == 28.0


def test_a_blame_that_cannot_tell_names_no_version():
    named = {"verdict": "version", "reason": "so", "first_bad": "v12", "plausible": ["v12", "v13"], "last_good": "v11"}
    assert (blamed(named, "p").version, blamed(named, "p").interval) == ("v12", ["v13"])
    outside = blamed(named | {"verdict": "external"}, "p")
    assert (outside.version, outside.words) == ("", "The cause lies outside the versions")
    assert blamed({}, "p").reason == "The first bad version was not looked for."
    assert blamed({"verdict": "nonsense"}, "p").version == ""


def test_a_curve_of_what_is_left_falls_only_where_something_was_bad_and_goes_below_zero():
    axis = Axis(0, 300, 60)
    counted = [Point(0, 0, 100, OLD), Point(60, 3, 100, NEW), Point(60, 1, 100, OLD), Point(240, 4, 100, NEW)]
    curve = burn_curve(counted, Count(2, 100), 0.99, axis, Look("left", "accent", "solid"))
    assert [round(one.value or 0, 2) for one in curve.points] == [0.6, -0.2, -0.2, -0.2, -1.0]
    assert span_of_burn([curve]) == pytest.approx((-1.08, 1.05))
    bars = bad_curves(counted, {OLD: "v11", NEW: "v12"}, axis)
    assert [(one.name, [point.value for point in one.points]) for one in bars] == [
        ("v12", [3.0, 4.0]),
        ("v11", [0.0, 1.0]),
    ]
    drawn = [one for one in bad_figure(bars, axis, (), ())["data"] if one.get("meta")]
    assert [one["type"] for one in drawn] == ["bar", "bar"]
    assert drawn[0]["y"] == [None, 3, None, None, 4]


def test_rules_stand_with_their_factor_before_they_were_ever_evaluated():
    found = rule_lines(rules_for(0.9, 28 * 86_400), None, 0.9)
    assert [(one.name, one.state, one.long_burn) for one in found[:1]] == [("quick burn", "not evaluated yet", None)]
    assert found[0].needs == pytest.approx(0.5), "lowered so that it can fire"
    assert "lowered" in found[0].note
    assert replace(found[0], note="").factor == pytest.approx(5)
