"""What ended in a range is found there, however many days before it began, wherever rows are read."""

from tests.builders import NOW, NOW_NS, SECOND, span
from tests.conftest import Database
from tests.store.test_settle import write
from tracestore.jobs import traces as settle_job
from tracestore.queries.call_sample import draw_calls
from tracestore.queries.context import find_conversations, find_full_prompts
from tracestore.queries.people_sums import find_people_sums
from tracestore.queries.spend import find_dearest
from tracestore.queries.tools import find_attempts, find_failure_modes
from tracestore.records import TOOL_EXECUTION

DAYS = 4
LONG = {"at": -DAYS * 86_400, "seconds": DAYS * 86_400 - 60}
RANGE = (1, NOW_NS - 3_600 * SECOND, NOW_NS)


def test_what_lasted_for_days_is_found_where_it_ended(database: Database) -> None:
    root = span(operation="agent", user_id="u1", session_id="s1", **LONG)
    call = span(parent=root, model="m", provider="p", session_id="s1", input_tokens=99, cost_nanousd=5, **LONG)
    tool = span(parent=root, operation="tool", tool_name="pay", flags=TOOL_EXECUTION, status=2, **LONG)
    write([root, call, tool])
    settle_job.run(NOW)
    (person,) = find_people_sums(RANGE[0], "user", *RANGE[1:])
    assert (person.key, person.measures["requests"]) == (["u1"], 1)
    assert find_dearest(*RANGE)[0].n == 1
    assert [one.calls for one in find_failure_modes(1, "pay", *RANGE[1:])] == [1]
    assert find_attempts(1, "pay", *RANGE[1:]).traces == 1
    assert len(draw_calls(*RANGE)) == 1
    assert len(find_full_prompts(*RANGE, {("p", "m"): 100}, 0.9)) == 1
    assert len(find_conversations(*RANGE, least=1)) == 1
