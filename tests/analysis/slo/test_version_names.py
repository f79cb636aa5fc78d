"""Versions are told apart by what people call them, and the action follows from what is known."""

import pytest

from tests.analysis.slo.test_blame import story
from tracestore.analysis.slo.actions import Situation, about_load, choose
from tracestore.analysis.slo.version_blame import NO_VERSIONS, UNNAMED, KnownSet, blame_versions

A, B, C, D = (letter * 32 for letter in "abcd")


def known(set_id: str, version: str | None, first_seen_ns: int, **parts: str) -> KnownSet:
    said = {name: [value] for name, value in parts.items()} | ({"service_version": [version]} if version else {})
    return KnownSet(set_id, "shop", version, said, first_seen_ns)


def by_id(*sets: KnownSet) -> dict[str, KnownSet]:
    return {one.id: one for one in sets}


def test_a_model_that_changed_within_one_version_is_named() -> None:
    sets = by_id(known(A, "v12", 1, model="gpt-4o"), known(B, "v12", 2, model="gpt-4o-mini"))
    cells = story((20, {A: (50, 0.01)}), (6, {A: (30, 0.01), B: (20, 0.3)}))
    found = blame_versions(cells, sets, seed=1)
    assert (found.verdict, found.first_bad, found.last_good) == (
        "version",
        "v12 (model gpt-4o-mini)",
        "v12 (model gpt-4o)",
    )
    assert found.differs == ("model gpt-4o -> gpt-4o-mini",)
    assert found.reason == (
        "v12 (model gpt-4o-mini) was worse than v12 (model gpt-4o) in the same minutes."
        " Changed with it: model gpt-4o → gpt-4o-mini."
    )


def test_requests_that_failed_before_they_called_a_model_are_no_version_of_their_own() -> None:
    """They know no model, and most of them are bad: it is the version that is, not a set without a model."""
    sets = by_id(known(A, "v11", 1, model="m"), known(B, "v12", 2, model="m"), known(C, "v12", 3))
    cells = story((20, {A: (50, 0.01)}), (6, {A: (25, 0.01), B: (20, 0.05), C: (10, 1.0)}))
    found = blame_versions(cells, sets, seed=1)
    assert (found.first_bad, found.last_good, found.differs) == ("v12", "v11", ("version v11 -> v12",))
    one_version = by_id(known(B, "v12", 2, model="m"), known(C, "v12", 3))
    same = story((20, {B: (50, 0.01)}), (6, {B: (20, 0.05), C: (10, 1.0)}))
    assert blame_versions(same, one_version, seed=1).verdict == "cannot_tell"


def test_versions_that_nobody_sent_blame_nobody() -> None:
    assert blame_versions(story((20, {"": (50, 0.2)})), {}, seed=1) == NO_VERSIONS
    sets = by_id(known(A, None, 1, prompt="1"), known(B, None, 2, prompt="2"))
    found = blame_versions(story((20, {A: (50, 0.01)}), (6, {B: (50, 0.3)})), sets, seed=1)
    assert (found.first_bad, found.differs) == (f"{UNNAMED} (prompt 2)", ("prompt 1 -> 2",))


def test_a_provider_that_fails_for_all_is_outside_the_versions() -> None:
    sets = by_id(known(A, "v11", 1), known(B, "v12", 2))
    found = blame_versions(story((20, {A: (50, 0.01)}), (10, {A: (25, 0.3), B: (25, 0.3)})), sets, seed=7)
    assert (found.verdict, found.differs) == ("external", ())


def situation(verdict: str, own: str = "look", **fields: object) -> Situation:
    names = {"first_bad": "v12", "last_good": "v11"} if verdict in ("version", "external") else {}
    return Situation(**({"kind": "burn", "verdict": verdict, "own_action": own} | names | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "action"),
    [
        (situation("version"), "rollback"),
        (situation("version", "rollback"), "rollback"),
        (situation("version", "degrade"), "degrade"),
        (situation("version", "rate-limit"), "rate-limit"),
        (situation("version", recovered=True), "look"),
        (situation("external"), "degrade"),
        (situation("external", "rollback"), "degrade"),
        (situation("external", about_load=True), "rate-limit"),
        (situation("external", "degrade", about_load=True), "degrade"),
        (situation("cannot_tell"), "look"),
        (situation("insufficient", "rollback"), "look"),
        (situation("cannot_tell", "rate-limit"), "rate-limit"),
        (situation("cannot_tell", "degrade", kind="budget"), "look"),
        (situation("cannot_tell", "degrade", kind="absent"), "look"),
    ],
)
def test_there_is_exactly_one_action_and_a_sentence_for_it(given: Situation, action: str) -> None:
    chosen, sentence = choose(given)
    assert chosen == action
    assert sentence.endswith(".") and sentence.count(".") == 1


def test_a_promise_of_cost_or_of_few_refusals_is_about_load() -> None:
    assert about_load("cost:<0.05", "")
    assert about_load("error:rate_limit*", "model:gpt-4o")
    assert not about_load("duration:<2s", "service:shop")
