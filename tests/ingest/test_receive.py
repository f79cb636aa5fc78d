"""The whole path into real Postgres: what is acknowledged is there, and the numbers always add up."""

import json
import time
from types import SimpleNamespace

import pytest

from ingest import auth, receive, refusals
from ingest.decode import JSON, PROTOBUF
from ingest.redact import Redactor
from tests.ingest import bodies
from tracestore import db, writer
from tracestore.analysis.pricing import PriceBook
from tracestore.queries.access import RuleRow

NOW_S = 1_795_000_000


@pytest.fixture
def project(database):
    writer.forget()
    from tracestore.models import Project

    made = Project.objects.create(slug="shop", name="Shop")
    return auth.ProjectContext(made.id, None, Redactor.from_rules([]), PriceBook.for_project([]))


def rows(query):
    with db.READS.connection() as connection:
        return connection.execute(query).fetchall()


def now_traces(count=1, **fields):
    now = time.time_ns()
    return bodies.traces(count, start_time_unix_nano=now, end_time_unix_nano=now + 5, **fields)


def send(project, body, signal="traces", kind=PROTOBUF):
    return receive.receive(signal, project, body, kind, time.time_ns())


def test_spans_are_there_when_receive_returns(project):
    receipt = send(project, now_traces(20, attributes={"gen_ai.request.model": "gpt-4o"}).SerializeToString())
    assert (receipt.sent, receipt.accepted, receipt.rejected, receipt.message) == (20, 20, {}, "")
    assert rows("SELECT count(*), min(service), min(request_model) FROM span") == [(20, "shop", "gpt-4o")]


def test_the_same_batch_twice_is_deduplicated(project):
    body = now_traces(5).SerializeToString()
    send(project, body)
    again = send(project, body)
    assert (again.sent, again.accepted, again.deduplicated) == (5, 0, 5)
    assert rows("SELECT count(*) FROM span") == [(5,)]


def test_one_bad_span_never_loses_its_batch(project):
    request = now_traces(5)
    request.resource_spans[0].scope_spans[0].spans[2].span_id = b""
    receipt = send(project, request.SerializeToString())
    assert (receipt.sent, receipt.accepted, receipt.rejected) == (5, 4, {"invalid_span_id": 1})
    assert "span_id" in receipt.message


def test_a_span_that_we_fail_to_understand_costs_only_itself(project, monkeypatch):
    calls = []

    def normalise(raw):
        calls.append(raw)
        if raw.name == "poison":
            raise KeyError("a bug of ours")
        return real(raw)

    real = receive.normalise
    monkeypatch.setattr(receive, "normalise", normalise)
    request = now_traces(5)
    request.resource_spans[0].scope_spans[0].spans[2].name = "poison"
    receipt = send(project, request.SerializeToString())
    assert (receipt.sent, receipt.accepted, receipt.rejected) == (5, 4, {"not_understood": 1})


def test_hostile_text_and_numbers_are_stored(project):
    hostile = {
        "nul": "a\0b",
        "": "empty key",
        "\0": "nul key",
        "rtl": "\u202e",
        "long": "x" * 20_000,
        "nan": float("nan"),
        "big": 2**63 - 1,
        "deep": [[[{"a\0": ["\0", float("inf")]}]]],
        "gen_ai.usage.input_tokens": float("nan"),
        "gen_ai.usage.output_tokens": -1,
        "session.id": "s" * 20_000,
        "user.id": "",
    }
    receipt = send(project, now_traces(3, attributes=hostile, name="n" * 5_000).SerializeToString())
    assert (receipt.accepted, receipt.rejected) == (3, {})
    assert rows("SELECT DISTINCT input_tokens, length(name), length(session_id) FROM span") == [(None, 256, 256)]


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 0), (1, 2**64 - 1), (5, 4), (2**63 - 1, 2**63 - 1), (NOW_S, NOW_S + 1), (NOW_S * 10**9 + 10**17, 2**64 - 1)],
)
def test_spans_of_any_time_are_stored(project, start, end):
    request = bodies.traces(2, start_time_unix_nano=start, end_time_unix_nano=end)
    receipt = send(project, request.SerializeToString())
    assert (receipt.accepted, receipt.rejected) == (2, {})


def test_logs_and_metrics_are_stored_once(project):
    now = time.time_ns()
    log, metric = bodies.logs(), bodies.metrics()
    log.resource_logs[0].scope_logs[0].log_records[0].time_unix_nano = now
    metric.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].time_unix_nano = now
    for accepted in (1, 0):
        assert send(project, log.SerializeToString(), "logs").accepted == accepted
        assert send(project, metric.SerializeToString(), "metrics").accepted == accepted
    assert rows("SELECT count(*) FROM log_record") == [(1,)]
    assert rows("SELECT count(*) FROM metric_point") == [(1,)]


def test_what_a_rule_hides_is_nowhere_in_the_database(project):
    rules = [
        RuleRow(1, "detector", "email", "mask", "[email]"),
        RuleRow(2, "text", "Project Nightjar", "mask", "[secret]"),
        RuleRow(3, "key", "user.*", "drop", ""),
    ]
    hiding = auth.ProjectContext(project.project_id, None, Redactor.from_rules(rules), project.price_book)
    messages = json.dumps([{"role": "user", "content": "I am bob@example.com\nof Project Nightjar"}] * 40)
    request = now_traces(
        2,
        attributes={"gen_ai.input.messages": messages, "user.id": "bob@example.com", "list": ["bob@example.com"]},
        name="mail bob@example.com",
    )
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = "no mailbox bob@example.com"
    span.events.add(name="to bob@example.com").attributes.add(key="x").value.string_value = "bob@example.com"
    span.links.add(trace_id=b"x" * 16, span_id=b"x" * 8).attributes.add(key="x").value.string_value = "bob@example.com"
    request.resource_spans[0].resource.attributes.add(key="owner").value.string_value = "bob@example.com"
    assert send(hiding, request.SerializeToString()).accepted == 2
    assert rows("SELECT DISTINCT name, user_id FROM span") == [("mail [email]", None)]
    assert not occurrences(b"bob@example") and not occurrences(b"Nightjar")
    assert occurrences(b"[email]")


def occurrences(needle):
    """Tables that hold the bytes anywhere, compressed values opened."""
    import zstandard

    found = []
    names = rows(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' AND relkind = 'r'"
    )
    for (name,) in names:
        for row in rows(f'SELECT * FROM "{name}"'):
            for value in row:
                plain = value if isinstance(value, bytes) else str(value).encode()
                if plain[:4] == b"\x28\xb5\x2f\xfd":
                    plain = zstandard.ZstdDecompressor().decompressobj().decompress(plain)
                if needle in plain:
                    found.append(name)
    return found


def test_the_ledger_adds_up(project):
    request = now_traces(5)
    request.resource_spans[0].scope_spans[0].spans[2].trace_id = b"short"
    body = request.SerializeToString()
    send(project, body)
    send(project, body)
    total = rows(
        "SELECT sum(sent), sum(accepted), sum(deduplicated), sum((rejected->>'invalid_trace_id')::int) FROM ingest_ledger"
    )
    assert total == [(10, 4, 4, 2)]


def test_refusals_are_added_up_by_minute(database):
    counts = refusals.Refusals()
    for _ in range(3):
        counts.count(0, "traces", "malformed", 120.0)
    counts.count(7, "", "not_found", 180.0)
    counts.flush()
    counts.count(0, "traces", "malformed", 120.0)
    counts.flush()
    counts.flush()
    found = rows("SELECT project, signal, minute, reason, requests FROM ledger_refusal ORDER BY project")
    assert found == [(0, "traces", 2, "malformed", 4), (7, "", 3, "not_found", 1)]


def test_refusals_wait_while_the_database_is_away(monkeypatch):
    counts, written = refusals.Refusals(), []

    def away(_):
        raise db.Unavailable("gone")

    monkeypatch.setattr(refusals, "ledger", SimpleNamespace(add=away))
    counts.count(1, "traces", "malformed", 60.0)
    counts.flush()
    monkeypatch.setattr(refusals, "ledger", SimpleNamespace(add=written.append))
    counts.flush()
    assert written == [{(1, "traces", 1, "malformed"): 1}]


def test_json_and_protobuf_of_one_span_are_one_span(project):
    now = time.time_ns()
    times = {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 5)}
    assert send(project, bodies.json_body(bodies.json_span(**times)), kind=JSON).accepted == 1
    again = bodies.traces(1, start_time_unix_nano=now, end_time_unix_nano=now + 5, span_id=bodies.SPAN_ID)
    assert send(project, again.SerializeToString()).deduplicated == 1
