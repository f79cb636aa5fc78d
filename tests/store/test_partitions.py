"""Partitions are there before they are needed, gone when they are not, and a wrong clock deletes nothing."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.builders import NOW, NOW_NS, span, store
from tests.conftest import Database
from tests.store.state import count
from tracestore import db, partitions
from tracestore.jobs import partitions as job
from tracestore.partitions import DAY_NS, TABLES, storage_day


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


def days(table: str = "span") -> set[date]:
    with db.JOBS.connection() as connection:
        return partitions.existing(connection)[table]


def keep(now: datetime, retention: int = 30) -> partitions.Summary:
    with db.JOBS.connection() as connection:
        return partitions.keep(connection, now, retention)


def test_partitions_move_with_the_days(database: Database) -> None:
    now = datetime.now(UTC)
    assert keep(now) == partitions.Summary([], [], [])
    tomorrow = keep(now + timedelta(days=1, hours=-1))
    assert len(tomorrow.created) in (0, len(TABLES))
    store(1, [span(at=-29 * 86_400)])
    later = now
    for hours in range(0, 24 * 4, 12):  # the clock goes on without a jump
        later = now + timedelta(hours=hours)
        keep(later)
    assert days() == set(partitions.span_of_days(later, 30))
    assert count("span") == 0


def test_a_jump_of_the_clock_drops_nothing_until_it_is_steady(database: Database) -> None:
    now = datetime.now(UTC)
    keep(now)
    store(1, [span(at=-20 * 86_400)])
    ahead = now + timedelta(days=400)
    held = keep(ahead)
    assert held.dropped == []
    assert len(held.held) >= 31 * len(TABLES)
    assert keep(now).dropped == []  # the clock came back: all is there
    assert count("span") == 1
    keep(ahead)
    assert keep(ahead + timedelta(minutes=61)).dropped
    assert count("span") == 0


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


@pytest.mark.timeout(60)
def test_a_long_transaction_only_delays_a_drop(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "TRIES", 1)
    monkeypatch.setattr(partitions, "TABLES", {name: TABLES[name] for name in ("span", "metric_exemplar")})
    for hours in (0, 12, 24):
        keep(NOW + timedelta(hours=hours), 31 if hours < 24 else 30)
    with db.connect(60_000) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM span")
        late = keep(NOW + timedelta(hours=36))
        assert [name.rpartition("_")[0] for name in late.held] == ["span"]
    assert keep(NOW + timedelta(hours=37)).held == []


def test_the_job_keeps_what_the_longest_retention_asks_for(database: Database) -> None:
    from tracestore.models import Project

    Project.objects.create(name="P", slug="p", retention_days=40)
    assert job.run(datetime.now(UTC)).created == 10 * len(TABLES)
