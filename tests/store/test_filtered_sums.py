"""Where a filter cannot be answered from sums, or not exactly, that is said."""

from typing import Any

import pytest

from tests.builders import NOW, NOW_NS, SECOND, span, trace_id
from tests.conftest import Database
from tests.store.test_rollups import LATER
from tests.store.test_settle import write
from tracestore.analysis.filters import FilterTooWide, Node, parse
from tracestore.facts import CALLS, REQUESTS, SCORES, TOOLS
from tracestore.jobs import rollups as fill_job
from tracestore.jobs import traces as settle_job
from tracestore.queries.rollups import capped_dimensions, find_sums, undecided_sums
from tracestore.queries.undecided import find_undecided
from tracestore.records import TOOL_EXECUTION

DAY = 86_400 * SECOND
WEEK = (NOW_NS - 6 * DAY, NOW_NS + DAY)
LONG = (NOW_NS - 20 * DAY, NOW_NS + DAY)


def node(q: str) -> Node:
    found = parse(q)
    assert found is not None
    return found


def requests(q: str, start_ns: int = LONG[0], end_ns: int = LONG[1], **more: Any) -> int:
    return sum(
        one.measures["requests"] or 0 for one in find_sums(REQUESTS, 1, start_ns, end_ns, filter=node(q), **more)
    )


@pytest.fixture
def agents(database: Database) -> None:
    """Nine requests of two services: each with a call of one of three models, every third with a tool as well."""
    for n in range(1, 10):
        known = {"service": f"s{n % 2}", "environment": "prod", "at": -n}
        root = span(trace_id(n), operation="agent", user_id=f"u{n % 4}" if n % 4 else None, **known)
        call = span(
            trace_id(n), root, model=f"m{n % 3}", cost_nanousd=n, input_tokens=1, prompt_name="ask",
            prompt_version=f"{n % 2}", **known,
        )  # fmt: skip
        tool = span(trace_id(n), root, operation="tool", tool_name=f"t{n % 2}", flags=TOOL_EXECUTION, **known)
        write([root, call, tool] if n % 3 == 0 else [root, call])
    settle_job.run(NOW)


def test_too_many_models_leave_a_filter_undecided_and_it_says_so(agents: None, settings: Any) -> None:
    settings.ROLLUP_VALUES, settings.ROLLUP_ROWS = 2, 20
    assert undecided_sums(REQUESTS, 1, *LONG, node("model:m1")) == 0, "as long as rows are read"
    fill_job.run(LATER)
    undecided = undecided_sums(REQUESTS, 1, *LONG, node("model:m0"))
    assert undecided > 0
    assert sum(requests(f"model:m{n}") for n in range(3)) + undecided == 9
    assert requests("model:m0") + requests("-model:m0") == 9
    assert find_undecided(1, *LONG, node("model:m0"))["requests"] == undecided
    assert find_undecided(1, *LONG, node("environment:prod")) == find_undecided(1, *LONG, None) == {}
    assert undecided_sums(REQUESTS, 1, *LONG, node("environment:prod")) == 0
    assert requests("environment:prod") == 9
    assert "models of requests" in capped_dimensions(1, 0)


def test_what_sums_do_not_know_is_read_from_at_most_a_week_of_rows(database: Database) -> None:
    for q in ("status:error", "user:u1", "tool:t1 attr.plan:free", "duration:>2s", "refund"):
        for rollup in (REQUESTS, CALLS, TOOLS, SCORES):
            assert find_sums(rollup, 1, *WEEK, filter=node(q)) == []
            with pytest.raises(FilterTooWide, match="at most 7 days"):
                find_sums(rollup, 1, *LONG, filter=node(q))


def test_steps_of_minutes_under_a_filter_by_tool_are_read_from_a_week_of_rows(agents: None) -> None:
    assert requests("tool:t1", *WEEK, step_s=60) == 2
    assert requests("tool:t1", step_s=900) == 2
    with pytest.raises(FilterTooWide, match="Steps as short as these"):
        requests("tool:t1", step_s=60)


def test_a_call_is_no_tool(agents: None) -> None:
    assert find_sums(CALLS, 1, *LONG, filter=node("tool:*")) == []
    assert find_sums(CALLS, 1, *WEEK, filter=node("tool:t1 cost:>0")) == []
    (calls,) = find_sums(CALLS, 1, *LONG, filter=node("-tool:t1"))
    assert calls.measures["calls"] == 9


def test_only_what_is_wanted_is_summed(agents: None) -> None:
    (one,) = find_sums(REQUESTS, 1, *LONG, filter=node("tool:*"), only=("requests", "duration"))
    assert (one.measures, [*one.histograms]) == ({"requests": 3}, ["duration"])
    with pytest.raises(ValueError, match="does not know errrors"):
        find_sums(REQUESTS, 1, *LONG, only=("errrors",))


def test_prompts_are_told_apart_by_version(agents: None) -> None:
    rows = find_sums(CALLS, 1, *LONG, by=("prompt_name", "prompt_version"), filter=node("prompt:ask"))
    assert [(row.key, row.measures["calls"]) for row in rows] == [(["ask", "0"], 4), (["ask", "1"], 5)]
