"""What will be sent, as data: traces with their spans and logs, at the times they are meant to have happened."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dashboard.demo.chance import number

SECOND = 1_000_000_000
OK, ERROR = 1, 2  # OTLP status codes; 0 is unset
INTERNAL, SERVER, CLIENT = "INTERNAL", "SERVER", "CLIENT"

Value = str | bool | int | float | list[str]
Attributes = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends: becomes the OTel resource. extra: further resource attributes, sorted pairs."""

    service: str
    version: str
    environment: str
    instance: str
    revision: str
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class EventPlan:
    name: str
    time_ns: int
    attributes: Attributes


@dataclass(slots=True)
class SpanPlan:
    """parent: index in the trace's list, None for a root."""

    span_id: int
    parent: int | None
    name: str
    kind: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    status: int = 0
    status_message: str = ""
    events: list[EventPlan] = field(default_factory=list)


@dataclass(slots=True)
class LogPlan:
    """span: index of the span it belongs to, None when it stands outside of any."""

    time_ns: int
    severity: str  # INFO | WARN | ERROR
    body: str
    attributes: Attributes
    event_name: str = ""
    span: int | None = None


@dataclass(frozen=True, slots=True)
class FeedbackPlan:
    """What a person said about a trace, sent through the API and not as telemetry. rating: up | down."""

    time_ns: int
    name: str
    rating: str
    comment: str = ""


@dataclass(slots=True)
class TracePlan:
    trace_id: int
    source: Source
    scope: str
    spans: list[SpanPlan]
    logs: list[LogPlan]
    feedback: list[FeedbackPlan] = field(default_factory=list)

    @property
    def start_ns(self) -> int:
        return self.spans[0].start_ns

    @property
    def end_ns(self) -> int:
        return max(span.end_ns for span in self.spans)


class Story:
    """A trace being told: a clock that moves as things take time, and the span that is open now.

    everywhere: attributes that every span carries (session, user, tenant), as instrumentations do.
    """

    def __init__(
        self, key: tuple[object, ...], source: Source, scope: str, start_ns: int, everywhere: Attributes
    ) -> None:
        self.key, self.now_ns, self.everywhere = key, start_ns, everywhere
        self.plan = TracePlan(number("trace", *key, size_bytes=16), source, scope, [], [])
        self._open: list[int] = []

    def spend(self, seconds: float) -> None:
        self.now_ns += max(1_000, int(seconds * SECOND))

    @contextmanager
    def span(self, name: str, kind: str = INTERNAL, attributes: Attributes | None = None) -> Iterator[SpanPlan]:
        """A span from now until the block ends; its status is OK unless the block failed it."""
        index = len(self.plan.spans)
        parent = self._open[-1] if self._open else None
        own = number("span", *self.key, index)
        opened = SpanPlan(own, parent, name, kind, self.now_ns, self.now_ns, {**self.everywhere, **(attributes or {})})
        self.plan.spans.append(opened)
        self._open.append(index)
        yield opened
        self._open.pop()
        self.now_ns = max(self.now_ns, opened.start_ns + 1_000)
        opened.end_ns = self.now_ns

    def fail(self, span: SpanPlan, error_type: str, message: str, trace: str = "") -> None:
        """Mark span as failed the way SDKs do: status, error.type and an exception event."""
        span.status, span.status_message = ERROR, message
        span.attributes["error.type"] = error_type
        happened: Attributes = {"exception.type": error_type, "exception.message": message}
        if trace:
            happened["exception.stacktrace"] = trace
        span.events.append(EventPlan("exception", self.now_ns, happened))

    def note(self, span: SpanPlan, name: str, attributes: Attributes) -> None:
        """A span event."""
        span.events.append(EventPlan(name, self.now_ns, attributes))

    def log(self, severity: str, body: str, attributes: Attributes | None = None, event_name: str = "") -> None:
        where = self._open[-1] if self._open else None
        self.plan.logs.append(LogPlan(self.now_ns, severity, body, attributes or {}, event_name, where))
