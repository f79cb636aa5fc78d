"""From how many bad events does a rule fire? Against the literature's table of single failures, and by trying all counts."""

import pytest

from tracestore.analysis.slo.burn import Count
from tracestore.analysis.slo.foresight import foresee, least_bad
from tracestore.analysis.slo.rules import holds, rules_for

DAYS = 86_400


@pytest.mark.parametrize("events", [0, 1, 2, 3, 20, 70, 1_000])
@pytest.mark.parametrize("target", [0.999, 0.95, 0.8])
def test_the_fewest_bad_events_are_those_that_fire_while_one_less_does_not(events, target):
    for rule in rules_for(target, 30 * DAYS):
        least = least_bad(rule, target, events)
        fires = [bad for bad in range(events + 1) if holds(rule, target, *[Count(bad, events)] * 2)]
        assert least == (fires[0] if fires else None)


def test_an_outage_is_found_as_soon_as_the_workbook_says():
    quick = foresee(rules_for(0.999, 30 * DAYS)[0], 0.999, None)
    assert quick.outage_s == pytest.approx(0.864 * 60)
    assert quick.bad_share == pytest.approx(0.0144)
    assert (quick.events, quick.least_bad) == (None, None)


def test_at_two_requests_an_hour_nobody_is_paged_by_the_quick_rule():
    quick, *_, slow = (foresee(rule, 0.999, 2 / 3600) for rule in rules_for(0.999, 30 * DAYS))
    assert (quick.events, quick.least_bad) == (2, None)
    assert (slow.events, slow.least_bad) == (144, 2)
