"""An agent's run as OTLP/JSON: three model calls that repeat their history, two tools of which one fails, a session."""

import json
from typing import Any

MODEL = "gpt-4o-2024-08-06"
SYSTEM = "You are an airline agent. Never promise what the policy forbids."
ASKED = "Please cancel reservation 8JX2WO."
RESERVATION = '{"reservation_id": "8JX2WO", "user_id": "mia_li", "insurance": "no"}'
REFUSED = "Error: reservation 8JX2WO cannot be cancelled"


def run(trace_id: str, start_ns: int, version: str, session: str) -> bytes:
    """One trace of six spans over eight seconds, as the OTel GenAI conventions spell it."""
    history = [said("user", text(ASKED))]
    spans = [_root(trace_id, start_ns, session)]
    for number, (answer, tool) in enumerate(_turns(), 1):
        spans.append(_chat(trace_id, number, start_ns, history, answer))
        history = [*history, answer]
        if tool:
            spans.append(_tool(trace_id, number, start_ns, *tool))
            history = [
                *history,
                said("tool", {"type": "tool_call_response", "id": f"call_{number}", "result": tool[1]}),
            ]
    resource = attributes(
        {"service.name": "airline-agent", "service.version": version, "deployment.environment.name": "test"}
    )
    scope = {"scope": {"name": "journey", "version": "1"}, "spans": spans}
    return json.dumps({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [scope]}]}).encode()


def _turns() -> list[tuple[dict[str, Any], tuple[str, str, bool] | None]]:
    return [
        (said("assistant", call("call_1", "get_reservation")), ("get_reservation", RESERVATION, False)),
        (said("assistant", call("call_2", "cancel_reservation")), ("cancel_reservation", REFUSED, True)),
        (said("assistant", text("I am sorry, the policy does not allow it.")), None),
    ]


def said(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def call(id: str, name: str) -> dict[str, Any]:
    return {"type": "tool_call", "id": id, "name": name, "arguments": {"reservation_id": "8JX2WO"}}


def _root(trace_id: str, start_ns: int, session: str) -> dict[str, Any]:
    values = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "airline_agent"}
    values |= {"session.id": session, "user.id": "mia_li"}
    return _span(trace_id, "a" * 16, "", "invoke_agent airline_agent", start_ns, 8.0, values, failed=True)


def _chat(
    trace_id: str, number: int, start_ns: int, history: list[dict[str, Any]], answer: dict[str, Any]
) -> dict[str, Any]:
    values = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": f"chatcmpl-{trace_id[:4]}-{number}",
        "gen_ai.usage.input_tokens": 900 + 120 * number,
        "gen_ai.usage.output_tokens": 40 + number,
        "gen_ai.usage.cache_read.input_tokens": 512,
        "gen_ai.system_instructions": json.dumps([text(SYSTEM)]),
        "gen_ai.input.messages": json.dumps(history),
        "gen_ai.output.messages": json.dumps([answer]),
    }
    return _span(trace_id, f"b{number:015d}", "a" * 16, "chat gpt-4o", start_ns + number * 2 * 10**9, 1.2, values)


def _tool(trace_id: str, number: int, start_ns: int, name: str, result: str, failed: bool) -> dict[str, Any]:
    values = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": f"call_{number}",
        "gen_ai.tool.call.arguments": '{"reservation_id": "8JX2WO"}',
        "gen_ai.tool.call.result": result,
    }
    values |= {"error.type": "PolicyError"} if failed else {}
    at = start_ns + number * 2 * 10**9 + 1_300_000_000
    return _span(trace_id, f"c{number:015d}", "a" * 16, f"execute_tool {name}", at, 0.4, values, failed)


def _span(
    trace_id: str, span_id: str, parent: str, name: str, start_ns: int, lasts_s: float, values: dict[str, Any],
    failed: bool = False,
) -> dict[str, Any]:  # fmt: skip
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + int(lasts_s * 10**9)),
        "attributes": attributes(values),
        "status": {"code": 2, "message": REFUSED} if failed else {},
    }


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any(value)} for key, value in values.items()]


def _any(value: Any) -> dict[str, Any]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
