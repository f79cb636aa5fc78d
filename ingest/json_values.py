"""The values inside OTLP/JSON: integers, ids, enums, attributes; and what all three signals read alike. Pure."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from ingest import build, json_types, limits
from ingest.build import Unfit
from ingest.clean import Allowance, clean_key, clean_text, fit, keep, number, place, stringify
from ingest.errors import Rejected
from ingest.json_types import AnyValue, KeyValue
from tracestore.records import DUPLICATE_KEYS, TRUNCATED, Attributes, Resource, Scope, Value

SNAKE_CASE = re.compile(rb'"([a-z]+(?:_[a-z]+)+)"(?=\s*:)')
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)  # possessive: no memory for ways back
SURROGATE_ESCAPE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def integer(sent: int | str | float | None) -> int:
    """A 64-bit integer as OTLP/JSON writes it; raises Unfit when it is none."""
    if type(sent) is int:
        return sent
    try:
        return int(sent or 0)
    except (ValueError, OverflowError):
        raise Unfit("invalid_number") from None


def int_value(sent: int | str | float) -> Value:
    """An intValue: exact within int64, a double beyond, its text when it is no number at all."""
    if isinstance(sent, str):
        try:
            sent = int(sent) if len(sent) < 32 else float(sent)
        except ValueError:
            return clean_text(str(sent))
    if isinstance(sent, float):
        return int(sent) if sent.is_integer() and int(sent) in build.INT64 else number(sent)
    return sent if sent in build.INT64 else float(sent)


def double_value(sent: int | float | str) -> Value:
    if isinstance(sent, str):
        try:
            sent = float(sent)
        except ValueError:
            return clean_text(str(sent))
    try:
        return number(float(sent))
    except OverflowError:
        return str(sent)


def any_value(sent: AnyValue | None, allowance: Allowance, depth: int = 1) -> Value:
    """As decode_wire.any_value. Of two fields that are both set, the first in the order of the specification wins."""
    if sent is None:
        return None
    if sent.string_value is not None:
        return clean_text(sent.string_value)
    if sent.bool_value is not None:
        return sent.bool_value
    if sent.int_value is not None:
        return int_value(sent.int_value)
    if sent.double_value is not None:
        return double_value(sent.double_value)
    if sent.bytes_value is not None:
        return _bytes_value(sent.bytes_value)
    value: Value = None
    if sent.array_value is not None:
        value = _array(sent.array_value.values, allowance, depth + 1)
    elif sent.kvlist_value is not None:
        value = _map(sent.kvlist_value.values, allowance, depth + 1)
    return stringify(value) if value is not None and depth == limits.DEPTH else value


def _bytes_value(sent: str) -> bytes:
    try:
        return base64.b64decode(sent.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("invalid_bytes") from None


def _array(sent: Sequence[AnyValue | None], allowance: Allowance, depth: int) -> list[Value]:
    _refuse_depth(depth)
    room = max(0, min(allowance.nodes, limits.VALUE_NODES))
    values = [any_value(item, allowance, depth) for item in sent[:room]]
    allowance.nodes -= len(values)
    if len(sent) > room:
        values.append("…[further elements dropped]")
        allowance.flags |= TRUNCATED
    return values


def _map(sent: Sequence[KeyValue], allowance: Allowance, depth: int) -> Attributes:
    _refuse_depth(depth)
    room = max(0, min(allowance.nodes, limits.VALUE_NODES))
    values = _pairs(sent[:room], allowance, depth)
    allowance.nodes -= len(values)
    if len(sent) > room:
        values["…"] = "[further entries dropped]"
        allowance.flags |= TRUNCATED
    return values


def _refuse_depth(depth: int) -> None:
    if depth > limits.DEPTH_REFUSED:
        raise RecursionError


def _pairs(sent: Sequence[KeyValue], allowance: Allowance, depth: int = 1) -> Attributes:
    out: Attributes = {}
    changed: Attributes = {}
    for pair in sent:
        key, value = pair.key, pair.value
        if value is not None and value.string_value is not None:  # 4 of 5 are texts
            text: Value = value.string_value
            if not text.isascii() or "\0" in text:
                text = clean_text(text)
        else:
            text = any_value(value, allowance, depth)
        if len(key) > limits.KEY_CHARS or key != clean_key(key):
            changed[key] = text
        else:
            out[key] = text
    if changed:
        allowance.flags |= TRUNCATED if any(len(key) > limits.KEY_CHARS for key in changed) else 0
        place(out, changed)
    return out


def attributes(sent: Sequence[KeyValue], dropped: int, allowance: Allowance) -> tuple[Attributes, int]:
    """The attributes of one record, and how many were dropped, here or by the emitter."""
    if len(sent) > limits.ATTRIBUTES:
        kept = keep(pair.key for pair in sent)
        dropped += len(sent) - len(kept)
        sent = [sent[position] for position in kept]
    found = _pairs(sent, allowance)
    if len(found) != len(sent):
        allowance.flags |= DUPLICATE_KEYS
    return (fit(found, allowance) if _large(found) else found), dropped


def _large(attributes: Attributes) -> bool:
    """Whether a value may be over its cap; containers are looked into by `fit`."""
    size = 0
    for value in attributes.values():
        kind = type(value)
        if kind is str or kind is bytes:
            size += len(value)
        elif kind is list or kind is dict:
            size += limits.VALUE_BYTES // 64 if len(value) < 64 else limits.VALUE_BYTES
    return size > limits.VALUE_BYTES // 4


def identifier(sent: str | None) -> bytes:
    """The bytes of a hex id; one that is not hex (base64, say) has no valid length either."""
    if not sent:
        return b""
    try:
        return bytes.fromhex(sent) if " " not in sent else b"?"
    except ValueError:
        return b"?"


def enum(sent: int | str | None, names: dict[str, int]) -> int:
    return sent if isinstance(sent, int) else names.get(sent or "", 0)


def resource(group: Any, allowance: Allowance) -> Resource:
    sent = group.resource or json_types.Resource()
    found, dropped = attributes(sent.attributes, sent.dropped_attributes_count, allowance)
    return build.resource(found, group.schema_url or "", dropped)


def scope(group: Any, allowance: Allowance) -> Scope:
    sent = group.scope or json_types.Scope()
    found, dropped = attributes(sent.attributes, sent.dropped_attributes_count, allowance)
    return build.scope(sent.name or "", sent.version or "", found, group.schema_url or "", dropped)


def read(decoder: Any, body: bytes) -> Any:
    """The typed request. The slow ways round are taken only by bodies that need them."""
    if body.count(b"{") > limits.JSON_OBJECTS and STRING.sub(b"", body).count(b"{") > limits.JSON_OBJECTS:
        raise Rejected("too_many_records", f"more than {limits.JSON_OBJECTS} objects in one JSON request")
    request = _typed(decoder, body)
    if request.resource_snake_case is not msgspec.UNSET:
        camel = SNAKE_CASE.sub(lambda key: b'"' + re.sub(rb"_([a-z])", lambda c: c[1].upper(), key[1]) + b'"', body)
        request = _typed(decoder, camel)
    return request


def _typed(decoder: Any, body: bytes) -> Any:
    try:
        return decoder(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # JavaScript writes half an emoji as a lone \ud83d when it cuts a text; msgspec cannot read that.
        mended = SURROGATE_ESCAPE.sub(_mend, body)
        if mended == body:
            raise
        return decoder(mended)


def _mend(match: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if len(match[0]) == 6 else match[0]
