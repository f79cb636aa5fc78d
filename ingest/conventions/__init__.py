"""The attribute dialects of LLM instrumentation -> our canonical fields (rules as data, compiled once at import)."""

from ingest.conventions.layers import identity
from ingest.conventions.normalise import normalise
from ingest.conventions.rules import MAPPING_VERSION

__all__ = ["MAPPING_VERSION", "identity", "normalise"]
