"""Builders: a raw span with the attributes that a test is about."""

from typing import Any

from tracestore.records import Event, RawSpan, Resource, Scope

SECOND = 1_000_000_000
START_NS = 1_795_000_000 * SECOND
_ids = iter(range(1, 1_000_000))


def resource(**attributes: Any) -> Resource:
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    return Resource(hash(repr(sorted(named.items()))), named)


def raw(attributes: dict[str, Any] | None = None, **fields: Any) -> RawSpan:
    """A root span of 2 s, status unset, scope "test". scope: its name; events: (name, seconds after start, attributes)."""
    scope = fields.pop("scope", "test")
    events = [Event(name, START_NS + round(at * SECOND), given) for name, at, given in fields.pop("events", ())]
    defaults: dict[str, Any] = {
        "trace_id": b"t" * 16,
        "span_id": next(_ids),
        "parent_span_id": None,
        "name": "span",
        "kind": 1,
        "start_ns": START_NS,
        "end_ns": START_NS + 2 * SECOND,
        "status_code": 0,
        "status_message": "",
        "links": [],
        "resource": resource(service__name="bot"),
        "scope": Scope(hash(scope), scope, "1", {}),
    }
    return RawSpan(attributes=attributes or {}, events=events, **{**defaults, **fields})
