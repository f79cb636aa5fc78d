"""Google Agent Development Kit (scope gcp.vertex.agent): spans without an operation name, merged tool spans."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import constant, text, whole
from ingest.conventions.fields import Row

MERGED_TOOLS = "(merged tools)"  # one more span over parallel tool calls that have their own


def merged(value: Any) -> str | None:
    return "task" if value == MERGED_TOOLS else None


ROWS = [
    Row(f.OPERATION, 5, "gen_ai.tool.name", merged),
    Row(f.OPERATION, 95, "gcp.vertex.agent.llm_request", constant("chat")),
    Row(f.SESSION, 19, "gcp.vertex.agent.session_id", text),
    Row(f.TOOL_RESULT, 15, "gcp.vertex.agent.tool_response", whole),
    Row(f.AGENT_NAME, 80, "gcp.vertex.agent.agent_name", text),
]
