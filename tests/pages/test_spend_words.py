"""What a cost page says of sums: changes, shares, links, hints; what prompts look like when drawn."""

from urllib.parse import parse_qs, urlsplit

from dashboard.composition import bar, per_call, stacked
from dashboard.params import NS, Range
from dashboard.spend import change, each, hint_views, per, ratio, spark, spend_lines, tiles
from dashboard.spend_chart import axis_of, cost_curves, step_of
from tests.analysis.test_hints import call, prompt
from tracestore.analysis.hints import find_hints
from tracestore.queries.spend import Requests, Spent

HOUR_NS = 3_600 * NS
START_NS = 1_795_000_000 // 3_600 * HOUR_NS
NO_REQUESTS = Requests(0, 0, None, None, None)


def test_a_change_says_how_much_and_is_worse_from_a_tenth_on():
    found = [change(now, 100) for now in (109, 110, 50, 1_500)]
    assert [(one.text, one.worse) for one in found if one] == [
        ("+9.0 %", False), ("+10.0 %", True), ("−50.0 %", False), ("×15.0", True)
    ]  # fmt: skip
    assert change(5, None) is change(None, 5) is change(5, 0) is None


def test_what_is_unknown_is_no_zero():
    assert (ratio(None, 5), ratio(5, 0), per(NO_REQUESTS), each(Spent(None, calls=2, unpriced=2))) == (None,) * 4
    assert [tile.value for tile in tiles(Spent(None), Spent(None), NO_REQUESTS, NO_REQUESTS)] == [None] * 6


def test_a_request_costs_what_those_of_known_cost_cost():
    assert per(Requests(10, 4, 400, None, None)) == 100


def test_shares_are_of_everything_that_was_spent_also_of_what_is_not_listed():
    found = [Spent("a", 1, cost_nanousd=60), Spent("b", 1, cost_nanousd=20), Spent(None, 1)]
    lines = spend_lines(
        found, [Spent("a", 1, cost_nanousd=30)], "model", "p", {"q": "a:1 OR b:2", "range": "7d"}, {}, 100
    )
    assert [line.share for line in lines] == [0.6, 0.2, None]
    assert [line.is_new for line in lines] == [False, True, True]
    assert lines[0].change and lines[0].change.text == "+100 %"
    query = parse_qs(urlsplit(lines[0].href).query)
    assert query == {"range": ["7d"], "q": ["(a:1 OR b:2) model:a"], "by": ["end"], "sort": ["-cost"]}
    assert "-model:*" in lines[2].href


def test_trends_share_one_scale():
    assert spark([0, 10], 10) == "0.0,15.0 72.0,1.0"
    assert spark([1], 10) == spark([0, 0], 0) == ""


def test_of_a_sample_a_sum_is_about_and_of_all_calls_it_is_exact():
    calls = [call(1, status=2), *(call(n, trace=f"t{n}") for n in range(2, 11))]
    spent = sum(one.cost_nanousd or 0 for one in calls)
    assert hint_views(find_hints(calls, spent), "p", is_whole=True)[0].stake == "$0.0130"
    assert hint_views(find_hints(calls, 4 * spent), "p", is_whole=False)[0].stake == "about $0.0520"
    long = [call(1, prompt=prompt(1_000, old=500))]
    assert hint_views(find_hints(long, long[0].cost_nanousd or 0), "p", is_whole=True)[0].stake.startswith("up to $")


def test_steps_without_a_call_cost_nothing_and_calls_without_a_price_are_unknown():
    axis = axis_of(Range(START_NS, START_NS + 12 * HOUR_NS))
    assert (step_of(12 * HOUR_NS), step_of(30 * 24 * HOUR_NS), step_of(HOUR_NS)) == (3_600, 86_400, 120)
    steps = [(START_NS // NS, Spent(None, 2, cost_nanousd=7)), (START_NS // NS + 3_600, Spent(None, 1))]
    now, before = cost_curves(steps, [(START_NS // NS - 12 * 3_600, Spent(None, 1, cost_nanousd=3))], axis, "/t", "")
    assert [(one.value, one.n) for one in now.points[:3]] == [(7.0, 2), (None, 1), (0.0, 0)]
    assert (before.points[0].value, before.shift_s) == (3.0, 12 * 3_600)
    assert now.href == "/t?from={from}&to={to}&by=end&sort=-cost"


def test_the_parts_of_a_bar_fill_it_in_their_order():
    pieces = bar({"system": 0.25, "history": 0.75})
    assert [(one.css, one.at, one.length) for one in pieces] == [("part-system", 0, 25), ("part-history", 25, 75)]
    column = stacked({"system": 20, "user": 80}, 200)
    assert [(one.at, one.length) for one in column] == [(126, 14), (70, 56)]


def test_a_growth_of_less_than_half_a_token_has_no_sign():
    assert [per_call(slope) for slope in (412.4, -3, 0.4, -0.4)] == ["+412", "−3", "±0", "±0"]
