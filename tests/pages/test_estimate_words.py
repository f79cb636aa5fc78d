"""How a number with its uncertainty and a difference read: signs, units, verdicts, and what is unknown."""

import pytest

from dashboard.estimate_words import change, in_relative, number
from tracestore.analysis.lines import MEMBERS, Difference, Estimate, compare

SUCCESS, COST, SLOW = MEMBERS["success_rate"], MEMBERS["cost_per_request"], MEMBERS["latency_p95"]


def test_a_number_carries_its_interval_and_n_and_says_its_unit_once():
    shown = number(SUCCESS, Estimate(0.981, 412, 0.962, 0.991, 404))
    assert (shown.text, shown.aside) == ("98.1 %", "96.2 to 99.1 %, n 412")
    assert number(SUCCESS, Estimate(0.981, 412, 0.962, 0.991, 404), said_n=412).aside == "96.2 to 99.1 %"
    assert number(SLOW, Estimate(9e8, 90, 8e8, 1.5e9)).aside == "800 ms to 1.50 s, n 90", "two units are both said"


def test_of_few_the_count_is_told():
    assert number(SUCCESS, Estimate(0.75, 4, 0.3, 0.95, 3)).text == "3 of 4"


def test_what_is_unknown_is_a_dash_that_says_what_to_send():
    shown = number(MEMBERS["injection_rate"], Estimate(None, 0))
    assert (shown.text, shown.known) == ("–", False)
    assert "fourline.injection.outcome" in shown.title


def test_shares_differ_in_points_and_money_in_percent():
    worse = change(SUCCESS, compare(SUCCESS, Estimate(0.98, 500, 0.965, 0.989), Estimate(0.9, 500, 0.87, 0.923)))
    assert (worse.text, worse.tone, worse.verdict) == ("−8.0 pp", "worse", "worse")
    dearer = change(COST, compare(COST, Estimate(2e7, 500, 1.9e7, 2.1e7), Estimate(2.4e7, 500, 2.3e7, 2.5e7)))
    assert (dearer.text, dearer.tone) == ("+20 %", "worse")
    faster = change(SLOW, compare(SLOW, Estimate(8e9, 500, 7.5e9, 8.5e9), Estimate(4e9, 500, 3.8e9, 4.2e9)))
    assert (faster.text, faster.tone) == ("−50 %", "better")


def test_where_nothing_is_seen_the_bad_end_of_the_interval_is_told():
    same = change(SUCCESS, compare(SUCCESS, Estimate(0.98, 60, 0.92, 0.99), Estimate(0.97, 60, 0.9, 0.99)))
    assert same.tone == ""
    assert same.verdict.startswith("no difference seen, could be up to −")
    slow = change(SLOW, compare(SLOW, Estimate(8e9, 90, 6e9, 9e9), Estimate(8e9, 90, 6e9, 9e9)))
    assert slow.verdict.startswith("no difference seen, could be up to +")


def test_without_an_interval_there_is_no_verdict_but_a_reason():
    assert change(SLOW, Difference(2e9, relative=0.5)).verdict == "too few to tell"
    assert change(MEMBERS["retry_rate"], Difference(0.1)).verdict == "how sure is not known"
    assert change(SLOW, Difference(None)).verdict == "nothing to compare with"


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0.18, "+18 %"), (-0.042, "−4.2 %"), (2.1, "×3.1"), (0.0, "±0 %"), (-0.5, "−50 %"), (0.0996, "+10 %")],
)
def test_a_relative_change_reads_as_percent_or_as_a_multiple(ratio, words):
    assert in_relative(ratio) == words
