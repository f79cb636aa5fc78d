"""The rules of all dialects, compiled once at import into one dict: attribute key -> what it may fill.

Order is precedence, and it is global: each row carries its place in the list of its field, so the order in which
dialects stand here decides nothing.
"""

from collections.abc import Callable
from typing import Any

from ingest.conventions import (
    adk,
    langfuse,
    langsmith,
    litellm,
    mcp,
    mlflow,
    openinference,
    openlit,
    openllmetry,
    otel_genai,
    ours,
    plain,
    pydantic_ai,
    strands,
    vercel,
)
from ingest.conventions import fields as f
from ingest.conventions.fields import Blob, Row

# Raise it when a row or a meaning changes: it is stored with every span, and `manage.py rebuild` can tell old spans.
MAPPING_VERSION = 3

BLOB = -1  # the field of a compiled rule whose attribute holds several fields
Target = tuple[int, int, Callable[[Any], Any], str]  # field, rank, read, source

_ROWS: list[Row] = [
    *otel_genai.ROWS,
    *openinference.ROWS,
    *openllmetry.ROWS,
    *langfuse.ROWS,
    *vercel.ROWS,
    *pydantic_ai.ROWS,
    *langsmith.ROWS,
    *mlflow.ROWS,
    *litellm.ROWS,
    *openlit.ROWS,
    *strands.ROWS,
    *adk.ROWS,
    *mcp.ROWS,
    *plain.ROWS,
    *ours.ROWS,
]
_BLOBS: list[Blob] = [
    *openinference.BLOBS,
    *langfuse.BLOBS,
    *vercel.BLOBS,
    *pydantic_ai.BLOBS,
    *langsmith.BLOBS,
    *mlflow.BLOBS,
    *litellm.BLOBS,
    *openllmetry.BLOBS,
]


def compiled(layer: str, base: int, only: frozenset[int] | None) -> dict[str, tuple[Target, ...]]:
    """key -> targets for one layer: "attr" (the span's own), "scope" or "resource"; `only`: the fields it may fill."""
    table: dict[str, list[Target]] = {}
    for row in _ROWS:
        if only is None or row.field in only:
            table.setdefault(row.key, []).append((row.field, base + row.rank, row.read, f"{layer}:{row.key}"))
    for blob in _BLOBS if only is None else ():
        table.setdefault(blob.key, []).append((BLOB, 0, blob.read, f"{layer}:{blob.key}"))
    return {key: tuple(targets) for key, targets in table.items()}


SPAN = compiled("attr", 0, None)
SCOPE = compiled("scope", f.SCOPE_LAYER, f.IDENTITY)
RESOURCE = compiled("resource", f.RESOURCE_LAYER, f.IDENTITY)
