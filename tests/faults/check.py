"""After a fault: acked is within stored, stored within sent, nothing twice, and every derived number equals a naive recount."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable

import psycopg
from psycopg import sql

from tests.faults.load import Body, SentSpan, SpanKey, Traffic

SETTLE_TIMEOUT_S = 120
SLOWEST_ANSWER_S = 15.0
RETRYABLE = {503, 0}  # 0: no answer came


def check(connection: psycopg.Connection, traffic: Traffic, slowest_s: float = SLOWEST_ANSWER_S) -> None:
    """All promises, for the traces of this traffic, which has stopped. connection: autocommit, to the stack's database."""
    check_answers(traffic, slowest_s)
    stored = check_stored(connection, traffic)
    wait_until_settled(connection)
    check_derived(connection, traffic, stored)
    check_ledger(connection)


def check_answers(traffic: Traffic, slowest_s: float = SLOWEST_ANSWER_S) -> None:
    """Acknowledged, or told when to come again: 503 with Retry-After, UNAVAILABLE with RetryInfo. In time, too."""
    assert set(traffic.statuses) <= {200, *RETRYABLE}, traffic.state()
    silent = [answer for answer in traffic.refusals if not answer.told_when]
    assert not silent, f"{len(silent)} refusals do not say when to come again: {silent[:2]}"
    assert traffic.longest_s < slowest_s, f"a request waited {traffic.longest_s:.1f} s"


def check_stored(connection: psycopg.Connection, traffic: Traffic) -> set[SpanKey]:
    bodies = traffic.bodies.drawn
    stored = stored_spans(connection, bodies)
    keys = set(stored)
    assert len(keys) == len(stored), "a span is stored twice"
    lost = _keys(bodies[number] for number in traffic.journal.acknowledged()) - keys
    assert not lost, f"{len(lost)} acknowledged spans are lost"
    invented = keys - _keys(bodies[number] for number in traffic.attempted)
    assert not invented, f"{len(invented)} spans are stored that nobody sent"
    return keys


def _keys(bodies: Iterable[Body]) -> set[SpanKey]:
    return {span.key for body in bodies for span in body.spans}


def stored_spans(connection: psycopg.Connection, bodies: Iterable[Body]) -> list[SpanKey]:
    query = "SELECT trace_id, span_id FROM span WHERE trace_id = ANY(%s)"
    return [(trace_id.hex, span_id) for trace_id, span_id in connection.execute(query, [_trace_ids(bodies)])]


def _trace_ids(bodies: Iterable[Body]) -> list[uuid.UUID]:
    return [uuid.UUID(trace) for trace in sorted({span.key[0] for body in bodies for span in body.spans})]


def wait_until_settled(connection: psycopg.Connection) -> None:
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while connection.execute("SELECT 1 FROM settle_mark LIMIT 1").fetchone():
        assert time.monotonic() < deadline, "marks are left: settle does not catch up"
        time.sleep(0.1)


TRACES = """
SELECT trace_id, span_count, error_count, llm_calls, tool_calls, tool_errors, input_tokens, output_tokens, cost_nanousd
FROM trace WHERE trace_id = ANY(%s)
"""
CALLS = """
SELECT count(*), sum(input_tokens), sum(output_tokens), sum(cost_nanousd)
FROM llm_call WHERE billable AND call AND trace_id = ANY(%s)
"""


def check_derived(connection: psycopg.Connection, traffic: Traffic, stored: set[SpanKey]) -> None:
    """Each stored trace, summed by Python from what was sent, against its row. Cost: summed from the stored spans."""
    sent: dict[str, list[SentSpan]] = {}
    for body in traffic.bodies.drawn:
        for span in body.spans:
            if span.key in stored:
                sent.setdefault(span.key[0], []).append(span)
    traces = _trace_ids(traffic.bodies.drawn)
    costs = _costs(connection, traces)
    expected = {trace: _recounted(spans, costs) for trace, spans in sent.items()}
    found = {row[0].hex: tuple(row[1:]) for row in connection.execute(TRACES, [traces])}
    wrong = {trace: (found.get(trace), row) for trace, row in expected.items() if found.get(trace) != row}
    assert not wrong, (
        f"{len(wrong)} traces are not what their spans come to (found, expected): {list(wrong.items())[:2]}"
    )
    assert found.keys() == expected.keys(), "a trace without spans"
    totals = [sum(row[column] or 0 for row in expected.values()) for column in (2, 5, 6, 7)]
    assert list(map(int, connection.execute(CALLS, [traces]).fetchone() or ())) == totals


def _costs(connection: psycopg.Connection, traces: list[uuid.UUID]) -> dict[SpanKey, int]:
    query = "SELECT trace_id, span_id, cost_nanousd FROM span WHERE trace_id = ANY(%s) AND cost_nanousd IS NOT NULL"
    return {(trace_id.hex, span_id): cost for trace_id, span_id, cost in connection.execute(query, [traces])}


def _recounted(spans: list[SentSpan], costs: dict[SpanKey, int]) -> tuple[int | None, ...]:
    calls = [span for span in spans if span.is_call]
    tools = [span for span in spans if span.is_tool]
    priced = [costs[span.key] for span in calls if span.key in costs]
    return (
        len(spans),
        sum(span.failed for span in spans),
        len(calls),
        len(tools),
        sum(span.failed for span in tools),
        sum(span.input_tokens for span in calls),
        sum(span.output_tokens for span in calls),
        sum(priced) if priced else None,
    )


DERIVED = "trace llm_call tool_call request_rollup call_rollup tool_rollup usage_rollup".split()
BY_ARRIVAL = {"settled_ns", "received_ns", "complete_from_ns"}


def check_rebuild(connection: psycopg.Connection, rebuild: Callable[[], object]) -> None:
    """What was derived while everything broke is what `manage.py rebuild` makes of the spans now."""
    before = _derived(connection)
    rebuild()
    wait_until_settled(connection)
    after = _derived(connection)
    assert not [table for table in before if before[table] != after[table]]


def _derived(connection: psycopg.Connection) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for table in DERIVED:
        if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() != (None,):
            cursor = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            kept = [n for n, column in enumerate(cursor.description or ()) if column.name not in BY_ARRIVAL]
            found[table] = Counter(repr([row[n] for n in kept]) for row in cursor)
    return found


LEDGER = """
SELECT coalesce(sum(sent), 0)::bigint, coalesce(sum(accepted), 0)::bigint, coalesce(sum(deduplicated), 0)::bigint,
  coalesce(sum((SELECT sum(value::bigint) FROM jsonb_each_text(coalesce(rejected, '{}')))), 0)::bigint
FROM (
  SELECT sent, accepted, deduplicated, rejected FROM ingest_ledger WHERE signal = 'traces'
  UNION ALL
  SELECT sent, accepted, deduplicated, rejected FROM ledger_minute WHERE signal = 'traces'
) AS lines
"""


def check_ledger(connection: psycopg.Connection) -> None:
    """sent = accepted + deduplicated + rejected, and what the ledger accepted is exactly what is stored."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute(LEDGER).fetchone()
        spans = connection.execute("SELECT count(*) FROM span").fetchone()
    assert row is not None
    sent, accepted, deduplicated, rejected = row
    assert sent == accepted + deduplicated + rejected, row
    assert spans == (accepted,)
