"""A made-up store is believable because it is what ingest and settling would have made of the same traces."""

import pytest
from django.core.management import CommandError, call_command

from dashboard.generate.hours import HOUR_S, LARGE, Plan, large_of, spans_of, traces_of
from dashboard.management.commands.generate import batch_of, by_minute
from ingest.auth import ProjectContext
from ingest.redact import Redactor
from tests.builders import NOW, NOW_NS, span, store
from tests.conftest import Database
from tests.store.state import count, derived, ledger, rows
from tests.world import make_world
from tracestore.analysis.pricing import PriceBook
from tracestore.jobs import rebuild
from tracestore.writer_bulk import store_whole

SECOND = 10**9
PLAN = Plan(spans=2_000, days=1, end_s=int(NOW.timestamp()), seed=3)
CONTEXT = ProjectContext(1, None, Redactor.from_rules([]), PriceBook())


def test_rebuilding_a_made_up_store_changes_nothing(database: Database) -> None:
    hours = list(PLAN.hours)[:3]
    batches = [batch_of(CONTEXT, minute) for hour in hours for minute in by_minute(traces_of(PLAN, hour))]
    stored = store_whole(batches, NOW_NS)
    assert stored == count("span") > 100
    made, sets = derived(1), rows("version_set", 1)
    assert count("rollup_mark") > 0, "or usage would not know of them"
    assert made["trace"] and made["llm_call"] and made["tool_call"] and sets
    rebuild.run(NOW, 1)
    assert derived(1) == made
    assert rows("version_set", 1) == sets
    assert ledger() == (stored, stored, 0, 0)


def test_the_same_seed_tells_the_same_hours_and_another_seed_others() -> None:
    hour = PLAN.hours[5]
    assert traces_of(PLAN, hour) == traces_of(PLAN, hour)
    other = Plan(PLAN.spans, PLAN.days, PLAN.end_s, seed=4)
    assert {trace[0].trace_id for trace in traces_of(PLAN, hour)}.isdisjoint(
        trace[0].trace_id for trace in traces_of(other, hour)
    )


def test_an_hour_has_its_share_of_the_spans_and_nothing_ends_later_than_the_plan() -> None:
    told = [traces_of(PLAN, hour) for hour in PLAN.hours]
    spans = sum(len(trace) for hour in told for trace in hour)
    assert 0.95 * PLAN.spans < spans < 1.6 * PLAN.spans, "an hour ends with a whole session, however small the plan"
    assert all(one.end_ns <= PLAN.end_s * SECOND for hour in told for trace in hour for one in trace)
    assert sum(spans_of(PLAN, hour) for hour in PLAN.hours) == pytest.approx(PLAN.spans, rel=0.02)
    for hour, traces in zip(PLAN.hours, told, strict=True):
        assert all(trace[0].start_ns >= hour * HOUR_S * SECOND for trace in traces)


def test_large_runs_are_as_many_as_the_store_is_large() -> None:
    plan = Plan(10_000_000, 14, PLAN.end_s, 1)
    sizes = [size for hour in plan.hours for size in large_of(plan, hour)]
    assert {size: sizes.count(size) for size, _ in LARGE} == {50_000: 2, 1_000: 40}
    assert not [hour for hour in PLAN.hours if large_of(PLAN, hour)], "a small store has none"


def test_a_project_with_traces_is_not_filled_up_unasked(database: Database) -> None:
    project = make_world().ours.project
    store(project.pk, [span()])
    with pytest.raises(CommandError, match="holds traces already"):
        call_command("generate", "--spans", "10", "--project", project.slug)
    with pytest.raises(CommandError, match="no project"):
        call_command("generate", "--spans", "10", "--project", "nowhere")
