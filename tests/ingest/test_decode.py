"""Bad and odd OTLP through decode alone. Numbers: the corpus of bad inputs, parts B to E."""

import json
import math
import struct

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest import limits
from ingest.decode import JSON, PROTOBUF, decode_logs, decode_metrics, decode_traces
from ingest.errors import Rejected
from tests.ingest import bodies
from tests.ingest.bodies import NOW_NS, json_attribute, json_body, json_span
from tracestore.records import DUPLICATE_KEYS, TRUNCATED


def spans(body, kind=PROTOBUF):
    return decode_traces(body, kind, NOW_NS).spans


def only(body, kind=PROTOBUF):
    (span,) = spans(body, kind)
    return span


def attributes(value, key="k"):
    """The same attribute sent as protobuf and read back."""
    return only(bodies.body(attributes={key: value})).attributes


def json_attributes(*given, **span):
    return only(json_body(json_span(attributes=list(given), **span)), JSON)


def refused(body, kind=PROTOBUF, decode=decode_traces):
    with pytest.raises(Rejected) as caught:
        decode(body, kind, NOW_NS)
    return caught.value


def field(number, body):
    """A length-delimited protobuf field."""
    return bytes([number << 3 | 2]) + varint(len(body)) + body


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def nested(levels):
    """An AnyValue of `levels` levels: arrays, and a text at the bottom."""
    value = field(1, b"x")
    for _ in range(levels - 1):
        value = field(5, field(1, value))
    return value


def with_raw_attribute(value, key=b"k"):
    """A request whose one span has one attribute with this encoded AnyValue."""
    span = bodies.traces().resource_spans[0].scope_spans[0].spans[0].SerializeToString()
    return field(1, field(2, field(2, span + field(9, field(1, key) + field(2, value)))))


# ---- B. encoding


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff" * 10, id="19 random bytes"),
        pytest.param(b"<html></html>", id="20 a page"),
        pytest.param(bodies.body(2)[:-5], id="21 truncated"),
        pytest.param(b"\x0f\x01", id="22 wire type 7"),
        pytest.param(b"\x00\x01", id="field number 0"),
        pytest.param(b"\x0c", id="a group that ends before it begins"),
        pytest.param(b"\xfb\x01\x08", id="a group that does not end"),
        pytest.param(json_body(), id="25 JSON as protobuf"),
        pytest.param(bodies.body().replace(b"chat", b"\xff\xfe\xfd\xfc"), id="55 a name that is not UTF-8"),
        pytest.param(with_raw_attribute(field(1, b"\xff\xfe")), id="55 a value that is not UTF-8"),
        pytest.param(with_raw_attribute(field(1, b"\xed\xa0\x80")), id="56 a surrogate in UTF-8"),
        pytest.param(with_raw_attribute(nested(51)), id="60 depth 51"),
        pytest.param(with_raw_attribute(nested(5000)), id="60 depth 5000"),
        pytest.param(with_raw_attribute(b"\x0a\x7fabc"), id="a value longer than its attribute"),
        pytest.param(with_raw_attribute(b"\x21\x00\x00"), id="a double of two bytes"),
    ],
)
def test_what_is_not_protobuf_is_refused_whole(body):
    assert refused(body).http_status == 400


def test_23_unknown_groups_are_read_over():
    group = b"\xfb\x01" + b"\x08\x05" + b"\x12\x03abc" + b"\x13\x14" + b"\xfc\x01"
    assert len(spans(group + bodies.body(2) + group)) == 2


def test_24_unknown_fields_are_not_kept():
    assert len(spans(field(15, bytes(5_000_000)) + bodies.body(2))) == 2


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(bodies.body(), id="25 protobuf as JSON"),
        pytest.param(b"\xef\xbb\xbf" + json_body(), id="29 a byte order mark"),
        pytest.param(b"[" * 100_000, id="30 deep nesting"),
        pytest.param(b'{"x":' + b"[" * 100_000, id="30 deep nesting in an unknown field"),
        pytest.param(b'{"resourceSpans": NaN}', id="32 NaN"),
        pytest.param(b'{"x": Infinity}', id="32 Infinity"),
        pytest.param(b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1e400}]}]}]}', id="32 1e400"),
        pytest.param(
            json_body(json_span(startTimeUnixNano=0)).replace(
                b'"startTimeUnixNano": 0', b'"startTimeUnixNano": ' + b"1" * 5000
            ),
            id="34 a number of 5 000 digits",
        ),
        pytest.param(b'{"resourceSpans": null}', id="35 null for an array"),
        pytest.param(b'{"resourceSpans": {}}', id="35 an object for an array"),
        pytest.param(b"[]", id="35 an array for the request"),
        pytest.param(json_body(json_span(droppedAttributesCount="many")), id="35 text for a number"),
        pytest.param(json_body(json_span(attributes=[{"key": "k", "value": []}])), id="35 an array for an object"),
        pytest.param(json_body().replace(b"chat", b"\xff\xfe\xfd\xfc"), id="55 not UTF-8"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}x", id="junk after it"),
    ],
)
def test_what_is_not_otlp_json_is_refused_whole(body):
    assert refused(body, JSON).http_status == 400


def test_31_of_equal_json_keys_the_last_wins():
    body = json_body(json_span()).replace(b'"name": "chat"', b'"name": "first", "name": "last"')
    assert only(body, JSON).name == "last"


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (rb"\ud800", "\ufffd"),
        (rb"a\udc00b", "a\ufffdb"),
        (rb"\ud83d\ude00", "😀"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\\ud800\ud800", "\\ud800\ufffd"),
        (rb"a\u0000b", "a\ufffdb"),
    ],
)
def test_33_lone_surrogates_and_nul_are_replaced(escaped, text):
    assert only(json_body().replace(b"chat", escaped), JSON).name == text


def test_36_snake_case_keys_are_accepted():
    snake = (
        b'{"resource_spans": [{"resource": {"attributes": [{"key": "service_name", "value": {"string_value":'
        b' "{\\"a_b\\": 1}"}}]}, "scope_spans": [{"spans": [%s]}]}]}'
        % json.dumps(json_span())
        .replace("traceId", "trace_id")
        .replace("spanId", "span_id")
        .replace("startTime", "start_time")
        .replace("UnixNano", "_unix_nano")
        .encode()
    )
    span = only(snake, JSON)
    assert span.start_ns == NOW_NS
    assert span.resource.attributes == {"service_name": '{"a_b": 1}'}


@pytest.mark.parametrize(
    ("sent", "kind"),
    [(3, 3), ("SPAN_KIND_CLIENT", 3), (99, 0), ("SPAN_KIND_NONE", 0), (-1, 0), (None, 0)],
)
def test_37_enums_by_number_and_by_name(sent, kind):
    assert only(json_body(json_span(kind=sent)), JSON).kind == kind


def test_37_unknown_enums_in_protobuf_are_unspecified():
    request = bodies.traces(kind=99)
    request.resource_spans[0].scope_spans[0].spans[0].status.code = 7
    span = only(request.SerializeToString())
    assert (span.kind, span.status_code) == (0, 0)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("123", 123),
        (2**53 + 1, 2**53 + 1),
        (str(2**63 - 1), 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, float(2**63)),
        (100000000000000000000, 1e20),
        ("100000000000000000000", 1e20),
        (3.0, 3),
        (3.5, 3.5),
        ("12abc", "12abc"),
        (0, 0),
    ],
)
def test_38_integers_are_exact_within_int64_and_doubles_beyond(sent, kept):
    value = json_attributes(json_attribute("k", intValue=sent)).attributes["k"]
    assert value == kept
    assert type(value) is type(kept)


def test_38_times_as_text_and_as_numbers_are_exact():
    assert only(json_body(json_span(startTimeUnixNano=2**53 + 1)), JSON).start_ns == 2**53 + 1
    assert only(json_body(json_span(startTimeUnixNano="9007199254740993")), JSON).start_ns == 2**53 + 1


def test_39_bytes_that_are_not_base64_cost_their_span_only():
    bad = json_span(attributes=[json_attribute("k", bytesValue="a===")])
    decoded = decode_traces(json_body(bad, json_span()), JSON, NOW_NS)
    assert (len(decoded.spans), decoded.rejected, decoded.sent) == (1, {"invalid_bytes": 1}, 2)
    assert json_attributes(json_attribute("k", bytesValue="aGk=")).attributes == {"k": b"hi"}


# ---- C. ids, keys, names


@pytest.mark.parametrize("wrong", [b"", bytes(15), b"x" * 15, b"x" * 17, b"x" * 32, bytes(16)])
def test_40_a_wrong_trace_id_costs_its_span_only(wrong):
    request = bodies.traces(3)
    request.resource_spans[0].scope_spans[0].spans[1].trace_id = wrong
    decoded = decode_traces(request.SerializeToString(), PROTOBUF, NOW_NS)
    assert (decoded.sent, len(decoded.spans), decoded.rejected) == (3, 2, {"invalid_trace_id": 1})
    assert "trace_id" in decoded.message


@pytest.mark.parametrize("wrong", [b"", bytes(8), b"x" * 7, b"x" * 9])
def test_41_a_wrong_span_id_costs_its_span_only(wrong):
    request = bodies.traces(3)
    request.resource_spans[0].scope_spans[0].spans[1].span_id = wrong
    decoded = decode_traces(request.SerializeToString(), PROTOBUF, NOW_NS)
    assert (len(decoded.spans), decoded.rejected) == (2, {"invalid_span_id": 1})


def test_42_hex_ids_of_any_case_are_equal():
    lower, upper = "ab" * 16, "AB" * 16
    assert spans(json_body(json_span(traceId=lower)), JSON) == spans(json_body(json_span(traceId=upper)), JSON)


@pytest.mark.parametrize(
    "wrong", ["q83vASNFZ4mrze8BI0VniQ==", "zz" * 16, "ab" * 15, " " * 32, "ab ab" + "ab" * 14, "", "é" * 32, None]
)
def test_43_and_44_ids_that_are_not_hex_cost_their_span_only(wrong):
    decoded = decode_traces(json_body(json_span(traceId=wrong), json_span()), JSON, NOW_NS)
    assert (len(decoded.spans), decoded.rejected) == (1, {"invalid_trace_id": 1})


@pytest.mark.parametrize("absent", ["", None, "0" * 16])
def test_an_absent_parent_is_none(absent):
    assert only(json_body(json_span(parentSpanId=absent)), JSON).parent_span_id is None
    assert only(bodies.body(parent_span_id=bytes(8))).parent_span_id is None


def test_span_ids_are_signed():
    assert only(bodies.body(span_id=b"\xff" * 8)).span_id == -1


KEYS = [
    "",
    "__proto__",
    "constructor.prototype",
    "$where",
    "a.b",
    "a",
    "project_id",
    "new\nline",
    "\u202ertl",
    "{{7*7}}",
]
KEYS += ["%s%n", "{0.__class__}", "__class__", "__other__", "None"]


def test_49_keys_are_inert_text():
    request = bodies.traces(attributes=dict.fromkeys(KEYS, "v"))
    assert only(request.SerializeToString()).attributes == dict.fromkeys(KEYS, "v")


@pytest.mark.parametrize("order", [1, -1])
def test_49_keys_that_become_equal_get_a_suffix(order):
    pairs = [("a\0", "nul"), ("a\ufffd", "real"), ("a", "plain")][::order]
    expected = {"a\ufffd": "real", "a\ufffd#2": "nul", "a": "plain"}
    assert only(bodies.body(attributes=dict(pairs))).attributes == expected
    assert json_attributes(*(json_attribute(key, stringValue=value) for key, value in pairs)).attributes == expected


def test_49_a_key_of_64_kb_is_cut_and_flagged():
    span = only(bodies.body(attributes={"k" * 65_536: 1, "k" * 65_537: 2}))
    assert span.attributes == {"k" * 256: 1, "k" * 254 + "#2": 2}
    assert span.flags == TRUNCATED


def test_50_of_equal_attribute_keys_the_last_wins_and_is_flagged():
    request = bodies.traces()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    for value in ("first", "last"):
        span.attributes.add(key="k").value.string_value = value
    found = only(request.SerializeToString())
    assert (found.attributes, found.flags) == ({"k": "last"}, DUPLICATE_KEYS)
    found = json_attributes(json_attribute("k", stringValue="first"), json_attribute("k", stringValue="last"))
    assert (found.attributes, found.flags) == ({"k": "last"}, DUPLICATE_KEYS)


@pytest.mark.parametrize("name", ["", " \t", "👩‍👩‍👧", "\u202eevil", "null", "../../etc/passwd", "CON", "NaN"])
def test_51_and_53_names_are_kept_as_they_are(name):
    assert only(bodies.body(name=name)).name == name


def test_51_a_long_name_is_cut_and_flagged():
    span = only(bodies.body(name="n" * 1_000_000))
    assert (span.name, span.flags) == ("n" * 256, TRUNCATED)


# ---- D. values


def test_54_nul_becomes_the_replacement_character_everywhere():
    request = bodies.traces(attributes={"k": "a\0b", "deep": [{"x\0": "\0"}]}, name="n\0", trace_state="s\0")
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = "m\0"
    span.events.add(name="e\0").attributes.add(key="k").value.string_value = "\0"
    found = only(request.SerializeToString())
    assert found.attributes == {"k": "a\ufffdb", "deep": [{"x\ufffd": "\ufffd"}]}
    assert (found.name, found.tracestate, found.status_message) == ("n\ufffd", "s\ufffd", "m\ufffd")
    assert (found.events[0].name, found.events[0].attributes) == ("e\ufffd", {"k": "\ufffd"})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (1e308, 1e308), (5e-324, 5e-324)],
)
def test_57_numbers_that_are_not_finite_are_kept_as_text(sent, kept):
    assert attributes(sent) == {"k": kept}
    assert attributes([sent]) == {"k": [kept]}
    text = "NaN" if math.isnan(sent) else str(sent).replace("inf", "Infinity")
    assert json_attributes(json_attribute("k", doubleValue=text)).attributes == {"k": kept}


def test_57_minus_zero_keeps_its_sign():
    assert math.copysign(1, attributes(-0.0)["k"]) == -1


@pytest.mark.parametrize("value", [0, 1, 127, 128, 16_383, 16_384, 2**31, 2**63 - 1, -1, -(2**63), True, False, 1.5])
def test_58_numbers_come_back_exactly(value):
    assert attributes(value) == {"k": value}
    assert type(attributes(value)["k"]) is type(value)


@pytest.mark.parametrize(
    "size", [0, 1, 125, 126, 127, 128, 129, 255, 256, 2_040, 2_050, 16_378, 16_384, 70_000, 255_000]
)
def test_texts_of_every_length_come_back_exactly(size):
    for _ in range(2):  # the second time from the cache, or by the known key
        assert attributes("x" * size) == {"k": "x" * size}
        assert attributes("é" * (size // 2), "key" * 50) == {"key" * 50: "é" * (size // 2)}


def test_60_depth_16_is_kept_and_17_to_50_are_json_text():
    def depth(value):
        return 1 + (depth(value[0]) if isinstance(value, list) else 0)

    assert depth(only(with_raw_attribute(nested(16))).attributes["k"]) == 16
    for levels in (17, 50):
        value = only(with_raw_attribute(nested(levels))).attributes["k"]
        assert depth(value) == 16
        while isinstance(value, list):
            value = value[0]
        assert value == "[" * (levels - 16) + '"x"' + "]" * (levels - 16)


@pytest.mark.parametrize(("levels", "is_accepted"), [(16, True), (17, True), (50, True), (51, False), (5000, False)])
def test_60_json_has_the_same_limits(levels, is_accepted):
    value = '{"stringValue":"x"}'
    for _ in range(levels - 1):
        value = '{"arrayValue":{"values":[' + value + "]}}"
    body = json_body(json_span(attributes=[{"key": "k", "value": 0}])).replace(
        b'"value": 0', b'"value":' + value.encode()
    )
    if is_accepted:
        assert spans(body, JSON)[0].attributes == spans(with_raw_attribute(nested(levels)))[0].attributes
    else:
        assert refused(body, JSON).http_status == 400


def test_61_a_map_of_100_000_entries_and_an_array_of_a_million_are_capped():
    many = b"".join(field(1, field(1, b"%d" % number)) for number in range(100_000))
    found = only(with_raw_attribute(field(6, many)))
    assert len(found.attributes["k"]) == limits.VALUE_NODES + 1
    assert found.flags == TRUNCATED
    found = only(with_raw_attribute(field(5, field(1, b"") * 1_000_000)))
    assert len(found.attributes["k"]) == limits.VALUE_NODES + 1


@pytest.mark.parametrize("value", [None, [], {}, [None, 1, "x", {"a": [1.5]}], {"a": {"b": [True, None]}}, b"\0\xff"])
def test_62_and_63_empty_and_mixed_values(value):
    assert attributes(value) == {"k": value}


def test_62_empty_json_values():
    empty = [
        {"key": "a"},
        {"key": "b", "value": {}},
        {"key": "c", "value": {"arrayValue": {}}},
        {"key": "d", "value": None},
    ]
    assert json_attributes(*empty, status={}).attributes == {"a": None, "b": None, "c": [], "d": None}


def test_64_a_large_text_is_cut_with_a_mark():
    for size in (1_000_000, 15_000_000):
        value = only(bodies.body(attributes={"k": "é" * (size // 2)})).attributes["k"]
        assert len(value.encode()) <= limits.VALUE_BYTES
        kept = value.index("…[truncated ")
        assert f"…[truncated {size - 2 * kept} bytes, sha256 " in value


def test_64_a_large_json_text_is_cut_inside_and_stays_json():
    history = json.dumps([{"role": "user", "content": "x" * 50_000}] * 20 + [{"role": "user", "image": "y" * 900_000}])
    found = only(bodies.body(attributes={"gen_ai.input.messages": history}))
    value = json.loads(found.attributes["gen_ai.input.messages"])
    assert value[:20] == json.loads(history)[:20]
    assert "…[truncated " in value[20]["image"]
    assert found.flags == TRUNCATED
    whole = json.dumps([{"role": "user", "content": "x" * 50_000}] * 20)
    found = only(bodies.body(attributes={"gen_ai.input.messages": whole}))
    assert (found.attributes["gen_ai.input.messages"], found.flags) == (whole, 0)


def test_64_a_whole_span_is_cut_to_its_limit():
    found = only(bodies.body(attributes={f"k{number}": "x" * 200_000 for number in range(50)}))
    assert sum(len(value) for value in found.attributes.values()) <= limits.RECORD_BYTES
    assert all("…[truncated " in value for value in found.attributes.values())


@pytest.mark.parametrize("json_too", [False, True])
def test_64_counts_are_capped_and_what_was_dropped_is_counted(json_too):
    if json_too:
        many = [json_attribute(f"k{number}", intValue=number) for number in range(10_000)]
        body = json_body(json_span(attributes=many, events=[{"name": "e"}] * 10_000, links=[{}] * 10_000))
    else:
        request = bodies.traces(attributes={f"k{number}": number for number in range(10_000)})
        span = request.resource_spans[0].scope_spans[0].spans[0]
        for _ in range(10_000):
            span.events.add(name="e")
            span.links.add(trace_id=bodies.TRACE_ID, span_id=bodies.SPAN_ID)
        body = request.SerializeToString()
    found = only(body, JSON if json_too else PROTOBUF)
    assert (len(found.attributes), found.dropped_attributes) == (limits.ATTRIBUTES, 10_000 - limits.ATTRIBUTES)
    assert (len(found.events), found.dropped_events) == (limits.EVENTS, 10_000 - limits.EVENTS)
    assert (len(found.links), found.dropped_links) == (limits.LINKS, 10_000 - limits.LINKS)


def test_64_indexed_families_are_histories_and_stay():
    family = {f"llm.input_messages.{number}.message.content": "x" for number in range(2_000)}
    found = only(bodies.body(attributes=family | {f"k{number}": 1 for number in range(600)}))
    assert len(found.attributes) == 2_000 + limits.ATTRIBUTES


def test_65_a_huge_dropped_count_is_kept():
    assert only(bodies.body(dropped_attributes_count=2**32 - 1)).dropped_attributes == 2**32 - 1


def test_68_json_in_json_is_text():
    text = "x"
    for _ in range(20):
        text = json.dumps([text])[:100_000]
    assert attributes(text) == {"k": text}


def test_70_our_own_mark_in_a_text_is_just_text():
    text = "…[truncated 5 bytes, sha256 0] </pre>\x1b[31m" + "\n" * 1000
    assert attributes(text) == {"k": text}


# ---- E. time


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (0, 0, (0, 0)),
        (1, 2**64 - 1, (1, 2**63 - 1)),
        (5, 4, (5, 4)),
        (2**63 - 1, 2**63, (2**63 - 1, 2**63 - 1)),
        (1_700_000_000, 1_700_000_001, (1_700_000_000, 1_700_000_001)),
    ],
)
def test_71_to_77_times_are_kept_and_only_clamped_to_int64(start, end, kept):
    span = only(bodies.body(start_time_unix_nano=start, end_time_unix_nano=end))
    assert (span.start_ns, span.end_ns) == kept
    span = only(json_body(json_span(startTimeUnixNano=start, endTimeUnixNano=str(end))), JSON)
    assert (span.start_ns, span.end_ns) == kept


def test_a_time_that_is_no_number_costs_its_span_only():
    decoded = decode_traces(json_body(json_span(startTimeUnixNano="noon"), json_span()), JSON, NOW_NS)
    assert (len(decoded.spans), decoded.rejected) == (1, {"invalid_number": 1})


# ---- bombs


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(field(1, field(2, field(2, b"") * 200_000)), id="15 empty spans"),
        pytest.param(field(1, b"") * 1_000_000, id="16 empty resource spans"),
        pytest.param(field(1, field(2, b"") * 1_000_000), id="16 empty scope spans"),
        pytest.param(bodies.body(limits.RECORDS["traces"] + 1), id="one span too many"),
    ],
)
def test_bombs_are_counted_before_anything_is_made_of_them(body):
    assert refused(body).http_status == 413


def test_as_many_spans_as_allowed_pass():
    assert len(spans(bodies.body(limits.RECORDS["traces"]))) == limits.RECORDS["traces"]


def test_data_points_are_counted_over_all_metrics():
    points = field(5, field(1, b"") * (limits.RECORDS["metrics"] // 2 + 1))
    assert refused(field(1, field(2, field(2, points) * 2)), decode=decode_metrics).http_status == 413


def test_a_span_of_very_many_fields_is_refused_alone():
    bomb = bodies.traces().resource_spans[0].scope_spans[0].spans[0].SerializeToString() + field(9, b"") * 200_000
    decoded = decode_traces(field(1, field(2, field(2, bomb))), PROTOBUF, NOW_NS)
    assert decoded.rejected == {"too_large": 1}


# ---- model


def test_protobuf_and_json_give_the_same_record():
    request = bodies.traces(attributes={"s": "x", "i": 5, "b": True, "d": 1.5, "l": ["a", 1], "m": {"x": 1}})
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.span_id = bodies.SPAN_ID
    kv = [
        json_attribute("s", stringValue="x"),
        json_attribute("i", intValue="5"),
        json_attribute("b", boolValue=True),
        json_attribute("d", doubleValue=1.5),
        json_attribute("l", arrayValue={"values": [{"stringValue": "a"}, {"intValue": 1}]}),
        json_attribute("m", kvlistValue={"values": [json_attribute("x", intValue=1)]}),
    ]
    resource = {"attributes": [json_attribute("service.name", stringValue="shop")]}
    scoped = {"scope": {"name": "test"}, "spans": [json_span(attributes=kv)]}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}).encode()
    assert only(request.SerializeToString()) == only(body, JSON)


def test_a_resource_that_comes_in_two_pieces_is_merged():
    one = ExportTraceServiceRequest()
    bodies.any_value(one.resource_spans.add().resource.attributes.add(key="a").value, 1)
    two = bodies.traces()
    merged = field(1, one.resource_spans[0].SerializeToString() + two.resource_spans[0].SerializeToString())
    assert only(merged).resource.attributes == {"a": 1, "service.name": "shop"}


def test_logs_keep_their_hash_however_often_they_come():
    body = bodies.logs(severity_number=9, event_name="gen_ai.choice").SerializeToString()
    (one,), (two,) = (decode_logs(body, PROTOBUF, now).logs for now in (1, 2))
    assert one.hash == two.hash
    assert (one.body, one.severity, one.event_name, one.trace_id) == ("hello", 9, "gen_ai.choice", None)


def test_a_log_without_a_time_is_of_its_observation_or_of_now():
    request = bodies.logs(observed_time_unix_nano=5)
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    record.time_unix_nano = 0
    one = decode_logs(request.SerializeToString(), PROTOBUF, 9).logs[0]
    assert (one.time_ns, one.observed_ns) == (5, 5)
    record.observed_time_unix_nano = 0
    (two,), (three,) = (decode_logs(request.SerializeToString(), PROTOBUF, now).logs for now in (9, 10))
    assert (two.time_ns, three.time_ns) == (9, 10)
    assert two.hash == three.hash


def metric_body(**data):
    points = data if data else {"gauge": {"dataPoints": [{"asInt": "3", "timeUnixNano": "7"}]}}
    metric = {"name": "m", "unit": "s"} | points
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()


def test_metric_kinds_and_their_bodies():
    gauge = decode_metrics(metric_body(), JSON, 1).points[0]
    assert (gauge.kind, gauge.value, gauge.time_ns, gauge.body) == ("gauge", 3, 7, None)
    histogram = {"count": "3", "sum": 4.5, "bucketCounts": ["1", 2], "explicitBounds": [1.0], "min": "NaN"}
    found = decode_metrics(metric_body(histogram={"dataPoints": [histogram], "aggregationTemporality": 2}), JSON, 1)
    assert found.points[0].body == {
        "count": 3,
        "sum": 4.5,
        "min": "NaN",
        "explicit_bounds": [1.0],
        "bucket_counts": [1, 2],
    }
    assert found.points[0].temporality == 2
    assert decode_metrics(metric_body(sum={"dataPoints": [{"asDouble": "NaN"}]}), JSON, 1).points[0].value is None


def test_metric_series_differ_by_attributes_and_not_by_time():
    def point(time, model):
        request = bodies.metrics()
        sent = request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
        sent.time_unix_nano = time
        sent.attributes.add(key="model").value.string_value = model
        return decode_metrics(request.SerializeToString(), PROTOBUF, 1).points[0].series

    assert point(1, "a") == point(2, "a") != point(1, "b")


def test_doubles_are_read_as_they_were_written():
    for value in struct.unpack("<4d", bytes(range(1, 33))):
        assert attributes(value) == {"k": value}


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        ("histogram", {"explicitBounds": ["abc"]}),
        ("summary", {"quantileValues": [{"quantile": "abc"}]}),
        ("exponentialHistogram", {"zeroThreshold": "abc"}),
        ("histogram", {"sum": "abc"}),
    ],
)
def test_a_text_for_a_double_rejects_its_point_and_not_the_request(kind, point):
    good = {"count": "1", "zeroThreshold": "Infinity"} if kind == "exponentialHistogram" else {"count": "1"}
    metric = {"name": "m", kind: {"dataPoints": [point, good]}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
    decoded = decode_metrics(body, JSON, NOW_NS)
    assert (len(decoded.points), decoded.rejected) == (1, {"invalid_number": 1})


@pytest.mark.parametrize(
    "group", [{"resource": {"attributes": [json_attribute("k", bytesValue="abc")]}}, {"schemaUrl": 5}]
)
def test_a_resource_that_cannot_be_read_refuses_the_request_for_good(group):
    assert refused(json.dumps({"resourceSpans": [group]}).encode(), JSON).reason == "malformed"


@pytest.mark.parametrize("count", [2**64, -(2**31) - 1])
def test_a_count_beyond_32_bits_is_malformed(count):
    assert refused(json_body(json_span(droppedAttributesCount=count)), JSON).reason == "malformed"


def test_what_was_cut_in_a_resource_or_a_rejected_span_flags_no_other_span():
    twice = [json_attribute("k", stringValue="a"), json_attribute("k", stringValue="b")]
    bad = json_span(spanId="", attributes=twice)
    group = {"resource": {"attributes": twice}, "scopeSpans": [{"spans": [bad, json_span()]}]}
    (span,) = spans(json.dumps({"resourceSpans": [group]}).encode(), JSON)
    assert span.flags == 0
