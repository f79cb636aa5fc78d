"""After a fault: acked is within stored, stored within sent, nothing twice, and every derived number equals a naive recount."""

import time
import uuid
from collections.abc import Iterable

import psycopg

from tests.faults.load import Body, SentSpan, SpanKey, Traffic

SETTLE_TIMEOUT_S = 60


def check(connection: psycopg.Connection, traffic: Traffic) -> None:
    """All promises, for the traces of this traffic. connection: autocommit, to the stack's database."""
    acked = traffic.journal.acknowledged()
    stored = stored_spans(connection, traffic.bodies)
    keys = set(stored)
    assert len(keys) == len(stored), "a span is stored twice"
    assert _keys(traffic.bodies[number] for number in acked) <= keys, "an acknowledged span is lost"
    assert keys <= _keys(traffic.bodies[number] for number in traffic.attempted), "a span is stored that nobody sent"
    assert set(traffic.statuses) <= {200, 429, 502, 503, 504, 0}, traffic.statuses
    wait_until_settled(connection)
    check_derived(connection, traffic, keys)


def _keys(bodies: Iterable[Body]) -> set[SpanKey]:
    return {span.key for body in bodies for span in body.spans}


def stored_spans(connection: psycopg.Connection, bodies: list[Body]) -> list[SpanKey]:
    query = "SELECT trace_id, span_id FROM span WHERE trace_id = ANY(%s)"
    return [(trace_id.hex, span_id) for trace_id, span_id in connection.execute(query, [_trace_ids(bodies)])]


def _trace_ids(bodies: Iterable[Body]) -> list[uuid.UUID]:
    return [uuid.UUID(trace) for trace in sorted({span.key[0] for body in bodies for span in body.spans})]


def wait_until_settled(connection: psycopg.Connection) -> None:
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while connection.execute("SELECT 1 FROM settle_mark LIMIT 1").fetchone():
        assert time.monotonic() < deadline, "marks are left: settle does not catch up"
        time.sleep(0.1)


def check_derived(connection: psycopg.Connection, traffic: Traffic, stored: set[SpanKey]) -> None:
    """Each stored trace, summed by Python from what was sent, against its row."""
    expected: dict[str, list[SentSpan]] = {}
    for body in traffic.bodies:
        for span in body.spans:
            if span.key in stored:
                expected.setdefault(span.key[0], []).append(span)
    query = """
        SELECT trace_id, span_count, error_count, llm_calls, tool_calls, tool_errors, input_tokens, output_tokens
        FROM trace WHERE trace_id = ANY(%s)
    """
    found = {row[0].hex: row[1:] for row in connection.execute(query, [_trace_ids(traffic.bodies)])}
    assert found == {trace: _recounted(spans) for trace, spans in expected.items()}
    calls = connection.execute(
        "SELECT count(*) FROM llm_call WHERE billable AND call AND trace_id = ANY(%s)", [_trace_ids(traffic.bodies)]
    ).fetchone()
    assert calls == (sum(span.is_call for spans in expected.values() for span in spans),)


def _recounted(spans: list[SentSpan]) -> tuple[int | None, ...]:
    calls = [span for span in spans if span.is_call]
    tools = [span for span in spans if span.is_tool]
    return (
        len(spans),
        sum(span.failed for span in spans),
        len(calls),
        len(tools),
        sum(span.failed for span in tools),
        sum(span.input_tokens for span in calls),
        sum(span.output_tokens for span in calls),
    )


def check_ledger(connection: psycopg.Connection) -> None:
    """sent = accepted + deduplicated + rejected, and what the ledger accepted is exactly what is stored."""
    query = """
        SELECT coalesce(sum(sent), 0)::bigint, coalesce(sum(accepted), 0)::bigint, coalesce(sum(deduplicated), 0)::bigint
        FROM (
            SELECT sent, accepted, deduplicated FROM ingest_ledger WHERE signal = 'traces'
            UNION ALL
            SELECT sent, accepted, deduplicated FROM ledger_minute WHERE signal = 'traces'
        ) AS lines
    """
    row = connection.execute(query).fetchone()
    assert row is not None
    sent, accepted, deduplicated = row
    assert sent == accepted + deduplicated
    assert connection.execute("SELECT count(*) FROM span").fetchone() == (accepted,)
