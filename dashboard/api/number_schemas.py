"""What do the answers about usage, ledger, logs, metrics and versions look like? For OpenAPI; a test holds answers to them."""

from typing import Any, Literal

from dashboard.api.schemas import Strict


class Usage(Strict):
    key: str | None
    traces: int
    spans: int
    error_spans: int
    llm_calls: int
    llm_errors: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    embedding_calls: int
    embedding_tokens: int | None
    cost_usd: str | None
    unpriced_calls: int
    tool_calls: int
    tool_errors: int


class Ledger(Strict):
    sent: int
    accepted: int
    deduplicated: int
    rejected: dict[str, int]
    requests_rejected: dict[str, int]


class Log(Strict):
    id: str
    time: str
    time_unix_nano: str
    received_unix_nano: str
    trace_id: str | None
    span_id: str | None
    severity: int
    severity_text: str | None
    event_name: str | None
    service: str
    environment: str | None
    body: Any
    attributes: dict[str, Any]
    flags: list[str]


class MetricName(Strict):
    name: str
    unit: str
    kind: str
    description: str
    series: int


class Point(Strict):
    time: str
    value: float | None
    rate: float | None
    count: int | None
    sum: float | None
    min: float | None
    max: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Series(Strict):
    series: str
    name: str
    description: str
    unit: str
    kind: str
    temporality: Literal["unspecified", "delta", "cumulative"]
    monotonic: bool
    service: str
    attributes: dict[str, Any]
    points: list[Point]
    cut: bool


class VersionSet(Strict):
    id: str
    service: str
    service_version: str | None
    parts: dict[str, list[str]]
    first_seen: str
    last_seen: str


class VersionSetUse(VersionSet):
    traces: int
    error_traces: int
    p95_duration_ns: int | None
    cost_usd: str | None


class VersionPartDiff(Strict):
    name: str
    only_in_a: list[str]
    only_in_b: list[str]
    in_both: list[str]


class VersionDiff(Strict):
    a: VersionSet
    b: VersionSet
    parts: list[VersionPartDiff]
