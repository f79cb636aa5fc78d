"""Small batches in company: one commit for those that wait, and nobody pays for a neighbour."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import psycopg
import pytest

from tests.builders import NOW_NS, span, trace_id
from tests.conftest import Database
from tests.store.state import count, ledger
from tracestore import writer, writer_spans
from tracestore.db import Unavailable
from tracestore.records import Batch, Receipt
from tracestore.writer_group import GROUP_SPANS, Group


class Fake(NamedTuple):
    name: str
    size: int = 1
    project_id: int = 1

    def __len__(self) -> int:
        return self.size


class Store:
    """Remembers its commits; the first one waits until `company` others stand in line."""

    def __init__(self, refuse: Callable[[Sequence[Fake]], Exception | None] = lambda _: None) -> None:
        self.commits: list[list[str]] = []
        self.refuse = refuse
        self.open = threading.Event()
        self.group = Group(self.together, self.alone)

    def together(self, parcels: Sequence[Fake]) -> None:
        error = self.refuse(parcels)
        if error:
            raise error
        self.commits.append([parcel.name for parcel in parcels])

    def alone(self, parcel: Fake) -> int:
        if parcel.name == "first":
            self.open.wait(5)
        self.commits.append([parcel.name])
        return len(parcel)

    def write(self, *parcels: Fake) -> list[Future[int]]:
        """All of them, while a first one holds the lead."""
        pool = ThreadPoolExecutor(20)
        first = pool.submit(self.group.write, Fake("first"))
        while not self.group._lines:
            pass
        others = []
        for n, parcel in enumerate(parcels):
            others.append(pool.submit(self.group.write, parcel))
            while len(self.group._lines[1]) <= n:
                pass
        self.open.set()
        pool.shutdown()
        return [first, *others]


def test_what_waits_is_committed_at_once() -> None:
    store = Store()
    done = store.write(Fake("a"), Fake("b", 3), Fake("c"))
    assert [one.result() for one in done] == [1, 1, 3, 1]
    assert store.commits == [["first"], ["a", "b", "c"]]
    assert not store.group._lines


def test_a_group_has_a_bound() -> None:
    store = Store()
    store.write(Fake("a", GROUP_SPANS // 2), Fake("b", GROUP_SPANS // 2), Fake("c", 1))
    assert store.commits == [["first"], ["a", "b"], ["c"]]


def test_what_the_database_refuses_in_company_is_written_by_each_alone() -> None:
    store = Store(lambda _: psycopg.errors.UniqueViolation("stored already"))
    done = store.write(Fake("a"), Fake("b"))
    assert [one.result() for one in done] == [1, 1, 1]
    assert sorted(map(tuple, store.commits)) == [("a",), ("b",), ("first",)]


def test_an_outage_meets_all_of_a_group() -> None:
    store = Store(lambda _: Unavailable("the database stopped"))
    _, *others = store.write(Fake("a"), Fake("b"))
    for one in others:
        with pytest.raises(Unavailable):
            one.result()
    assert store.commits == [["first"]]
    assert not store.group._lines


def test_batches_of_a_group_are_counted_each_for_itself(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for the first; one of them holds spans that are stored already."""
    known = batch(0)
    writer.write(known)
    sizes: list[int] = []
    commit = writer_spans._commit
    started, gate = threading.Event(), threading.Event()

    def slow(parcels: Sequence[writer_spans.Parcel], *, merge: bool) -> int:
        sizes.append(len(parcels))
        started.set()
        gate.wait(5)
        return commit(parcels, merge=merge)

    monkeypatch.setattr(writer_spans, "_commit", slow)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(writer.write, batch(1))
        started.wait(5)
        others = [pool.submit(writer.write, one) for one in (batch(2), batch(3), known)]
        while len(writer_spans._GROUP._lines.get(1, ())) < 3:
            pass
        gate.set()
    assert [one.result() for one in (first, *others)] == [
        Receipt(3, 3, 0), Receipt(3, 3, 0), Receipt(3, 3, 0), Receipt(3, 0, 3)
    ]  # fmt: skip
    assert sizes[:2] == [1, 3]
    assert (count("span"), count("ingest_ledger"), ledger()) == (12, 5, (15, 12, 3, 0))


def batch(n: int) -> Batch:
    return Batch(1, "traces", NOW_NS, 3, spans=[span(trace_id(n + 1), at=at) for at in range(3)])
