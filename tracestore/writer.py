"""How do records become durable? write(batch) returns when the batch is committed, and may be repeated.

One transaction: new references, new messages, spans, payloads, one mark a trace, one ledger row. Tables in this order and
rows sorted by key, so that two writers wait for each other and do not deadlock. What comes again is merged
(writer_merge.py). Small batches share a commit (writer_group.py). Values that Postgres refuses cost their own record,
never the batch.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
import psycopg

from tracestore import db, writer_other, writer_scores, writer_spans
from tracestore.db import Unavailable
from tracestore.records import Batch, Receipt
from tracestore.writer_known import KNOWN
from tracestore.writer_transaction import BAD_DATA, forget_days

__all__ = ["Unavailable", "write"]

TRIES = 4  # the first and three more, for deadlocks and serialisation failures
INVALID = "invalid_value"
EXPLANATION = {INVALID: "a value that the database cannot hold; check ids, numbers and characters of these records"}

CONTENTION = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
KINDS = {"traces": "spans", "logs": "logs", "metrics": "points", "feedback": "evaluations"}
Result = TypeVar("Result")


def _nothing() -> None: ...


def write(batch: Batch, packed: Callable[[], None] = _nothing) -> Receipt:
    """Stores a batch durably and tells what became of it: sent == accepted + deduplicated + sum(rejected).

    Returns after the commit. Raises Unavailable when the database is gone, stopped, full, read-only or too busy: nothing
    of the batch is lost by sending it again. packed: called when what remains is the transaction; once a try.
    """
    try:
        return _with_retries(lambda: _store(batch, packed))
    except BAD_DATA as error:
        return _write_apart(batch, error)


def _store(batch: Batch, packed: Callable[[], None]) -> Receipt:
    if batch.signal == "traces":
        return writer_spans.store(batch, packed)
    packed()
    return writer_scores.store(batch) if batch.signal == "feedback" else writer_other.store(batch)


def _with_retries(attempt: Callable[[], Receipt]) -> Receipt:
    for turn in range(1, TRIES):
        try:
            with _as_unavailable():
                return attempt()
        except CONTENTION:
            time.sleep(0.01 * turn)
    try:
        with _as_unavailable():
            return attempt()
    except CONTENTION as error:
        raise Unavailable("too many writers on the same records") from error


@contextmanager
def _as_unavailable() -> Iterator[None]:
    """Whatever the database answers that is neither the data's fault nor contention passes: try again later."""
    try:
        yield
    except (*BAD_DATA, *CONTENTION):
        raise
    except psycopg.errors.CheckViolation as error:
        forget_days()
        raise Unavailable("a day's partition was dropped meanwhile") from error
    except psycopg.Error as error:
        raise Unavailable(f"the database refused: {type(error).__name__}") from error


def _write_apart(batch: Batch, error: Exception) -> Receipt:
    """Halves the batch until the record at fault is alone, and rejects that one."""
    kind = KINDS[batch.signal]
    records = getattr(batch, kind)
    if len(records) <= 1:
        return _reject(batch, kind, error)
    half = len(records) // 2
    first = msgspec.structs.replace(batch, **{kind: records[:half], "sent": batch.sent - (len(records) - half)})
    second = msgspec.structs.replace(batch, **{kind: records[half:], "sent": len(records) - half, "rejected": {}})
    return _sum(write(first), write(second))


def _reject(batch: Batch, kind: str, error: Exception) -> Receipt:
    if not getattr(batch, kind):
        raise Unavailable(f"the database refused an empty batch: {type(error).__name__}") from error
    rejected = batch.rejected | {INVALID: batch.rejected.get(INVALID, 0) + 1}
    receipt = write(msgspec.structs.replace(batch, **{kind: [], "rejected": rejected}))
    return msgspec.structs.replace(receipt, message=f"{INVALID}: {EXPLANATION[INVALID]}")


def _sum(one: Receipt, other: Receipt) -> Receipt:
    reasons = one.rejected.keys() | other.rejected.keys()
    return Receipt(
        one.sent + other.sent,
        one.accepted + other.accepted,
        one.deduplicated + other.deduplicated,
        {reason: one.rejected.get(reason, 0) + other.rejected.get(reason, 0) for reason in sorted(reasons)},
        one.message or other.message,
    )


def forget() -> None:
    """Forgets what is known to be stored and closes idle connections (another database, a fork, a test)."""
    KNOWN.forget()
    forget_days()
    db.WRITES.close()
