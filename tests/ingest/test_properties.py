"""What must hold for any input: decode raises Rejected and nothing else, and whatever it lets through can be stored."""

import json
import random
import zlib

import msgspec
import zstandard
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest import limits
from ingest.clean import clean_key, clean_text, cut_text, number
from ingest.compression import CODINGS, decompress
from ingest.decode import JSON, PROTOBUF, decode
from ingest.errors import Rejected
from tests.ingest import bodies
from tests.ingest.bodies import NOW_NS, json_body, json_span

RELAXED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=1_000, deadline=None)
SIGNALS = ("traces", "logs", "metrics")
hostile_text = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    ["\0", "\ud800", "a\0", "\udfff\ud800", "\u202e"]
)
utf8_text = st.text(max_size=40) | st.sampled_from(["\0", "a\0", "\ufffd", "\u202e", "k" * 300])
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | utf8_text | st.binary(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(utf8_text, inner, max_size=4),
    max_leaves=12,
)


def storable(text: str) -> bool:
    return "\0" not in text and text.encode().decode() == text


def check(value) -> None:
    """Every text at any depth can be stored in Postgres, every number has a name in JSON."""
    if isinstance(value, str):
        assert storable(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            assert storable(key) and len(key) <= limits.KEY_CHARS
            check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            check(item)
    elif isinstance(value, float):
        assert value == value and abs(value) != float("inf")
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**63 or isinstance(value, bool)


def check_records(decoded) -> None:
    assert decoded.sent == len(decoded.spans) + len(decoded.logs) + len(decoded.points) + sum(decoded.rejected.values())
    for record in [*decoded.spans, *decoded.logs, *decoded.points]:
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
                value = [msgspec.structs.asdict(item) for item in value]
            if not isinstance(value, msgspec.Struct | bytes):
                check(value)
        check(record.resource.attributes)
        check(record.scope.attributes)


@MANY
@given(hostile_text)
def test_clean_text_is_total_idempotent_and_keeps_the_length(text):
    cleaned = clean_text(text)
    assert storable(cleaned)
    assert clean_text(cleaned) == cleaned
    assert len(cleaned) == len(text)
    assert clean_key(clean_key(text)) == clean_key(text)


@RELAXED
@given(st.text(max_size=3_000), st.integers(300, 2_000))
def test_cut_text_fits_is_idempotent_and_leaves_short_texts_alone(text, limit):
    cut = cut_text(text, limit)
    assert len(cut.encode()) <= max(limit, 0)
    assert cut_text(cut, limit) == cut
    assert cut == text or "…[truncated " in cut


@RELAXED
@given(st.dictionaries(utf8_text, values, max_size=6), utf8_text)
def test_any_attributes_come_through_as_they_were_or_cleaned(attributes, name):
    decoded = decode("traces", bodies.body(attributes=attributes, name=name), PROTOBUF, NOW_NS)
    check_records(decoded)
    (span,) = decoded.spans
    assert len(span.attributes) == len(attributes)
    for key, value in attributes.items():
        if key == clean_key(key) and isinstance(value, bool | int | bytes | None):
            assert span.attributes[key] == value
        elif key == clean_key(key) and isinstance(value, str):
            assert span.attributes[key] == clean_text(value)


def json_value(value):
    """A plain value as an OTLP/JSON AnyValue."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": random.choice([value, str(value)])}
    if isinstance(value, float):
        names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
        return {"doubleValue": names.get(str(value), value)}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": __import__("base64").b64encode(value).decode()}
    if isinstance(value, list):
        return {"arrayValue": {"values": [json_value(item) for item in value]}}
    return {"kvlistValue": {"values": [{"key": key, "value": json_value(item)} for key, item in value.items()]}}


@RELAXED
@given(st.dictionaries(utf8_text, values, max_size=5), st.booleans())
def test_protobuf_and_json_agree_on_any_attributes(attributes, ascii_only):
    given_json = [{"key": key, "value": json_value(value)} for key, value in attributes.items()]
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [json_span(attributes=given_json)]}]}]}
    body = json.dumps(request, ensure_ascii=ascii_only).encode()
    one = decode("traces", body, JSON, NOW_NS).spans[0].attributes
    two = decode("traces", bodies.body(attributes=attributes), PROTOBUF, NOW_NS).spans[0].attributes
    assert one == two


SEEDS = {
    ("traces", PROTOBUF): bodies.body(3, {"k": "v" * 200, "n": 5, "d": 1.5, "l": ["a", {"b": b"c"}]}),
    ("logs", PROTOBUF): bodies.logs(severity_number=9).SerializeToString(),
    ("metrics", PROTOBUF): bodies.metrics().SerializeToString(),
    ("traces", JSON): json_body(json_span(attributes=[{"key": "k", "value": {"intValue": "5"}}]), json_span()),
    (
        "logs",
        JSON,
    ): b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","body":{"stringValue":"x"}}]}]}]}',
    ("metrics", JSON): b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","histogram":{"dataPoints":'
    b'[{"count":"3","sum":1.5,"bucketCounts":["1","2"],"explicitBounds":[1],"exemplars":[{"asInt":"1"}]}]}}]}]}]}',
}


@st.composite
def mutants(draw):
    """(signal, encoding, body): a valid request with bytes flipped, cut, doubled or spliced."""
    (signal, kind), seed = draw(st.sampled_from(sorted(SEEDS.items())))
    body = bytearray(seed)
    for _ in range(draw(st.integers(1, 6))):
        if not body:
            break
        at = draw(st.integers(0, len(body) - 1))
        match draw(st.sampled_from(["flip", "set", "cut", "double", "insert"])):
            case "flip":
                body[at] ^= 1 << draw(st.integers(0, 7))
            case "set":
                body[at] = draw(st.integers(0, 255))
            case "cut":
                del body[at : at + draw(st.integers(1, 20))]
            case "double":
                body[at:at] = body[at : at + draw(st.integers(1, 40))]
            case "insert":
                body[at:at] = draw(st.binary(max_size=8))
    return signal, kind, bytes(body)


@settings(max_examples=3_000, deadline=None)
@given(mutants())
def test_decode_never_raises_anything_but_rejected(mutant):
    signal, kind, body = mutant
    try:
        decoded = decode(signal, body, kind, NOW_NS)
    except Rejected:
        return
    check_records(decoded)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(SIGNALS), st.sampled_from([PROTOBUF, JSON]))
def test_any_bytes_are_read_or_rejected(body, signal, kind):
    try:
        check_records(decode(signal, body, kind, NOW_NS))
    except Rejected:
        return


OTLP_KEYS = "resourceSpans scopeSpans spans traceId attributes key value stringValue intValue events"
json_things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_text.filter(lambda text: text.isprintable()),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(OTLP_KEYS.split(" ")), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=500, deadline=None)
@given(json_things, st.sampled_from(SIGNALS))
def test_any_json_is_read_or_rejected(thing, signal):
    try:
        check_records(decode(signal, json.dumps(thing).encode(), JSON, NOW_NS))
    except Rejected:
        return


@RELAXED
@given(st.binary(max_size=2_000), st.sampled_from(CODINGS), st.integers(0, 40), st.binary(max_size=4))
def test_compression_gives_the_bytes_back_or_refuses(body, coding, cut, junk):
    compress = {
        "identity": lambda data: data,
        "gzip": lambda data: zlib.compress(data, wbits=31),
        "deflate": zlib.compress,
        "zstd": zstandard.ZstdCompressor().compress,
    }[coding]
    packed = compress(body)
    assert decompress(packed, coding) == body
    if coding == "identity":
        return
    for broken in (packed[: len(packed) - 1 - cut], packed + junk if junk else packed[:-1]):
        try:
            assert decompress(broken, coding) == body
        except Rejected as refused:
            assert refused.reason == "compression"


def plain(value):
    """What protobuf's own reader makes of an AnyValue, cleaned as ours are."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    if kind == "double_value":
        return number(value.double_value)
    if kind == "string_value":
        return clean_text(value.string_value)
    return getattr(value, kind) if kind else None


@settings(max_examples=600, deadline=None)
@given(mutants().filter(lambda mutant: mutant[:2] == ("traces", PROTOBUF)))
def test_protobuf_is_read_as_its_own_reader_reads_it(mutant):
    body = mutant[2]
    try:
        theirs = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        theirs = None
    try:
        ours = decode("traces", body, PROTOBUF, NOW_NS)
    except Rejected:
        ours = None
    if ours is None or theirs is None:
        assert theirs is None, "good protobuf was refused"
        assert ours is None or ours.rejected, "a span with a wrong id is read no further; everything else is"
        return
    sent = [span for group in theirs.resource_spans for scope in group.scope_spans for span in scope.spans]
    assert ours.sent == len(sent)
    found = {(span.trace_id, span.span_id): span for span in ours.spans}
    for span in sent:
        mine = found.get((span.trace_id, int.from_bytes(span.span_id, "big", signed=True)))
        if mine is None or len(found) != len(sent):
            continue
        keys = [pair.key for pair in span.attributes]
        assert mine.name == clean_text(span.name)
        assert (mine.start_ns, mine.end_ns) == (
            min(span.start_time_unix_nano, 2**63 - 1),
            min(span.end_time_unix_nano, 2**63 - 1),
        )
        if all(key == clean_key(key) for key in keys):
            assert repr(mine.attributes) == repr({pair.key: plain(pair.value) for pair in span.attributes})
