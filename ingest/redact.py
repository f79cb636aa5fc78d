"""What must never be stored? A project's redaction rules, applied to every text of a record before anything else. Pure.

What a rule means is in tracestore.analysis.redaction; here is where texts are: attribute values at any depth (JSON text
is text), names, status messages, events, links, log bodies, resources and scopes. Ids and numbers are left alone.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from ingest import build
from tracestore.analysis.redaction import Rule, Rules
from tracestore.records import (
    Attributes,
    Event,
    Exemplar,
    Link,
    LogRecord,
    MetricPoint,
    RawSpan,
    Resource,
    Scope,
    Value,
)

Held = TypeVar("Held")
REMEMBERED = 256  # resources and scopes after redaction: every request brings the same few


class Redactor:
    """A project's rules. Falsy when there is nothing to do, so that projects without rules pay nothing."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._resources: dict[int, Resource] = {}
        self._scopes: dict[int, Scope] = {}

    @classmethod
    def from_rules(cls, rules: Sequence[Rule], secret: bytes = b"") -> "Redactor":
        """secret: of the project, for rules that hash.

        Raises ValueError for a rule it does not know: better nothing stored than what should be hidden.
        """
        return cls(Rules.compile(rules, secret))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def span(self, raw: RawSpan) -> RawSpan:
        text = self._rules.text
        return msgspec.structs.replace(
            raw,
            name=text(raw.name),
            status_message=text(raw.status_message),
            tracestate=text(raw.tracestate),
            attributes=self._attributes(raw.attributes),
            events=[self._event(event) for event in raw.events],
            links=[self._link(link) for link in raw.links],
            resource=self._resource(raw.resource),
            scope=self._scope(raw.scope),
        )

    def log(self, record: LogRecord) -> LogRecord:
        """The hash stays that of the record as it was sent: two that differ in what is hidden stay two."""
        return msgspec.structs.replace(
            record,
            severity_text=self._rules.text(record.severity_text),
            event_name=self._rules.text(record.event_name),
            body=self._value(record.body),
            attributes=self._attributes(record.attributes),
            resource=self._resource(record.resource),
            scope=self._scope(record.scope),
        )

    def point(self, point: MetricPoint) -> MetricPoint:
        """The series is named by its attributes as they are stored."""
        resource, scope = self._resource(point.resource), self._scope(point.scope)
        attributes, name = self._attributes(point.attributes), self._rules.text(point.name)
        return msgspec.structs.replace(
            point,
            name=name,
            description=self._rules.text(point.description),
            attributes=attributes,
            resource=resource,
            scope=scope,
            series=build.series(resource, scope, name, point.unit, point.kind, attributes),
            exemplars=tuple(self._exemplar(exemplar) for exemplar in point.exemplars),
        )

    def _attributes(self, attributes: Attributes) -> Attributes:
        kept: Attributes = {}
        for key, value in attributes.items():
            action = self._rules.key(key)
            if action is None:
                kept[self._rules.text(key)] = self._value(value)
            elif not action.drop:
                kept[key] = action.value(value)
        return kept

    def _value(self, value: Value) -> Value:
        if isinstance(value, str):
            return self._rules.text(value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return self._attributes(value)
        if isinstance(value, bytes):
            return self._bytes(value)
        return self._number(value)

    def _bytes(self, value: bytes) -> Value:
        """Bytes that read as text are searched as text; they stay as they are when nothing is found."""
        text = value.decode("latin-1")
        found = self._rules.text(text)
        return value if found == text else found

    def _number(self, value: Value) -> Value:
        """A whole number may be a card or phone number."""
        if type(value) is not int or -(10**7) < value < 10**7:
            return value
        text = str(value)
        found = self._rules.text(text)
        return value if found == text else found

    def _event(self, event: Event) -> Event:
        name = self._rules.text(event.name)
        return msgspec.structs.replace(event, name=name, attributes=self._attributes(event.attributes))

    def _link(self, link: Link) -> Link:
        state = self._rules.text(link.tracestate)
        return msgspec.structs.replace(link, tracestate=state, attributes=self._attributes(link.attributes))

    def _exemplar(self, exemplar: Exemplar) -> Exemplar:
        return msgspec.structs.replace(exemplar, attributes=self._attributes(exemplar.attributes))

    def _resource(self, sent: Resource) -> Resource:
        def made() -> Resource:
            return build.resource(
                self._attributes(sent.attributes), self._rules.text(sent.schema_url), sent.dropped_attributes
            )

        return _remembered(self._resources, sent.id, made)

    def _scope(self, sent: Scope) -> Scope:
        def made() -> Scope:
            text = self._rules.text
            attributes = self._attributes(sent.attributes)
            return build.scope(
                text(sent.name), text(sent.version), attributes, text(sent.schema_url), sent.dropped_attributes
            )

        return _remembered(self._scopes, sent.id, made)


def _remembered(cache: dict[int, Held], id: int, make: Callable[[], Held]) -> Held:
    found = cache.get(id)
    if found is None:
        if len(cache) >= REMEMBERED:
            cache.clear()
        found = cache[id] = make()
    return found
