"""The simulation is deterministic, its traces hang together, and six hours of it always hold a bad release."""

import itertools
from dataclasses import asdict

import pytest

from dashboard.demo.airline import PRODUCT
from dashboard.demo.measures import Minute, measure
from dashboard.demo.plan import ERROR, SECOND, TracePlan
from dashboard.demo.releases import release_at
from dashboard.demo.schedule import AGENTS, daily, told_in
from dashboard.demo.simulator import Pace, Simulator

NOON = 1_795_262_400 // 60  # 2026-11-21 12:00 UTC, in minutes
MINUTE_NS = 60 * SECOND


class Recorder:
    def __init__(self) -> None:
        self.plans: list[TracePlan] = []
        self.minutes: list[Minute] = []

    def send(self, plan: TracePlan) -> None:
        self.plans.append(plan)

    def measure(self, minutes: list[Minute]) -> None:
        self.minutes.extend(minutes)

    def flush(self) -> None: ...


@pytest.fixture(scope="module")
def hour() -> list[TracePlan]:
    return [plan for minute in range(NOON - 60, NOON) for plan in told_in(minute, 1, 1.5)]


def test_the_same_minute_is_told_the_same_way_twice() -> None:
    first, second = ([asdict(plan) for plan in told_in(NOON, 7, 1.0)] for _ in range(2))
    assert first == second
    assert first != [asdict(plan) for plan in told_in(NOON, 8, 1.0)]


def test_ids_are_unique_and_no_id_is_zero(hour: list[TracePlan]) -> None:
    traces = [plan.trace_id for plan in hour]
    spans = [span.span_id for plan in hour for span in plan.spans]
    assert len(set(traces)) == len(traces) and len(set(spans)) == len(spans)
    assert all(traces) and all(spans)


def test_children_lie_within_their_parents(hour: list[TracePlan]) -> None:
    for plan in hour:
        for span in plan.spans[1:]:
            parent = plan.spans[span.parent or 0]
            assert parent.start_ns <= span.start_ns < span.end_ns <= parent.end_ns


def test_every_agent_appears_and_some_calls_fail(hour: list[TracePlan]) -> None:
    assert {plan.source.service for plan in hour} == {agent.product.service for agent in AGENTS}
    failed = [span for plan in hour for span in plan.spans if span.status == ERROR]
    assert 0.001 < len(failed) / sum(len(plan.spans) for plan in hour) < 0.2
    assert {plan.source.environment for plan in hour} == {"prod", "staging"}


@pytest.mark.parametrize("start_hour", range(0, 72, 5))
def test_any_eight_hours_hold_a_bad_release_that_is_rolled_back(start_hour: int) -> None:
    start_ns = NOON * MINUTE_NS + start_hour * 3600 * SECOND
    seen = [release_at(PRODUCT, start_ns + n * MINUTE_NS, 1) for n in range(8 * 60)]
    faults = [release.fault for release in seen]
    assert any(faults) and not all(faults)
    versions = [version for version, _ in itertools.groupby(release.version for release in seen)]
    assert 2 <= len(versions) <= 12


def test_a_day_has_its_shape() -> None:
    assert max(range(1440), key=daily) == 14 * 60
    assert sum(daily(minute) for minute in range(1440)) / 1440 == pytest.approx(1.0)


def test_live_traces_leave_when_they_end_and_history_fills_once() -> None:
    recorder, now_ns = Recorder(), NOON * MINUTE_NS
    simulator = Simulator(recorder, Pace(seed=1, rate=1.0, hours=0.5), now_ns)
    while simulator.fill() is not None:
        pass
    assert recorder.plans and all(plan.end_ns <= now_ns for plan in recorder.plans)
    for second in range(180):
        before = len(recorder.plans)
        simulator.advance(now_ns + second * SECOND)
        assert all(plan.end_ns <= now_ns + second * SECOND for plan in recorder.plans[before:])
    ids = [plan.trace_id for plan in recorder.plans]
    assert len(set(ids)) == len(ids)
    assert any(plan.start_ns > now_ns for plan in recorder.plans)


def test_metrics_of_a_minute_equal_its_spans(hour: list[TracePlan]) -> None:
    plans = list(told_in(NOON, 1, 1.5))
    minutes = measure(plans, NOON)
    told = sum(sum(h.values) for m in minutes for key, h in m.tokens.items() if ("gen_ai.token.type", "input") in key)
    names = ("gen_ai.usage.input_tokens", "llm.token_count.prompt")
    models = ("gen_ai.request.model", "llm.model_name")
    spans = [s.attributes for p in plans for s in p.spans if any(name in s.attributes for name in models)]
    counted = sum(next((int(str(own[name])) for name in names if name in own), 0) for own in spans)
    assert told == counted > 0
    assert sum(n for m in minutes for n in m.requests.values()) == len(plans)
