"""What is erased is gone everywhere, and nothing else is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.builders import NOW_NS, span, trace_id
from tests.conftest import Database
from tests.store.state import count, derived, stored
from tests.store.test_other import log, point
from tests.store.test_settle import agent, one_row, settle, write
from tracestore import db, writer
from tracestore.actions.access import Actor, request_erasure
from tracestore.actions.erasure import whose
from tracestore.actions.traces import OF_A_PROJECT, delete_project_data, delete_trace, erase_user
from tracestore.jobs import access as access_job
from tracestore.jobs import rebuild
from tracestore.partitions import TABLES
from tracestore.payload import decompress
from tracestore.queries.payloads import load_payloads
from tracestore.records import Batch, Exemplar

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


# ---- a user


OTHER = "another text " * 100


def people(project: int = 1) -> None:
    """Trace 1 is u's. In trace 2, of v, a part is u's. Trace 3 is v's and cites what u's cite."""
    root = span(trace_id(1), operation="agent", user_id="u", attributes={"a": OWN, "short": "of u"}, seconds=9)
    write([root, span(trace_id(1), root, model="m", input_tokens=3, attributes={"a": SHARED})], project)
    batch = span(trace_id(2), operation="agent", user_id="v", attributes={"a": OTHER}, seconds=9)
    theirs = span(trace_id(2), batch, operation="task", user_id="u", attributes={"a": OWN}, at=1)
    below = span(trace_id(2), theirs, model="m", input_tokens=5, attributes={"b": OWN}, at=2)
    write(
        [batch, theirs, below, span(trace_id(2), batch, model="m", input_tokens=7, attributes={"a": SHARED})], project
    )
    write([span(trace_id(3), user_id="v", attributes={"a": SHARED})], project)
    logs = [
        log(n, trace_id=bytes.fromhex(trace_id(n)), span_id=s) for n, s in ((1, None), (2, below.raw.span_id), (3, 1))
    ]
    writer.write(Batch(project, "logs", NOW_NS, 3, logs=logs))
    exemplars = tuple(Exemplar(NOW_NS + n, 1.0, bytes.fromhex(trace_id(n)), None, {}) for n in (1, 3))
    points = [point(1.0, exemplars=exemplars), point(2.0, name="of u", attributes={"user.id": "u"}, series=b"u" * 16)]
    writer.write(Batch(project, "metrics", NOW_NS, 2, points=points))
    settle()


def test_a_user_is_erased_everywhere_and_nobody_else_is(database: Database) -> None:
    people()
    people(2)
    others = derived(2), stored(2)
    done = erase_user(1, "u", datetime.now(UTC), Actor(None, "alice@example.org"))
    assert done.numbers() == {"traces": 2, "spans": 4, "messages": 1, "logs": 2, "exemplars": 1, "evaluations": 0}
    assert [count(table) for table in ("span", "log_record", "metric_point", "metric_exemplar")] == [3, 1, 1, 1]
    with db.JOBS.connection() as connection:
        kept = connection.execute(
            "SELECT uuid_send(trace_id), user_id, input_tokens, span_count FROM trace WHERE project = 1 ORDER BY 1",
            binary=True,
        ).fetchall()
        places = connection.execute(
            "SELECT day, uuid_send(trace_id), block_id, block_index FROM span WHERE project = 1 ORDER BY trace_id, start_ns",
            binary=True,
        ).fetchall()
        blocks = connection.execute("SELECT body, message_refs FROM span_payload WHERE project = 1").fetchall()
        audit = connection.execute("SELECT target, detail FROM audit_entry").fetchall()
    assert kept == [(bytes.fromhex(trace_id(2)), "v", 7, 2), (bytes.fromhex(trace_id(3)), "v", None, 1)]
    texts = [payload.attributes for payload in load_payloads(1, places) if payload]
    assert sorted(map(str, texts)) == sorted(map(str, [{"a": OTHER}, {"a": SHARED}, {"a": SHARED}]))
    assert sum(len(refs) for _, refs in blocks) == 3
    assert count("message") == 2
    assert all(b"of u" not in decompress(body) for body, _ in blocks)
    assert (len(audit), '"u"' in str(audit)) == (1, False)
    assert (derived(2), stored(2)) == others
    settled = derived(1)
    rebuild.run(datetime.now(UTC), 1)
    assert derived(1) == settled


def test_an_erasure_that_was_stopped_is_done_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from tracestore.actions import traces

    people()
    monkeypatch.setattr(traces, "TRACES_AT_ONCE", 1)
    monkeypatch.setattr(traces, "_erase_named", lambda *_: 1 / 0)
    request_erasure(1, "u", datetime.now(UTC), Actor(None, "alice@example.org"))
    with pytest.raises(ZeroDivisionError):
        access_job.erase_users(datetime.now(UTC))
    monkeypatch.undo()
    assert access_job.erase_users(datetime.now(UTC)).done == 1
    assert access_job.erase_users(datetime.now(UTC)).done == 0
    assert count("erasure_request") == 0
    assert one_row("SELECT count(*) FROM span WHERE project = %(project)s") == (3,)


def test_a_span_of_nobody_goes_with_the_first_user_of_its_trace() -> None:
    assert whose([(1, None), (2, "u")], "u") is None
    assert whose([(1, None), (2, "u"), (3, "v")], "u") == {1, 2}
    assert whose([(1, "v"), (2, None), (3, "u")], "u") == {3}
