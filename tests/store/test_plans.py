"""The statements that settling and reading payloads live from use their index and touch the days they name only."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import NOW, span, store, trace_id
from tests.conftest import Database
from tracestore import db, settling_reads
from tracestore.queries import payloads
from tracestore.records import TOOL_EXECUTION
from tracestore.settling import DELETES

TRACES = [trace_id(n) for n in range(1, 50)]
TODAY, YESTERDAY = NOW.date(), NOW.date() - timedelta(days=1)
BASE = {"project": 1, "traces": TRACES, "first": YESTERDAY, "last": TODAY}
BLOCKS = {"project": 1, "days": [TODAY] * 3, "traces": TRACES[:3], "blocks": [1, 2, 3]}

CASES: list[tuple[str, dict[str, Any], int]] = [
    (settling_reads.SPANS, BASE, 2),
    (settling_reads.FORMER, BASE, 2),
    (settling_reads.BODIES, BLOCKS, 1),
    (payloads.BLOCKS, BLOCKS, 1),
    (payloads.MESSAGES, {"project": 1, "days": [TODAY], "hashes": TRACES}, 1),
    *((delete, BASE, 2) for delete in DELETES),
]


def explain(query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The scans of a plan."""
    with db.JOBS.connection() as connection:
        connection.execute("SET plan_cache_mode = force_custom_plan")
        row = connection.execute("EXPLAIN (FORMAT JSON) " + query, parameters).fetchone()
    assert row is not None
    return list(_scans(row[0][0]["Plan"]))


def _scans(node: dict[str, Any]) -> Any:
    if "Relation Name" in node or "Index Name" in node:
        yield node
    for child in node.get("Plans", ()):
        yield from _scans(child)


@pytest.fixture
def filled(database: Database) -> Database:
    spans = [
        span(trace_id(n), model="m", response_id=f"r{n}", attributes={"a": f"text {n} " * 100}, at=-86_400 * (n % 3))
        for n in range(1, 3_000)
    ]
    spans += [span(trace_id(n), operation="tool", flags=TOOL_EXECUTION, at=-86_400 * (n % 3)) for n in range(1, 3_000)]
    store(1, spans)
    with db.JOBS.connection() as connection:
        connection.execute("ANALYZE")
    return database


def test_hot_statements_use_an_index_within_their_days(filled: Database) -> None:
    for query, parameters, most_days in CASES:
        scans = explain(query, parameters)
        relations = {
            scan["Relation Name"] for scan in scans if "Relation Name" in scan and "_20" in scan["Relation Name"]
        }
        assert 0 < len(relations) <= most_days, (query, relations)
        assert not [scan for scan in scans if scan["Node Type"] == "Seq Scan" and "_20" in scan["Relation Name"]], query


def test_the_traces_row_is_found_by_its_key_in_any_partition(filled: Database) -> None:
    scans = explain(settling_reads.BEFORE, {"project": 1, "traces": TRACES[:5]})
    assert {scan["Node Type"] for scan in scans} <= {"Index Scan", "Bitmap Heap Scan", "Bitmap Index Scan", "Seq Scan"}
    full = {f"trace_{TODAY - timedelta(days=n):%Y%m%d}" for n in range(3)}
    assert not [scan for scan in scans if scan["Node Type"] == "Seq Scan" and scan["Relation Name"] in full]


def test_twins_are_sought_by_response_key_within_their_days(filled: Database) -> None:
    where = {(5, 0, 10, 100, 102)}
    with db.JOBS.connection() as connection:
        assert settling_reads.read_twins(connection, 1, where) == set()
    keys = {"project": 1, "keys": [5], "starts": [0], "ends": [10], "firsts": [YESTERDAY], "lasts": [TODAY]}
    scans = explain(settling_reads.TWINS, keys)
    full = {f"llm_call_{TODAY - timedelta(days=n):%Y%m%d}" for n in range(3)}
    assert not [scan for scan in scans if scan["Node Type"] == "Seq Scan" and scan.get("Relation Name") in full]
