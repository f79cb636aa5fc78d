"""The simulation is deterministic, its traces hang together, and each bad release of it is bad in one line."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from dashboard.demo import airline
from dashboard.demo.agents import Session
from dashboard.demo.airline import PRODUCT
from dashboard.demo.faults import FAULTS
from dashboard.demo.measures import Minute, measure
from dashboard.demo.outages import PROVIDERS, is_down
from dashboard.demo.plan import ERROR, SECOND, FeedbackPlan, TracePlan
from dashboard.demo.releases import Deployment, deployments, release_at
from dashboard.demo.schedule import AGENTS, daily, sessions_of, told_in
from dashboard.demo.sender import metrics
from dashboard.demo.simulator import Pace, Simulator
from ingest.conventions import ours
from tracestore.analysis.lines import MEMBERS

NOON = 1_795_262_400 // 60  # 2026-11-21 12:00 UTC, in minutes
MINUTE_NS = 60 * SECOND
ATTRIBUTES = Path(__file__).parents[2] / "docs" / "attributes.md"


class Recorder:
    def __init__(self) -> None:
        self.plans: list[TracePlan] = []
        self.minutes: list[Minute] = []
        self.said: list[FeedbackPlan] = []
        self.deployments: list[Deployment] = []

    def send(self, plan: TracePlan) -> None:
        self.plans.append(plan)

    def measure(self, minutes: list[Minute]) -> None:
        self.minutes.extend(minutes)

    def feedback(self, plan: TracePlan, said: FeedbackPlan) -> None:
        assert said in plan.feedback and plan in self.plans
        self.said.append(said)

    def release(self, deployment: Deployment) -> None:
        self.deployments.append(deployment)

    def pass_on(self) -> None: ...
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
def test_any_four_hours_hold_a_bad_release_and_any_six_its_rollback(start_hour: int) -> None:
    start_ns = NOON * MINUTE_NS + start_hour * 3600 * SECOND
    seen = [release_at(PRODUCT, start_ns + n * MINUTE_NS, 1) for n in range(6 * 60)]
    assert any(release.fault for release in seen[: 4 * 60])
    lives = [list(life) for _, life in itertools.groupby(seen, key=lambda release: release.version)]
    assert 2 <= len(lives) <= 6
    rolled_back = [
        (before[0].version, after[0].version)
        for before, bad, after in zip(lives, lives[1:], lives[2:], strict=False)
        if bad[0].fault and not after[0].fault
    ]
    assert all(before == after for before, after in rolled_back)
    assert rolled_back or lives[0][0].fault or lives[-1][0].fault  # cut by the edge of what is seen


def test_a_day_and_a_half_shows_each_line_go_bad_and_two_bad_releases_never_meet() -> None:
    lines: set[str] = set()
    for minute in range(NOON, NOON + 36 * 60, 5):
        now = [release_at(agent.product, minute * MINUTE_NS, 1) for agent in AGENTS]
        bad = [FAULTS[release.fault].line for release in now if release.fault]
        assert len(bad) <= 1
        lines |= set(bad)
    assert lines == {"quality", "latency", "cost", "risk"}


def test_deployments_are_what_changes_and_a_rollback_leads_back() -> None:
    start_ns, end_ns = NOON * MINUTE_NS, (NOON + 24 * 60) * MINUTE_NS
    told = list(deployments(PRODUCT, start_ns, end_ns, 1))
    assert len(told) >= 10
    for one in told:
        before = release_at(PRODUCT, one.time_ns - 1, 1)
        assert release_at(PRODUCT, one.time_ns, 1) == one.release != before
        assert one.back == (before.fault is not None)
    halves = [*deployments(PRODUCT, start_ns, told[5].time_ns, 1), *deployments(PRODUCT, told[5].time_ns, end_ns, 1)]
    assert halves == told


def shares(plans: list[TracePlan]) -> dict[str, float]:
    """What the four lines would show of these traces, told from the plans alone."""
    spans = [span for plan in plans for span in plan.spans]
    tools = [span for span in spans if "fourline.tool.effect" in span.attributes]
    approvals = [s.attributes["fourline.tool.approval"] for s in tools if "fourline.tool.approval" in s.attributes]
    needed = [one for one in approvals if one != "not_required"]
    chats = [span.attributes for span in spans if "gen_ai.usage.input_tokens" in span.attributes]
    lasting = sorted(plan.end_ns - plan.start_ns for plan in plans)
    return {
        "quality": 1 - sum(span.status == ERROR for span in tools) / len(tools),
        "latency": lasting[len(lasting) // 2] / SECOND,
        "cost": 1 - sum(int(str(one.get("gen_ai.usage.cache_read.input_tokens", 0))) for one in chats)
        / sum(int(str(one["gen_ai.usage.input_tokens"])) for one in chats),
        "risk": needed.count("missing") / len(needed),
    }  # fmt: skip


def test_a_bad_release_is_bad_in_its_line_and_in_no_other() -> None:
    seen: dict[str, dict[str, float]] = {}
    for minute in range(NOON, NOON + 24 * 60):
        release = release_at(PRODUCT, minute * MINUTE_NS, 1)
        if release.fault and release.fault not in seen:
            told = [airline_plan for m in range(minute + 2, minute + 32) for airline_plan in told_by_airline(m)]
            seen[release.fault] = shares([plan for plan in told if plan.source.version == release.version])
    assert len(seen) == 4
    worst = {"quality": min, "latency": max, "cost": max, "risk": max}
    for fault, found in seen.items():
        line = FAULTS[fault].line
        assert found[line] == worst[line](one[line] for one in seen.values()), (fault, seen)
    others = {line: [found[line] for fault, found in seen.items() if FAULTS[fault].line != line] for line in worst}
    assert min(others["quality"]) > 0.93 and seen["broken_tools"]["quality"] < 0.8
    assert max(others["latency"]) * 2 < seen["far_region"]["latency"]
    assert max(others["cost"]) < 0.4 and seen["cache_broken"]["cost"] == 1
    assert max(others["risk"]) == 0 and seen["no_approval"]["risk"] > 0.4


def told_by_airline(minute: int) -> list[TracePlan]:
    sessions = range(sessions_of(airline.AGENT, minute, 1, 0.6))
    return [plan for number in sessions for plan in airline.AGENT.tell(Session(1, "airline", minute, number))]


@pytest.fixture(scope="module")
def varied(hour: list[TracePlan]) -> list[TracePlan]:
    """An hour, and some minutes in which a provider is down, and in which a release takes its risks."""
    minutes = range(NOON, NOON + 24 * 60)
    down = [minute for minute in minutes if any(is_down(name, minute * MINUTE_NS) for name in PROVIDERS)][:6]
    bad = [one for one in minutes if release_at(PRODUCT, one * MINUTE_NS, 1).fault == "no_approval"][2:12]
    return hour + [plan for minute in down + bad for plan in told_in(minute, 1, 1.0)]


def said_by(plans: list[TracePlan]) -> Iterator[tuple[str, object]]:
    """Every name that is sent, with its value: attributes of spans, events and logs, and the names of events."""
    for plan in plans:
        for span in plan.spans:
            yield from span.attributes.items()
            for event in span.events:
                yield from ((event.name, ""), *event.attributes.items())
        for log in plan.logs:
            yield from ((log.event_name, ""), *log.attributes.items())


def test_everything_that_a_member_of_the_lines_needs_is_sent(varied: list[TracePlan]) -> None:
    sent = {name for name, _ in said_by(varied)}
    sent |= {metric.name for minute in measure(varied[:500], NOON) for metric in metrics(minute)}
    sent |= {"POST /api/v1/feedback"} if any(plan.feedback for plan in varied) else set()
    assert {name for member in MEMBERS.values() for name in member.needs} - sent == set()


def test_every_attribute_of_ours_is_sent_with_each_of_its_values(varied: list[TracePlan]) -> None:
    seen: dict[str, set[object]] = defaultdict(set)
    for name, value in said_by(varied):
        if name.startswith(("fourline.", "gen_ai.latency.")):
            seen[name].add(value)
    documented = set(re.findall(r"fourline\.[a-z_.]+[a-z]", ATTRIBUTES.read_text()))
    assert documented - seen.keys() - {"fourline.rate_limit.utilization", "fourline.limit"} == set()
    assert {row.key for row in ours.ROWS if row.key.startswith("fourline.")} <= documented
    for name, (_, meanings) in ours.WORDS.items():
        assert seen[name] == set(meanings), name
    for name in ours.SWITCHES:
        assert seen[name] >= ({True} if name == "fourline.tool.deduplicated" else {True, False}), name
    assert seen["fourline.autonomy.tier"] == {2, 3}


def test_both_ways_of_sending_an_evaluation_are_used(varied: list[TracePlan]) -> None:
    result = "gen_ai.evaluation.result"
    assert any(event.name == result for plan in varied for span in plan.spans for event in span.events)
    assert any(log.event_name == result and log.span is not None for plan in varied for log in plan.logs)


def test_a_day_has_its_shape() -> None:
    assert max(range(1440), key=daily) == 14 * 60
    assert sum(daily(minute) for minute in range(1440)) / 1440 == pytest.approx(1.0)


def test_live_traces_leave_when_they_end_and_history_fills_once() -> None:
    recorder, now_ns = Recorder(), NOON * MINUTE_NS
    simulator = Simulator(recorder, Pace(seed=1, rate=1.0, hours=0.5, days=0), now_ns)
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
    assert recorder.said and all(said.time_ns <= now_ns + 180 * SECOND for said in recorder.said)


def test_the_last_hours_come_whole_and_the_days_before_thin_and_newest_first() -> None:
    recorder, now_ns = Recorder(), NOON * MINUTE_NS
    simulator = Simulator(recorder, Pace(seed=1, rate=0.6, hours=1, days=0.25), now_ns)
    simulator.advance(now_ns)
    while simulator.fill() is not None:
        pass
    age_h = [(now_ns - plan.start_ns) / 3600 / SECOND for plan in recorder.plans]
    whole, thin = sum(age < 1 for age in age_h), sum(1.5 < age < 5.5 for age in age_h)
    assert 0.5 / 12 < thin / 4 / whole < 2 / 12
    assert all(later > earlier - 1 for earlier, later in itertools.pairwise(age_h))
    assert min(minute.start_ns for minute in recorder.minutes) >= now_ns - 3600 * SECOND
    assert recorder.deployments and all(one.time_ns >= now_ns - 6 * 3600 * SECOND for one in recorder.deployments)


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
