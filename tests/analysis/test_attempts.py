"""Attempts, first tries and recovery: by trace, in the order of time, and what ended too early is named apart."""

from tracestore.analysis.attempts import Attempts, ToolRun, attempts


def runs(*traces: str) -> Attempts:
    """Each trace as letters, a call each: s, f of the tool (success, failure), S, F of another one."""
    found = [
        ToolRun(str(number), letter in "sf", letter in "fF", 10 * place, 10 * place + 5)
        for number, trace in enumerate(traces)
        for place, letter in enumerate(trace)
    ]
    return attempts(found)


def test_attempts_until_the_first_success_are_counted_by_trace():
    found = runs("s", "ss", "fs", "ffs", "fffffs", "f", "fFf", "S")
    assert found.traces == 7, "a trace without the tool is none of its"
    assert found.until == {1: 2, 2: 1, 3: 1, 4: 1}
    assert found.never == 2
    assert (found.first_try.hits, found.first_try.n) == (2, 7)


def test_recovery_leaves_out_the_traces_that_ended_with_the_failure():
    found = runs("fs", "ff", "f", "fS", "s")
    assert (found.same_tool.rate.hits, found.same_tool.rate.n, found.same_tool.censored) == (1, 2, 2)
    assert (found.any_tool.rate.hits, found.any_tool.rate.n, found.any_tool.censored) == (2, 3, 1)


def test_a_call_that_began_before_the_failure_ended_is_no_answer_to_it():
    parallel = [ToolRun("a", True, True, 0, 50), ToolRun("a", True, False, 10, 20)]
    assert attempts(parallel).same_tool.censored == 1


def test_without_calls_nothing_is_known():
    found = attempts([])
    assert (found.traces, found.first_try.value, found.same_tool.rate.value) == (0, None, None)


def test_few_traces_are_as_unsure_as_they_are():
    rate = runs("fs", "fs", "fs").same_tool.rate
    assert (rate.value, rate.high) == (1.0, 1.0)
    assert rate.low is not None
    assert 0.43 < rate.low < 0.44, "Wilson, 3 of 3"
