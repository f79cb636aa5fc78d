"""A newer mapping run over stored spans gives what a fresh ingest would have given."""

import msgspec
import pytest

from ingest.conventions import MAPPING_VERSION, normalise
from tests.builders import NOW, NOW_NS
from tests.captures import NAMES, newest_ns, spans
from tests.conftest import Database
from tests.store.state import derived, stored
from tests.store.test_rollups import fill_all
from tests.store.test_settle import settle
from tracestore import db, writer
from tracestore.jobs import renormalise
from tracestore.records import Batch, Provenance, RawSpan, Span

SHIFT = NOW_NS - newest_ns()


def ignorant(raw: RawSpan) -> Span:
    """A mapping that knows nothing but failures: an older version."""
    known = normalise(raw)
    return Span(raw, "other", known.status, "somebody", provenance=Provenance(5, 1, (("operation", "rule:none"),)))


def sent() -> list[RawSpan]:
    """What real emitters sent, moved to today; of each span one record."""
    found = {}
    for name in NAMES:
        for raw in spans(name):
            moved = msgspec.structs.replace(raw, start_ns=raw.start_ns + SHIFT, end_ns=raw.end_ns + SHIFT)
            found[raw.trace_id, raw.span_id] = moved
    return list(found.values())


def ingest(project: int, understood: list[Span]) -> None:
    for start in range(0, len(understood), 200):
        batch = understood[start : start + 200]
        writer.write(Batch(project, "traces", NOW_NS, len(batch), spans=batch))


@pytest.mark.timeout(240)
def test_old_spans_become_what_they_would_be_had_they_come_today(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renormalise, "AT_ONCE", 70)  # traces end in the middle of a transaction
    raws = sent()
    ingest(1, [ignorant(raw) for raw in raws])
    settle()
    done = renormalise.run(NOW, 1, normalise, MAPPING_VERSION)
    assert (done.read, done.written, done.lost) == (len(raws), len(raws), 0)
    ingest(2, [normalise(raw) for raw in raws])
    renormalise.run(NOW, 2, normalise, MAPPING_VERSION, every=True)  # prices it, and changes nothing else
    settle()
    assert stored(1) == stored(2)
    assert derived(1) == derived(2)
    assert renormalise.run(NOW, 1, normalise, MAPPING_VERSION).read == 0
    with db.JOBS.connection() as connection:
        lost = connection.execute(
            "SELECT count(*) FROM span WHERE NOT EXISTS (SELECT FROM span_payload AS block"
            " WHERE block.project = span.project AND block.day = span.day AND block.block_id = span.block_id)"
        ).fetchone()
        assert lost == (0,)
        for project in (1, 2):
            fill_all(connection, project)


def test_spans_without_a_payload_stay_as_they_are(database: Database) -> None:
    raw = sent()[0]
    ingest(1, [ignorant(raw)])
    with db.JOBS.connection() as connection:
        connection.execute("DELETE FROM span_payload")
    before = stored(1)
    assert renormalise.run(NOW, 1, normalise, MAPPING_VERSION) == renormalise.Summary(1, 0, 1)
    assert stored(1) == before
