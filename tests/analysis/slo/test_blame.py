"""The first bad version: found where it was planted, not blamed where it was not."""

import random

import pytest

from tracestore.analysis.slo.blame import Blame, Cell, blame, scan, shares, worse_in_strata
from tracestore.analysis.slo.burn import Count

STRATUM_S = 300


def story(*phases: tuple[int, dict[str, tuple[int, float]]], seed: int = 1) -> list[Cell]:
    """phases: (number of strata, {version: (events a stratum, share of bad ones)}), one after the other."""
    dice, cells, start = random.Random(seed), [], 0
    for strata, running in phases:
        for _ in range(strata):
            for version, (total, share) in running.items():
                cells.append(Cell(start, version, Count(sum(dice.random() < share for _ in range(total)), total)))
            start += STRATUM_S
    return cells


def test_the_planted_version_is_found_with_its_predecessor() -> None:
    found = blame(story((20, {"v11": (50, 0.01)}), (6, {"v12": (50, 0.2)})), ["v11", "v12"], seed=7)
    assert (found.verdict, found.first_bad, found.last_good) == ("version", "v12", "v11")
    assert found.plausible == ("v12",)
    assert found.chance is not None and found.chance < 0.01
    assert not found.separate
    assert "hardly ran side by side" in found.reason, "a full cut-over confounds version and time"


def test_a_version_that_was_as_good_side_by_side_is_not_said_to_have_run_alone() -> None:
    both = {"v11": (30, 0.01), "v12": (30, 0.01)}
    found = blame(story((20, {"v11": (50, 0.01)}), (10, both), (6, {"v12": (50, 0.3)})), ["v11", "v12"], seed=7)
    assert (found.verdict, found.separate) == ("version", False)
    assert found.reason.startswith("Side by side the versions did not differ")


def test_versions_side_by_side_tell_version_from_time() -> None:
    found = blame(
        story((20, {"v11": (50, 0.01)}), (10, {"v11": (40, 0.01), "v12": (10, 0.25)})), ["v11", "v12"], seed=7
    )
    assert (found.verdict, found.first_bad, found.separate) == ("version", "v12", True)


def test_a_provider_that_fails_for_both_versions_is_not_blamed_on_the_new_one() -> None:
    cells = story((20, {"v11": (50, 0.01)}), (10, {"v11": (25, 0.3), "v12": (25, 0.3)}))
    assert blame(cells, ["v11", "v12"], seed=7).verdict == "external"


def test_the_first_of_several_bad_versions_is_named_and_a_recovery_told() -> None:
    phases = [(10, {"v1": (40, 0.01)}), (6, {"v2": (40, 0.15)}), (6, {"v3": (40, 0.15)}), (10, {"v4": (40, 0.01)})]
    found = blame(story(*phases[:3]), ["v1", "v2", "v3"], seed=7)
    assert (found.first_bad, found.recovered_with) == ("v2", None)
    assert blame(story(*phases), ["v1", "v2", "v3", "v4"], seed=7).recovered_with == "v4"


def test_a_rollback_does_not_hide_the_bad_version() -> None:
    cells = story((10, {"v1": (40, 0.01)}), (4, {"v2": (40, 0.3)}), (10, {"v1": (40, 0.01)}))
    assert blame(cells, ["v1", "v2"], seed=7).first_bad == "v2"


def test_little_evidence_is_called_little() -> None:
    assert blame([], [], seed=1) == Blame("cannot_tell", "Only one version ran: there is none to compare it with.")
    assert blame(story((10, {"v1": (40, 0.5)})), ["v1"], seed=1).verdict == "cannot_tell"
    assert blame(story((10, {"v1": (40, 0.0)}), (1, {"v2": (9, 1.0)})), ["v1", "v2"], seed=1).verdict == "insufficient"


def test_the_same_evidence_gives_the_same_answer() -> None:
    cells = story((5, {"v1": (40, 0.05)}), (5, {"v2": (40, 0.12)}))
    assert blame(cells, ["v1", "v2"], seed=3) == blame(list(reversed(cells)), ["v1", "v2"], seed=3)


def test_versions_that_do_not_differ_are_rarely_blamed() -> None:
    """A test at 1 %: of 200 quiet histories of four versions some two are expected, more than 8 in one of 10,000 runs."""
    names = ["v1", "v2", "v3", "v4"]
    blamed = [
        seed
        for seed in range(200)
        if blame(story(*[(2, {name: (60, 0.05)}) for name in names], seed=seed), names, seed).verdict == "version"
    ]
    assert len(blamed) <= 8


def test_a_scan_gains_nothing_where_it_got_better() -> None:
    assert scan([Count(10, 20), Count(0, 20)]) == [0.0, 0.0]
    gains = scan([Count(1, 100), Count(1, 100), Count(50, 100)])
    assert max(gains) == gains[2] == pytest.approx(57.82, abs=0.01)


def test_strata_without_both_versions_prove_nothing() -> None:
    assert not worse_in_strata([])
    assert not worse_in_strata([(Count(5, 5), Count(0, 0))])
    assert worse_in_strata([(Count(8, 10), Count(1, 10))] * 4)
    assert not worse_in_strata([(Count(1, 10), Count(8, 10))] * 4)


def test_the_spent_budget_is_shared_out_completely() -> None:
    assert shares({"v1": Count(1, 1_000), "v2": Count(3, 10), "v3": Count(0, 50)}) == [("v2", 0.75), ("v1", 0.25)]
    assert shares({"v1": Count(0, 5)}) == []
