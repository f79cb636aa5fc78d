"""How do evaluations become durable? Each once: by the id its sender gave, else by the record that brought it.

Stored in the transaction of the spans or log records that carry them, or in one of their own (feedback). What one is about
is marked for settling, whether its spans are here already or come later.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tracestore.analysis.evaluations import hash_of
from tracestore.partitions import date_of
from tracestore.records import CLOCK_SUSPECT, Batch, Evaluation, Receipt
from tracestore.writer_arrays import UuidArray
from tracestore.writer_rows import Days, PackedSpan
from tracestore.writer_transaction import Transaction, stored_days, transaction


class _Stored(NamedTuple):
    """day: negative where the time is not plausible. carrier: (span, hash of its record) that brings it."""

    day: int
    hash: bytes
    evaluation: Evaluation
    received_ns: int
    carrier: tuple[int | None, int | None]

    @property
    def key(self) -> tuple[int, bytes]:
        return (abs(self.day), self.hash)

    @property
    def order(self) -> tuple[int, int]:
        return (self.evaluation.time_ns, self.evaluation.digest)

    @property
    def subject(self) -> bytes:
        return self.evaluation.trace_id or self.hash


def days_of(batch: Batch) -> Days:
    """Which day an evaluation is stored under. To be asked before the transaction begins: it may need a connection."""
    return Days(batch.received_ns, batch.score_days, stored_days())


def store(batch: Batch) -> Receipt:
    """A batch of feedback, in a transaction of its own. accepted: new, or newer than what was there."""
    days = days_of(batch)
    with transaction(batch.project_id) as current:
        accepted = store_given(current, batch, batch.evaluations, days)
    return Receipt(batch.sent, accepted, len(batch.evaluations) - accepted, batch.rejected)


def store_given(current: Transaction, batch: Batch, evaluations: Sequence[Evaluation], days: Days) -> int:
    """Those that came by themselves; what they are about is marked. Returns how many are new or changed."""
    given = [_Stored(days.of(one.time_ns), one.hash, one, batch.received_ns, (None, None)) for one in evaluations]
    if not given:
        return 0
    stored = _insert(current, given)
    _mark(current, given, batch.received_ns)
    return stored


def store_carried(current: Transaction, spans: Iterable[tuple[int, PackedSpan]]) -> None:
    """Those that spans carry; their traces are marked as it is. spans: with the time of receipt."""
    carried = [
        _Stored(day, hash_of(*span.key[1:], span.order[2], n), one, received_ns, (span.key[2], span.order[2]))
        for received_ns, span in spans
        for n, (day, one) in enumerate(span.evaluations)
    ]
    if carried:
        _insert(current, carried)


# One that comes again with something else to say replaces what was said before it.
INSERT = """
INSERT INTO evaluation AS kept (project, day, hash, subject, trace_id, span_id, carrier_id, record_hash,
  digest, time_ns, received_ns, score, flags, passed, name, source, label, adoption, comment, user_id, response_id)
SELECT %(project)s, day, hash, subject, CASE WHEN traced THEN subject END, span_id, carrier_id, record_hash,
  digest, time_ns, received_ns, score, flags, passed, name, source, label, adoption, comment, user_id, response_id
FROM unnest(%(days)s::date[], %(hashes)s::uuid[], %(subjects)s::uuid[], %(traced)s::boolean[], %(spans)s::bigint[],
  %(carriers)s::bigint[], %(records)s::bigint[], %(digests)s::bigint[], %(times)s::bigint[], %(received)s::bigint[],
  %(scores)s::float8[], %(flags)s::integer[], %(passed)s::boolean[], %(names)s::text[], %(sources)s::text[],
  %(labels)s::text[], %(adoptions)s::text[], %(comments)s::text[], %(users)s::text[], %(responses)s::text[])
  AS given (day, hash, subject, traced, span_id, carrier_id, record_hash, digest, time_ns, received_ns, score, flags, passed, name,
    source, label, adoption, comment, user_id, response_id)
ORDER BY day, hash
ON CONFLICT (project, day, hash) DO UPDATE SET
  digest = excluded.digest, time_ns = excluded.time_ns, received_ns = excluded.received_ns, score = excluded.score,
  flags = excluded.flags, passed = excluded.passed, name = excluded.name, source = excluded.source,
  label = excluded.label, adoption = excluded.adoption, comment = excluded.comment, user_id = excluded.user_id,
  span_id = excluded.span_id, response_id = excluded.response_id
WHERE excluded.digest <> kept.digest AND (excluded.time_ns, excluded.digest) > (kept.time_ns, kept.digest)
"""


DAYS = """
INSERT INTO evaluation_day (project, subject, day)
SELECT DISTINCT %(project)s, subject, day FROM unnest(%(subjects)s::uuid[], %(days)s::date[]) AS given (subject, day)
ORDER BY subject, day
ON CONFLICT DO NOTHING
"""


def _insert(current: Transaction, given: Iterable[_Stored]) -> int:
    best: dict[tuple[int, bytes], _Stored] = {}
    for one in given:
        other = best.setdefault(one.key, one)
        if one.order > other.order:
            best[one.key] = one
    rows = [best[key] for key in sorted(best)]
    said = [row.evaluation for row in rows]
    parameters = {
        "project": current.project_id,
        "days": [date_of(abs(row.day)) for row in rows],
        "hashes": UuidArray([row.hash for row in rows]),
        "subjects": UuidArray([row.subject for row in rows]),
        "traced": [one.trace_id is not None for one in said],
        "spans": [one.span_id for one in said],
        "carriers": [row.carrier[0] for row in rows],
        "records": [row.carrier[1] for row in rows],
        "digests": [one.digest for one in said],
        "times": [one.time_ns for one in said],
        "received": [row.received_ns for row in rows],
        "scores": [one.score for one in said],
        "flags": [CLOCK_SUSPECT if row.day < 0 else 0 for row in rows],
        "passed": [one.passed for one in said],
        "names": [one.name for one in said],
        "sources": [one.source for one in said],
        "labels": [one.label for one in said],
        "adoptions": [one.adoption for one in said],
        "comments": [one.comment for one in said],
        "users": [one.user_id for one in said],
        "responses": [one.response_id for one in said],
    }
    stored = current.connection.execute(INSERT, parameters).rowcount
    current.connection.execute(DAYS, {name: parameters[name] for name in ("project", "subjects", "days")})
    return stored


MARK = """
INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
SELECT %(project)s, subject, day, day, 0, %(marked_ns)s
FROM unnest(%(subjects)s::uuid[], %(days)s::date[]) AS given (subject, day)
"""


def _mark(current: Transaction, given: Iterable[_Stored], marked_ns: int) -> None:
    days = {row.subject: abs(row.day) for row in given}
    parameters = {
        "project": current.project_id,
        "subjects": UuidArray(list(days)),
        "days": [date_of(day) for day in days.values()],
        "marked_ns": marked_ns,
    }
    current.connection.execute(MARK, parameters)
