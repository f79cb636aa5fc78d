"""What only the name of a span tells: the tool it ran, the agent it is."""

from ingest.conventions.coerce import text
from tracestore.records import RawSpan

_TOOL_PREFIXES = ("execute_tool ", "running tool: ", "tool ", "tools/call ")


def tool_name(raw: RawSpan) -> str | None:
    entity = text(raw.attributes.get("traceloop.entity.name"))
    if entity is not None:
        return entity
    name = raw.name
    for prefix in _TOOL_PREFIXES:
        name = name.removeprefix(prefix)
    return text(name.removesuffix(".tool"))


def agent_name(raw: RawSpan) -> str | None:
    entity = text(raw.attributes.get("traceloop.entity.name"))
    if entity is not None:
        return entity
    return text(raw.name.removeprefix("invoke_agent ")) if raw.name.startswith("invoke_agent ") else None
