"""What every write has in common: its transaction, shared content stored once, COPY, and the ledger."""

import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tracestore import db, failpoints, partitions
from tracestore.records import Batch
from tracestore.writer_cells import rows
from tracestore.writer_known import KNOWN, Place

WRITE_LOCK = 5  # class of advisory locks: shared by the writers of a project, held alone by an eraser
DAYS_FOR_S = 30.0

# A record's own fault: it is found by halving the batch, and rejected alone.
BAD_DATA = (
    psycopg.errors.DataError,
    psycopg.errors.ProgramLimitExceeded,
    UnicodeEncodeError,
    struct.error,
    OverflowError,
    msgspec.MsgspecError,
)

_pack = msgspec.msgpack.Encoder().encode
_days: dict[str, tuple[float, frozenset[int]]] = {}


class Transaction:
    """An open write of one project. epoch: of its erasures. learned: what is known to be stored if it commits."""

    __slots__ = ("connection", "epoch", "learned", "project_id")

    def __init__(self, connection: psycopg.Connection, project_id: int, epoch: int) -> None:
        self.connection, self.project_id, self.epoch = connection, project_id, epoch
        self.learned: dict[Place, list[bytes]] = {}

    def unknown(self, kind: bytes, keys: Iterable[bytes]) -> list[bytes]:
        """Those keys that this process does not know to be stored, sorted; learned when the transaction commits."""
        place = (self.connection.info.dbname, self.project_id, self.epoch, kind)
        fresh = KNOWN.unknown(place, keys)
        if fresh:
            self.learned.setdefault(place, []).extend(fresh)
        return fresh


# One message to the server. Only integers are put in.
BEGIN = (
    b"BEGIN; SELECT pg_advisory_xact_lock_shared(%(lock)d, %(project)d);"
    b" SELECT coalesce(max(epoch), 0) FROM erasure WHERE project = %(project)d"
)


@contextmanager
def transaction(project_id: int) -> Iterator[Transaction]:
    """Commits at the end of the block and only then learns what is stored; any error rolls back."""
    with db.WRITES.connection() as connection:
        cursor = connection.execute(BEGIN % {b"lock": WRITE_LOCK, b"project": project_id})
        while cursor.nextset():
            pass
        row = cursor.fetchone()
        assert row is not None
        current = Transaction(connection, project_id, row[0])
        try:
            yield current
            failpoints.reach("before-commit")
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        KNOWN.learn(current.learned)


def lock_out_writers(connection: psycopg.Connection, project_id: int) -> None:
    """Until the end of the transaction nobody writes to the project. As a statement of its own, as the settle lock."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [WRITE_LOCK, project_id])


def _roll_back(connection: psycopg.Connection) -> None:
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()


def stored_days(signal: str = "traces") -> frozenset[int]:
    """The days (since 1970) that have a partition of every table of a signal, at most 30 s old.

    Raises Unavailable when none has.
    """
    name = f"{signal} {db.conninfo().get('dbname', '')}"
    read_at, days = _days.get(name, (-DAYS_FOR_S, frozenset()))
    if days and time.monotonic() - read_at < DAYS_FOR_S:
        return days
    with db.WRITES.connection() as connection:
        existing = partitions.existing(connection)
    of_signal = [stored for table, stored in existing.items() if partitions.arrival(table) == signal]
    days = frozenset((day - partitions.EPOCH).days for day in set.intersection(*of_signal))
    if not days:
        raise db.Unavailable("no day partitions yet: run `manage.py partitions`")
    _days[name] = (time.monotonic(), days)
    return days


def forget_days() -> None:
    """A partition was not there after all: ask again before the next write."""
    _days.clear()


REFERENCES = """
INSERT INTO reference (project, kind, id, body)
SELECT %(project)s, kind, id, body FROM unnest(%(kinds)b::text[], %(ids)b::bigint[], %(bodies)b::bytea[]) AS new (kind, id, body)
ON CONFLICT DO NOTHING
"""


def store_references(current: Transaction, references: dict[tuple[str, int], Any]) -> None:
    """references: (kind, id) -> content, packed only when it is new. Inserted once, never updated."""
    by_key = {f"{kind}:{id_}".encode(): (kind, id_) for kind, id_ in references}
    new = [by_key[key] for key in current.unknown(b"reference", by_key)]
    if not new:
        return
    parameters = {
        "project": current.project_id,
        "kinds": [kind for kind, _ in new],
        "ids": [id_ for _, id_ in new],
        "bodies": [_pack(references[key]) for key in new],
    }
    current.connection.execute(REFERENCES, parameters)


def copy_rows(connection: psycopg.Connection, table: str, columns: Sequence[str], packed: Sequence[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy(_copy_statement(table, tuple(columns))) as copy:
        copy.write(rows(packed))


@cache
def _copy_statement(table: str, columns: tuple[str, ...]) -> bytes:
    """Composed once: quoting 50 names takes longer than copying 8 spans."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), names).as_bytes()


LEDGER = """
INSERT INTO ingest_ledger (project, signal, received_ns, sent, accepted, deduplicated, rejected)
SELECT %(project)s, %(signal)s, received_ns, sent, accepted, deduplicated, rejected
FROM unnest(%(received)b::bigint[], %(sent)b::integer[], %(accepted)b::integer[], %(deduplicated)b::integer[],
  %(rejected)s::jsonb[]) AS batch (received_ns, sent, accepted, deduplicated, rejected)
"""
Entry = tuple[Batch, int, int]  # of one project and signal, how many records were accepted, how many deduplicated


def store_ledger(connection: psycopg.Connection, entries: Sequence[Entry]) -> None:
    """One row a batch."""
    connection.execute(LEDGER, ledger_rows(entries))


def ledger_rows(entries: Sequence[Entry]) -> dict[str, Any]:
    """The parameters of LEDGER."""
    batches = [batch for batch, _, _ in entries]
    return {
        "project": batches[0].project_id,
        "signal": batches[0].signal,
        "received": [batch.received_ns for batch in batches],
        "sent": [batch.sent for batch in batches],
        "accepted": [accepted for _, accepted, _ in entries],
        "deduplicated": [deduplicated for _, _, deduplicated in entries],
        "rejected": [Jsonb(batch.rejected) if batch.rejected else None for batch in batches],
    }
