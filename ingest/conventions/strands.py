"""Strands Agents (scope strands.telemetry.tracer): tool status, time to first token in milliseconds."""

from ingest.conventions import fields as f
from ingest.conventions.coerce import text
from ingest.conventions.fields import Row

SCOPE = "strands."
ROWS = [
    Row(f.TOOL_STATUS, 10, "gen_ai.tool.status", text),
    Row(f.TOOL_STATUS, 20, "gen_ai.task.status", text),
]
