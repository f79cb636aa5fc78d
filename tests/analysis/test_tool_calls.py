"""An execution of a tool counts once, and an attempt that follows another is an execution of its own."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracestore.analysis.identity import IdentitySpan, inherit
from tracestore.analysis.tool_calls import ToolSpan, executions

T = b"t" * 16


def tool(
    span_id: int, parent: int | None = None, name: str | None = "f", call_id: str | None = None, **fields: object
) -> ToolSpan:
    given: dict[str, object] = {"operation": "tool", "start_ns": 0, "end_ns": 10, "executes": True, **fields}
    return ToolSpan(T, span_id, parent, tool_name=name, tool_call_id=call_id, **given)  # type: ignore[arg-type]


def between(span_id: int, parent: int, operation: str) -> ToolSpan:
    return tool(span_id, parent, None, operation=operation, executes=False)


@pytest.mark.parametrize(
    ("spans", "executed"),
    [
        ([tool(1)], {1}),
        # MCP: client over server, over a span of the transport
        ([tool(1, call_id="c"), between(5, 1, "http"), tool(2, 5)], {1}),
        ([tool(1, call_id="c"), tool(2, 1, "other name", "c")], {1}),
        ([tool(1), tool(2, 1), tool(3, 2)], {1}),
        # another tool inside a tool, and the same tool inside an agent that a tool ran
        ([tool(1), tool(2, 1, "g")], {1, 2}),
        ([tool(1, call_id="c"), tool(2, 1, call_id="d")], {1, 2}),
        ([tool(1), between(5, 1, "agent"), tool(2, 5)], {1, 2}),
        # retries: siblings, one after the other
        ([tool(1, call_id="c", end_ns=4), tool(2, call_id="c", start_ns=5, end_ns=9)], {1, 2}),
        # the same call reported twice side by side, one inside the other in time
        ([tool(1, call_id="c"), tool(2, call_id="c", start_ns=1, end_ns=9)], {1}),
        ([tool(1), tool(2, start_ns=1, end_ns=9)], {1, 2}),
    ],
)
def test_each_execution_once(spans: list[ToolSpan], executed: set[int]) -> None:
    for sent in (spans, spans[::-1]):
        assert {key[1] for key, stands in executions(sent).items() if stands is None} == executed


def test_mirrors_name_the_span_that_stands_for_them() -> None:
    assert executions([tool(1), tool(2, 1), tool(3, 2)])[T, 3] == (T, 1)


rows = st.lists(
    st.tuples(
        st.integers(-1, 9), st.sampled_from("fg"), st.sampled_from(["c", "d", None]), st.booleans(), st.integers(0, 9)
    ),
    max_size=10,
)


@settings(max_examples=200, deadline=None)
@given(rows=rows, seed=st.integers(0, 9))
def test_order_decides_nothing_and_whoever_stands_is_an_execution(rows: list[tuple], seed: int) -> None:
    spans = [
        tool(n, None if parent < 0 else parent, name, call_id, executes=executes, start_ns=start, end_ns=start + 3)
        for n, (parent, name, call_id, executes, start) in enumerate(rows)
    ]
    found = executions(spans)
    shuffled = [*spans, *spans]
    random.Random(seed).shuffle(shuffled)
    assert executions(shuffled) == found
    assert all(stands is None or found[stands] is None for stands in found.values())


def test_the_nearest_name_wins_and_the_child_goes_first() -> None:
    spans = [
        IdentitySpan(T, 1, None, session_id="root", user_id="u"),
        IdentitySpan(T, 2, 1),
        IdentitySpan(T, 3, 2, session_id="own"),
        IdentitySpan(T, 4, 3, environment="prod"),
        IdentitySpan(T, 5, 99),
    ]
    found = inherit(random.Random(1).sample(spans, len(spans)))
    assert (found[T, 2].session_id, found[T, 4].session_id, found[T, 4].user_id) == ("root", "own", "u")
    assert found[T, 4].environment == "prod"
    assert found[T, 3].environment is None
    assert found[T, 5].session_id is None
