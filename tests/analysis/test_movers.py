"""What got worse or better: found where it was planted, told once, not found where nothing was, not blamed for the hour."""

import pytest

from tests.analysis.movers_world import Kind, Ran, tell
from tracestore.analysis.movers import Contrast, Subject, benjamini_hochberg, p_value, select, weight

STEPS = 24  # in the range, and as many before it


def quiet(service: str = "shop", version: str = "v1", n: int = 20, first: int = -STEPS, last: int = STEPS) -> list[Ran]:
    return [Ran(service, version, step, n) for step in range(first, last)]


def a_bad_release(bad: Kind) -> list[Ran]:
    """v2 takes over for three steps of the range and is rolled back; another service goes on."""
    shop = [one if not 10 <= one.step < 13 else Ran("shop", "v2", one.step, 40, bad) for one in quiet()]
    return [*shop, *quiet("desk", "d7")]


@pytest.mark.parametrize(
    ("bad", "member", "line"),
    [
        (Kind(failing=0.3), "success_rate", "quality"),
        (Kind(disliked=0.9), "feedback_positive_rate", "quality"),
        (Kind(median_s=9.0), "latency_p95", "latency"),
        (Kind(dollars=0.05), "cost_per_request", "cost"),
        (Kind(violating=0.15), "policy_violation_rate", "risk"),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_bad_release_is_named_with_its_line_and_it_alone(bad, member, line, seed):
    told = tell(a_bad_release(bad), seed)
    top = told.movers[0]
    assert (top.contrast.subject, top.contrast.member) == (Subject("version", "v2", "shop"), member)
    assert (top.contrast.line, top.contrast.worse) == (line, True)
    assert top.apart is not None
    assert top.apart.kind == "returned"
    of_member = [one for one in told.movers if one.contrast.member == member and one.contrast.subject.value != "desk"]
    assert of_member == [top], "what shows it too is folded into it"


def test_where_it_shows_as_well_is_said_beside_it():
    (told,) = tell(a_bad_release(Kind(failing=0.5))).of("v2").values()
    assert Subject("service", "shop") in told.also
    assert Subject("all", None) in told.also


def test_the_release_that_follows_a_bad_one_is_not_praised_for_it():
    ran = [*quiet(last=8), *(Ran("shop", "v2", step, 40, Kind(failing=0.4)) for step in range(8, 12))]
    told = tell([*ran, *quiet(version="v3", first=12)])
    assert set(told.of("v2")) == {"success_rate"}
    assert not told.of("v3")


def test_a_better_release_is_found_as_well():
    told = tell([*quiet(last=12), *(Ran("shop", "v2", step, 40, Kind(median_s=2.0)) for step in range(12, STEPS))])
    mover = told.of("v2")["latency_p95"]
    assert not mover.contrast.worse
    assert mover.apart is not None
    assert mover.apart.kind == "replaced", "it took over at once: version and time cannot be told apart"


def test_without_a_change_hardly_anything_is_told():
    """The share of quiet histories that tell of anything is at most what Benjamini-Hochberg promises: 5 %.

    Histories of 2 services, 3 versions and 30 comparisons each; 8 of 400 seeds told something (2.0 %).
    """
    ran = [*quiet(last=8), *quiet(version="v2", first=8, last=16), *quiet(version="v3", first=16)]
    wrong = sum(bool(tell([*ran, *quiet("desk", "d7", 8)], seed).selection.found) for seed in range(200))
    assert wrong <= 10


def hours_that_are_bad(v2_beside: float) -> list[Ran]:
    """From step 12 on everything fails more, whatever runs; v2 begins just then and takes that share of the traffic."""
    bad = Kind(failing=0.25)
    old = [Ran("shop", "v1", step, int(40 * (1 - v2_beside)) or 1, bad) for step in range(12, STEPS)]
    new = [Ran("shop", "v2", step, int(40 * v2_beside), bad) for step in range(12, STEPS)]
    return [*quiet(last=12), *old, *new]


@pytest.mark.parametrize("seed", range(5))
def test_a_version_is_not_blamed_for_the_hours_it_ran_in(seed):
    """Simpson: over the range v2 fails far more often than v1, in each step of it not at all."""
    told = tell(hours_that_are_bad(0.7), seed)
    mover = told.of("v2").get("success_rate")
    assert mover is not None, "over the range it is worse"
    assert mover.apart is not None
    assert mover.apart.kind == "time"
    assert not mover.also, "what time explains explains nothing else"
    assert told.of("shop")["success_rate"].contrast.worse, "that the service got worse is still told"


def test_a_bad_version_that_runs_beside_the_old_one_is_blamed():
    old = [Ran("shop", "v1", step, 20) for step in range(-STEPS, STEPS)]
    told = tell([*old, *(Ran("shop", "v2", step, 20, Kind(failing=0.25)) for step in range(12, STEPS))])
    apart = told.of("v2")["success_rate"].apart
    assert apart is not None
    assert apart.kind == "beside"
    assert apart.high is not None
    assert apart.high < 0
    assert apart.other is not None
    assert apart.other.value == pytest.approx(0.97, abs=0.04)


def test_a_shift_of_traffic_between_services_is_not_told_as_a_change_of_either():
    dear = Kind(dollars=0.5)
    before = [*quiet(n=40, last=0), *(Ran("desk", "d7", step, 5, dear) for step in range(-STEPS, 0))]
    after = [*quiet(n=10, first=0), *(Ran("desk", "d7", step, 30, dear) for step in range(STEPS))]
    told = tell([*before, *after])
    (mover,) = [one for one in told.movers if one.contrast.member == "cost_per_request"]
    assert mover.apart is not None
    assert mover.apart.kind == "mix"
    assert mover.is_doubtful


def test_a_version_with_few_requests_is_not_judged():
    told = tell([*quiet(), Ran("shop", "v2", 5, 20, Kind(failing=0.9))])
    assert not told.of("v2")


def test_a_new_value_of_another_dimension_is_compared_with_the_rest():
    told = tell([*quiet(n=40), *(Ran("shop", "v1", step, 20, Kind(failing=0.3), "batch") for step in range(STEPS))])
    mover = told.of("batch")["success_rate"]
    assert (mover.contrast.against, mover.contrast.worse) == ("rest", True)


def a_contrast(**fields: object) -> Contrast:
    base = {
        "subject": Subject("service", "shop"), "member": "success_rate", "line": "quality", "unit": "ratio", "good": "up",
        "against": "before", "now": 0.9, "n": 500, "then": 0.95, "n_then": 500, "low": -0.08, "high": -0.02, "share": 0.5,
        "whole": 0.93,
    }  # fmt: skip
    return Contrast(**(base | fields))  # type: ignore[arg-type]


def test_p_is_below_a_twentieth_exactly_where_the_interval_leaves_0_out():
    assert p_value(a_contrast(high=-0.001)) < 0.05 < p_value(a_contrast(high=0.001))
    assert p_value(a_contrast(high=0.0)) == pytest.approx(0.05)
    slow = {"unit": "ns", "good": "down", "now": 120.0, "then": 100.0, "high": 60.0}
    assert p_value(a_contrast(low=0.0, **slow)) == pytest.approx(0.05)
    assert p_value(a_contrast(now=0.95)) == 1.0


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg():
    adjusted = benjamini_hochberg([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205])
    assert adjusted == pytest.approx([0.008, 0.032, 0.0672, 0.0672, 0.0672, 0.08, 0.0846, 0.205], abs=1e-4)
    assert benjamini_hochberg([]) == []
    assert benjamini_hochberg([0.04, 0.01]) == pytest.approx([0.04, 0.02])


def test_what_weighs_is_the_effect_on_the_total_at_its_surer_end():
    assert weight(a_contrast()) == pytest.approx(0.5 * 0.02 / 0.005)
    assert weight(a_contrast(high=0.01)) == 0
    money = a_contrast(unit="nanousd", good="down", now=30.0, then=20.0, low=6.0, high=15.0, share=0.2, whole=24.0)
    assert weight(money) == pytest.approx(0.2 * 6 / 2.4)
    assert money.on_total == pytest.approx((2.0, 1.2, 3.0))


def test_a_certain_but_tiny_difference_is_counted_and_not_told():
    tiny = a_contrast(now=0.948, low=-0.003, high=-0.001, n=10**6, n_then=10**6)
    few = a_contrast(n=29)
    found = select([tiny, few, a_contrast(high=-0.04)])
    assert (found.tested, found.small, len(found.found)) == (2, 1, 1)
