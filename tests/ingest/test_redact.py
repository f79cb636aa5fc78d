"""Redaction reaches every text of a record and nothing else. What a rule means is tested with tracestore.analysis."""

import time

import pytest

from ingest.conventions import normalise
from ingest.decode import PROTOBUF, decode_logs, decode_metrics, decode_traces
from ingest.redact import Redactor
from tests.ingest import bodies
from tracestore.queries.access import RuleRow

CANARY = "sk-canary-0123456789abcdefghij"


def rule(kind, pattern, action="mask", replacement="[hidden]"):
    return RuleRow(1, kind, pattern, action, replacement)


SECRETS = Redactor.from_rules([rule("detector", "secret")])


def texts(value):
    """Every text and key at any depth of records."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)
    elif hasattr(value, "__struct_fields__"):
        for name in value.__struct_fields__:
            yield from texts(getattr(value, name))


def canary_span():
    request = bodies.traces(
        attributes={
            "k": CANARY,
            "deep": [{"x": [CANARY]}],
            "json": f'{{"a": "{CANARY}"}}',
            "raw": CANARY.encode(),
            CANARY: 1,
        },
        name=f"chat {CANARY}",
        trace_state=f"a={CANARY}",
    )
    group = request.resource_spans[0]
    group.schema_url = f"http://x/{CANARY}"
    bodies.any_value(group.resource.attributes.add(key="r").value, CANARY)
    scope = group.scope_spans[0]
    scope.scope.version = CANARY
    bodies.any_value(scope.scope.attributes.add(key="s").value, CANARY)
    span = scope.spans[0]
    span.status.message = CANARY
    bodies.any_value(span.events.add(name=CANARY).attributes.add(key="e").value, CANARY)
    bodies.any_value(span.links.add(trace_state=CANARY).attributes.add(key="l").value, CANARY)
    return decode_traces(request.SerializeToString(), PROTOBUF, 1).spans[0]


def test_no_text_of_a_span_escapes():
    raw = canary_span()
    assert sum(CANARY in text for text in texts(raw)) >= 13
    assert not [text for text in texts(SECRETS.span(raw)) if "canary" in text]


def test_no_text_of_a_log_escapes():
    record = decode_logs(
        bodies.logs({"role": "user", "content": CANARY}, event_name=CANARY, severity_text=CANARY).SerializeToString(),
        PROTOBUF,
        1,
    ).logs[0]
    hidden = SECRETS.log(record)
    assert not [text for text in texts(hidden) if "canary" in text]
    assert hidden.hash == record.hash


def test_no_text_of_a_metric_point_escapes():
    request = bodies.metrics(name=CANARY, description=CANARY)
    point = request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
    bodies.any_value(point.attributes.add(key="k").value, CANARY)
    exemplar = point.exemplars.add(as_int=1)
    bodies.any_value(exemplar.filtered_attributes.add(key="k").value, CANARY)
    found = decode_metrics(request.SerializeToString(), PROTOBUF, 1).points[0]
    assert not [text for text in texts(SECRETS.point(found)) if "canary" in text]


def test_a_key_rule_drops_or_replaces_whole_attributes_at_any_depth():
    redactor = Redactor.from_rules([rule("key", "user.*", "drop"), rule("key", "email")])
    raw = decode_traces(bodies.body(attributes={"user.id": "u", "email": 5, "m": {"email": "x", "n": 1}}), PROTOBUF, 1)
    assert redactor.span(raw.spans[0]).attributes == {"email": "[hidden]", "m": {"email": "[hidden]", "n": 1}}


def test_ids_times_and_numbers_are_left_alone():
    raw = canary_span()
    hidden = SECRETS.span(raw)
    for name in ("trace_id", "span_id", "parent_span_id", "start_ns", "end_ns", "kind", "flags"):
        assert getattr(hidden, name) == getattr(raw, name)


def test_card_numbers_sent_as_integers_are_found():
    redactor = Redactor.from_rules([rule("detector", "card")])
    raw = decode_traces(bodies.body(attributes={"a": 4111111111111111, "b": 4111111111111112}), PROTOBUF, 1).spans[0]
    assert redactor.span(raw).attributes == {"a": "[hidden]", "b": 4111111111111112}


def test_without_rules_there_is_nothing_to_do():
    assert not Redactor.from_rules([])


def test_an_unknown_rule_stops_rather_than_stores():
    with pytest.raises(ValueError):
        Redactor.from_rules([rule("regex", "(a+)+$")])


REPEATED = ["a", "1 ", "@", "a@", "1.2.3.", "\\", "::", "eyJ", "+1 (", "AA11 ", "-----BEGIN PRIVATE KEY-----"]


@pytest.mark.parametrize("piece", REPEATED)
def test_no_text_makes_the_detectors_slow(piece):
    text = piece * (200_000 // len(piece))
    names = ("email", "phone", "card", "iban", "ip", "jwt", "secret")
    redactor = Redactor.from_rules([rule("detector", name) for name in names])
    raw = decode_traces(bodies.body(attributes={"k": text}), PROTOBUF, 1).spans[0]
    since = time.process_time()
    redactor.span(raw)
    assert time.process_time() - since < 2


def test_a_hashed_user_is_the_same_user_everywhere_and_nobody_knows_who():
    redactor = Redactor.from_rules([rule("key", "*user.id", "hash")], b"secret of the project")
    sent = [{"user.id": "nora"}, {"langfuse.user.id": "nora"}, {"user.id": "nils"}]
    spans = [decode_traces(bodies.body(attributes=one), PROTOBUF, 1).spans[0] for one in sent]
    users = [normalise(redactor.span(raw)).user_id for raw in spans]
    assert users[0] == users[1] != users[2]
    assert users[0].startswith("hash:")
