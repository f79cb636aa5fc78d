"""Only a model that has no price is called unpriced."""

from typing import Any

from tests.builders import NOW, NOW_NS, SECOND, span
from tests.conftest import Database
from tracestore import writer
from tracestore.jobs import traces as settle_job
from tracestore.queries.usage import unpriced_models, usage
from tracestore.records import Batch

HOUR = 3600 * SECOND


def test_calls_whose_tokens_or_model_are_unknown_are_not_of_an_unpriced_model(database: Database) -> None:
    cases: list[dict[str, Any]] = [
        {"operation": "chat", "model": "house-model", "input_tokens": 10, "output_tokens": 2},
        {"operation": "embedding", "model": "house-embedder", "input_tokens": 10},
        {"operation": "chat", "model": "only-input", "input_tokens": 10},
        {"operation": "chat", "model": "no-tokens"},
        {"operation": "embedding", "model": "no-tokens"},
        {"operation": "chat", "input_tokens": 10, "output_tokens": 2},
        {"operation": "agent", "model": "wrapper", "input_tokens": 10, "output_tokens": 2},
        {"operation": "chat", "model": "priced", "input_tokens": 10, "output_tokens": 2, "cost_nanousd": 5},
    ]
    spans = [span(f"{number:032x}", **case) for number, case in enumerate(cases, 1)]
    writer.write(Batch(1, "traces", NOW_NS, len(spans), spans=spans))
    settle_job.run(NOW)
    assert sorted(unpriced_models(1, NOW_NS - HOUR)) == [("house-embedder", 1), ("house-model", 1)]
    (found,) = usage(1, NOW_NS - HOUR, NOW_NS + HOUR)
    assert (found.unpriced_calls, found.cost_nanousd) == (4, 5)
