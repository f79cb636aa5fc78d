"""Partitions are there before they are needed, gone when they are not, and a wrong clock deletes nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import psycopg
import pytest

from tests.builders import NOW, NOW_NS, SECOND, span, store, trace_id
from tests.conftest import Database
from tests.store.state import count
from tracestore import db, partitions, partitions_rewrite, writer
from tracestore.jobs import partitions as job
from tracestore.models import Project
from tracestore.partitions import DAY_NS, KEPT_AS, TABLES, storage_day
from tracestore.queries.retention import held
from tracestore.records import CLOCK_SUSPECT
from tracestore.writer_rows import Days

DAY = 86_400


@pytest.mark.parametrize(
    ("start_ns", "expected"),
    [
        (NOW_NS, (0, False)),
        (NOW_NS - DAY_NS, (-1, False)),
        (NOW_NS - 30 * DAY_NS, (-30, False)),
        (NOW_NS - 30 * DAY_NS - 1, (0, True)),
        (NOW_NS + 600 * 10**9, (0, False)),
        (NOW_NS + 600 * 10**9 + 1, (0, True)),
        (0, (0, True)),
        (2**63 - 1, (0, True)),
    ],
)
def test_the_storage_day_is_the_starts_own_while_plausible(start_ns: int, expected: tuple[int, bool]) -> None:
    assert storage_day(start_ns, NOW_NS, 30) == (NOW.date() + timedelta(days=expected[0]), expected[1])


def test_days_of_any_time_exist() -> None:
    assert partitions.day_of(0) == date(1970, 1, 1)
    assert partitions.day_of(2**63 - 1) == date(2262, 4, 11)


def test_with_a_clock_of_ours_that_is_far_off_a_span_keeps_its_own_day_or_gets_the_newest() -> None:
    stored = frozenset(range(100, 133))
    for wrong in (500, 5):  # days since 1970 that we believe to live in
        days = Days(wrong * DAY_NS, 30, stored)
        assert days.of(120 * DAY_NS + 7) == -120
        assert days.of(wrong * DAY_NS) == -132
    assert Days(132 * DAY_NS, 30, stored).of(900 * DAY_NS) == -132


def test_every_table_by_day_is_kept_as_long_as_some_signal() -> None:
    """A new one must say with which signal it goes, and stand behind the spans it is derived from."""
    assert set(KEPT_AS) == set(TABLES)
    assert list(KEPT_AS).index("span") < list(KEPT_AS).index("trace")


def days(table: str = "span") -> set[date]:
    with db.JOBS.connection() as connection:
        return partitions.existing(connection)[table]


def project(number: int = 1, **fields: object) -> Project:
    return Project.objects.create(id=number, name=f"P{number}", slug=f"p{number}", **fields)


def steady(now: datetime, since: timedelta = timedelta(days=9)) -> None:
    """As if the job had run all the time until now."""
    with db.JOBS.connection() as connection:
        connection.execute(
            "INSERT INTO partition_clock (id, last_run, steady_since) VALUES (1, %(now)s, %(since)s)"
            " ON CONFLICT (id) DO UPDATE SET last_run = %(now)s, steady_since = %(since)s",
            {"now": now, "since": now - since},
        )


def keep(now: datetime) -> job.Summary:
    steady(now)
    return job.run(now)


def test_partitions_move_with_the_days(database: Database) -> None:
    """Nobody keeps a day: its partitions go, and those of the days to come are there."""
    store(1, [span(at=-29 * DAY)])
    later = NOW
    for hours in range(0, 24 * 4, 12):  # the clock goes on without a jump
        later = NOW + timedelta(hours=hours)
        job.run(later)
    assert days() == days("log_record") == set(partitions.span_of_days(later, 30))
    assert count("span") == 0


def size(table: str) -> int:
    """Bytes of all partitions with their indexes and long values."""
    with db.JOBS.connection() as connection:
        row = connection.execute(
            "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = %s::regclass",
            [table],
        ).fetchone()
    assert row is not None
    return int(row[0])


# ---- what only some projects keep


def text(seed: str) -> str:
    """4 kB that do not compress to nothing, stored as a message of its own."""
    return " ".join(sha256(f"{seed}{n}".encode()).hexdigest() for n in range(64))


SPAN_TABLES = ("span", "trace", "llm_call", "span_payload", "message")


def send(number: int, at: float, traces: int = 40, mark: str = "") -> None:
    spans = [
        span(
            trace_id(number * 10_000 + int(-at) % 9_973 * 97 + n),
            model="m",
            at=at,
            attributes={"a": text(f"{mark}{n}")},
        )
        for n in range(traces)
    ]
    store(number, spans, retention_days=60)


def test_a_day_that_one_project_keeps_and_another_does_not_is_rewritten_and_the_disk_comes_back(
    database: Database,
) -> None:
    project(1, retention_days=30)
    project(2, retention_days=7)
    for at in (-10 * DAY, -8 * DAY, -1 * DAY):
        for number in (1, 2):
            send(number, at)
    with db.JOBS.connection() as connection:
        kept_before = connection.execute("SELECT * FROM span WHERE project = 1 ORDER BY trace_id").fetchall()
    before = size("message")
    done = keep(NOW)
    assert (done.held, done.reason) == (0, "")
    assert [count(table, 1) for table in SPAN_TABLES] == [120, 120, 120, 120, 120]
    assert [count(table, 2) for table in SPAN_TABLES] == [40, 40, 40, 40, 40]
    with db.JOBS.connection() as connection:
        assert connection.execute("SELECT * FROM span WHERE project = 1 ORDER BY trace_id").fetchall() == kept_before
        floors = [partitions.kept_from(connection, number) for number in (1, 2, 3)]
    assert floors == [None, NOW.date() - timedelta(days=7), None]
    assert size("message") < before - 2 * 40 * 1_500, "two days of 40 messages, about 2 kB compressed"
    assert keep(NOW).removed == 0, "once for each change of who keeps a day"
    store(1, [span(trace_id(77), at=-10 * DAY)])
    assert count("span", 1) == 121, "the rewritten day takes late spans"


def test_a_row_that_came_into_a_rewritten_day_after_all_is_removed_by_the_next_run(database: Database) -> None:
    project(1, retention_days=30)
    project(2, retention_days=7)
    send(2, -10 * DAY, 3)
    assert keep(NOW).held == 0
    assert count("span", 2) == 0
    send(2, -10 * DAY, 3, "straggler")  # a worker that knew the old setting
    # The sessions that wrote and settled tell what they counted before they answer.
    for pool in (db.WRITES, db.JOBS):
        with pool.connection() as connection:
            connection.execute("SELECT pg_stat_force_next_flush()")
    assert keep(NOW).held == 0
    assert [count(table, 2) for table in SPAN_TABLES] == [0] * 5


def test_logs_and_metrics_have_a_time_of_their_own(database: Database) -> None:
    from tests.store.test_other import log
    from tracestore.records import Batch

    project(1, retention_days=5, log_retention_days=40, metric_retention_days=2)
    keep(NOW)
    assert min(days("log_record")) == NOW.date() - timedelta(days=40)
    assert min(days("span")) == min(days("message")) == NOW.date() - timedelta(days=5)
    assert min(days("metric_point")) == NOW.date() - timedelta(days=2)
    late = log(time_ns=NOW_NS - 39 * DAY_NS)
    writer.write(Batch(1, "logs", NOW_NS, 1, logs=[late], retention_days=40))
    with db.JOBS.connection() as connection:
        stored = connection.execute("SELECT day, flags FROM log_record").fetchall()
    assert stored == [(NOW.date() - timedelta(days=39), 0)]


def test_a_trace_over_midnight_is_settled_anew_from_what_is_kept_of_it(database: Database) -> None:
    project(1, retention_days=7)
    midnight = -7 * DAY - (NOW - NOW.replace(hour=0)).total_seconds()
    root = span(trace_id(1), name="agent", operation="agent", at=midnight - 60, seconds=120)
    store(1, [root, span(trace_id(1), root, model="m", at=midnight + 10, input_tokens=5)], retention_days=30)
    assert keep(NOW).held == 0
    store(1, [])
    with db.JOBS.connection() as connection:
        row = connection.execute("SELECT day, span_count, root_span_id, llm_calls FROM trace").fetchall()
    assert row == [(NOW.date() - timedelta(days=7), 1, None, 1)]


# ---- a wrong clock


def test_a_jump_of_the_clock_removes_nothing_and_makes_no_partitions_far_away(database: Database) -> None:
    project(1, retention_days=30)
    job.run(NOW)
    store(1, [span(trace_id(n), at=-n * DAY) for n in range(1, 25)])
    before = days()
    for jump in (400, -400):
        wrong = NOW + timedelta(days=jump)
        assert job.run(wrong).removed == 0
        assert job.run(wrong + timedelta(minutes=61)).removed == 0
        assert days() == before
        found = held()
        assert found is not None
        assert found.reason == "clock", "which every page tells"
    assert job.run(NOW).removed == 0  # the clock came back
    assert (count("span"), days()) == (24, before)


def test_ingest_goes_on_while_the_clock_is_wrong_and_its_spans_are_in_their_place_afterwards(
    database: Database,
) -> None:
    """What came then is under the day its emitter said, flagged."""
    project(1, retention_days=30)
    store(1, [span(trace_id(9))])
    for n, jump in enumerate((400, -400)):
        job.run(NOW + timedelta(days=jump))
        wrong_ns = NOW_NS + jump * DAY * SECOND
        assert store(1, [span(trace_id(n))], received_ns=wrong_ns, settle=False).accepted == 1
    job.run(NOW)
    with db.JOBS.connection() as connection:
        stored = connection.execute("SELECT day, flags FROM span").fetchall()
    assert sorted(stored) == [(NOW.date(), 0), (NOW.date(), CLOCK_SUSPECT), (NOW.date(), CLOCK_SUSPECT)]


def test_an_hour_is_no_jump_and_moves_at_most_one_day(database: Database) -> None:
    project(1, retention_days=30)
    late = NOW.replace(hour=23, minute=30)
    keep(late)
    store(1, [span(trace_id(n), at=-n * DAY) for n in range(31)])
    for hours, left in ((-1, 31), (1, 30), (0, 30)):
        job.run(late + timedelta(hours=hours))
        assert count("span") == left


def test_more_than_a_days_work_waits_for_a_person(database: Database) -> None:
    """The clock may have been wrong for longer than an hour. A shortened retention is a person's word."""
    kept = project(1, retention_days=30)
    store(1, [span(trace_id(n), at=-n * DAY) for n in range(1, 29)])
    Project.objects.filter(id=1).update(retention_days=10)
    held = keep(NOW)
    assert (held.removed, held.reason) == (0, "many")
    assert count("span") == 28
    kept.refresh_from_db()
    Project.objects.filter(id=1).update(retention_changed_at=NOW - timedelta(minutes=5))
    assert keep(NOW).reason == ""
    assert count("span") == 10


def test_a_stay_of_some_days_is_caught_up_with_after_an_hour(database: Database) -> None:
    project(1, retention_days=30)
    keep(NOW)
    store(1, [span(trace_id(n), at=-n * DAY) for n in range(1, 29)])
    back = NOW + timedelta(days=5)
    assert job.run(back).reason in ("", "clock")
    assert {back.date(), back.date() + timedelta(days=2)} <= days(), "what ingest needs today is there at once"
    assert job.run(back + timedelta(minutes=61)).reason == ""
    assert days() == set(partitions.span_of_days(back, 30))


def test_partitions_that_a_clock_far_ahead_left_are_removed_when_it_is_right_again(database: Database) -> None:
    project(1, retention_days=30)
    with db.JOBS.connection() as connection:
        partitions.ensure_ahead(connection, NOW + timedelta(days=400), 30)  # a start with the wrong clock
    assert NOW.date() + timedelta(days=400) in days()
    assert len(days()) == 36
    store(1, [span()])
    keep(NOW)
    assert days() == set(partitions.span_of_days(NOW, 30))


# ---- others use the tables


def test_two_creators_at_once_make_each_partition_once(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(days=20)
    errors: list[BaseException] = []

    def create() -> None:
        try:
            with db.connect(60_000) as connection:
                partitions.ensure(connection, later, 30)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert later.date() + timedelta(days=2) in days()


@contextmanager
def long_reader() -> Iterator[None]:
    with db.connect(60_000) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM span")
        yield


@pytest.mark.timeout(60)
def test_a_long_transaction_delays_a_drop_and_nothing_else(database: Database) -> None:
    project(1, retention_days=29)
    store(1, [span(trace_id(1), at=-29 * DAY), span(trace_id(2), at=-30 * DAY)])
    with long_reader():
        waits = threading.Thread(target=keep, args=[NOW])
        waits.start()
        for n in range(10, 40):
            assert store(1, [span(trace_id(n))], settle=False).accepted == 1
        waits.join()
        assert count("span_payload") == 31, "what nobody reads is gone"
    assert keep(NOW).reason == ""
    with db.JOBS.connection() as connection:
        oldest = partitions.partition_name("span", NOW.date() - timedelta(days=30))
        assert connection.execute("SELECT to_regclass(%s)", [oldest]).fetchone() == (None,), "half detached, then gone"
    assert count("span") == 31
    assert min(days()) == NOW.date() - timedelta(days=29)


@pytest.mark.timeout(60)
def test_a_long_transaction_delays_a_rewrite_and_nothing_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions_rewrite, "SWAP_TRIES", 2)
    project(1, retention_days=30)
    project(2, retention_days=7)
    for number in (1, 2):
        send(number, -10 * DAY, 3)
    with long_reader():
        done = keep(NOW)
        assert (done.reason, done.held) == ("in use", 1)
        assert count("span", 2) == 3
    assert keep(NOW).held == 0
    assert [count("span", number) for number in (1, 2)] == [3, 0]


def test_late_spans_for_a_day_that_is_being_rewritten_are_stored_or_refused_never_lost(database: Database) -> None:
    """Writers of that day wait for the copy; what was acknowledged is there, in the new table."""
    project(1, retention_days=30)
    project(2, retention_days=7)
    for number in (1, 2):
        send(number, -10 * DAY, 200)
    acknowledged: list[int] = []
    done = threading.Event()

    def late() -> None:
        number = 100
        while not done.is_set():
            number += 1
            try:
                store(1, [span(trace_id(number), at=-10 * DAY)], settle=False)
                acknowledged.append(number)
            except writer.Unavailable:
                continue

    sender = threading.Thread(target=late)
    sender.start()
    results = [keep(NOW) for _ in range(3)]
    done.set()
    sender.join()
    assert results[-1].held == 0
    assert acknowledged
    assert count("span", 2) == 0
    assert count("span", 1) == 200 + len(acknowledged)


class _Stopped(Exception):
    pass


@pytest.mark.parametrize("step", ["_copy", "_swap"])
def test_a_crash_in_the_middle_of_a_rewrite_leaves_all_as_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    project(1, retention_days=30)
    project(2, retention_days=7)
    for number in (1, 2):
        send(number, -10 * DAY, 20)
        send(number, -2 * DAY, 20)
    before = size("span")
    done = getattr(partitions_rewrite, step)

    def stop(*args: object) -> None:
        done(*args)
        raise _Stopped

    monkeypatch.setattr(partitions_rewrite, step, stop)
    with pytest.raises(_Stopped):
        keep(NOW)
    assert [count("span", number) for number in (1, 2)] == [40, 40]
    assert size("span") == before
    monkeypatch.undo()
    assert keep(NOW).held == 0
    assert [count("span", number) for number in (1, 2)] == [40, 20]


def test_a_run_that_was_killed_between_detaching_and_dropping_is_finished_by_the_next(database: Database) -> None:
    project(1, retention_days=29)
    store(1, [span(trace_id(1), at=-29 * DAY), span(trace_id(2), at=-30 * DAY)])
    oldest = partitions.partition_name("span", NOW.date() - timedelta(days=30))
    with db.JOBS.connection() as connection:
        connection.execute(f"ALTER TABLE span DETACH PARTITION {oldest}")
    assert keep(NOW).held == 0
    with db.JOBS.connection() as connection:
        assert connection.execute("SELECT to_regclass(%s)", [oldest]).fetchone() == (None,)
    assert count("span") == 1


def test_while_a_backup_is_made_nothing_is_removed(database: Database) -> None:
    project(1, retention_days=29)
    store(1, [span(trace_id(2), at=-30 * DAY)])
    with db.connect(60_000) as backup:
        backup.execute("SELECT pg_advisory_lock_shared(%s, %s)", job.RETENTION_LOCK)
        assert keep(NOW).reason == "backup"
        assert count("span") == 1
    assert keep(NOW).reason == ""
    assert count("span") == 0


def test_the_job_keeps_what_the_longest_retention_asks_for(database: Database) -> None:
    project(1, retention_days=40)
    assert job.run(datetime.now(UTC)).created == 10 * len(TABLES)


def test_settings_of_a_partition_survive_its_rewriting(database: Database) -> None:
    project(1, retention_days=30)
    project(2, retention_days=7)
    for number in (1, 2):
        send(number, -10 * DAY, 2)
    name = partitions.partition_name("span", NOW.date() - timedelta(days=10))

    def shape(connection: psycopg.Connection) -> tuple[object, ...]:
        options = connection.execute("SELECT reloptions, relispartition FROM pg_class WHERE relname = %s", [name])
        checks = connection.execute("SELECT count(*) FROM pg_constraint WHERE conrelid = %s::regclass", [name])
        indexes = connection.execute(
            "SELECT inhparent::regclass::text FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid"
            " WHERE indrelid = %s::regclass ORDER BY 1",
            [name],
        )
        return options.fetchone(), checks.fetchone(), indexes.fetchall()

    with db.JOBS.connection() as connection:
        before = shape(connection)
    keep(NOW)
    with db.JOBS.connection() as connection:
        assert shape(connection) == before
