"""Logs and metric points: stored once, counted, references and series first."""

from hashlib import blake2b
from typing import Any

import msgspec

from tests.builders import NOW_NS, SECOND
from tests.conftest import Database
from tests.store.state import count, ledger, rows
from tracestore import db, writer
from tracestore.payload import decode_value
from tracestore.records import Batch, Exemplar, LogRecord, MetricPoint, Receipt, Resource, Scope

RESOURCE = Resource(21, {"service.name": "shop"})
SCOPE = Scope(22, "tests", "1", {})


def log(text: Any = "it happened", **fields: Any) -> LogRecord:
    known: dict[str, Any] = {
        "hash": blake2b(repr((text, fields)).encode(), digest_size=16).digest(),
        "time_ns": NOW_NS,
        "observed_ns": NOW_NS,
        "trace_id": None,
        "span_id": None,
        "severity": 9,
        "severity_text": "INFO",
        "event_name": "",
        "body": text,
        "attributes": {"k": 1},
        "resource": RESOURCE,
        "scope": SCOPE,
    }
    return LogRecord(**known | fields)


def point(value: float | None = 1.0, at: int = 0, name: str = "requests", **fields: Any) -> MetricPoint:
    known: dict[str, Any] = {
        "series": blake2b(name.encode(), digest_size=16).digest(),
        "name": name,
        "description": "",
        "unit": "1",
        "kind": "sum",
        "temporality": 2,
        "monotonic": True,
        "attributes": {"route": "/", "raw": b"\x01"},
        "resource": RESOURCE,
        "scope": SCOPE,
        "start_ns": NOW_NS - 60 * SECOND,
        "time_ns": NOW_NS + at * SECOND,
        "value": value,
    }
    return MetricPoint(**known | fields)


def write_logs(*logs: LogRecord) -> Receipt:
    return writer.write(Batch(1, "logs", NOW_NS, len(logs), logs=list(logs)))


def write_points(*points: MetricPoint, project: int = 1) -> Receipt:
    return writer.write(Batch(project, "metrics", NOW_NS, len(points), points=list(points)))


def test_a_log_is_stored_once(database: Database) -> None:
    assert write_logs(log("a"), log("b"), log("a")) == Receipt(3, 2, 1)
    assert write_logs(log("b"), log("c")) == Receipt(2, 1, 1)
    assert (count("log_record"), count("reference")) == (3, 2)
    assert ledger() == (5, 3, 2, 0)


def test_a_log_comes_back_with_its_types(database: Database) -> None:
    write_logs(log({"nested": [1, 1.5, None]}, trace_id=b"t" * 16, span_id=-5, environment="prod"))
    with db.JOBS.connection() as connection:
        row = connection.execute("SELECT body, body_text, span_id, environment, service FROM log_record").fetchone()
    assert row is not None
    assert decode_value(row[0])[:2] == [{"nested": [1, 1.5, None]}, {"k": 1}]
    assert row[1:] == ('{"nested": [1, 1.5, null]}', -5, "prod", "unknown_service")


def test_a_bad_log_costs_only_itself(database: Database) -> None:
    receipt = write_logs(log("a"), log("b", severity_text="\x00"), log("c"))
    assert (receipt.accepted, receipt.rejected) == (2, {"invalid_value": 1})


def test_points_that_come_again_fold_and_the_larger_value_stays(database: Database) -> None:
    assert write_points(point(1), point(2, at=1)) == Receipt(2, 2, 0)
    assert write_points(point(1), point(3, at=2)) == Receipt(2, 1, 1)
    assert write_points(point(5), point(4)) == Receipt(2, 0, 2)
    assert write_points(point(2)) == Receipt(1, 0, 1)
    with db.JOBS.connection() as connection:
        values = connection.execute("SELECT value FROM metric_point ORDER BY time_ns").fetchall()
    assert values == [(5.0,), (2.0,), (3.0,)]
    assert count("metric_series") == 1
    write_points(point(2), point(5), point(1), point(2, at=1), point(3, at=2), project=2)
    assert rows("metric_point", 1) == rows("metric_point", 2)


def test_histograms_and_exemplars_are_kept(database: Database) -> None:
    body = {"count": 3, "sum": 1.5, "explicit_bounds": [1.0], "bucket_counts": [2, 1]}
    exemplar = Exemplar(NOW_NS, 0.5, b"t" * 16, 7, {"user": "u"})
    histogram = point(None, name="latency", kind="histogram", body=body, exemplars=(exemplar, exemplar))
    assert write_points(histogram, msgspec.structs.replace(histogram, exemplars=())).deduplicated == 1
    with db.JOBS.connection() as connection:
        row = connection.execute("SELECT body FROM metric_point").fetchone()
    assert row is not None
    assert decode_value(row[0]) == body
    assert count("metric_exemplar") == 1
