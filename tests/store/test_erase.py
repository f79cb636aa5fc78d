"""What is erased is gone everywhere, and nothing else is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from tests.builders import NOW_NS, span, trace_id
from tests.conftest import Database
from tests.store.state import count, derived, stored
from tests.store.test_other import log
from tests.store.test_settle import agent, one_row, settle, write
from tracestore import db, writer
from tracestore.actions.access import Actor
from tracestore.actions.traces import OF_A_PROJECT, delete_project_data, delete_trace
from tracestore.partitions import TABLES
from tracestore.queries.payloads import load_payloads
from tracestore.records import Batch

SHARED, OWN = "shared text " * 100, "own text " * 100


def erase(number: int) -> bool:
    return delete_trace(1, trace_id(number), datetime.now(UTC), Actor(None, "key fl_test"))


def test_a_deleted_trace_takes_its_messages_but_not_those_of_others(database: Database) -> None:
    write([span(trace_id(1), attributes={"a": SHARED, "b": OWN}), span(trace_id(2), attributes={"a": SHARED})])
    write([span(trace_id(1), attributes={"a": SHARED, "b": OWN})], 2)
    writer.write(Batch(1, "logs", NOW_NS, 1, logs=[log(trace_id=bytes.fromhex(trace_id(1)))]))
    settle()
    assert erase(1)
    assert (count("span"), count("span_payload"), count("trace"), count("message"), count("log_record")) == (
        1,
        1,
        1,
        1,
        0,
    )
    assert (count("message", 2), count("span", 2)) == (2, 1)
    assert not erase(1)
    assert not erase(9)


def test_a_message_that_was_erased_is_stored_again_when_it_comes_again(database: Database) -> None:
    """Writers remember what is stored; an erasure makes them forget."""
    one = span(trace_id(1), attributes={"a": OWN})
    write([one])
    erase(1)
    again = span(trace_id(2), attributes={"a": OWN})
    write([again])
    with db.JOBS.connection() as connection:
        places = connection.execute(
            "SELECT day, uuid_send(trace_id), block_id, block_index FROM span", binary=True
        ).fetchall()
    assert [payload and payload.attributes for payload in load_payloads(1, places)] == [{"a": OWN}]


def test_erasing_while_others_write_the_same_message_loses_none(database: Database) -> None:
    def send(n: int) -> None:
        write([span(trace_id(n), attributes={"a": OWN})])

    with ThreadPoolExecutor(6) as pool:
        for n in range(0, 40, 4):
            sent = [pool.submit(send, n + k) for k in range(1, 5)]
            erased = pool.submit(erase, n + 1)
            for future in [*sent, erased]:
                future.result()
    assert one_row(
        "SELECT count(*) FROM span_payload AS p, unnest(message_refs) AS r (hash)"
        " WHERE p.project = %(project)s AND NOT EXISTS (SELECT FROM message AS m WHERE m.hash = r.hash AND m.day = p.day"
        " AND m.project = p.project)"
    ) == (0,)


def test_the_twin_of_an_erased_call_counts_again(database: Database) -> None:
    first = span(trace_id(1), model="m", input_tokens=10, output_tokens=1, response_id="r", seconds=5)
    twin = span(trace_id(2), model="m", response_id="r", at=1, seconds=2)
    write([first, twin])
    settle()
    assert one_row("SELECT llm_calls FROM trace WHERE trace_id = '" + trace_id(2) + "' AND project = %(project)s") == (
        0,
    )
    erase(1)
    assert one_row("SELECT llm_calls FROM trace WHERE project = %(project)s") == (1,)


def test_a_project_is_erased_whole(database: Database) -> None:
    for project in (1, 2):
        write(agent(trace_id(1)), project)
        write([span(trace_id(5), at=-3 * 86_400, attributes={"a": OWN})], project)
        writer.write(Batch(project, "logs", NOW_NS, 1, logs=[log()]))
    settle()
    kept = (derived(2), stored(2))
    assert delete_project_data(1) > 10
    assert {table: count(table) for table in [*TABLES, *OF_A_PROJECT]} == dict.fromkeys([*TABLES, *OF_A_PROJECT], 0)
    assert (derived(2), stored(2)) == kept
