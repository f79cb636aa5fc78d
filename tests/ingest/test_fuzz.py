"""Whatever is sent: decode raises Rejected and nothing else, and all that it accepts is understood, packed and stored.

20 000 requests in all, made from what real SDKs sent and from scratch; FUZZ_TIMES=50 tries 50 times as many.
"""

import json
import os
import random
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest import receive
from ingest.auth import ProjectContext
from ingest.build import Decoded
from ingest.decode import JSON, decode
from ingest.errors import FATES, Rejected
from ingest.redact import Redactor
from tests.ingest.bodies import NOW_NS
from tests.ingest.checks import check_records
from tests.ingest.strategies import (
    KINDS,
    PROTOBUF,
    SIGNALS,
    as_json,
    as_protobuf,
    hostile_text,
    mutants,
    mutated,
    recorded,
    spoiled,
    trees,
)
from tracestore import db, writer
from tracestore.analysis.pricing import PriceBook
from tracestore.jobs import traces
from tracestore.records import Batch

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
SHARDS, MUTANTS = 3, 4_000  # requests of real SDKs, changed
TREES, OF_A_TREE = 300, 9  # of each signal: both encodings, each of them changed, and five trees with a wrong value
JUNK = 300
TOGETHER = 1_000  # records written at a time

FUZZ = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def test_it_is_20_000_requests():
    assert SHARDS * MUTANTS + len(SIGNALS) * TREES * OF_A_TREE + 2 * JUNK >= 20_000


class Store:
    """Everything that was accepted goes through meaning, price and the real writer, many requests at a time."""

    def __init__(self, project: ProjectContext) -> None:
        self.project = project
        self.outcomes: Counter[str] = Counter()
        self.refused: tuple[Rejected, bytes] | None = None  # the latest
        self._pending: dict[str, list] = {signal: [] for signal in SIGNALS}
        self._prices: dict = {}

    def receive(self, signal: str, kind: str, body: bytes) -> Decoded | None:
        try:
            decoded = decode(signal, body, kind, NOW_NS)
            check_records(decoded)
            self._understand(signal, decoded)
        except Rejected as refused:
            self.outcomes[refused.reason] += 1
            self.refused = (refused, body)
            return None
        except BaseException as error:
            error.add_note(f"{signal} {kind} {body!r}")
            raise
        self.outcomes["accepted"] += 1
        return decoded

    def _understand(self, signal: str, decoded: Decoded) -> None:
        pending, redactor = self._pending[signal], self.project.redactor
        pending += [receive.span_of(raw, self.project, self._prices) for raw in decoded.spans]
        pending += [receive.log_of(record, redactor) for record in decoded.logs]
        pending += [receive.point_of(point, redactor) for point in decoded.points]
        if len(pending) >= TOGETHER:
            self.write(signal)

    def write(self, signal: str) -> None:
        """Postgres takes every one of them: not a single value is refused."""
        pending, self._pending[signal] = self._pending[signal], []
        made = Batch(
            project_id=self.project.project_id,
            signal=signal,
            received_ns=time.time_ns(),
            sent=len(pending),
            **{writer.KINDS[signal]: pending},
            prices=self._prices,
        )
        receipt = writer.write(made)
        assert not receipt.rejected, (signal, receipt)
        assert receipt.accepted + receipt.deduplicated == len(pending)
        self.outcomes[f"{signal} stored"] += receipt.accepted

    def finish(self) -> Counter[str]:
        for signal in SIGNALS:
            self.write(signal)
        traces.run(datetime.now(UTC))
        with db.READS.connection() as connection:
            spans = connection.execute("SELECT count(*) FROM span").fetchone()
            settled = connection.execute("SELECT coalesce(sum(span_count), 0) FROM trace").fetchone()
        assert spans == (self.outcomes["traces stored"],)
        assert settled[0] >= 0.9 * spans[0]  # a record stored under two days is one span
        print(dict(self.outcomes))
        return self.outcomes


@pytest.fixture
def store(database):
    from tracestore.models import Project

    writer.forget()
    made = Project.objects.create(slug="shop", name="Shop")
    return Store(ProjectContext(made.id, None, Redactor.from_rules([]), PriceBook.for_project([])))


@pytest.mark.timeout(120 * TIMES)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_sdks_sent_and_then_was_changed(store, shard):
    for signal, kind, body in mutants(recorded(), MUTANTS * TIMES, shard):
        store.receive(signal, kind, body)
    outcomes = store.finish()
    assert sum(outcomes[reason] for reason in ("accepted", *FATES)) == MUTANTS * TIMES
    assert outcomes["accepted"] > 0.2 * MUTANTS * TIMES, outcomes
    assert all(outcomes[f"{signal} stored"] > 20 for signal in SIGNALS), outcomes


@pytest.mark.timeout(120 * TIMES)
@pytest.mark.parametrize("signal", SIGNALS)
def test_any_request_of_a_signal_is_the_same_in_both_encodings(store, signal):
    tried = Counter()

    @settings(FUZZ, max_examples=TREES * TIMES)
    @given(trees[signal], st.integers(0, 2**32))
    def ask(tree, seed):
        bodies = {JSON: as_json(tree), PROTOBUF: as_protobuf(signal, tree)}
        one, two = (store.receive(signal, kind, body) for kind, body in bodies.items())
        assert one is not None and two is not None, store.refused
        assert (one.sent, one.rejected) == (two.sent, two.rejected)
        for name in ("spans", "logs", "points"):
            assert repr(getattr(one, name)) == repr(getattr(two, name))
        chance = random.Random(seed)
        for kind, body in bodies.items():
            store.receive(signal, kind, mutated(body, chance))
        for _ in range(5):
            store.receive(signal, JSON, as_json(spoiled(tree, chance)))
        tried["requests"] += OF_A_TREE

    ask()
    assert tried["requests"] >= OF_A_TREE * TREES * TIMES
    assert store.finish()[f"{signal} stored"] > 20  # of mutants, chance decides


OTLP_KEYS = "resourceSpans scopeSpans spans traceId attributes key value stringValue intValue events"
json_things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_text.filter(lambda text: text.isprintable()),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(OTLP_KEYS.split(" ")), inner, max_size=4)
    ),
    max_leaves=20,
)
junk = st.tuples(st.sampled_from(SIGNALS), st.sampled_from(KINDS), st.binary(max_size=300)) | st.tuples(
    st.sampled_from(SIGNALS), st.just(JSON), json_things.map(lambda thing: json.dumps(thing).encode())
)


@settings(FUZZ, max_examples=2 * JUNK * TIMES)
@given(junk)
def test_what_is_not_otlp_is_read_or_refused(sent):
    signal, kind, body = sent
    try:
        check_records(decode(signal, body, kind, NOW_NS))
    except Rejected:
        return
