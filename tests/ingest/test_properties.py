"""What must hold for any input of one kind: texts, attributes, compression, protobuf. Whole requests: test_fuzz.py."""

import zlib

import zstandard
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.clean import clean_key, clean_text, cut_text, number
from ingest.compression import CODINGS, decompress
from ingest.decode import PROTOBUF, decode
from ingest.errors import Rejected
from tests.ingest import bodies
from tests.ingest.bodies import NOW_NS
from tests.ingest.checks import check_records, storable
from tests.ingest.strategies import hostile_text, mutants, recorded, utf8_text

RELAXED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=1_000, deadline=None)
PROTOBUF_TRACES = tuple(body for body in recorded() if body[:2] == ("traces", PROTOBUF))
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | utf8_text | st.binary(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(utf8_text, inner, max_size=4),
    max_leaves=12,
)


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


def test_protobuf_is_read_as_its_own_reader_reads_it():
    for _, _, body in mutants(PROTOBUF_TRACES, 3_000, 5):
        compare_readers(body)


def compare_readers(body):
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
