"""What a resource and a scope say about every span below them: read once for each pair, then copied."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions import rules
from ingest.conventions.coerce import BAD
from tracestore.records import Resource, Scope

UNKNOWN_SERVICE = "unknown_service"
_CACHED_MAX = 4096

Layers = tuple[list[int], list[Any], list[str | None]]  # rank, value and source of each field
_layers: dict[tuple[int, int], Layers] = {}


def layers(resource: Resource, scope: Scope) -> Layers:
    """Rank, value and source of each field as resource and scope leave them. The lists are shared: copy before writing.

    Cached by the ids of both, which are hashes of their content.
    """
    key = (resource.id, scope.id)
    found = _layers.get(key)
    if found is None:
        if len(_layers) >= _CACHED_MAX:
            _layers.clear()
        found = _layers[key] = _read(resource, scope)
    return found


def _read(resource: Resource, scope: Scope) -> Layers:
    ranks: list[int] = [f.NO_RANK] * f.COUNT
    values: list[Any] = [None] * f.COUNT
    sources: list[str | None] = [None] * f.COUNT
    for attributes, table in ((scope.attributes, rules.SCOPE), (resource.attributes, rules.RESOURCE)):
        for key, value in attributes.items():
            for field, rank, read, source in table.get(key, ()):
                usable = read(value) if rank < ranks[field] else None
                if usable is not None and usable is not BAD:
                    ranks[field], values[field], sources[field] = rank, usable, source
    if values[f.SERVICE] is None:
        values[f.SERVICE], sources[f.SERVICE] = UNKNOWN_SERVICE, "rule:default"
    return ranks, values, sources


_NO_SCOPE = Scope(id=0, name="", version="", attributes={})


def identity(resource: Resource) -> tuple[str, str | None, str | None]:
    """(service, service version, environment) of a log record or metric point."""
    values = layers(resource, _NO_SCOPE)[1]
    return values[f.SERVICE], values[f.SERVICE_VERSION], values[f.ENVIRONMENT]
