"""Pydantic AI and Logfire (scopes pydantic-ai, logfire.*): old span names, `agent_name`, `operation.cost`."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.answer import raw_usage
from ingest.conventions.coerce import count, money, nested, one_of, present, text, whole
from ingest.conventions.fields import Blob, Row


def request_parameters(value: Any) -> list[tuple[int, int, Any, str]]:
    """JSON `model_request_parameters`: the function tools that the model was offered."""
    tools = nested(value, "function_tools")
    return [(f.TOOLS, 70, tools, "function_tools")] if isinstance(tools, list) and tools else []


ROWS = [
    Row(f.PENDING, 10, "logfire.pending_parent_id", present),
    Row(f.LOG_RECORD, 10, "logfire.span_type", one_of({"log": "log"})),
    Row(f.REQUEST_MODEL, 100, "model_name", text),
    Row(f.COST, 50, "operation.cost", money),
    Row(f.TOOL_RESULT, 20, "tool_response", whole),
    Row(f.AGENT_NAME, 30, "agent_name", text),
    Row(f.RETRIES, 20, "pydantic_ai.tool.retry.attempt", count),
]
BLOBS = [Blob("model_request_parameters", request_parameters), Blob("gen_ai.usage.raw", raw_usage)]

SCOPE = "pydantic-ai"


def operation_by_name(name: str, has_tool: bool) -> str | None:
    """What a span of Pydantic AI 1.x is: it sends no operation name for agents and tools."""
    if name == "agent run":
        return "agent"
    if name.startswith("running tool"):
        return "tool" if has_tool else "task"
    return None
