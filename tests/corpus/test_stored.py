"""Corpus 40-80, stored: received, settled, read back through API and pages. Nothing fails, nothing is lost, nothing grows."""

import pytest

from tests.conftest import Database
from tests.corpus.build import Seen, chat, partitions, read_project, request, send, settle
from tests.corpus.cases import CASES, Case
from tests.store.state import ledger
from tests.world import World, make_world
from tracestore.analysis.settled import SUM_MAX


@pytest.fixture
def world(database: Database) -> World:
    return make_world()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_whatever_is_stored_can_be_read_and_counts_what_it_should(world: World) -> None:
    """One database for all cases: whatever one of them poisons shows in the others."""
    before = partitions()
    failures = [f"{case}: {error}" for case in CASES if (error := stored(world, case))]
    settle()
    failures += [f"{case}: {error}" for case in CASES if (error := read_back(world, case))]
    read_project(Seen(world, CASES[0].trace.hex()))
    assert not failures, "\n".join(failures)
    assert partitions() == before
    sent, accepted, deduplicated, rejected = ledger(world.ours.project.pk)
    assert sent == accepted + deduplicated + rejected == sum(len(case.sent) for case in CASES)


def stored(world: World, case: Case) -> str:
    receipt = send(world.ours.project.pk, request(case.sent, case.trace))
    if receipt.rejected != case.rejected:
        return f"rejected {receipt.rejected}"
    ids = {(one.trace, one.id) for one in case.sent}
    return "" if receipt.accepted == len(ids) else f"accepted {receipt.accepted} of {len(ids)}"


def read_back(world: World, case: Case) -> str:
    seen = Seen(world, case.trace.hex())
    try:
        assert seen.trace["settled"]
        assert seen.trace["span_count"] == seen.detail["spans_total"] == case.spans, seen.trace["span_count"]
        seen.read_everything()
        case.check(seen)
    except AssertionError as error:
        return str(error)[:600]
    return ""


def test_usage_knows_nothing_of_numbers_that_cannot_be(world: World) -> None:
    """57-59: each measure that is not believed is left out of every sum; its call still counts."""
    cases = [case for case in CASES if case.numbers in ("57", "58", "59") and "most" not in case.what]
    for case in cases:
        stored(world, case)
    settle()
    calls = [case for case in cases if case.sent[0].name.startswith("chat")]
    (usage,) = Seen(world, "").api.all("/usage")["items"]
    assert usage["llm_calls"] == len(calls)
    assert usage["input_tokens"] == 10 * len(calls)
    assert usage["output_tokens"] == 2 * sum("cost" in case.what for case in calls)
    assert float(usage["cost_usd"]) < 0.01


def test_sums_of_absurd_numbers_end_and_break_nothing(world: World) -> None:
    """58: 2 000 calls of 2^53 tokens each are more than a bigint holds."""
    case = Case(
        "58", "2 000 times the most tokens", [chat(n, **{"gen_ai.usage.output_tokens": 2**53}) for n in range(1, 2_001)]
    )
    assert stored(world, case) == ""
    ordinary = Case("58", "an ordinary call", [chat(**{"session.id": "s"})])
    assert stored(world, ordinary) == ""
    settle()
    seen = Seen(world, case.trace.hex())
    assert seen.trace["output_tokens"] == SUM_MAX
    assert seen.trace["cost_usd"] is None
    assert seen.trace["unpriced_calls"] == 2_000
    (usage,) = seen.api.all("/usage")["items"]
    assert (usage["llm_calls"], usage["input_tokens"], usage["output_tokens"]) == (2_001, 20_010, SUM_MAX)
    assert float(usage["cost_usd"]) > 0
    seen.read_everything()
    read_project(seen)
    seen.ask("/traces", sort="-tokens")
