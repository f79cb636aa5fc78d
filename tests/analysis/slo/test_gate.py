"""The release gate: allow, warn or freeze, for a person and for a machine, and the way back that is never barred."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracestore.analysis.slo.gate import Decision, FiringPage, Override, Standing, decide

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def standing(remaining: float | None, **fields: Any) -> Standing:
    return Standing(
        **{"label": "Answers", "remaining": remaining, "evaluated_at": NOW - timedelta(minutes=2), **fields}
    )


def ask(
    *standings: Standing, version: str = "v2", override: Override | None = None, caller: Any = "automated"
) -> Decision:
    return decide("shop", version, standings, override, caller, NOW)


@pytest.mark.parametrize(
    ("remaining", "decision"),
    [
        (1.0, "allow"),
        (0.501, "allow"),
        (0.5, "warn"),
        (0.001, "warn"),
        (0.0, "freeze"),
        (-2.0, "freeze"),
        (None, "allow"),
    ],
)
def test_the_budget_that_is_left_decides(remaining: float | None, decision: str) -> None:
    found = ask(standing(remaining))
    assert found.decision == decision
    assert len(found.reasons) == 1
    assert bool(found.exceptions_allowed) == (decision == "freeze")


def test_the_gravest_objective_decides_and_is_told_first() -> None:
    found = ask(standing(0.9), standing(-0.5, label="Tools"), standing(0.3))
    assert found.decision == "freeze"
    assert [reason.partition(":")[0] for reason in found.reasons] == ["Tools", "Answers", "Answers"]


@pytest.mark.parametrize(
    "unknown",
    [
        {"evaluated_at": None},
        {"evaluated_at": NOW - timedelta(minutes=5, seconds=1)},
        {"failure": "the filter took too long"},
    ],
)
def test_what_cannot_be_told_freezes_a_machine_and_warns_a_person(unknown: dict[str, Any]) -> None:
    assert ask(standing(0.9, **unknown)).decision == "freeze"
    assert ask(standing(0.9, **unknown), caller="human").decision == "warn"


def test_no_objective_is_no_permission_without_a_word() -> None:
    found = ask()
    assert (found.decision, "No objective watches shop" in found.reasons[0]) == ("warn", True)


PAGE = FiringPage("Answers: page-quick", first_bad="v2", last_good="v1")


def test_a_firing_page_freezes_all_but_the_version_that_was_good() -> None:
    burning = standing(0.9, pages=(PAGE,))
    frozen = ask(burning, version="v3")
    assert frozen.decision == "freeze"
    assert "It went bad with v2." in frozen.reasons[0]
    assert "rolling back to v1" in frozen.exceptions_allowed
    assert ask(burning, version="v1").decision == "warn"
    assert ask(burning, version="").decision == "freeze"
    assert ask(burning, standing(0.9, pages=(FiringPage("Tools"),)), version="v1").decision == "freeze"


def test_an_override_allows_and_the_reasons_stay() -> None:
    override = Override(1, "v2", "stops the loss", "Erin", NOW + timedelta(hours=1))
    found = ask(standing(-0.5), override=override)
    assert (found.decision, len(found.reasons), found.override) == ("allow", 2, override)
    assert ask(standing(0.9), override=override).override is None
