"""Payloads come back exactly: every attribute with its type and order, messages byte for byte."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import span
from tracestore import payload
from tracestore.payload_cut import Cutter
from tracestore.payload_families import ELEMENT_MIN
from tracestore.records import Event, Link, Span

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
long_texts = st.builds(lambda part, times: part * times, texts, st.integers(1, 120))
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans() | st.none()
values = st.recursive(
    numbers | texts | long_texts | st.binary(max_size=1500),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
json_values = st.recursive(
    st.integers(-1000, 1000) | texts | long_texts | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=25,
)
json_texts = st.builds(
    lambda value, indent, ascii_: json.dumps(value, indent=indent, ensure_ascii=ascii_),
    json_values,
    st.sampled_from([None, 1]),
    st.booleans(),
)
families = st.builds(
    lambda family, n, rest: f"{family}{n}{rest}",
    st.sampled_from(["llm.input_messages.", "gen_ai.prompt.", "llm.output_messages."]),
    st.sampled_from(["0", "1", "17", "x", ""]),
    st.sampled_from(["", ".", ".role", ".content", ".message.tool_calls.0.name"]),
)
attributes = st.dictionaries(texts | families, values | json_texts | long_texts, max_size=8)


def round_trip(spans: list[Span]) -> list[payload.Payload]:
    members = [payload.encode(one, 256) for one in spans]
    body, refs = payload.encode_block(members)
    messages: dict[bytes, bytes] = {}
    for member in members:
        messages |= {ref: payload.compress(message) for ref, message in member.messages.items()}
    return [payload.decode(body, index, refs, messages) for index in range(len(spans))]


def same(one: Any, other: Any) -> bool:
    """Equal with types and order: 1, 1.0 and True differ."""
    return msgspec.msgpack.encode(one) == msgspec.msgpack.encode(other)


@settings(max_examples=300, deadline=None)
@given(attributes, attributes)
def test_attributes_come_back_with_their_types_and_order(mine: dict[str, Any], events: dict[str, Any]) -> None:
    sent = span(attributes=mine, events=[Event("e", 5, events, 1)])
    back = round_trip([sent, sent])[1]
    assert same(back.attributes, mine)
    assert same(back.events[0].attributes, events)
    assert back.events[0].dropped_attributes == 1


@settings(max_examples=300, deadline=None)
@given(json_texts | long_texts)
def test_json_text_comes_back_byte_for_byte(text: str) -> None:
    assert round_trip([span(attributes={"gen_ai.input.messages": text})])[0].attributes == {
        "gen_ai.input.messages": text
    }


def message(number: int) -> dict[str, Any]:
    return {"role": "user", "parts": [{"type": "text", "content": f"{number} " * ELEMENT_MIN}]}


def test_a_history_that_grows_stores_each_message_once() -> None:
    texts = [json.dumps(message(n)) for n in range(10)]
    cutter = Cutter()
    for length in range(1, 11):
        cutter.cut({"gen_ai.input.messages": "[" + ",".join(texts[:length]) + "]"})
    assert len(cutter.refs) == 55
    assert sorted(cutter.messages.values()) == sorted(text.encode() for text in texts)


def test_flat_families_and_native_values_are_cut_by_message() -> None:
    body = "long " * 100
    flat = {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": body, "k": 1}
    cutter = Cutter()
    holes = cutter.cut(flat | {"gen_ai.output.messages": [message(1), message(2)]})
    assert len(cutter.refs) == 3
    assert list(holes) == ["llm.input_messages.0.", "k", "gen_ai.output.messages"]


def test_odd_json_is_kept_whole_or_cut_but_never_changed() -> None:
    twice = '{"a": [{"x": "ONE"}], "a": [{"x": "TWO"}]}'.replace("ONE", "1" * 300).replace("TWO", "2" * 300)
    deep = "[" * 5000 + "]" * 5000
    broken = '[{"role": "user", "content": "' + "x" * 400
    for text in (twice, deep, broken, broken + "]", "[" + " " * 300 + "]", '{"k":"' + "\x00" * 300 + '"}'):
        assert round_trip([span(attributes={"v": text})])[0].attributes == {"v": text}


def test_what_the_narrow_row_cuts_is_kept_whole() -> None:
    sent = span(name="n" * 300, status_message="m" * 300, tracestate="a=1", dropped_links=3)
    back = round_trip([sent])[0]
    assert (back.name, back.status_message, back.tracestate, back.dropped_links) == ("n" * 300, "m" * 300, "a=1", 3)
    link = Link(b"t" * 16, b"s" * 8, "state", {"k": "v"}, 2, 1)
    assert round_trip([span(links=[link])])[0].links == [link]


def test_the_dictionary_of_stored_bodies_never_changes() -> None:
    """Bodies that were written with another dictionary could not be read: a new one needs a new codec."""
    from hashlib import sha256
    from pathlib import Path

    content = (Path(payload.__file__).parent / "data" / "compression_1.zdict").read_bytes()
    assert sha256(content).hexdigest()[:16] == "d78cc8f75953e18a"
