"""The version part of a span and the provenance of its fields: equal content, one object, hashed once."""

import hashlib
import json
from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.coerce import unjson
from ingest.conventions.rules import MAPPING_VERSION
from tracestore.records import Provenance, VersionPart

_CACHED_MAX = 4_096
_parts: dict[tuple[Any, ...], VersionPart] = {}
_provenances: dict[tuple[Any, ...], Provenance] = {}
_tools: dict[str, tuple[str | None]] = {}

PART_NAMES = (
    "service_version",
    "agent",
    "agent_version",
    "model",
    "prompt",
    "rag_index",
    "tools",
    "config",
    "revision",
)


def content_id(content: Any) -> int:
    """First 8 bytes (signed) of blake2b over the JSON of `content`."""
    encoded = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "big", signed=True)


def version_part(service: str, *values: str | None) -> VersionPart:
    """The part of `service` with `values` in the order of PART_NAMES; None = the span does not know it."""
    key = (service, *values)
    part = _parts.get(key)
    if part is None:
        if len(_parts) >= _CACHED_MAX:
            _parts.clear()
        known = tuple(sorted((name, value) for name, value in zip(PART_NAMES, values, strict=True) if value))
        part = _parts[key] = VersionPart(content_id((service, known)), service, known)
    return part


def provenance(sources: tuple[str | None, ...], more: tuple[tuple[str, str], ...] = ()) -> Provenance:
    """Where each public field came from; `sources` in the order of fields.NAMES. more: (field, source) of others."""
    key = (*sources, more) if more else sources
    found = _provenances.get(key)
    if found is None:
        if len(_provenances) >= _CACHED_MAX:
            _provenances.clear()
        known = ((name, s) for name, s in zip(f.NAMES, sources, strict=False) if s is not None)
        pairs = tuple(sorted((*known, *more)))
        found = _provenances[key] = Provenance(content_id((MAPPING_VERSION, pairs)), MAPPING_VERSION, pairs)
    return found


def tools_hash(definitions: Any) -> str | None:
    """12 hex digits over the tools a model was offered: name, description, schema, whatever their order and spelling.

    definitions: JSON text, a list of JSON texts, or lists of dicts; None when no tool can be found in it.
    """
    if type(definitions) is not str:
        return _tools_hash(definitions)
    known = _tools.get(definitions)
    if known is None:
        if len(_tools) >= 512:
            _tools.clear()
        known = _tools[definitions] = (_tools_hash(unjson(definitions)),)
    return known[0]


def _tools_hash(definitions: Any) -> str | None:
    items = definitions if isinstance(definitions, list) else [definitions]
    tools = [tool for tool in map(_tool, items[:512]) if tool is not None]
    if not tools:
        return None
    text = json.dumps(sorted(tools), separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _tool(item: Any) -> tuple[str, str, str] | None:
    """(name, description, schema as canonical JSON) of one definition in any of the known spellings."""
    tool = unjson(item)
    if isinstance(tool, dict) and isinstance(tool.get("function"), dict):
        tool = tool["function"]
    if not isinstance(tool, dict) or not tool.get("name"):
        return None
    schemas = ("parameters", "inputSchema", "input_schema", "parameters_json_schema", "json_schema")
    schema = next((tool[key] for key in schemas if tool.get(key)), None)
    canonical = json.dumps(unjson(schema), sort_keys=True, separators=(",", ":"), default=str)
    return str(tool["name"]), str(tool.get("description") or ""), canonical
