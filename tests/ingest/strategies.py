"""Any OTLP at all: requests of the three signals as trees, both encodings of a tree, and a mutator of encoded bodies.

A tree is OTLP/JSON as a specification would write it: lowerCamelCase, ids in hex, 64-bit integers as texts.
"""

import base64
import copy
import json
import random
from collections.abc import Callable, Iterator
from functools import cache

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

from ingest.decode import JSON, PROTOBUF
from tests import captures
from tests.ingest.bodies import NOW_NS

SIGNALS = ("traces", "logs", "metrics")
KINDS = (PROTOBUF, JSON)
REQUESTS = captures.REQUESTS

hostile_text = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    ["\0", "\ud800", "a\0", "\udfff\ud800", "\u202e"]
)
utf8_text = st.text(max_size=40) | st.sampled_from(["\0", "a\0", "\ufffd", "\u202e", "k" * 300])
keys = utf8_text | st.sampled_from(
    "service.name gen_ai.operation.name gen_ai.request.model gen_ai.usage.input_tokens gen_ai.input.messages session.id"
    " llm.input_messages.0.message.content openinference.span.kind input.value tool.name user.id gen_ai.tool.call.id".split()
)
texts = utf8_text | st.sampled_from(
    [
        "chat",
        "gpt-4o",
        "LLM",
        "tool",
        '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]',
        '{"a":[1,{"b":null}]}',
        "[[[",
    ]
)
doubles = st.floats().map(lambda value: {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(str(value), value))
times = st.sampled_from([0, 1, NOW_NS, NOW_NS + 10**9, NOW_NS - 10**15, 2**63 - 1, 2**64 - 1]) | st.integers(
    0, 2**64 - 1
)
int64s = st.integers(-(2**63), 2**63 - 1).map(str)
uint64s = st.integers(0, 2**64 - 1).map(str)
uint32s = st.integers(0, 2**32 - 1)
span_ids = st.sampled_from(["00f067aa0ba902b7", "ffffffffffffffff", "0" * 16, "ab", ""]) | st.binary(
    min_size=8, max_size=8
).map(bytes.hex)
trace_ids = st.sampled_from(["4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32, "abcd", ""]) | st.binary(
    min_size=16, max_size=16
).map(bytes.hex)

scalars = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"stringValue": texts}),
    st.fixed_dictionaries({"boolValue": st.booleans()}),
    st.fixed_dictionaries({"intValue": int64s}),
    st.fixed_dictionaries({"doubleValue": doubles}),
    st.fixed_dictionaries({"bytesValue": st.binary(max_size=20).map(lambda value: base64.b64encode(value).decode())}),
)


def _containers(inner: st.SearchStrategy) -> st.SearchStrategy:
    pairs = st.lists(st.fixed_dictionaries({"key": keys, "value": inner}), max_size=3)
    return st.fixed_dictionaries({"arrayValue": st.fixed_dictionaries({"values": st.lists(inner, max_size=3)})}) | (
        st.fixed_dictionaries({"kvlistValue": st.fixed_dictionaries({"values": pairs})})
    )


any_values = st.recursive(scalars, _containers, max_leaves=6)
attributes = st.lists(st.fixed_dictionaries({"key": keys, "value": any_values}), max_size=5)


def some(**fields: st.SearchStrategy) -> st.SearchStrategy:
    """A message with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


events = some(timeUnixNano=times.map(str), name=texts, attributes=attributes, droppedAttributesCount=uint32s)
links = some(traceId=trace_ids, spanId=span_ids, traceState=texts, attributes=attributes, flags=uint32s)
spans = st.fixed_dictionaries(
    {"traceId": trace_ids, "spanId": span_ids},
    optional={
        "parentSpanId": span_ids,
        "name": texts,
        "kind": st.integers(0, 9),
        "startTimeUnixNano": times.map(str),
        "endTimeUnixNano": times.map(str),
        "attributes": attributes,
        "events": st.lists(events, max_size=2),
        "links": st.lists(links, max_size=2),
        "status": some(code=st.integers(0, 5), message=texts),
        "traceState": texts,
        "droppedAttributesCount": uint32s,
        "flags": uint32s,
    },
)
log_records = some(
    timeUnixNano=times.map(str),
    observedTimeUnixNano=times.map(str),
    severityNumber=st.integers(0, 40),
    severityText=texts,
    body=any_values,
    attributes=attributes,
    traceId=trace_ids,
    spanId=span_ids,
    flags=uint32s,
    eventName=texts,
)
exemplars = some(
    timeUnixNano=times.map(str), asDouble=doubles, spanId=span_ids, traceId=trace_ids, filteredAttributes=attributes
)
_point = {
    "attributes": attributes,
    "startTimeUnixNano": times.map(str),
    "timeUnixNano": times.map(str),
    "flags": st.integers(0, 3),
}
_exemplars = {"exemplars": st.lists(exemplars, max_size=2)}
numbers = some(**_point, **_exemplars, asDouble=doubles) | some(**_point, **_exemplars, asInt=int64s)
_counted = {"count": uint64s, "sum": doubles, "min": doubles, "max": doubles}
buckets = some(offset=st.integers(-(2**31), 2**31 - 1), bucketCounts=st.lists(uint64s, max_size=4))
histograms = some(
    **_point,
    **_counted,
    **_exemplars,
    bucketCounts=st.lists(uint64s, max_size=4),
    explicitBounds=st.lists(doubles, max_size=3),
)
exponentials = some(
    **_point,
    **_counted,
    scale=st.integers(-(2**31), 2**31 - 1),
    zeroCount=uint64s,
    positive=buckets,
    negative=buckets,
    zeroThreshold=doubles,
)
quantiles = st.lists(some(quantile=doubles, value=doubles), max_size=3)
summaries = some(**_point, count=uint64s, sum=doubles, quantileValues=quantiles)


def _kind_of_metric(name: str, points: st.SearchStrategy, **fields: st.SearchStrategy) -> st.SearchStrategy:
    kind = some(dataPoints=st.lists(points, min_size=1, max_size=3), **fields)
    return some(name=texts, description=texts, unit=texts, **{name: kind})


_temporality = {"aggregationTemporality": st.integers(0, 3)}
metrics = st.one_of(
    _kind_of_metric("gauge", numbers),
    _kind_of_metric("sum", numbers, **_temporality, isMonotonic=st.booleans()),
    _kind_of_metric("histogram", histograms, **_temporality),
    _kind_of_metric("exponentialHistogram", exponentials, **_temporality),
    _kind_of_metric("summary", summaries),
)


def _request(groups: str, scopes: str, records: str, record: st.SearchStrategy) -> st.SearchStrategy:
    scope = some(name=texts, version=texts, attributes=attributes, droppedAttributesCount=uint32s)
    of_scope = st.fixed_dictionaries(
        {records: st.lists(record, max_size=3)}, optional={"scope": scope, "schemaUrl": texts}
    )
    resource = some(attributes=attributes, droppedAttributesCount=uint32s)
    of_resource = st.fixed_dictionaries(
        {scopes: st.lists(of_scope, max_size=2)}, optional={"resource": resource, "schemaUrl": texts}
    )
    return st.fixed_dictionaries({groups: st.lists(of_resource, max_size=2)})


trees = {
    "traces": _request("resourceSpans", "scopeSpans", "spans", spans),
    "logs": _request("resourceLogs", "scopeLogs", "logRecords", log_records),
    "metrics": _request("resourceMetrics", "scopeMetrics", "metrics", metrics),
}


# ---- a tree in both encodings


def as_json(tree: dict) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode()


def as_protobuf(signal: str, tree: dict) -> bytes:
    request = REQUESTS[signal]()
    _fill(request, tree)
    return request.SerializeToString()


def _fill(message, tree: dict) -> None:
    known = {field.json_name: field for field in message.DESCRIPTOR.fields}
    message.SetInParent()
    for name, value in tree.items():
        field = known[name]
        target = getattr(message, field.name)
        if field.message_type is None and isinstance(value, list):
            target.extend(_scalar(field, item) for item in value)
        elif field.message_type is None:
            setattr(message, field.name, _scalar(field, value))
        elif isinstance(value, list):
            for item in value:
                _fill(target.add(), item)
        else:
            _fill(target, value)


def _scalar(field: FieldDescriptor, value):
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.fromhex(value) if field.name.endswith("_id") else base64.b64decode(value)
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return float(value)
    return int(value) if isinstance(value, str) and field.type != FieldDescriptor.TYPE_STRING else value


HOSTILE_JSON = (
    "abc",
    "",
    "1e400",
    -1,
    2**64,
    0.5,
    True,
    None,
    [],
    {},
    [None],
    {"a": None},
    ["abc"],
    "\x00",
    "Infinity",
)


def spoiled(tree: dict, chance: random.Random) -> dict:
    """The tree with one value, at a random depth, that is of the wrong kind or out of range."""
    keys: list = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    if not keys:
        return tree
    copied, key = copy.copy(tree), chance.choice(keys)
    deeper = isinstance(tree[key], dict | list) and tree[key] and chance.random() < 0.95
    copied[key] = spoiled(tree[key], chance) if deeper else chance.choice(HOSTILE_JSON)
    return copied


# ---- bodies to start from, and what becomes of them

Body = tuple[str, str, bytes]  # signal, content type, plain bytes
LARGEST_SEED = 40_000


@cache
def recorded() -> tuple[Body, ...]:
    """What real SDKs sent."""
    found = (body for name in captures.NAMES for body in captures.bodies(name) if name != captures.BROKEN_ON_PURPOSE)
    small = (one for one in found if len(one.plain) <= LARGEST_SEED)
    return tuple((one.signal, JSON if "json" in one.content_type else PROTOBUF, one.plain) for one in small)


INTERESTING = (
    b"\x00",
    b"\xff",
    b"\x80",
    b"\xed\xa0\x80",
    b"\xff" * 9 + b"\x01",
    b'"',
    b"\\",
    b"{",
    b"]",
    b"null",
    b"1e999",
    b"\\ud800",
    b"-0",
)


def _flip(body: bytearray, at: int, chance: random.Random) -> None:
    body[at] ^= 1 << chance.randrange(8)


def _set(body: bytearray, at: int, chance: random.Random) -> None:
    body[at] = chance.randrange(256)


def _cut(body: bytearray, at: int, chance: random.Random) -> None:
    del body[at : at + chance.randint(1, 20)]


def _end(body: bytearray, at: int, chance: random.Random) -> None:
    del body[at:]


def _double(body: bytearray, at: int, chance: random.Random) -> None:
    body[at:at] = body[at : at + chance.randint(1, 60)]


def _insert(body: bytearray, at: int, chance: random.Random) -> None:
    body[at:at] = chance.choice(INTERESTING)


def _splice(body: bytearray, at: int, chance: random.Random) -> None:
    other = chance.choice(recorded())[2]
    start = chance.randrange(len(other))
    body[at:at] = other[start : start + chance.randint(1, 200)]


# Half of them keep the length, or hardly a mutant would get past the framing.
CHANGES: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    *(_flip, _flip, _flip, _set, _set, _set),
    *(_cut, _double, _insert, _splice, _end),
)


def mutated(body: bytes, chance: random.Random) -> bytes:
    """One to four changes at random places."""
    changed = bytearray(body)
    for _ in range(chance.choice((1, 1, 1, 1, 2, 4))):
        if changed:
            chance.choice(CHANGES)(changed, chance.randrange(len(changed)), chance)
    return bytes(changed)


def mutants(seeds: tuple[Body, ...], count: int, seed: int) -> Iterator[Body]:
    """count mutants of the seeds, the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        signal, kind, body = chance.choice(seeds)
        yield signal, kind, mutated(body, chance)
