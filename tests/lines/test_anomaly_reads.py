"""Anomalies out of the sums of hours: found, explained, under a filter, and of nobody else's project."""

from typing import Any

from tests.builders import NOW_NS, SECOND
from tests.conftest import Database
from tests.rows import insert
from tracestore.analysis import histogram
from tracestore.analysis.filters import parse
from tracestore.queries.anomalies import find_anomalies

HOUR_S = 3_600
NOW_S = NOW_NS // SECOND // HOUR_S * HOUR_S
WEEKS = 4


def hour_of(table: str, start_s: int, project: int = 1, **fields: Any) -> dict[str, Any]:
    return {"project": project, "grain_s": HOUR_S, "start_s": start_s, "service": "shop", **fields}


def lived(dear_at: int) -> None:
    """A request costs a cent on the small model; in one hour most of them ran on the large one, ten times the price."""
    requests, calls = [], []
    for place in range(WEEKS * 168):
        at = NOW_S - (place + 1) * HOUR_S
        n = 100 + place % 7
        large = 60 if at == dear_at else 0
        cost = (n - large) * 10_000_000 + large * 100_000_000
        cells = histogram.pack({histogram.bucket_of(10_000_000): n - large, histogram.bucket_of(100_000_000): large})
        requests.append(hour_of("request_rollup", at, requests=n, cost_nanousd=cost, cost=cells, llm_calls=n))
        for model, count, price in (("small", n - large, 10_000_000), ("large", large, 100_000_000)):
            if count:
                spent = {"cost_nanousd": count * price, "input_tokens": 900 * count, "output_tokens": 100 * count}
                calls.append(hour_of("call_rollup", at, model=model, calls=count, **spent))
    insert("request_rollup", requests)
    insert("call_rollup", calls)


def test_a_dear_hour_is_found_and_told_why(database: Database) -> None:
    dear_at = NOW_S - 20 * HOUR_S
    lived(dear_at)
    found = find_anomalies(1, (NOW_S - 48 * HOUR_S) * SECOND, NOW_NS, now_ns=NOW_NS)
    (one,) = [told for told in found.found if told.anomaly.member == "cost_per_hour"]
    assert one.anomaly.start_s == dear_at
    assert 6 < one.anomaly.value / one.anomaly.expected < 7
    assert one.anomaly.weeks == 3
    assert one.dearer == (("shop / large", 60 * 100_000_000),)
    assert one.parts is not None
    assert one.parts.mix > 0.9 * one.parts.change > 0
    assert found.learning == ["latency_p95"], "no request says how long it took"
    narrowed = find_anomalies(1, (NOW_S - 48 * HOUR_S) * SECOND, NOW_NS, parse("service:other"), now_ns=NOW_NS)
    assert narrowed.found == []
    assert find_anomalies(2, (NOW_S - 48 * HOUR_S) * SECOND, NOW_NS, now_ns=NOW_NS).found == []
    assert find_anomalies(1, NOW_NS, NOW_NS + SECOND, now_ns=NOW_NS).found == [], "no hour of it is over"
