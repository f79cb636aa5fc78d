"""The writer's contract: durable or nothing, once however often it is sent, and every record counted."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import psycopg
import pytest

from tests.builders import NOW, NOW_NS, SECOND, span, store, trace_id
from tests.conftest import Database
from tests.store.state import count, ledger, stored
from tracestore import db, writer, writer_spans
from tracestore.queries.payloads import load_payloads
from tracestore.records import CLOCK_SUSPECT, Batch, Receipt, Span

DAY = 86_400 * SECOND


def write(spans: Sequence[Span], project: int = 1, rejected: dict[str, int] | None = None) -> Receipt:
    bad = rejected or {}
    sent = len(spans) + sum(bad.values())
    return writer.write(Batch(project, "traces", NOW_NS, sent, spans=list(spans), rejected=bad))


def some_spans(traces: int = 3, each: int = 4) -> list[Span]:
    return [
        span(trace_id(t), attributes={"n": n, "input.value": f"text {t} {n} " * 80}, at=n, tool_name="search")
        for t in range(1, traces + 1)
        for n in range(each)
    ]


def changed(one: Span, **raw: object) -> Span:
    return msgspec.structs.replace(one, raw=msgspec.structs.replace(one.raw, **raw))


def test_what_is_written_is_there_whole(database: Database) -> None:
    spans = some_spans()
    assert write(spans) == Receipt(sent=12, accepted=12, deduplicated=0)
    assert (count("span"), count("settle_mark"), count("ingest_ledger")) == (12, 3, 1)
    with db.JOBS.connection() as connection:
        places = connection.execute(
            "SELECT day, uuid_send(trace_id), block_id, block_index, span_id FROM span", binary=True
        ).fetchall()
    by_id = {one.raw.span_id: one.raw for one in spans}
    for place, payload in zip(places, load_payloads(1, [row[:4] for row in places]), strict=True):
        assert payload is not None
        assert payload.attributes == by_id[place[4]].attributes


def test_the_same_batch_twice_changes_nothing_and_is_counted(database: Database) -> None:
    spans = some_spans()
    write(spans)
    before = stored(1)
    assert write(spans) == Receipt(sent=12, accepted=0, deduplicated=12)
    assert stored(1) == before
    assert count("span_payload") == 3
    assert ledger() == (24, 12, 12, 0)


def test_duplicates_within_a_batch_are_counted_once(database: Database) -> None:
    one = span()
    assert write([one, one, span()], rejected={"bad_id": 2}) == Receipt(5, 2, 1, {"bad_id": 2})
    assert ledger() == (5, 2, 1, 2)


def test_the_larger_record_wins_whatever_comes_first(database: Database) -> None:
    one = span(attributes={"a": 1})
    later = changed(one, end_ns=one.raw.end_ns + 1, name="later")
    richer = changed(one, attributes={"a": 1, "b": 2}, name="richer")
    records = [one, later, richer]
    for project, order in enumerate([(0, 1, 2), (2, 1, 0), (1, 0, 2)], start=1):
        for n in order:
            write([records[n]], project)
        assert stored(project) == stored(1)
    write(records, 7)
    assert stored(7) == stored(1)
    with db.JOBS.connection() as connection:
        assert connection.execute("SELECT DISTINCT name FROM span").fetchall() == [("later",)]


def test_of_equal_times_and_counts_the_hash_decides(database: Database) -> None:
    one = span(attributes={"a": 1})
    other = changed(one, attributes={"a": 2})
    write([one], 1), write([other], 1)
    write([other], 2), write([one], 2)
    assert stored(1) == stored(2)


def test_a_replaced_span_shows_the_payload_of_the_winner(database: Database) -> None:
    one, sibling = span(attributes={"a": "old"}), span(attributes={"s": 1})
    write([one, sibling])
    write([changed(one, end_ns=one.raw.end_ns + 5, attributes={"a": "new"}), sibling])
    with db.JOBS.connection() as connection:
        rows = connection.execute(
            "SELECT day, uuid_send(trace_id), block_id, block_index FROM span ORDER BY span_id", binary=True
        ).fetchall()
    payloads = load_payloads(1, rows)
    assert [payload and payload.attributes for payload in payloads] == [{"a": "new"}, {"s": 1}]


def test_nothing_remains_of_a_write_that_dies_before_its_commit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("killed")

    spans = some_spans()
    with monkeypatch.context() as patch:
        patch.setattr(writer_spans, "ledger_rows", die)
        with pytest.raises(RuntimeError):
            write(spans)
    tables = ("span", "span_payload", "message", "reference", "settle_mark", "ingest_ledger")
    assert [count(table) for table in tables] == [0] * 6
    assert write(spans).accepted == 12  # and what it would have learned is not believed
    assert count("message") > 0
    assert count("reference") == 2


def test_eight_senders_of_the_same_spans_store_each_once(database: Database) -> None:
    spans = some_spans(traces=6, each=5)
    batches = [spans[n:] + spans[:n] for n in range(0, 30, 4)] + [spans[::-1]]
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(write, batches))
    assert sum(receipt.accepted for receipt in receipts) == 30
    assert count("span") == 30
    sent, accepted, deduplicated, rejected = ledger()
    assert (sent, accepted, sent) == (30 * len(batches), 30, accepted + deduplicated + rejected)
    write(spans, 2)
    assert stored(1) == stored(2)


def test_a_value_the_database_cannot_hold_costs_only_its_span(database: Database) -> None:
    """Decode lets none of these through; should one come, its neighbours are stored."""
    spans = some_spans(2, 4)
    bad = [span(name="nul \x00"), span(name="half \ud800"), span(input_tokens=2**70)]
    receipt = write([*spans[:3], bad[0], *spans[3:], *bad[1:]])
    assert (receipt.sent, receipt.accepted, receipt.rejected) == (11, 8, {"invalid_value": 3})
    assert "invalid_value" in receipt.message
    assert ledger() == (11, 8, 0, 3)


def test_an_implausible_start_is_stored_under_the_day_of_receipt(database: Database) -> None:
    spans = [span(start_ns=0, end_ns=0), span(start_ns=NOW_NS + DAY), span(start_ns=NOW_NS - 40 * DAY), span()]
    write(spans)
    with db.JOBS.connection() as connection:
        rows = connection.execute("SELECT flags, day, start_ns FROM span ORDER BY span_id").fetchall()
    assert [bool(flags & CLOCK_SUSPECT) for flags, _, _ in rows] == [True, True, True, False]
    assert len({day for _, day, _ in rows}) == 1
    assert [start for _, _, start in rows] == [one.raw.start_ns for one in spans]


def test_two_projects_never_share_a_row(database: Database) -> None:
    spans = some_spans()
    assert write(spans, 1).accepted == write(spans, 2).accepted == 12
    assert count("message", 1) == count("message", 2) > 0


def test_a_message_is_stored_once_a_day(database: Database) -> None:
    text = "the same long text " * 50
    write([span(trace_id(n), attributes={"input.value": text, "output.value": text}) for n in range(1, 20)])
    write([span(trace_id(99), attributes={"x": text})])
    assert count("message") == 1


def said(texts: Sequence[int], trace: int, at: int = 0) -> list[Span]:
    """One span a text of 600 characters, each of them a message."""
    return [
        span(trace_id(trace), n + 1, attributes={"input.value": f"{text} " * 200}, at=at)
        for n, text in enumerate(texts)
    ]


def test_many_new_messages_are_stored_once_though_another_process_stored_some(database: Database) -> None:
    assert write(said(range(100_000, 100_100), trace=1)).accepted == 100
    writer.forget()  # as another process: it does not know them
    assert write(said(range(100_050, 100_150), trace=2)).accepted == 100
    assert write(said(range(100_140, 100_240), trace=3)).accepted == 100
    assert count("message") == 240
    with db.JOBS.connection() as connection:
        places = connection.execute(
            "SELECT day, uuid_send(trace_id), block_id, block_index FROM span ORDER BY trace_id, span_id", binary=True
        ).fetchall()
    texts = [payload.attributes["input.value"] for payload in load_payloads(1, places) if payload is not None]
    assert len(texts) == 300
    assert texts[100] == "100050 " * 200


def test_a_database_that_is_gone_is_unavailable_and_comes_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write([span()])
    real = db.conninfo()
    with monkeypatch.context() as patch:
        patch.setattr(db, "conninfo", lambda: real | {"port": "1"})
        with pytest.raises(writer.Unavailable):
            write([span()])
    write([span()])
    with db.JOBS.connection() as connection:  # as a restart does to every idle connection
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    assert write([span()]).accepted == 1


def test_a_read_only_database_is_unavailable(database: Database) -> None:
    write([span()])
    with db.JOBS.connection() as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        db.WRITES.close()
        try:
            with pytest.raises(writer.Unavailable):
                write([span()])
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            db.WRITES.close()
    assert write([span()]).accepted == 1


def test_a_partition_that_was_dropped_meanwhile_is_not_written_to_again(database: Database) -> None:
    old = [span(at=-20 * 86_400)]
    write([span()])
    with db.JOBS.connection() as connection:
        connection.execute(f"DROP TABLE span_{(NOW - timedelta(days=20)):%Y%m%d}")
    with pytest.raises(writer.Unavailable):
        write(old)
    assert write(old).accepted == 1
    assert count("span") == 2


def test_deadlocks_are_tried_again_and_then_unavailable(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [2]
    real = writer_spans.store

    def contended(batch: Batch, packed: Callable[[], None]) -> Receipt:
        if left[0]:
            left[0] -= 1
            raise psycopg.errors.DeadlockDetected
        return real(batch, packed)

    monkeypatch.setattr(writer_spans, "store", contended)
    assert write([span()]).accepted == 1
    left[0] = 99
    with pytest.raises(writer.Unavailable):
        write([span()])


def test_a_server_that_does_not_answer_is_cut_off(database: Database) -> None:
    pool = db.Pool(size=1, wait_s=0.2, timeout_ms=60_000)
    with pytest.raises(psycopg.OperationalError), pool.connection(0.5) as connection:
        connection.execute("SELECT pg_sleep(20)")
    with pool.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    pool.close()


def test_whoever_waits_too_long_for_a_connection_is_told(database: Database) -> None:
    pool = db.Pool(size=1, wait_s=0.1, timeout_ms=1_000)
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with pool.connection():
            taken.set()
            done.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(5)
    with pytest.raises(db.Unavailable), pool.connection():
        pass
    done.set()
    holder.join()
    pool.close()


def test_store_of_the_builders_settles(database: Database) -> None:
    store(1, [span(model="m", input_tokens=10)])
    assert count("llm_call") == 1
