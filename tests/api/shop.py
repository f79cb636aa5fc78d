"""A project with something in it, and the API as a script sees it."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from tests.builders import Span, span, trace_id
from tracestore.records import TOOL_EXECUTION, VersionPart

FROM, TO = "2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z"


@dataclass
class Api:
    """get("/traces", q="...") as a bearer of `key`. everything: a range that holds all times of the tests."""

    key: str
    client: Client = field(default_factory=Client)

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.call("GET", path, **query)

    def call(self, method: str, path: str, **query: Any) -> HttpResponse:
        named = {name.rstrip("_"): value for name, value in query.items()}
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return self.client.generic(
            method, f"/api/v1{path}", headers=headers, QUERY_STRING=urlencode(named), content_type="application/json"
        )

    def all(self, path: str, **query: Any) -> Any:
        answer = self.get(path, from_=FROM, to=TO, **query)
        assert answer.status_code == 200, answer.content
        return answer.json()


@dataclass
class Shop:
    """What one small agent run left in the project."""

    root: Span
    call: Span
    failed: Span
    embedding: Span
    tool: Span

    @property
    def spans(self) -> list[Span]:
        return [self.root, self.call, self.failed, self.embedding, self.tool]


def make_shop(trace: str = trace_id(1), at: float = 0, **fields: Any) -> Shop:
    who = {"service_version": "v12", "environment": "prod"} | fields
    part = VersionPart(id=77, service="shop", parts=(("model", "gpt-4o"), ("service_version", "v12")))
    root = span(
        trace, operation="agent", name="run", seconds=3, at=at, version_part=part,
        attributes={"plan": "gold", "n": 7}, **{"session_id": "s 1", "user_id": "u1", "tenant_id": "acme", **who},
    )  # fmt: skip
    call = span(
        trace, root, model="gpt-4o", at=at + 0.5, input_tokens=100, output_tokens=20, cache_read_tokens=40,
        cost_nanousd=1_234_000, name="chat gpt-4o", finish_reasons=("stop", "length"), ttft_ns=50_000_000,
        attributes={"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'}, **who,
    )  # fmt: skip
    failed = span(
        trace, root, model="gpt-4o", at=at + 1, status=2, error_type="timeout", status_message="took too long",
        **who,
    )  # fmt: skip
    embedding = span(
        trace, root, operation="embedding", response_model="embed-3", input_tokens=8, at=at + 1.5, **who
    )  # fmt: skip
    tool = span(
        trace, root, operation="tool", tool_name="search", at=at + 2, flags=TOOL_EXECUTION, name="search", **who
    )  # fmt: skip
    return Shop(root, call, failed, embedding, tool)
