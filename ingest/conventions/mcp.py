"""Model Context Protocol spans: `mcp.method.name`; client and server span of one call are folded by analysis.calls."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import text
from ingest.conventions.fields import Row

METHODS = {"tools/call": "tool", "prompts/get": "prompt", "resources/read": "retrieval"}


def operation(value: Any) -> str | None:
    return METHODS.get(value, "other") if type(value) is str and value else None


ROWS = [
    Row(f.OPERATION, 80, "mcp.method.name", operation),
    Row(f.TOOL_NAME, 50, "mcp.tool.name", text),
    Row(f.SESSION, 120, "mcp.session.id", text),
]
