"""Signals come to a store that has data: what was stored before is settled and summed again, and what is undone comes back."""

from django.core.management import call_command

from tests.builders import NOW, span, store, trace_id
from tests.conftest import Database
from tests.store import oracle
from tests.store.state import count, derived
from tests.store.test_rollups import LATER, assert_rollups, fill_all
from tracestore import db
from tracestore.analysis import signals as s
from tracestore.jobs import rollups as fill_job
from tracestore.jobs import traces as settle_job
from tracestore.records import TIMEOUT, TOOL_EXECUTION


def test_a_store_with_data_is_settled_again_and_its_flags_are_summed(database: Database) -> None:
    for number in range(1, 4):
        root = span(trace_id(number), operation="agent", seconds=30)
        call = span(trace_id(number), root, model="m", at=1, signals=s.REFUSAL, input_tokens=3)
        tool = span(trace_id(number), root, operation="tool", tool_name="pay", flags=TOOL_EXECUTION | TIMEOUT, at=5)
        store(1, [root, call, tool])
    fill_job.run(LATER)
    assert_rollups(oracle.derive(1), 1)
    before = derived(1)
    call_command("migrate", "tracestore", "0009", verbosity=0)
    with db.JOBS.connection() as connection:
        columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'signals'"
        assert connection.execute(columns).fetchone() == (0,)
    call_command("migrate", verbosity=0)
    assert (count("settle_mark"), count("rollup_mark")) != (0, 0), "all of it is to be settled again"
    settle_job.run(NOW)
    with db.JOBS.connection() as connection:
        fill_all(connection, 1)
    found = derived(1)
    assert_rollups(oracle.derive(1), 1)
    assert [len(found[table]) for table in found] == [len(before[table]) for table in before]
    assert found["tool_call"] == before["tool_call"], "a timeout is a flag, and was there"
    assert found["llm_call"] != before["llm_call"], "what its bits said is read by renormalise"
