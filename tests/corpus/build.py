"""Spans as an emitter might send them, and what the product makes of them: received, settled, and read in every way."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest.auth import ProjectContext
from ingest.decode import PROTOBUF
from ingest.receive import receive
from ingest.redact import Redactor
from tests.api.shop import FROM, TO, Api
from tests.ingest.bodies import any_value
from tests.world import World
from tracestore import db
from tracestore.analysis.pricing import PriceBook
from tracestore.jobs import ledger as ledger_job
from tracestore.jobs import traces as settle_job
from tracestore.records import Receipt

NOW_NS = int(datetime.now(UTC).timestamp()) * 10**9 - 60 * 10**9
SECOND = 10**9
GROUPS = ("none", "model", "service", "user", "session", "tenant", "version", "version_set", "operation")
Json = dict[str, Any]
_numbers = itertools.count(1)


@dataclass
class Sent:
    """One span of a request. id: 1, 2, ... within its trace. attributes: a mapping, or pairs where a key comes twice."""

    id: int = 1
    parent: int | None = None
    name: str = "step"
    attributes: Mapping[str, Any] | list[tuple[str, Any]] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=lambda: {"service.name": "shop"})
    start_ns: int = NOW_NS
    end_ns: int = NOW_NS + SECOND
    events: int = 0
    links: int = 0
    dropped: int = 0
    trace: bytes = b""  # of its case unless said otherwise


def chat(id: int = 1, parent: int | None = None, **attributes: Any) -> Sent:
    """A model call of 10 input and 2 output tokens; names with _ for `.`, those of gen_ai without their prefix."""
    own = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai"}
    own |= {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2}
    return Sent(id, parent, "chat gpt-4o", own | {name.replace("__", "."): value for name, value in attributes.items()})


def new_trace() -> bytes:
    """An id that no other case has."""
    return (0xC0FFEE << 64 | next(_numbers)).to_bytes(16, "big")


def span_id(number: int) -> bytes:
    return number.to_bytes(8, "big")


def request(spans: Iterable[Sent], trace: bytes) -> bytes:
    """OTLP protobuf; spans of one resource stand together, in the order in which they are given."""
    whole = ExportTraceServiceRequest()
    for _, group in itertools.groupby(spans, lambda one: repr(one.resource)):
        members = list(group)
        sent = whole.resource_spans.add()
        for key, value in members[0].resource.items():
            any_value(sent.resource.attributes.add(key=key).value, value)
        target = sent.scope_spans.add()
        for one in members:
            _add(target.spans.add(), one, trace)
    return whole.SerializeToString()


def _add(into: Any, one: Sent, trace: bytes) -> None:
    into.trace_id, into.span_id, into.name = one.trace or trace, span_id(one.id), one.name
    into.start_time_unix_nano, into.end_time_unix_nano = one.start_ns, one.end_ns
    into.dropped_attributes_count = one.dropped
    if one.parent is not None:
        into.parent_span_id = span_id(one.parent)
    pairs = one.attributes.items() if isinstance(one.attributes, Mapping) else one.attributes
    for key, value in pairs:
        any_value(into.attributes.add(key=key).value, value)
    for number in range(one.events):
        into.events.add(name=f"event {number}", time_unix_nano=one.start_ns)
    for _ in range(one.links):
        into.links.add(trace_id=trace, span_id=span_id(1))


def send(project: int, body: bytes, now_ns: int | None = None) -> Receipt:
    """Through the whole of ingest, as a request of one project."""
    context = ProjectContext(project, None, Redactor.from_rules([]), PriceBook.for_project([]))
    return receive("traces", context, body, PROTOBUF, now_ns or in_ns(datetime.now(UTC)))


def in_ns(time: datetime) -> int:
    return int(time.timestamp()) * 10**9


def settle() -> None:
    now = datetime.now(UTC)
    settle_job.run(now)
    ledger_job.run(now)


def partitions() -> list[str]:
    """Every table there is, but for the temporary ones of a connection."""
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relpersistence <> 't' ORDER BY 1"
    with db.JOBS.connection() as connection:
        return [row[0] for row in connection.execute(query)]


@dataclass
class Seen:
    """One trace as API and pages show it. Every read that is not answered with 200 fails."""

    world: World
    trace_id: str

    @cached_property
    def api(self) -> Api:
        return Api(self.world.ours.keys["read"])

    def ask(self, path: str, **query: Any) -> Json:
        answer = self.api.get(path, **query)
        assert answer.status_code == 200, (path, answer.status_code, answer.content[:200])
        found: Json = answer.json()
        return found

    @cached_property
    def detail(self) -> Json:
        return self.ask(f"/traces/{self.trace_id}", spans_limit=1_000)

    @property
    def trace(self) -> Json:
        found: Json = self.detail["trace"]
        return found

    def span(self, number: int = 1) -> Json:
        """With its payload."""
        return self.ask(f"/traces/{self.trace_id}/spans/{number:016x}")

    @cached_property
    def browser(self) -> Client:
        return self.world.client(self.world.bob)

    def page(self, path: str = "", **query: str) -> str:
        """A page of the project; without a path that of the trace."""
        address = f"/p/{self.world.ours.slug}" + (path or f"/traces/{self.trace_id}")
        answer = self.browser.get(address, query)
        assert answer.status_code == 200, (address, answer.status_code)
        text: str = answer.content.decode()
        assert len(text) < 1_500_000, (address, len(text))
        return text

    def read_everything(self) -> None:
        """The trace, its first spans with their panels, whole texts and old-fashioned addresses."""
        self.page()
        for one in self.detail["spans"][:5]:
            self.span(int(one["span_id"], 16))
            self.page(span=one["span_id"])


Check = Callable[[Seen], None]


def read_project(seen: Seen) -> None:
    """All lists of the project, and usage by everything."""
    for path in ("/traces", "/sessions", "/versions", "/ingest"):
        seen.page(path)
    for group in GROUPS:
        seen.api.all("/usage", group_by=group)
    for path in ("/traces", "/sessions", "/ledger", "/logs"):
        seen.ask(path, from_=FROM, to=TO)
